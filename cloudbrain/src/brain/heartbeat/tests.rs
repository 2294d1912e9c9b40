//! The message of each day: when it is due, what it says, and what becomes of a channel that fails.

use jiff::civil::date;
use model::clock::FixedClock;

use super::*;

fn daily(folder: &std::path::Path, zone: &str, lang: Lang) -> Daily {
    let clock = SharedClock::new(FixedClock(Time::default()));
    let trust = drivers::channel::Trust::only(Vec::new());
    let ground = Ground::new("shop".to_owned(), folder.into(), folder.into(), clock, trust);
    let spec = serde_json::json!({"inbox": {"name": "file", "path": "inbox.ndjson"}});
    let spec: drivers::channel::ChannelSpec = serde_json::from_value(spec).unwrap();
    let (channel, to, at) = ("file".to_owned(), "ann".parse().unwrap(), "09:00".to_owned());
    Daily {
        channel: spec.open(&ground).unwrap(),
        address: None,
        message: RawAliveMessage { channel, to, at },
        lang,
        zone: TimeZone::get(zone).unwrap(),
        fleet: "shop".to_owned(),
    }
}

#[test]
fn it_is_due_at_that_local_time_also_when_the_clocks_change() {
    let daily = daily(&std::env::temp_dir(), "America/New_York", Lang::En);
    let nine =
        |day| moment(&daily.zone, date(2026, 3, day), jiff::civil::time(9, 0, 0, 0)).unwrap();
    assert_eq!(daily.next(nine(7) - Duration::from_millis(1)), nine(7));
    assert_eq!(daily.next(nine(7)), nine(8));
    assert_eq!(nine(8).since(nine(7)), Duration::from_secs(23 * 3600));
}

#[tokio::test]
async fn it_says_that_the_monitor_works_and_what_its_absence_means() {
    let folder = std::env::temp_dir().join(format!("cloudbrain-daily-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut texts = String::new();
    for (day, lang) in [(0, Lang::En), (1, Lang::Zh)] {
        let now = Time::from_millis(1_772_445_600_000 + day * 86_400_000);
        daily(&folder, "UTC", lang).send(now).await.unwrap();
    }
    let told = std::fs::read_to_string(folder.join("inbox.ndjson")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    for line in told.lines() {
        let message: Message = serde_json::from_str(line).unwrap();
        texts += &format!("{}: {}\n", message.to, message.text);
    }
    expect_test::expect![[r#"
        ann: The monitor of shop works
        This comes every day. When it does not, look at the monitor: nobody else will tell you.
        ann: shop 的监控工作正常
        本消息每天发送一次。如果没有收到，请检查监控本身：届时不会有其他通知。
    "#]]
    .assert_eq(&texts);
}
