//! A badge: the availability of one project in a line, as SVG, for wikis and other pages.
//!
//! A badge is read without its report, so it says its period, the bounds in place of one flattering
//! number, and the verdict in a word; the colour only repeats the word. What hangs on unknown time has
//! a colour of its own. It has no script and loads nothing, and its width is worked out here, since an
//! image cannot ask how wide its letters are.

use maud::{Markup, html};
use model::lang::Lang;

use super::bounds;
use crate::view::report::{ReportView, VerdictView, WholeView};
use crate::words::{self, Word};

const HEIGHT: u32 = 20;
/// On both sides of a text.
const PAD: u32 = 6;
/// How wide letters are drawn, in tenths.
const LATIN: u32 = 66;
const CHINESE: u32 = 112;
const LABEL: &str = "#3c4652";

/// The badge of a report, whole.
pub fn badge(report: &ReportView, lang: Lang) -> String {
    let (word, color) = judged(&report.whole);
    let label = format!("{} {}", report.project, report.period);
    let word = lang.pick(word.en, word.zh);
    let value = match bounds(&report.whole) {
        bounds if bounds.is_empty() => word.to_owned(),
        bounds => format!("{bounds} {word}"),
    };
    drawn(&label, &value, color).into_string()
}

/// On each of these colours white is read with at least 4.5:1.
fn judged(whole: &WholeView) -> (Word, &'static str) {
    match (&whole.known, whole.verdict) {
        (None, _) => (words::NO_DATA_KNOWN, "#55616f"),
        (Some(_), None) => (words::NO_TARGET, "#55616f"),
        (Some(_), Some(VerdictView::Met)) => (words::TARGET_MET, "#00694f"),
        (Some(_), Some(VerdictView::Missed)) => (words::TARGET_MISSED, "#b3310a"),
        (Some(_), Some(VerdictView::Undecidable { .. })) => (words::UNDECIDABLE, "#7a5600"),
    }
}

fn drawn(label: &str, value: &str, color: &str) -> Markup {
    let [left, right] = [label, value].map(|text| width(text) + 2 * PAD);
    let told = format!("{label}: {value}");
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height=(HEIGHT) role="img"
            aria-label=(told) {
            title { (told) }
            rect width=(left) height=(HEIGHT) fill=(LABEL) {}
            rect x=(left) width=(right) height=(HEIGHT) fill=(color) {}
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                text x=(PAD) y="14" textLength=(width(label)) { (label) }
                text x=(left + PAD) y="14" textLength=(width(value)) { (value) }
            }
        }
    }
}

/// In pixels; the text is stretched to it, whatever letters the reader has.
fn width(text: &str) -> u32 {
    let tenths = text.chars().map(|c| if c.is_ascii() { LATIN } else { CHINESE });
    tenths.sum::<u32>().div_ceil(10)
}
