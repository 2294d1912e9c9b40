//! Promises about the public status page: it stands alone, says how old it may be, and tells nothing of
//! the inside.

use dashboards::status_file;
use dashboards::view::status::{StatusState, StatusView};
use expect_test::expect;
use model::lang::Lang;

use crate::made_up::report::status;

/// What a reader sees, a line for each piece of text; bars are told by their sentence.
fn seen(page: &str) -> String {
    let main = page.split("<main").nth(1).expect("a page has a content");
    let main: String = main.split("<svg").enumerate().fold(String::new(), |text, (place, part)| {
        let rest = if place == 0 { Some(part) } else { part.split_once("</svg>").map(|(_, r)| r) };
        text + rest.unwrap_or_default()
    });
    let pieces = main.split('<').filter_map(|piece| Some(piece.split_once('>')?.1.trim()));
    pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn it_says_how_each_is_now_and_how_the_last_90_days_were() {
    expect![[r#"
        acme: status
        ✕
        1 of 3 are down
        Written on 2026-05-02 00:00:00 (Asia/Shanghai). It is written anew every 1 min; if that is more than 3 min ago, the monitor itself does not run, and this is how things were then.
        中文
        shop
        ✕
        down
        since 2026-05-01 22:13:20
        The last 90 days, today at the right; on 10 of them it was down
        down
        3 h 1 min 50 s
        · up 96.910%..99.547% · coverage 97.363%
        2026-05-01: down 2 h 23 min 53 s
        2026-04-22: down 2 h 9 min 20 s
        2026-04-13: down 1 h 54 min 47 s
        2026-04-04: down 1 h 40 min 14 s
        2026-03-26: down 1 h 25 min 41 s
        2026-03-17: down 1 h 11 min 8 s
        2026-03-08: down 56 min 35 s
        2026-02-27: down 42 min 2 s
        2026-02-18: down 27 min 29 s
        2026-02-09: down 12 min 56 s
        search
        ?
        unknown
        since 2026-05-01 22:13:20
        The last 90 days, today at the right; on 0 of them it was down
        down
        0 s
        · up 96.527%..100% · coverage 96.527%
        checkout
        ●
        up
        The last 90 days, today at the right; on 1 of them it was down
        down
        10 min
        · up 99.975% · coverage 100%
        2026-02-06: down 10 min
        Planned maintenance
        2026-05-03 00:00:00 to 2026-05-03 02:00:00"#]].assert_eq(&seen(&status_file(&status(), Lang::En)));
}

#[test]
fn it_speaks_chinese_in_its_other_file() {
    expect![[r#"
        acme 运行状态
        ✕
        3 个项目中有 1 个不可用
        写于 2026-05-02 00:00:00（Asia/Shanghai）。 每 1 分钟 重写一次；若已超过 3 分钟，说明监控自身未在运行，以下为当时的状态。
        English
        shop
        ✕
        不可用
        自 2026-05-01 22:13:20
        最近 90 天，今天在最右；其中 10 天有不可用
        不可用
        3 小时 1 分钟 50 秒
        · 可用率 96.910%..99.547% · 覆盖率 97.363%
        2026-05-01: 不可用 2 小时 23 分钟 53 秒
        2026-04-22: 不可用 2 小时 9 分钟 20 秒
        2026-04-13: 不可用 1 小时 54 分钟 47 秒
        2026-04-04: 不可用 1 小时 40 分钟 14 秒
        2026-03-26: 不可用 1 小时 25 分钟 41 秒
        2026-03-17: 不可用 1 小时 11 分钟 8 秒
        2026-03-08: 不可用 56 分钟 35 秒
        2026-02-27: 不可用 42 分钟 2 秒
        2026-02-18: 不可用 27 分钟 29 秒
        2026-02-09: 不可用 12 分钟 56 秒
        search
        ?
        未知
        自 2026-05-01 22:13:20
        最近 90 天，今天在最右；其中 0 天有不可用
        不可用
        0 秒
        · 可用率 96.527%..100% · 覆盖率 96.527%
        checkout
        ●
        正常
        最近 90 天，今天在最右；其中 1 天有不可用
        不可用
        10 分钟
        · 可用率 99.975% · 覆盖率 100%
        2026-02-06: 不可用 10 分钟
        计划维护
        2026-05-03 00:00:00 至 2026-05-03 02:00:00"#]].assert_eq(&seen(&status_file(&status(), Lang::Zh)));
}

#[test]
fn it_stands_when_nothing_of_ours_runs() {
    for lang in [Lang::En, Lang::Zh] {
        let page = status_file(&status(), lang);
        for elsewhere in
            ["src=", "<link", "<script", "<form", "http:", "https:", "url(", "href=\"/"]
        {
            assert!(!page.contains(elsewhere), "{elsewhere}");
        }
        let other = lang.pick("zh.html", "index.html");
        assert_eq!(page.matches("href=").count(), 1);
        assert!(page.contains(&format!("href=\"{other}\"")), "only to its other language");
    }
}

#[test]
fn a_day_is_a_bar_with_its_words_and_more_down_is_a_fuller_one() {
    let page = status_file(&status(), Lang::En);
    let shop = page.split("id=\"project-shop\"").nth(1).expect("a section");
    let shop = shop.split("</section>").next().expect("a section ends");
    assert_eq!(shop.matches("<title>").count(), 90);
    for bar in [
        "<title>2026-02-01: up</title><rect class=\"up\" x=\"0\"",
        "<title>2026-02-09: down 12 min 56 s</title>",
        "<rect class=\"down\" x=\"40\" y=\"16\" width=\"4\" height=\"16\">",
        "<rect class=\"down\" x=\"445\" y=\"0\" width=\"4\" height=\"32\">",
    ] {
        assert!(shop.contains(bar), "{bar}: {shop}");
    }
    assert!(page.contains("<rect class=\"unseen-day\""), "what nobody saw is not up");
}

#[test]
fn all_well_is_said_in_one_line_and_nothing_public_too() {
    let mut view = status();
    view.projects.iter_mut().for_each(|project| project.state = StatusState::Up);
    assert!(status_file(&view, Lang::En).contains("Nothing is down"));
    let empty = StatusView { projects: Vec::new(), ..view };
    assert!(status_file(&empty, Lang::En).contains("No project is public."));
}
