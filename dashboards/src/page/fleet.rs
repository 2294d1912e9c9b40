//! The fleet map: hosts as rows, their VMs as tiles, grouped by the module they work for.
//!
//! Thousands of VMs must fit: above [`MOST_NAMED`] a tile shrinks to its glyph, and its name stays
//! in the title and in the table below, which says the same for those who cannot see the map. For
//! the same reason only a VM that is not up says why.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::id::ModuleId;
use model::vm::VmState;

use super::explore::link;
use super::{glyph, head};
use crate::view::{Health, Overview, VmTile};
use crate::voice::{self, Voice};
use crate::words;

/// A fleet with more VMs than this is drawn without their names.
const MOST_NAMED: usize = 300;
/// A tile's fill has so many steps from idle to all cores busy; each is a class.
const FILL_STEPS: f64 = 8.0;

/// One row of the map: a host, or what stands in for one.
#[derive(Debug)]
struct Row<'a> {
    anchor: String,
    name: &'a str,
    health: Option<Health>,
    why: Option<&'a str>,
    vms: &'a [VmTile],
}

pub(super) fn section(overview: &Overview, voice: &Voice) -> Markup {
    let rows = rows(overview, voice);
    let named = overview.vms().count() <= MOST_NAMED;
    html! {
        section #fleet {
            h2 { (voice.say(words::FLEET)) }
            @if rows.is_empty() {
                p.calm { (voice.say(words::NO_HOSTS)) }
            } @else {
                (legend(voice))
                div.map { @for row in &rows { (map_row(row, named, voice)) } }
                (table(&rows, voice))
            }
        }
    }
}

fn rows<'a>(overview: &'a Overview, voice: &Voice) -> Vec<Row<'a>> {
    let hosts = overview.hosts.iter().map(|host| Row {
        anchor: format!("host-{}", host.id),
        name: host.id.as_str(),
        health: Some(host.up),
        why: host.why.as_deref(),
        vms: &host.vms,
    });
    let unplaced = Row {
        anchor: "unplaced".to_owned(),
        name: voice.say(words::NO_HOST),
        health: None,
        why: None,
        vms: &overview.unplaced,
    };
    hosts.chain((!unplaced.vms.is_empty()).then_some(unplaced)).collect()
}

fn legend(voice: &Voice) -> Markup {
    html! {
        p.legend {
            @for health in Health::ALL.into_iter().rev() {
                span { (glyph(health)) " " (voice.health(health)) }
            }
        }
    }
}

fn map_row(row: &Row<'_>, named: bool, voice: &Voice) -> Markup {
    html! {
        div.host.(row.health.map_or("", Health::class)) id=(row.anchor) {
            div.name {
                h3 { (row_name(row)) }
                p.quiet {
                    @if let Some(health) = row.health.filter(|health| *health != Health::Up) {
                        strong { (voice.health(health)) } " · "
                    }
                    (voice.vms(row.vms.len()))
                }
                @if let Some(why) = row.why { p.why { (why) } }
            }
            div.groups {
                @for (module, vms) in by_module(row.vms) { (group(module, &vms, named, voice)) }
                @if row.vms.is_empty() { p.quiet { (voice.say(words::EMPTY_HOST)) } }
            }
        }
    }
}

/// A host leads to the load of the VMs that run on it.
fn row_name(row: &Row<'_>) -> Markup {
    html! {
        @if let Some(health) = row.health {
            (glyph(health)) " " a href=(link::load_of("host", row.name)) { (row.name) }
        } @else {
            (row.name)
        }
    }
}

/// Modules in the order of their names, the pool last.
fn by_module(vms: &[VmTile]) -> Vec<(Option<&ModuleId>, Vec<&VmTile>)> {
    let mut groups: BTreeMap<(bool, Option<&ModuleId>), Vec<&VmTile>> = BTreeMap::new();
    for vm in vms {
        groups.entry((vm.module.is_none(), vm.module.as_ref())).or_default().push(vm);
    }
    groups.into_iter().map(|((_, module), vms)| (module, vms)).collect()
}

fn group(module: Option<&ModuleId>, vms: &[&VmTile], named: bool, voice: &Voice) -> Markup {
    let name = module.map_or(voice.say(words::IN_POOL), ModuleId::as_str);
    html! {
        div.group {
            p { (name) " " span { (vms.len()) } }
            div class=(if named { "tiles" } else { "dots" }) {
                @for vm in vms {
                    @if named { (tile(vm, voice)) } @else { (dot(vm)) }
                }
            }
        }
    }
}

fn tile(vm: &VmTile, voice: &Voice) -> Markup {
    html! {
        span class=(tile_class(vm)) title=(describe(vm, voice)) {
            b aria-hidden="true" { (vm.health.glyph()) }
            span { (vm.id) }
            i { (figure(vm, voice)) }
        }
    }
}

fn tile_class(vm: &VmTile) -> String {
    let waiting = if vm.module.is_none() { " waiting" } else { "" };
    let stale = if vm.is_overdue() { " stale" } else { "" };
    format!("tile {}{waiting}{stale}{}", vm.health.class(), fill_class(vm).unwrap_or_default())
}

/// How full the tile is; only where somebody goes by its load.
fn fill_class(vm: &VmTile) -> Option<String> {
    let load = vm.fresh_load().filter(|_| vm.state == VmState::Serving)?;
    Some(format!(" f{}", (load.clamp(0.0, 1.0) * FILL_STEPS).round()))
}

/// The load where somebody goes by it, else where the VM is in its life.
fn figure(vm: &VmTile, voice: &Voice) -> String {
    let serves_well = (vm.health, vm.state) == (Health::Up, VmState::Serving);
    match vm.load {
        Some(_) if vm.is_overdue() => voice.say(words::STALE).to_owned(),
        Some(load) if serves_well => voice::load(Some(load)),
        _ => voice.vm_state(vm.state).to_owned(),
    }
}

fn dot(vm: &VmTile) -> Markup {
    html! { b class=[class_of_trouble(vm)] title=(vm.id) { (vm.health.glyph()) } }
}

/// Most VMs are up: where there are thousands, they need no class of their own.
fn class_of_trouble(vm: &VmTile) -> Option<&'static str> {
    (vm.health != Health::Up).then_some(vm.health.class())
}

fn describe(vm: &VmTile, voice: &Voice) -> String {
    let mut text = format!("{} · {}", vm.id, voice.vm_state(vm.state));
    if let Some(module) = &vm.module {
        text += &format!(" · {module}");
    }
    if vm.load.is_some() {
        text += &format!(" · {} {}", voice.say(words::LOAD), voice::load(vm.load));
    }
    if !vm.why.is_empty() {
        text += &format!(" · {}", vm.why);
    }
    text
}

fn table(rows: &[Row<'_>], voice: &Voice) -> Markup {
    let heads = [words::VM, words::STATE, words::MODULE, words::LOAD_PER_CORE, words::REASON];
    html! {
        details #fleet-table {
            summary { (voice.say(words::AS_TABLE)) }
            table.vms {
                (head(&heads, voice))
                @for row in rows { (table_body(row, voice)) }
            }
        }
    }
}

fn table_body(row: &Row<'_>, voice: &Voice) -> Markup {
    html! {
        tbody {
            tr {
                th colspan="5" scope="rowgroup" {
                    @if let Some(health) = row.health {
                        (voice.say(words::HOST)) " " (row.name) " · " (voice.health(health))
                    } @else {
                        (row.name)
                    }
                }
            }
            @for vm in row.vms { (table_row(vm, voice)) }
        }
    }
}

fn table_row(vm: &VmTile, voice: &Voice) -> Markup {
    html! {
        tr {
            td { (vm.id) }
            td class=[class_of_trouble(vm)] {
                (vm.health.glyph()) " " (voice.vm_state(vm.state))
            }
            td { @if let Some(module) = &vm.module { (module) } }
            td { (load_cell(vm, voice)) }
            @if vm.health != Health::Up { td { (vm.why) } }
        }
    }
}

/// An old load is shown, and called old.
pub(super) fn load_cell(vm: &VmTile, voice: &Voice) -> Markup {
    html! {
        (voice::load(vm.load))
        @if vm.is_overdue() { " " (voice.say(words::STALE)) }
    }
}
