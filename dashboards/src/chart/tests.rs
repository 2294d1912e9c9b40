//! The figure as a whole; its parts are tested beside them.

use std::time::Duration;

use expect_test::{Expect, expect};
use model::lang::Lang;

use super::*;
use crate::view::{AvailabilityView, DecisionMark};

const START: Time = Time::from_millis(1_772_445_600_000);

fn after(seconds: u64) -> Time {
    START + Duration::from_secs(seconds)
}

fn module(loads: &[(u64, Option<f64>)], counts: &[(u64, u32)]) -> ModuleView {
    ModuleView {
        id: "shop/web".parse().unwrap(),
        project: "shop".parse().unwrap(),
        serving: 2,
        warming: 0,
        desired: 2,
        min: 1,
        max: 4,
        mode: "auto".to_owned(),
        thresholds: Some((0.3, 0.8)),
        load: Some(0.5),
        load_series: loads.iter().map(|(second, load)| (after(*second), *load)).collect(),
        count_series: counts.iter().map(|(second, count)| (after(*second), *count)).collect(),
        decisions: Vec::new(),
        availability: AvailabilityView::nothing(START),
        not_probed: None,
        measured_by: Vec::new(),
        doubts: Vec::new(),
        vantages: Vec::new(),
    }
}

fn decided(second: u64, from: u32, to: u32) -> DecisionMark {
    DecisionMark {
        at: after(second),
        id: format!("d-{second}").parse().unwrap(),
        from,
        to,
        reason: "load".to_owned(),
        held: from == to,
    }
}

fn draw(module: &ModuleView, now: Time) -> Option<String> {
    let voice = Voice::new(Lang::En, "UTC", now);
    figure(module, &voice, Size::Small).map(Markup::into_string)
}

/// Each element on a line of its own, only those that mention one of `of`.
fn check(module: &ModuleView, of: &[&str], expected: &Expect) {
    let svg = draw(module, after(100)).unwrap().replace("><", ">\n<");
    let lines = svg.lines().filter(|line| of.iter().any(|word| line.contains(word)));
    expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_line_breaks_where_nothing_is_known() {
    let loads =
        [(0, Some(0.5)), (20, Some(0.9)), (40, None), (60, Some(f64::NAN)), (80, Some(0.25))];
    check(
        &module(&loads, &[(0, 2), (50, 1), (100, 1)]),
        &["<path", "figcaption", "class=\"tick\""],
        &expect![[r#"
            <text class="tick" x="0.0%" y="224">10:00:00</text>
            <text class="tick" x="30.0%" y="224">10:00:30</text>
            <text class="tick" x="60.0%" y="224">10:01:00</text>
            <text class="tick" x="90.0%" y="224">10:01:30</text>
            <path class="load" d="M0 100l80-80M320 150h0">
            <path class="steps" d="M0 100V0H200V50H400V100Z">
            <figcaption>Load of web, last 1 min 40 s: max 0.90 at 10:00:20, now 0.50; 2 VMs; scales in below 0.30, out above 0.80</figcaption>"#]],
    );
}

#[test]
fn the_band_lies_between_the_thresholds_and_bears_their_numbers() {
    let small = module(&[(0, Some(0.5)), (100, Some(0.5))], &[]);
    check(
        &small,
        &["class=\"band\"", "class=\"edge\"", "class=\"value\""],
        &expect![[r#"
        <rect class="band" width="100%" y="41" height="52">
        <line class="edge" x2="100%" y1="41" y2="41">
        <line class="edge" x2="100%" y1="93" y2="93">
        <text class="value" x="-6" y="128">0.0</text>
        <text class="value" x="-6" y="76">0.5</text>
        <text class="value" x="-6" y="24">1.0</text>
        <text class="edge" x="100%" dx="6" y="45">0.80</text>
        <text class="edge" x="100%" dx="6" y="97">0.30</text>
        <text class="value" x="-6" y="152">1</text>
        <text class="value" x="-6" y="188">0</text>"#]],
    );
}

#[test]
fn changes_are_numbered_and_holds_are_rings() {
    let mut module = module(&[(0, Some(0.5)), (100, Some(0.5))], &[]);
    module.decisions = vec![
        decided(10, 2, 2),
        decided(20, 2, 3),
        decided(50, 3, 3),
        decided(80, 3, 4),
        decided(82, 4, 5),
        decided(500, 5, 6), // Not within the span of time that is drawn.
    ];
    check(
        &module,
        &["class=\"mark\"", "class=\"held\""],
        &expect![[r#"
            <circle class="held" cx="10.0%" cy="198" r="3">
            <circle class="held" cx="50.0%" cy="198" r="3">
            <line class="mark" x1="20.0%" x2="20.0%" y1="20" y2="198">
            <rect class="mark" x="-8.5" y="-8.5" width="17" height="17" rx="8.5">
            <text class="mark" y="4">1</text>
            <line class="mark" x1="80.0%" x2="80.0%" y1="20" y2="198">
            <rect class="mark" x="-15.5" y="-8.5" width="31" height="17" rx="8.5">
            <text class="mark" y="4">2–3</text>"#]],
    );
}

#[test]
fn a_figure_stays_small_however_long_its_series() {
    let (points, peak) = (20_160, 6_720);
    let noise = |point: u64| (point * 7919 % 1000) as f64 / 1250.0;
    let load = |point| if point == peak { 3.7 } else { noise(point) };
    let loads: Vec<_> = (0..points).map(|point| (point * 30, Some(load(point)))).collect();
    let counts: Vec<_> = (0..points).map(|point| (point * 30, (point * 31 % 7) as u32)).collect();
    let mut module = module(&loads, &counts);
    module.decisions =
        (0..500).map(|number| decided(number * 1200, 2, 2 + number as u32 % 2)).collect();
    let svg = draw(&module, after(points * 30)).unwrap();
    assert!(svg.len() < 16_000, "{} bytes", svg.len());
    assert!(svg.contains("max 3.70"), "the caption names the peak");
    // Of 0 to 4 over 200 units, 3.7 lies 15 below the top; nothing else comes near it.
    assert_eq!(highest_point(&svg), 15);
}

/// The least `y` that the load line reaches, walked along its steps.
fn highest_point(svg: &str) -> i32 {
    let path = svg.split("class=\"load\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let spaced = path.replace('-', " -").replace('M', ";M ").replace('l', ";l ");
    let spaced = spaced.replace('v', ";v ").replace('h', ";h ");
    let (mut height, mut least) = (0, i32::MAX);
    for step in spaced.split(';').filter(|step| !step.is_empty()) {
        let last: i32 = step.split_whitespace().last().unwrap().parse().unwrap();
        match &step[..1] {
            "M" => height = last,
            "h" => (),
            _ => height += last,
        }
        least = least.min(height);
    }
    least
}

#[test]
fn nothing_measured_is_no_figure_and_one_point_is_one() {
    assert_eq!(draw(&module(&[], &[]), START), None);
    assert!(draw(&module(&[(0, Some(0.5))], &[]), START).unwrap().contains("h0"));
}
