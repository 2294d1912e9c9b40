//! What a text claims is true: of each VM it counts, of each cause it names, of the end it tells.

use expect_test::{Expect, expect};
use model::lang::Lang;

use crate::script::{Play, Show};

/// Plays a story on the usual fleet in both languages and shows what one person reads, whole.
#[track_caller]
fn check(to: &str, story: &str, expected: &Expect) {
    check_on(Play::on_the_usual_fleet, to, story, expected);
}

#[track_caller]
fn check_on(fleet: fn() -> Play, to: &str, story: &str, expected: &Expect) {
    let mut shown = String::new();
    for lang in [Lang::En, Lang::Zh] {
        let mut play = fleet();
        play.show = Show::WholeText;
        play.settings.people =
            ["alice", "bob", "carol", "ops"].map(|name| (name.parse().unwrap(), lang)).into();
        let mut is_theirs = false;
        for line in play.play(story).lines() {
            if !line.starts_with(' ') {
                is_theirs = line.contains(&format!(" {to} "));
            }
            if is_theirs {
                shown += &format!("{line}\n");
            }
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn a_vm_that_answers_is_not_called_down_because_another_is() {
    check(
        "alice",
        "
        10s+8s  bad vm.ping vm/web-{21..38}
        18s     bad app.http vm/web-39
        90s
        ",
        &expect![[r#"
            70s alice problem i1: 19 of your 40 VMs of web fail (18 of them are down) because host h2 is suspected to be down
                  shop/web: 19 of 40 VMs (web-21, web-22, web-23, web-24, web-25, web-26, web-27, web-28, web-29, web-30 and 9 more)
                  Since 2026-03-02T10:00:10Z, for 1 min
                  Operations are told as well.
                  suspected: 18 of 20 VMs of h2 failed within 2 min
            70s alice problem i1: web 的 40 台虚拟机中有 19 台异常（其中 18 台不可用），原因：宿主机 h2 疑似宕机
                  shop/web：40 台中 19 台（web-21、web-22、web-23、web-24、web-25、web-26、web-27、web-28、web-29、web-30 等，另有 9 个）
                  始于 2026-03-02T10:00:10Z，已持续 1 分钟
                  运维也已收到通知。
                  疑似：h2 的 20 台虚拟机中有 18 台在 2 分钟内异常
        "#]],
    );
}

#[test]
fn of_vms_that_fail_each_on_its_own_the_dead_ones_are_counted() {
    let story = "
        10s  bad vm.ping vm/web-01
        11s  bad app.http vm/web-25
        12s  bad vm.load vm/web-26
        80s
        ";
    check(
        "alice",
        story,
        &expect![[r#"
        70s alice problem i1: 3 of your 40 VMs of web fail (1 of them is down): web-01, web-25, web-26
              shop/web: 3 of 40 VMs (web-01, web-25, web-26)
              Since 2026-03-02T10:00:10Z, for 1 min
              Operations are told as well.
              vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
              app.http of web-25 is bad since 2026-03-02T10:00:11Z, says probe
              vm.load of web-26 is bad since 2026-03-02T10:00:12Z, says probe
        70s alice problem i1: web 的 40 台虚拟机中有 3 台异常（其中 1 台不可用）：web-01、web-25、web-26
              shop/web：40 台中 3 台（web-01、web-25、web-26）
              始于 2026-03-02T10:00:10Z，已持续 1 分钟
              运维也已收到通知。
              probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
              probe 报告 web-25 的 app.http 自 2026-03-02T10:00:11Z 起异常
              probe 报告 web-26 的 vm.load 自 2026-03-02T10:00:12Z 起异常
    "#]],
    );
    let then = format!("{story}\n 100s ok vm.load vm/web-26\n 110s page");
    let page = Play::on_the_usual_fleet().play(&then);
    assert!(
        page.contains("page i1: 3 VMs fail (1 of them is down), each on its own: shop/web 3"),
        "{page}"
    );
    check(
        "ops",
        story,
        &expect![[r#"
        70s ops problem i1: 3 VMs fail (1 of them is down), each on its own: shop/web 3
              shop/web: 3 of 40 VMs (web-01, web-25, web-26)
              Since 2026-03-02T10:00:10Z, for 1 min
              Businesses: shop
              vm.ping of web-01 is bad since 2026-03-02T10:00:10Z, says probe
              app.http of web-25 is bad since 2026-03-02T10:00:11Z, says probe
              vm.load of web-26 is bad since 2026-03-02T10:00:12Z, says probe
        70s ops problem i1: 3 台虚拟机异常（其中 1 台宕机），互不相关：shop/web 3
              shop/web：40 台中 3 台（web-01、web-25、web-26）
              始于 2026-03-02T10:00:10Z，已持续 1 分钟
              业务：shop
              probe 报告 web-01 的 vm.ping 自 2026-03-02T10:00:10Z 起异常
              probe 报告 web-25 的 app.http 自 2026-03-02T10:00:11Z 起异常
              probe 报告 web-26 的 vm.load 自 2026-03-02T10:00:12Z 起异常
    "#]],
    );
}
