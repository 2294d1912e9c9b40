//! What does not answer, what nobody looks at, and what says yes in a doubtful way.

use maud::{Markup, html};

use super::rest;
use crate::page::{cell, glyph, head, short_cell};
use crate::unit;
use crate::view::Health;
use crate::view::monitor::{Doubt, Listed, MonitorView, TargetFault, Trouble, Unwatched};
use crate::voice::Voice;
use crate::words;

/// More than these nobody reads at night.
const MOST_FAULTS: usize = 30;
const MOST_OTHERS: usize = 20;

/// Those that do not let us see come first, since that is what this page is about; then by how
/// long it lasts.
pub(super) fn faults(view: &MonitorView, voice: &Voice) -> Markup {
    let faults = &view.faults;
    let mut sorted: Vec<&TargetFault> = faults.first.iter().collect();
    sorted.sort_by_key(|fault| (fault.trouble.rank(), fault.since));
    sorted.truncate(MOST_FAULTS);
    html! {
        section #faults {
            @if faults.count == 0 {
                h2 { (voice.say(words::TARGETS)) }
                @if view.targets == 0 {
                    p.calm { (voice.say(words::NO_TARGETS)) }
                } @else {
                    p.calm { (glyph(Health::Up)) " " (voice.say(words::NO_FAULTS)) }
                }
            } @else {
                h2 { (voice.fill(words::FAULTS, &[&unit::count(faults.count as u64)])) }
                (fault_table(&sorted, voice))
            }
            (rest(faults.count.saturating_sub(sorted.len()), voice))
        }
    }
}

fn fault_table(faults: &[&TargetFault], voice: &Voice) -> Markup {
    let heads = [words::OBJECT, words::STATE, words::FAULT_SINCE, words::WHAT_TO_DO];
    let [_, state, since, error] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for fault in faults {
                    tr {
                        th scope="row" { (fault.object) }
                        td.short.(fault.trouble.health().class()) data-label=(state) {
                            (fault.trouble.glyph()) " " (trouble(&fault.trouble, voice))
                        }
                        (short_cell(since, since_when(fault, voice)))
                        (cell(error, what(fault)))
                    }
                }
            }
        }
    }
}

fn since_when(fault: &TargetFault, voice: &Voice) -> Markup {
    let lasting = voice.lasting(voice.now.since(fault.since).as_secs() as f64);
    html! { span { (voice.time(fault.since)) ", " (voice.fill(words::FOR, &[&lasting])) } }
}

fn what(fault: &TargetFault) -> Markup {
    html! {
        div.notes {
            p { (fault.what) }
            @if let Trouble::Misconfigured { remedy } = &fault.trouble { p.remedy { "→ " (remedy) } }
        }
    }
}

fn trouble(trouble: &Trouble, voice: &Voice) -> &'static str {
    voice.say(match trouble {
        Trouble::Down => words::DOWN,
        Trouble::Misconfigured { .. } => words::MISCONFIGURED,
        Trouble::NotSeen => words::NOT_SEEN,
    })
}

impl Trouble {
    fn rank(&self) -> u8 {
        match self {
            Self::NotSeen => 0,
            Self::Misconfigured { .. } => 1,
            Self::Down => 2,
        }
    }

    fn health(&self) -> Health {
        if *self == Self::Down { Health::Down } else { Health::Unknown }
    }

    fn glyph(&self) -> &'static str {
        match self {
            Self::Misconfigured { .. } => "⚙",
            Self::Down | Self::NotSeen => self.health().glyph(),
        }
    }
}

pub(super) fn unwatched(unwatched: &Listed<Unwatched>, voice: &Voice) -> Markup {
    let (shown, more) = unwatched.cut(MOST_OTHERS);
    html! {
        section #unwatched {
            h2 { (voice.say(words::UNWATCHED)) }
            @if unwatched.count == 0 {
                p.calm { (glyph(Health::Up)) " " (voice.say(words::ALL_WATCHED)) }
            }
            ul.pairs {
                @for one in shown { li { strong { (one.object) } span { (one.reason) } } }
            }
            (rest(more, voice))
        }
    }
}

pub(super) fn doubts(doubts: &Listed<Doubt>, voice: &Voice) -> Markup {
    let (shown, more) = doubts.cut(MOST_OTHERS);
    html! {
        section #doubts {
            h2 { (voice.say(words::DOUBTS)) }
            @if doubts.count == 0 {
                p.calm { (glyph(Health::Up)) " " (voice.say(words::NO_DOUBTS)) }
            } @else {
                p.quiet { (voice.say(words::DOUBTS_NOTE)) }
            }
            ul.pairs {
                @for one in shown {
                    li {
                        strong { (one.object) }
                        span {
                            (one.doubt) " "
                            span.quiet { (voice.say(words::SINCE)) " " (voice.time(one.since)) }
                        }
                    }
                }
            }
            (rest(more, voice))
        }
    }
}
