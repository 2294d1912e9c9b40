//! One module: its figure in full width, every decision with its reason, its VMs.

use maud::{Markup, html};
use model::id::HostId;

use super::explore::link;
use super::modules::{availability, change, facts, figure, mark};
use super::{back, cell, fleet, head, note_cell, report};
use crate::chart::Size;
use crate::report::state_in;
use crate::view::{DecisionMark, ModuleView, Overview, VmTile};
use crate::voice::Voice;
use crate::words;

pub(super) fn sections(overview: &Overview, module: &ModuleView) -> Markup {
    let voice = &Voice::of(overview);
    html! {
        section #module {
            (back(voice))
            h1 { (module.id) }
            p.quiet {
                (voice.say(words::PROJECT)) " " (module.project) " · "
                (voice.say(words::AS_OF)) " " (voice.time(overview.now)) " · "
                (voice.fill(words::ZONE, &[voice.zone_name()]))
            }
            (facts(module, voice))
            (figure(module, voice, Size::Large))
            p {
                a href=(link::load_of("module", module.id.as_str())) {
                    (voice.say(words::EXPLORE_VMS))
                }
            }
            (availability(module, voice))
            (vantages(module, voice))
            p { a href=(report::path(module.project.as_str(), None)) { (voice.say(words::REPORT)) } }
        }
        (decisions(module, voice))
        (vms(overview, module, voice))
    }
}

/// What each place sees.
fn vantages(module: &ModuleView, voice: &Voice) -> Markup {
    let heads = [words::SEEN_FROM, words::STATE, words::TIME, words::REASON];
    let [_, state, time, reason] = heads.map(|word| voice.say(word));
    html! {
        @if !module.vantages.is_empty() {
            table.cards {
                (head(&heads, voice))
                tbody {
                    @for one in &module.vantages {
                        tr {
                            th.short scope="row" data-label=(voice.say(words::SEEN_FROM)) { (one.name) }
                            (cell(state, html! { span class=(one.state) { (state_in(voice.lang, &one.state)) } }))
                            (cell(time, voice.time(one.at)))
                            (cell(reason, &one.why))
                        }
                    }
                }
            }
        }
    }
}

/// The newest first, since that is what people come for.
fn decisions(module: &ModuleView, voice: &Voice) -> Markup {
    let heads = [words::NUMBER, words::TIME, words::CHANGE, words::REASON, words::DECISION];
    html! {
        section #decisions {
            h2 { (voice.say(words::DECISIONS)) }
            @if module.decisions.is_empty() {
                p.calm { (voice.say(words::NO_DECISIONS)) }
            } @else {
                table.cards {
                    (head(&heads, voice))
                    tbody {
                        @for (number, decision) in module.numbered().into_iter().rev() {
                            (decision_row(module, number, decision, heads.map(|word| voice.say(word)), voice))
                        }
                    }
                }
            }
        }
    }
}

fn decision_row(
    module: &ModuleView,
    number: Option<usize>,
    decision: &DecisionMark,
    [_, time, count, reason, id]: [&str; 5],
    voice: &Voice,
) -> Markup {
    html! {
        tr {
            th scope="row" { (mark(number)) }
            (cell(time, voice.time(decision.at)))
            (cell(count, change(decision, voice)))
            (cell(reason, &decision.reason))
            (cell(id, html! { a href=(decision_path(module, decision)) { (decision.id.as_str()) } }))
        }
    }
}

fn decision_path(module: &ModuleView, decision: &DecisionMark) -> String {
    let (module, id) = (super::in_path(module.id.as_str()), super::in_path(decision.id.as_str()));
    format!("/decisions/{module}/{id}?at={}", decision.at.millis())
}

fn vms(overview: &Overview, module: &ModuleView, voice: &Voice) -> Markup {
    let mut ours =
        overview.vms().filter(|(_, vm)| vm.module.as_ref() == Some(&module.id)).peekable();
    let heads = [words::VM, words::STATE, words::HOST, words::LOAD_PER_CORE, words::REASON];
    html! {
        section #vms {
            h2 { (voice.say(words::VMS)) }
            @if ours.peek().is_none() {
                p.calm { (voice.say(words::NO_VMS)) }
            } @else {
                table.cards {
                    (head(&heads, voice))
                    tbody {
                        @for (host, vm) in ours {
                            (vm_row(host, vm, heads.map(|word| voice.say(word)), voice))
                        }
                    }
                }
            }
        }
    }
}

fn vm_row(
    host: Option<&HostId>,
    vm: &VmTile,
    [_, state, host_label, load, reason]: [&str; 5],
    voice: &Voice,
) -> Markup {
    html! {
        tr {
            th scope="row" { (vm.id) }
            td.(vm.health.class()) data-label=(state) {
                (vm.health.glyph()) " " (voice.vm_state(vm.state))
            }
            (cell(host_label, host.map_or(voice.say(words::NO_HOST), HostId::as_str)))
            (cell(load, load_link(vm, voice)))
            (note_cell(reason, &vm.why))
        }
    }
}

/// The load leads to how it came about; where there is none, to nothing.
fn load_link(vm: &VmTile, voice: &Voice) -> Markup {
    let load = fleet::load_cell(vm, voice);
    html! {
        @if vm.load.is_some() {
            a href=(link::load_of("vm", vm.id.as_str())) { (load) }
        } @else {
            (load)
        }
    }
}
