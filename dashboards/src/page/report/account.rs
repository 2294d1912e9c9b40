//! The account of one module: minutes down, the share with its bounds and coverage, the budget, the
//! calendar, and the lists.

use maud::{Markup, html};

use super::{anchor, calendar, correct, down, latency, lists, percent, verdict};
use crate::chart::budget;
use crate::page::{fact, module_path};
use crate::report::measured_by;
use crate::view::report::{Correcting, ModuleReport, ReportView, VerdictView};
use crate::voice::Voice;
use crate::words;

pub(super) fn section(
    module: &ModuleReport,
    report: &ReportView,
    correcting: &Correcting,
    voice: &Voice,
) -> Markup {
    let is_there = module.withdrawn.is_none();
    let way = module_path(&module.module).filter(|_| is_there).and_then(|path| voice.way(path));
    html! {
        section.account id=(anchor(&module.module)) {
            h2 {
                a href=[&way] { (module.module) } " "
                span.chip { (verdict(module.verdict, voice)) }
            }
            (figures(module, report.target.as_deref(), voice))
            @if let Some(since) = module.withdrawn {
                p { (voice.fill(words::WITHDRAWN, &[&voice.dated(since)])) }
            }
            @if let Some(measured_by) = measured_by(voice.lang, &module.measured_by) {
                p.quiet { (voice.say(words::MEASURED_BY)) " " (measured_by) }
            }
            @if let Some(budget) = &module.budget { (budget::bar(budget, voice)) }
            @if module.known.is_some() {
                (calendar::calendar(&module.days, report.from_sunday, voice))
                (lists::outages(module, report, voice))
            } @else {
                p.calm { (voice.say(words::NOTHING_KNOWN)) }
            }
            (lists::partials(module, voice))
            (lists::spans(words::UNKNOWN, module.tally.unknown_s, &module.unknown, voice))
            (lists::spans(words::MAINTENANCE, module.tally.maintenance_s, &module.maintenance, voice))
            (lists::corrections(module, voice))
            @if let Some(way) = &way { (correct::form(module, way, report, correcting, voice)) }
            @if let Some(latency) = &module.latency { (latency::latency(latency, voice)) }
        }
    }
}

fn figures(module: &ModuleReport, target: Option<&str>, voice: &Voice) -> Markup {
    html! {
        dl.facts {
            (fact(words::TIME_DOWN, down(&module.as_whole(), voice), voice))
            (fact(words::SHARE_UP, percent(module.known.as_deref()), voice))
            (fact(words::COVERAGE, percent(module.coverage.as_deref()), voice))
            @if let (Some(low), Some(high)) = (&module.low, &module.high) {
                (fact(words::BOUNDS, format!("{low}% – {high}%"), voice))
            }
            @if let Some(target) = target { (fact(words::TARGET, target, voice)) }
        }
        @if let Some(VerdictView::Undecidable { met_if_up_s, missed_if_down_s }) = module.verdict {
            @let needed = [met_if_up_s, missed_if_down_s].map(|seconds| voice.exactly(seconds));
            p { (voice.fill(words::DECIDED_BY, &[&needed[0], &needed[1]])) }
        }
    }
}
