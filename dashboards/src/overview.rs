//! The first page: what is wrong, the fleet, each module's story, the pools, the monitor itself.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::lang::Lang;
use model::vm::VmState;

use crate::module::figure;
use crate::page::page;
use crate::view::{Health, HostView, IncidentView, MonitorHealth, Overview, PoolView, VmTile};
use crate::when::{Zone, span};
use crate::words::{Words, class, glyph, root_state, state, words};

/// Ended incidents that the first page lists.
const ENDED: usize = 5;
/// Data older than this is called old.
const OLD_DATA_S: f64 = 60.0;

/// The whole page at `/`.
pub fn overview_page(overview: &Overview) -> String {
    let title = words(overview.lang).fleet;
    page(overview, title, true, &content(overview))
}

/// Its content only, for live updates.
pub fn overview_fragment(overview: &Overview) -> String {
    content(overview).into_string()
}

fn content(overview: &Overview) -> Markup {
    let words = words(overview.lang);
    let zone = Zone::named(&overview.zone);
    html! {
        (summary(overview, words))
        (incidents(overview, words, &zone))
        (fleet(overview, words))
        (modules(overview, words, &zone))
        (pools(&overview.pools, words))
        (monitor(&overview.monitor, words, &zone))
        p class="dim stamp" { (words.now) " " (zone.time(overview.now)) }
    }
}

/// Counts by state, the worst first; each leads to where it is told in full.
fn summary(overview: &Overview, words: &Words) -> Markup {
    let open = overview.incidents.iter().filter(|incident| incident.closed.is_none()).count();
    let hosts_down = overview.hosts.iter().filter(|host| host.up == Health::Down).count();
    let mut states: BTreeMap<Health, usize> = BTreeMap::new();
    for tile in tiles(overview) {
        *states.entry(tile.health).or_default() += 1;
    }
    html! {
        nav class="summary" aria-label=(words.state) {
            a href="#incidents" class=(if open > 0 { "chip down" } else { "chip up" }) {
                b { (open) } " " (words.incidents) " " (words.open)
            }
            a href="#fleet" class=(if hosts_down > 0 { "chip down" } else { "chip up" }) {
                b { (overview.hosts.len() - hosts_down) "/" (overview.hosts.len()) } " "
                (words.hosts) " " (words.up)
            }
            @for (health, count) in states {
                a href="#fleet" class=(format!("chip {}", class(health))) {
                    span aria-hidden="true" { (glyph(health)) } " " b { (count) } " "
                    (words.vms) " " (health_word(overview.lang, health))
                }
            }
            (monitor_chip(&overview.monitor, words))
        }
    }
}

fn health_word(lang: Lang, health: Health) -> &'static str {
    match health {
        Health::Up => lang.pick("up", "正常"),
        Health::Starting => lang.pick("starting", "启动中"),
        Health::Leaving => lang.pick("leaving", "退出中"),
        Health::Down => lang.pick("down", "不可用"),
        Health::Unknown => lang.pick("unknown", "未知"),
    }
}

fn monitor_chip(monitor: &MonitorHealth, words: &Words) -> Markup {
    let old = monitor.data_age_s.is_none_or(|age| age > OLD_DATA_S);
    let trouble = old || monitor.config_error.is_some();
    html! {
        a href="#monitor" class=(if trouble { "chip unknown" } else { "chip up" }) {
            @if trouble { (words.monitor) } @else { (words.monitor_well) }
            ", "
            @match monitor.data_age_s {
                Some(age) => { (words.data_age) " " (format!("{age:.0}")) " s" }
                None => { (words.no_data) }
            }
        }
    }
}

fn tiles(overview: &Overview) -> impl Iterator<Item = &VmTile> {
    overview.hosts.iter().flat_map(|host| &host.vms).chain(&overview.unplaced)
}

fn incidents(overview: &Overview, words: &Words, zone: &Zone) -> Markup {
    let (open, ended): (Vec<_>, Vec<_>) =
        overview.incidents.iter().partition(|incident| incident.closed.is_none());
    html! {
        section class="card" id="incidents" {
            h2 { (words.incidents) }
            div aria-live="polite" {
                @for incident in &open { (incident_line(overview, incident, words, zone)) }
            }
            @for incident in ended.iter().take(ENDED) {
                (incident_line(overview, incident, words, zone))
            }
            @if overview.incidents.is_empty() { p class="calm" { "✓ " (words.no_incidents) } }
        }
    }
}

fn incident_line(
    overview: &Overview,
    incident: &IncidentView,
    words: &Words,
    zone: &Zone,
) -> Markup {
    let over = incident.closed.is_some();
    let lasted = incident.closed.unwrap_or(overview.now).since(incident.opened);
    html! {
        article class=(if over { "incident over" } else { "incident" }) {
            h3 {
                span class=(if over { "badge" } else { "badge down" }) {
                    @if over { (words.closed) } @else { (root_state(overview.lang, &incident.state)) }
                }
                " " a href=(format!("/incidents/{}", incident.id)) { (incident.headline) }
            }
            p class="dim" {
                (words.since) " " (zone.time(incident.opened))
                @if let Some(closed) = incident.closed { " " (words.until) " " (zone.time(closed)) }
                " · " (span(overview.lang, lasted))
                @if !incident.businesses.is_empty() {
                    " · " (words.businesses) " "
                    (incident.businesses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
                }
            }
        }
    }
}

fn fleet(overview: &Overview, words: &Words) -> Markup {
    html! {
        section class="card" id="fleet" {
            h2 { (words.fleet) }
            @for host in &overview.hosts { (host_row(overview.lang, host, words)) }
            @if !overview.unplaced.is_empty() {
                div class="host" {
                    div class="host-name dim" { (words.unplaced) }
                    (groups(overview.lang, &overview.unplaced, words))
                }
            }
            details {
                summary { (words.as_table) }
                (table(overview, words))
            }
        }
    }
}

fn host_row(lang: Lang, host: &HostView, words: &Words) -> Markup {
    html! {
        div class=(format!("host {}", class(host.up))) {
            div class="host-name" title=(host.why.as_deref().unwrap_or("")) {
                span class="glyph" aria-hidden="true" { (glyph(host.up)) } " " b { (host.id) }
                span class="dim" { " " (health_word(lang, host.up)) }
            }
            (groups(lang, &host.vms, words))
        }
    }
}

/// VMs of one module side by side; the pool last.
fn groups(lang: Lang, vms: &[VmTile], words: &Words) -> Markup {
    let mut modules: BTreeMap<(bool, String), Vec<&VmTile>> = BTreeMap::new();
    for tile in vms {
        let name = tile.module.as_ref().map_or(words.pool.to_owned(), ToString::to_string);
        modules.entry((tile.module.is_none(), name)).or_default().push(tile);
    }
    html! {
        div class="groups" {
            @if vms.is_empty() { span class="dim" { (words.no_vms) } }
            @for ((_, name), tiles) in &modules {
                div class="group" {
                    div class="group-name dim" { (name) " · " (tiles.len()) }
                    div class="tiles" { @for vm in tiles { (tile(lang, vm)) } }
                }
            }
        }
    }
}

fn tile(lang: Lang, vm: &VmTile) -> Markup {
    let hint = format!("{} · {} · {}", vm.id, state(lang, vm.state), vm.why);
    let look = if vm.stale && vm.state == VmState::Serving { "tile stale" } else { "tile" };
    let shade = if vm.state == VmState::Pool { "waiting" } else { class(vm.health) };
    html! {
        div class=(format!("{look} {shade}")) title=(hint) {
            span class="tile-name" {
                span class="glyph" aria-hidden="true" { (glyph(vm.health)) } " " (vm.id)
            }
            span class="tile-word" {
                @match (vm.state, vm.load) {
                    (VmState::Serving, Some(load)) => { (format!("{load:.2}")) }
                    _ => { (state(lang, vm.state)) }
                }
            }
        }
    }
}

fn table(overview: &Overview, words: &Words) -> Markup {
    let placed = overview
        .hosts
        .iter()
        .flat_map(|host| host.vms.iter().map(move |vm| (host.id.as_str(), vm)));
    let unplaced = overview.unplaced.iter().map(|vm| (words.unplaced, vm));
    html! {
        table {
            thead { tr {
                th { (words.host) } th { (words.vm) } th { (words.module) } th { (words.state) }
                th class="number" { (words.load) } th { (words.why) }
            } }
            tbody {
                @for (host, vm) in placed.chain(unplaced) {
                    tr {
                        td data-label=(words.host) { (host) }
                        td data-label=(words.vm) { (vm.id) }
                        td data-label=(words.module) {
                            @match &vm.module { Some(id) => (id), None => (words.pool) }
                        }
                        td data-label=(words.state) {
                            (glyph(vm.health)) " " (state(overview.lang, vm.state))
                        }
                        td data-label=(words.load) class="number" {
                            @if let Some(load) = vm.load { (format!("{load:.2}")) } @else { "–" }
                        }
                        td data-label=(words.why) { (vm.why) }
                    }
                }
            }
        }
    }
}

fn modules(overview: &Overview, words: &Words, zone: &Zone) -> Markup {
    html! {
        section id="modules" {
            h2 { (words.modules) }
            @if overview.modules.is_empty() { p class="dim" { (words.no_modules) } }
            @for module in &overview.modules {
                article class="card" {
                    h3 { a href=(format!("/modules/{}", module.id)) { (module.id) } }
                    (figure(overview, module, words, zone))
                }
            }
        }
    }
}

fn pools(pools: &[PoolView], words: &Words) -> Markup {
    html! {
        section class="card" id="pools" {
            h2 { (words.pools) }
            @if pools.is_empty() { p class="dim" { (words.no_pools) } }
            @for pool in pools {
                div class="pool" {
                    b { (pool.flavor) }
                    div class="facts" {
                        (fact(words.ready, &format!("{} {} {}", pool.ready, words.of, pool.wanted_ready)))
                        (fact(words.being_made, &pool.booting.to_string()))
                        (fact(words.in_all, &format!("{} {} {}", pool.total, words.of, pool.max_total)))
                    }
                    progress max=(pool.wanted_ready.max(1)) value=(pool.ready.min(pool.wanted_ready))
                        aria-label=(words.ready) {}
                    @if !pool.note.is_empty() { p class="trouble" { "✕ " (pool.note) } }
                }
            }
        }
    }
}

/// A number with its name.
pub(crate) fn fact(name: &str, value: &str) -> Markup {
    html! { div class="fact" { span class="dim" { (name) } b { (value) } } }
}

fn monitor(monitor: &MonitorHealth, words: &Words, zone: &Zone) -> Markup {
    html! {
        section class="card" id="monitor" {
            h2 { (words.monitor) }
            @if let Some(error) = &monitor.config_error {
                p class="trouble" { "✕ " (words.files_refused) }
                pre { (error) }
            }
            div class="facts" {
                @if let Some(age) = monitor.data_age_s {
                    (fact(words.data_age, &format!("{age:.1} s")))
                }
                (fact(words.targets, &monitor.targets.to_string()))
            }
            @if monitor.faults.is_empty() {
                p class="calm" { "✓ " (words.no_faults) }
            } @else {
                h3 { (words.faults) " · " (monitor.faults.len()) }
                ul class="faults" {
                    @for fault in monitor.faults.iter().take(50) {
                        li {
                            b { (fault.object) } " " span { (fault.error) }
                            span class="dim" { " " (words.since) " " (zone.time(fault.since)) }
                        }
                    }
                }
            }
        }
    }
}
