//! Promises about the review and its Markdown: complete, escaped, bounded.

use dashboards::view::Theme;
use dashboards::view::review::{EventView, Lane, Tone};
use dashboards::{review_markdown, review_page};
use model::lang::Lang;

use crate::made_up;

const HOSTILE: &str = "</td><script>alert('x')</script> | *a* [b](http://c) <img src=x>\n# d";

#[test]
fn the_page_and_the_markdown_say_the_same() {
    for lang in [Lang::En, Lang::Zh] {
        let (review, reader) = (made_up::review::review(lang), made_up::reader(lang, Theme::Auto));
        let page = review_page(&review, &reader);
        let markdown = review_markdown(&review, &reader);
        let from_both = lang.pick(
            [
                "time to tell",
                "30 s",
                "business shop",
                "41 s, unknown 3 s",
                "not probed",
                "same cause",
            ],
            ["通知用时", "30 秒", "业务 shop", "41 秒，未知 3 秒", "未探测", "根因相同"],
        );
        for told in from_both {
            assert!(page.contains(told) && markdown.contains(told), "{told}:\n{markdown}");
        }
        for event in &review.events {
            let text = event.text.replace('>', "&gt;");
            assert!(page.contains(&text) && markdown.contains(&text), "{text}");
        }
        assert!(markdown.starts_with("# "), "{markdown}");
        assert!(page.contains("/incidents/incident-7/review.md"), "it leads to its Markdown");
    }
}

#[test]
fn whatever_comes_from_outside_is_escaped_here_too() {
    let mut review = made_up::review::review(Lang::En);
    review.incident.headline = HOSTILE.to_owned();
    review.incident.detail = vec![HOSTILE.to_owned()];
    review.events[0].text = HOSTILE.to_owned();
    review.events[0].objects = vec![HOSTILE.to_owned()];
    review.similar[0].headline = HOSTILE.to_owned();
    let reader = made_up::reader(Lang::En, Theme::Auto);
    let page = review_page(&review, &reader);
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script>"), "{page}");
    let markdown = review_markdown(&review, &reader);
    for read_as_markup in ["<script", "<img", " | *a*", "[b](", "\n# d"] {
        assert!(!markdown.contains(read_as_markup), "{read_as_markup}: {markdown}");
    }
}

#[test]
fn a_storm_stays_a_small_figure() {
    let mut review = made_up::review::review(Lang::En);
    let first = review.moments.began.millis();
    let event = |number: i64| EventView {
        at: model::time::Time::from_millis(first + number * 25),
        lane: Lane::Signals,
        tone: if number % 2 == 0 { Tone::Bad } else { Tone::Good },
        objects: Vec::new(),
        more: 0,
        text: String::new(),
    };
    review.events = (0..5_000).map(event).collect();
    let page = review_page(&review, &made_up::reader(Lang::En, Theme::Auto));
    let figure = page.split("<figure>").nth(1).and_then(|rest| rest.split("</figure>").next());
    let figure = figure.expect("it has a figure");
    assert!(figure.len() < 24_000, "{} bytes", figure.len());
}

#[test]
fn what_never_happened_has_no_number() {
    let page =
        review_page(&made_up::review::quiet(Lang::En), &made_up::reader(Lang::En, Theme::Auto));
    for told in ["<dd>–</dd>", "No VM of any module suffered.", "None is known"] {
        assert!(page.contains(told), "{told}");
    }
}
