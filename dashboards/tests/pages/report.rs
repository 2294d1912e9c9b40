//! Promises about the report of availability: minutes first, nothing left out unsaid, bounded.

use std::time::Duration;

use dashboards::report::{badge, text};
use dashboards::view::Theme;
use dashboards::view::report::{Correcting, Picked, ReportView};
use dashboards::{STYLE, company_file, no_report_page, report_file, report_page};
use expect_test::expect;
use model::lang::Lang;

use crate::made_up;
use crate::made_up::report::{company, correcting, crowd, long, month};

fn page(report: &ReportView, lang: Lang) -> String {
    page_with(report, &correcting(), lang)
}

fn page_with(report: &ReportView, correcting: &Correcting, lang: Lang) -> String {
    let reader = made_up::reader(lang, Theme::Auto);
    report_page(report, &made_up::report::around(), correcting, &reader)
}

/// What a reader sees of a section, a line for each piece of text.
fn seen(page: &str, id: &str) -> String {
    let section = page.split(&format!("id=\"{id}\"")).nth(1).expect("there is such a section");
    let section = section.split_once('>').expect("a tag ends").1;
    let section = section.split("</section>").next().expect("a section ends");
    let pieces =
        section.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let pieces = pieces.map(str::trim).filter(|piece| !piece.is_empty());
    pieces.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_module_that_is_met_says_so_in_few_lines() {
    let page = page(&month(), Lang::En);
    let seen = seen(&page, "module-shop/checkout");
    let (before, calendar) = seen.split_once("Minutes down of each day").expect("a calendar");
    let lists = calendar.split_once("not counted").expect("a legend").1;
    expect![[r#"
        shop/checkout
        ●
        met
        down
        10 min
        up, of what is known
        99.975%
        coverage
        100%
        bounds
        99.975% – 99.975%
        target
        99.9%
        Error budget 40 min 19 s: 10 min used, 30 min 19 s left
    "#]]
    .assert_eq(before);
    expect![[r#"

        Outages
        From
        For
        Parts
        Because of
        Reason
        2026-02-06 01:00:00
        10 min
        1
        application
        status 502
        correct
        Begin and end of each are known to one probe interval only.
        No MTTD: no incident lay over what was down.
        Correct a span
        Whoever knows better than the probes says so, on the clocks of Asia/Shanghai. Nothing measured is deleted; each report tells who and why.
        From
        Until
        Counts as
        –
        up
        down
        unknown
        maintenance
        not-applicable
        as measured: take a correction back
        Why
        I am
        –
        alice
        ops
        Correct"#]]
    .assert_eq(lists);
}

#[test]
fn minutes_stand_before_the_share_and_the_share_has_its_coverage() {
    for (lang, told) in [
        (Lang::En, ["3 h 1 min 50 s", "99.535%", "97.363%", "96.910% – 99.547%", "overdrawn by"]),
        (Lang::Zh, ["3 小时 1 分钟 50 秒", "99.535%", "97.363%", "96.910% – 99.547%", "超支"]),
    ] {
        let seen = seen(&page(&month(), lang), "module-shop/web");
        let places = told.map(|text| seen.find(text).unwrap_or_else(|| panic!("{text}: {seen}")));
        assert!(places.is_sorted(), "{places:?}: {seen}");
    }
}

#[test]
fn a_verdict_is_a_word_and_one_that_is_open_says_what_would_decide_it() {
    for (lang, told) in [
        (Lang::En, ["missed", "undecidable", "met", "met if 16 h 11 min 12 s of it was up"]),
        (Lang::Zh, ["未达标", "无法判定", "达标", "其中有 16 小时 11 分钟 12 秒 可用则达标"]),
    ] {
        let page = page(&month(), lang);
        let [web, search, checkout] =
            ["web", "search", "checkout"].map(|name| seen(&page, &format!("module-shop/{name}")));
        let line = |word: &str| format!("\n{word}\n");
        assert!(web.contains(&line(told[0])) && checkout.contains(&line(told[2])), "{web}");
        assert!(search.contains(told[1]) && search.contains(told[3]), "{search}");
    }
}

#[test]
fn where_nothing_is_known_no_good_day_is_shown() {
    let mut report = month();
    report.target = None;
    let module = &mut report.modules[2];
    (module.known, module.verdict, module.budget) = (None, None, None);
    module.tally.down_s = 0;
    let page = page(&report, Lang::En);
    let seen = seen(&page, "module-shop/checkout");
    assert!(seen.contains("Nothing is known of this time.") && seen.contains("down\n–"), "{seen}");
    for flattering in ["0 s", "None.", "Minutes down"] {
        assert!(!seen.contains(flattering), "{flattering}: {seen}");
    }
}

#[test]
fn the_calendar_of_a_month_tells_each_day_in_text() {
    let page = page(&month(), Lang::En);
    for cell in [
        // Half an hour is of the second step, and rounded up.
        r#"<td class="step-2" title="2026-02-04: down 30 min, up 23 h 30 min"><small>4</small> 30</td>"#,
        r#"<small>10</small> 2</td>"#,
        // Mostly blind, and a quarter of a minute down within a blind hour.
        r#"<td class="unseen-time" title="2026-02-13: unknown 16 h 40 min, up 7 h 20 min"><small>13</small> 0?</td>"#,
        r#"title="2026-02-23: down 15 s, unknown 1 h, up 22 h 59 min 45 s"><small>23</small> 1?</td>"#,
        r#"<td class="step-0 hatched" title="2026-02-20: maintenance 2 h, up 22 h"><small>20</small> 0</td>"#,
        r#"<td class="number">16?</td>"#,
        r#"<td class="outside" title="2026-02-08: not counted 1 d"><small>8</small> –</td>"#,
    ] {
        assert!(page.contains(cell), "{cell}");
    }
    let weeks = ["01-26", "02-02", "02-09", "02-16", "02-23"];
    let row = |week: &str| page.contains(&format!(r#"<tr><th scope="row">{week}</th>"#));
    assert!(weeks.into_iter().all(row), "February 2026 begins on a Sunday");
}

#[test]
fn weeks_begin_on_the_day_that_the_policy_says() {
    let monday = page(&month(), Lang::En);
    let sunday = page(&ReportView { from_sunday: true, ..month() }, Lang::En);
    let heads = |page: &str, first: &str, last: &str| {
        let row = page.split("Week from</th>").nth(1).and_then(|row| row.split("</tr>").next());
        let days: Vec<&str> =
            row.into_iter().flat_map(|row| row.split("<th scope=\"col\">")).collect();
        assert!(days[1].starts_with(first) && days[7].starts_with(last), "{days:?}");
    };
    heads(&monday, "Mon", "Sun");
    heads(&sunday, "Sun", "Sat");
    // The first of February 2026 is a Sunday.
    assert!(monday.contains(">01-26</th>") && !monday.contains(">02-22</th>"));
    assert!(sunday.contains(">02-22</th>") && !sunday.contains(">01-26</th>"));
}

#[test]
fn what_is_longer_has_a_row_a_month_and_then_a_row_a_year_with_totals() {
    let year = page(&long("2026-02-01..2027-01-31", 365), Lang::En);
    assert_eq!(year.matches(r#"<table class="heat months">"#).count(), 1);
    assert!(year.contains(r#"<th scope="row">2026-02</th>"#) && year.contains("min in all"));
    let decade = page(&long("2026..2035", 3_650), Lang::En);
    assert_eq!(decade.matches(r#"<table class="heat years">"#).count(), 1);
    assert!(decade.contains(r#"<tr><th scope="row">2035</th>"#));
    assert!(decade.len() < 60_000, "{} bytes", decade.len());
}

#[test]
fn an_outage_whose_ends_were_not_seen_may_be_longer_and_few_have_no_mean() {
    let page = page(&month(), Lang::En);
    let web = seen(&page, "module-shop/web");
    for told in
        ["&gt; 15 s", "&gt; 15 min", "still down", "may have been longer", "MTTR", "4 d 12 h"]
    {
        assert!(web.contains(told), "{told}: {web}");
    }
    assert!(web.contains("known to one probe interval"), "beside the figures: {web}");
    assert!(seen(&page, "terms").contains("may be off by 30s"), "and how long that is");
    let checkout = seen(&page, "module-shop/checkout");
    assert!(!checkout.contains("MTTR"), "one outage has no mean: {checkout}");
}

#[test]
fn the_text_says_the_same_and_begins_with_the_project_as_a_whole() {
    expect![[r#"
        shop  availability  2026-02  (Asia/Shanghai)
        2026-02-01 00:00:00 to 2026-03-01 00:00:00

        shop, down while any of its modules is  MISSED  3h1m50s down, 99.535% of what is known; target 99.9%
          between      96.910% and 99.547%; 97.363% of the time is known
          budget       40m12s, overdrawn by 2h21m38s
          unknown      17h40m

        shop/web  MISSED  3h1m50s down, 99.535% of what is known; target 99.9%
          between      96.910% and 99.547%; 97.363% of the time is known
          budget       40m12s, overdrawn by 2h21m38s
          outages      6 began, MTTR 33m22s (median 4m, worst 2h15m), MTBF 4d12h13m1s, MTTD 1m14s (median 1m14s, worst 1m14s; 1 of 6 told)
            2026-02-04 00:10:00  26m       connect: connection refused (2 parts); 1.4.2 went out 3m11s before it, by gitlab
            2026-02-04 11:06:40  4m        status 503
            2026-02-10 02:00:00  1m35s     dns: no such name
            2026-02-17 08:20:00  2h15m     status 200 without "200" in its text
            2026-02-23 00:01:40  >15s      ttfb: no answer within 10s
            2026-02-28 23:45:00  >15m      connect: connection refused (still down)
          because of   host 2h15m in 1, release 26m in 1, application 20m50s in 4
          blips        7 failed probes that no outage came of
          partial      seen down from beijing only, 4m
            2026-02-09 01:00:00  4m        connect: no route to host
          partial      seen down from beijing, osaka only, 1m5s
            2026-02-10 00:00:00  1m5s      connect: no route to host
          unknown      17h40m
            2026-02-13 02:46:40  16h40m    the monitor itself was not looking
            2026-02-23 00:01:55  1h        no verdict since 2026-02-22T16:01:55Z
          maintenance  2h
            2026-02-20 02:00:00  2h        m4: a new switch
          corrected    1, which count whatever the probes said
            2026-02-22 10:00:00  4m        up: corrected by alice: users got answers: <our> firewall
          latency      p50 84ms, p95 212ms, p99 380ms, slowest 1940ms; 364 of 78240 probes failed
            within 5ms     0.00%  3 of 78240
            within 300ms   98.91%  77390 of 78240; target 99% MISSED
            within 1s      99.10%  39640 of 40000; counted since 2026-02-15 00:00:00

        shop/search  UNDECIDABLE  0s down, 100% of what is known; target 99.9%
          undecidable  met if 16h11m12s of the unknown time was up, missed if 28m49s of it was down
          between      96.527% and 100%; 96.527% of the time is known
          budget       28m48s of 28m48s left; at this pace it is used up on 2026-02-28 00:00:00
          measured by  domain each 10s, down after 3, up after 2; check/suggest each 5m, down after 2, up after 1
          outages      none
          unknown      16h40m
            2026-02-13 02:46:40  16h40m    the monitor itself was not looking

        shop/checkout  MET  10m down, 99.975% of what is known; target 99.9%
          between      99.975% and 99.975%; 100% of the time is known
          budget       30m19s of 40m19s left
          outages      1 began, MTTR 10m (median 10m, worst 10m), MTBF 27d23h50m, no MTTD: no incident lay over what was down
            2026-02-06 01:00:00  10m       status 502

        not probed
          shop/batch  no domain leads to it

        accounted for by standard@3
          outages less than 2m apart are one
          maintenance that was announced 1d before it does not count
          unknown time is neither up nor down
          a probe each 30s, down after 3, up after 2, stale after 45s
          begin and end of an outage are known to one probe: each may be off by 30s
    "#]].assert_eq(&text(&month(), Lang::En));
}

#[test]
fn the_project_is_a_row_of_its_own_before_its_modules() {
    let page = page(&month(), Lang::En);
    let table = page.split("<table class=\"cards glance\">").nth(1).expect("a table");
    let first = table.split("<tbody>").nth(1).and_then(|rows| rows.split("</tr>").next());
    let first = first.expect("a row");
    for told in ["The project", "missed", "3 h 1 min 50 s", "overdrawn by"] {
        assert!(first.contains(told), "{told}: {first}");
    }
    let mut alone = month();
    alone.modules.truncate(1);
    let page = self::page(&alone, Lang::En);
    assert!(!page.contains("The project"), "one module is the project");
}

#[test]
fn it_leads_to_other_periods_and_to_its_files() {
    let page = page(&month(), Lang::En);
    for path in [
        "/reports/shop?period=2026-01",
        "/reports/shop?period=2026-03",
        "/reports?period=2026-02",
        "/reports/shop?period=last-week",
        "/api/report?project=shop&amp;period=2026-02&amp;format=csv",
        "/modules/shop/web",
        "#module-shop/web",
        "/incidents/incident-7",
    ] {
        assert!(page.contains(&format!("href=\"{path}\"")), "{path}");
    }
}

#[test]
fn an_outage_says_after_how_long_it_was_told_of() {
    let page = page(&month(), Lang::En);
    assert_eq!(page.matches("told after").count(), 1, "of the others nobody knows");
    assert!(page.contains("told after 1 min 14 s"), "{page}");
}

#[test]
fn the_chinese_report_speaks_chinese() {
    let mut report = month();
    // What other rooms say comes translated.
    report.rules.clear();
    for module in &mut report.modules {
        module.statistics.untold = None;
        module.outages.iter_mut().for_each(|outage| outage.why.clear());
        module.unknown.iter_mut().chain(&mut module.maintenance).for_each(|span| span.why.clear());
    }
    report.not_probed.clear();
    let page = page(&report, Lang::Zh);
    let main = page.split("<main").nth(1).expect("a page has a content");
    let shown = shown(main);
    let told: Vec<&str> = shown.split(|c: char| !c.is_ascii_alphabetic()).collect();
    for word in ["down", "up", "unknown", "Outages", "coverage", "target", "min", "From", "None"] {
        assert!(!told.contains(&word), "{word} is left in English");
    }
}

/// Without tags: classes are English.
fn shown(markup: &str) -> String {
    markup.split('<').filter_map(|piece| Some(piece.split_once('>')?.1)).collect()
}

#[test]
fn whatever_comes_from_outside_is_escaped_and_bounded_here_too() {
    let hostile = format!("<script>alert('x')</script>{}", "x".repeat(5_000));
    let mut report = month();
    report.modules[0].outages[0].why.clone_from(&hostile);
    report.modules[0].unknown[0].why.clone_from(&hostile);
    report.not_probed[0].why.clone_from(&hostile);
    report.period.clone_from(&"<img src=x>".to_owned());
    let page = page(&report, Lang::En);
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script>"), "{page}");
    assert!(!page.contains("<img") && !page.contains(&"x".repeat(1_000)));
    let refused = no_report_page(&hostile, Lang::En, Theme::Auto);
    assert!(refused.contains("&lt;script&gt;") && refused.contains("There is no such report"));
}

#[test]
fn a_crowd_of_modules_and_outages_stays_a_page() {
    let mut report = crowd(3_000);
    for module in report.modules.iter_mut().take(30) {
        module.outages = module.outages.iter().cycle().take(4_000).cloned().collect();
        module.unknown = module.unknown.iter().cycle().take(4_000).cloned().collect();
    }
    let page = page(&report, Lang::En);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for told in ["and 3900 more; the CSV has all", "and 3980 more", "The 24 worst"] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn paper_is_white_and_bears_no_ways_to_elsewhere() {
    let print = STYLE.split("@media print").nth(1).expect("there are rules for paper");
    for rule in [".ways", "break-inside: avoid", "color-scheme: light", "print-color-adjust: exact"]
    {
        assert!(print.contains(rule), "{rule}");
    }
}

#[test]
fn a_file_is_whole_and_leads_nowhere() {
    let reader = made_up::reader(Lang::En, Theme::Auto);
    for file in [report_file(&month(), &reader), company_file(&company(), &reader)] {
        for elsewhere in ["src=", "<link", "<script", "<form", "http:", "https:", "url(", "@import"]
        {
            assert!(!file.contains(elsewhere), "{elsewhere}");
        }
        let anchors = file.matches("href=\"#").count();
        assert_eq!(file.matches("href=").count(), anchors, "it leads to itself only");
        assert!(file.contains(&format!("<style>{STYLE}</style>")));
    }
    let file = report_file(&month(), &reader);
    let page = page(&month(), Lang::En);
    let shown = |page: &str| seen(page, "module-shop/web");
    assert_eq!(shown(&file), shown(&without_forms(&page)), "it says what the page says");
}

/// What only a page can have, since a brain stands behind it.
fn without_forms(page: &str) -> String {
    let without_details = without(page, "<details class=\"correct\"", "</details>");
    without(&without_details, "<a class=\"correct\"", "</a>")
}

fn without(page: &str, begin: &str, end: &str) -> String {
    let (first, others) = page.split_once(begin).expect("there is one");
    let after = |other: &str| other.split_once(end).expect("it ends").1.to_owned();
    first.to_owned() + &others.split(begin).map(after).collect::<String>()
}

/// The form of a module.
fn form(page: &str, module: &str) -> String {
    let id = format!("<details class=\"correct\" id=\"correct-{module}\"");
    let form = page.split_once(&id).expect("there is a form").1;
    form.split_once("</details>").expect("it ends").0.to_owned()
}

#[test]
fn each_account_has_a_closed_form_that_needs_no_script_and_has_its_last_outage_filled_in() {
    let page = page(&month(), Lang::En);
    expect![[r#"><summary>Correct a span</summary><p class="quiet">Whoever knows better than the probes says so, on the clocks of Asia/Shanghai. Nothing measured is deleted; each report tells who and why.</p><form class="act" method="post" action="/modules/shop/web/correct#module-shop/web"><label><span>From</span><input type="datetime-local" step="1" name="from" value="2026-02-28T23:45:00" required></label><label><span>Until</span><input type="datetime-local" step="1" name="until" value="2026-03-01T00:00:00" required></label><label><span>Counts as</span><select name="what" required><option value="">–</option><option value="up">up</option><option value="down">down</option><option value="unknown">unknown</option><option value="maintenance">maintenance</option><option value="not-applicable">not-applicable</option><option value="measured">as measured: take a correction back</option></select></label><label class="wide"><span>Why</span><input name="comment" required maxlength="500" autocomplete="off"></label><label><span>I am</span><select name="by" required><option value="">–</option><option value="alice">alice</option><option value="ops" selected>ops</option></select></label><button class="primary">Correct</button></form>"#]].assert_eq(&form(&page, "shop/web"));
    let search = form(&page, "shop/search");
    for hour in [r#"value="2026-02-28T23:00:00""#, r#"value="2026-03-01T00:00:00""#] {
        assert!(search.contains(hour), "without an outage the last hour: {search}");
    }
    let mut left = month();
    left.modules.truncate(1);
    left.modules[0].withdrawn = Some(left.until);
    let page = self::page(&left, Lang::En);
    assert!(!page.contains("class=\"correct\""), "what is in no file cannot be corrected");
}

#[test]
fn an_outage_leads_to_the_form_of_its_module_with_its_own_span() {
    let mut report = month();
    report.modules[0].outages[0].until =
        report.modules[0].outages[0].until + Duration::from_millis(1);
    let page = page(&report, Lang::En);
    let way = "/reports/shop?period=2026-02&amp;correct=shop%2Fweb%202026-02-04T00%3A10%3A00\
               ..2026-02-04T00%3A36%3A01#correct-shop/web";
    assert!(
        page.contains(&format!("href=\"{way}\"")),
        "the whole outage, in whole seconds: {page}"
    );
    let picked = Picked::read("shop/web 2026-02-04T00:10:00..2026-02-04T00:36:01");
    let page = page_with(&report, &Correcting { picked, ..correcting() }, Lang::En);
    let web = form(&page, "shop/web");
    assert!(web.starts_with(" open>"), "{web}");
    assert!(web.contains("value=\"2026-02-04T00:10:00\"") && web.contains("00:36:01"), "{web}");
    assert!(!form(&page, "shop/checkout").starts_with(" open"), "another module is left alone");
    for nothing in ["", "shop/web", "shop/web later", "1..2"] {
        assert_eq!(Picked::read(nothing), None, "{nothing}");
    }
    let hostile = Picked::read("shop/web \"><script>..<img>");
    let page = page_with(&report, &Correcting { picked: hostile, ..correcting() }, Lang::En);
    assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
}

#[test]
fn a_badge_says_bounds_and_verdict_in_words_and_doubt_has_its_own_colour() {
    let mut report = month();
    let mut told = String::new();
    for whole in [report.whole.clone(), report.modules[1].as_whole(), report.modules[2].as_whole()]
    {
        report.whole = whole;
        told += &badge(&report, Lang::En);
        told += "\n";
    }
    report.whole.verdict = None;
    told += &badge(&report, Lang::Zh);
    report.whole = Default::default();
    told += "\n";
    told += &badge(&report, Lang::En);
    expect![[r##"
        <svg xmlns="http://www.w3.org/2000/svg" width="256" height="20" role="img" aria-label="shop 2026-02: 96.910%..99.547% missed"><title>shop 2026-02: 96.910%..99.547% missed</title><rect width="92" height="20" fill="#3c4652"></rect><rect x="92" width="164" height="20" fill="#b3310a"></rect><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="6" y="14" textLength="80">shop 2026-02</text><text x="98" y="14" textLength="152">96.910%..99.547% missed</text></g></svg>
        <svg xmlns="http://www.w3.org/2000/svg" width="269" height="20" role="img" aria-label="shop 2026-02: 96.527%..100% undecidable"><title>shop 2026-02: 96.527%..100% undecidable</title><rect width="92" height="20" fill="#3c4652"></rect><rect x="92" width="177" height="20" fill="#7a5600"></rect><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="6" y="14" textLength="80">shop 2026-02</text><text x="98" y="14" textLength="165">96.527%..100% undecidable</text></g></svg>
        <svg xmlns="http://www.w3.org/2000/svg" width="177" height="20" role="img" aria-label="shop 2026-02: 99.975% met"><title>shop 2026-02: 99.975% met</title><rect width="92" height="20" fill="#3c4652"></rect><rect x="92" width="85" height="20" fill="#00694f"></rect><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="6" y="14" textLength="80">shop 2026-02</text><text x="98" y="14" textLength="73">99.975% met</text></g></svg>
        <svg xmlns="http://www.w3.org/2000/svg" width="202" height="20" role="img" aria-label="shop 2026-02: 99.975% 未设目标"><title>shop 2026-02: 99.975% 未设目标</title><rect width="92" height="20" fill="#3c4652"></rect><rect x="92" width="110" height="20" fill="#55616f"></rect><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="6" y="14" textLength="80">shop 2026-02</text><text x="98" y="14" textLength="98">99.975% 未设目标</text></g></svg>
        <svg xmlns="http://www.w3.org/2000/svg" width="190" height="20" role="img" aria-label="shop 2026-02: nothing known"><title>shop 2026-02: nothing known</title><rect width="92" height="20" fill="#3c4652"></rect><rect x="92" width="98" height="20" fill="#55616f"></rect><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="6" y="14" textLength="80">shop 2026-02</text><text x="98" y="14" textLength="86">nothing known</text></g></svg>"##]].assert_eq(&told);
}

#[test]
fn a_badge_escapes_what_it_is_given_and_runs_nothing() {
    let report = ReportView { period: "<script>\"&".to_owned(), ..month() };
    let badge = badge(&report, Lang::En);
    assert!(badge.contains("&lt;script&gt;&quot;&amp;") && !badge.contains("<script"), "{badge}");
}
