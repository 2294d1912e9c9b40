//! The fleet in one line of counts: the worst first, each a link to what it counts.

use maud::{Markup, html};

use super::glyph;
use crate::view::{Health, MonitorHealth, Overview};
use crate::voice::Voice;
use crate::words::{self, Word};

pub(super) fn section(overview: &Overview, voice: &Voice) -> Markup {
    let hosts = Health::ALL.map(|health| {
        let first = overview.hosts.iter().find(|host| host.up == health);
        let count = overview.hosts.iter().filter(|host| host.up == health).count();
        (health, count, first.map(|host| format!("#host-{}", host.id)))
    });
    let vms = Health::ALL.map(|health| {
        let mut alike = overview.vms().filter(|(_, vm)| vm.health == health);
        let first = alike.next().map(|(host, _)| match host {
            Some(host) => format!("#host-{host}"),
            None => "#unplaced".to_owned(),
        });
        (health, first.iter().count() + alike.count(), first)
    });
    html! {
        section #summary aria-label=(voice.say(words::SUMMARY)) {
            div.title {
                h1 { (overview.fleet) }
                p {
                    (voice.say(words::AS_OF)) " "
                    time #as-of datetime=(overview.now) { (voice.clock(overview.now)) }
                    " · " (voice.fill(words::ZONE, &[voice.zone_name()]))
                }
            }
            ul.counts {
                (incidents(overview, voice))
                (counts(words::HOSTS, &hosts, voice))
                (counts(words::VMS, &vms, voice))
                (monitor(&overview.monitor, voice))
            }
        }
    }
}

fn incidents(overview: &Overview, voice: &Voice) -> Markup {
    let open = overview.incidents.iter().filter(|incident| incident.closed.is_none()).count();
    let health = if open > 0 { Health::Down } else { Health::Up };
    html! {
        li {
            a.count.(health.class()) href="#incidents" {
                (glyph(health))
                @match open {
                    0 => { span { (voice.say(words::NO_INCIDENTS)) } }
                    1 => { strong { "1" } span { (voice.say(words::OPEN_INCIDENT)) } }
                    _ => { strong { (open) } span { (voice.say(words::OPEN_INCIDENTS)) } }
                }
            }
        }
    }
}

fn counts(what: Word, counts: &[(Health, usize, Option<String>)], voice: &Voice) -> Markup {
    html! {
        li.of {
            span.what { (voice.say(what)) }
            @for (health, count, anchor) in counts.iter().filter(|(_, count, _)| *count > 0) {
                a.count.(health.class()) href=[anchor] {
                    (glyph(*health)) strong { (count) } span { (voice.health(*health)) }
                }
            }
        }
    }
}

fn monitor(monitor: &MonitorHealth, voice: &Voice) -> Markup {
    let (health, word) = match (monitor.sees(), monitor.is_healthy()) {
        (false, _) => (Health::Unknown, words::MONITOR_BLIND),
        (true, false) => (Health::Unknown, words::MONITOR_FILES),
        (true, true) => (Health::Up, words::MONITOR_WELL),
    };
    html! {
        li {
            a.count.(health.class()) href="#monitor" {
                (glyph(health))
                span { (voice.say(word)) ", " (voice.data_age(monitor.data_age_s)) }
            }
        }
    }
}
