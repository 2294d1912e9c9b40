//! The sources of all knowledge, a row each: who was asked, who answered, and what went wrong last.
//!
//! One more kind of source is one more line in [`all`], or in [`kind_of`] if it is a sort of watch.

use std::collections::BTreeMap;
use std::time::Duration;

use collector::datasource::DataSourceKind;
use collector::watch::{Source, WatchSpec};
use collector::zabbix::stats::Stats;
use dashboards::view::monitor::{
    ActiveDetail, Listed, SourceDetail, SourceError, SourceKind, SourceState, SourceView,
    ZabbixDetail,
};
use drivers::router::RouterSpec;
use model::time::Time;

use super::Beside;
use crate::brain::core::Core;
use crate::brain::intake::Pushed;
use crate::brain::senses::{
    Cause, Fault, LastLook, PROVIDER, Senses, list_name, probe_name, router_name, server_name,
};
use crate::config::raw::RawProvider;

/// Why a host that is missing in a list of Zabbix is still believed in.
const HELD: &str = "a host is believed to be gone only when several lists in a row lack it";

/// Targets that are asked in the same way, and what became of it.
#[derive(Debug, Default)]
struct Group<'a> {
    asked: u32,
    answered: u32,
    is_heard: bool,
    newest: Option<Time>,
    /// How far the one that waits longest is behind.
    late: Duration,
    /// The newest of them, and whose it is.
    fault: Option<(&'a str, &'a Fault)>,
}

/// One target of a group.
struct Member {
    name: String,
    every: Duration,
    timeout: Duration,
}

pub(super) fn all(core: &Core, beside: &Beside, now: Time) -> Vec<SourceView> {
    let mut sources = Vec::new();
    sources.extend(zabbix_servers(core, now));
    sources.extend(agents(core, now));
    sources.extend(active_agents(core, beside, now));
    sources.extend(probes(core, now));
    sources.extend(watches(core, now));
    sources.extend(remote_write(&beside.intake.pushed));
    sources.extend(hands(core, now));
    sources
}

impl<'a> Group<'a> {
    fn of(senses: &'a Senses, members: impl Iterator<Item = Member>, now: Time) -> Self {
        let mut group = Self::default();
        for member in members {
            group.asked += 1;
            let fault = senses.faults.get_key_value(&member.name);
            let Some(look) = senses.looks.get(&member.name) else { continue };
            group.is_heard = true;
            group.answered += u32::from(fault.is_none() && look.is_answered());
            group.newest = group.newest.max(look.answered);
            let within = member.every + member.timeout;
            group.late = group.late.max(now.since(look.at).saturating_sub(within));
            let Some((name, fault)) = fault else { continue };
            if group.fault.is_none_or(|(_, known)| known.since <= fault.since) {
                group.fault = Some((name, fault));
            }
        }
        group
    }

    fn view(self, kind: SourceKind, name: &str) -> SourceView {
        let state = match self.is_heard {
            true => SourceState::of(self.answered, self.asked),
            false => SourceState::Waiting,
        };
        SourceView {
            kind,
            name: name.to_owned(),
            state,
            asked: Some(self.asked),
            answered: self.answered,
            newest: self.newest,
            lag_s: self.is_heard.then_some(self.late.as_secs_f64()),
            error: self.fault.map(|(whose, fault)| error(whose, fault, self.asked > 1)),
            detail: SourceDetail::None,
        }
    }
}

fn error(whose: &str, fault: &Fault, is_one_of_many: bool) -> SourceError {
    let what = match is_one_of_many {
        true => format!("{whose}: {}", fault.error),
        false => fault.error.clone(),
    };
    let remedy = match &fault.cause {
        Cause::Files { remedy } => Some(remedy.clone()),
        Cause::Target | Cause::Blind => None,
    };
    SourceError { at: fault.since, what, remedy }
}

impl LastLook {
    fn is_answered(&self) -> bool {
        self.answered.is_some()
    }
}

/// All agents that are polled; none if there are none.
fn agents(core: &Core, now: Time) -> Option<SourceView> {
    let names = core.targets().agents.iter().map(|agent| agent.object.to_string());
    polled(core, SourceKind::PassiveAgents, names, now)
}

/// Those that come by themselves, and who came without being known; none if nobody may come.
fn active_agents(core: &Core, beside: &Beside, now: Time) -> Option<SourceView> {
    core.config.raw.collector.active.as_ref()?;
    let mut view = polled(core, SourceKind::ActiveAgents, core.come_by_themselves(), now);
    let view = view.get_or_insert_with(|| Group::default().view(SourceKind::ActiveAgents, ""));
    let strangers = beside.active.strangers.iter().rev().map(|stranger| stranger.name.clone());
    view.detail = SourceDetail::Active(ActiveDetail {
        connected: view.answered,
        strangers: Listed::from(strangers.collect::<Vec<_>>()),
    });
    Some(view.clone())
}

fn probes(core: &Core, now: Time) -> Option<SourceView> {
    let names = core.targets().probes.iter().map(|probe| probe_name(&probe.target));
    polled(core, SourceKind::MonitorX, names, now)
}

fn polled(
    core: &Core,
    kind: SourceKind,
    names: impl Iterator<Item = String>,
    now: Time,
) -> Option<SourceView> {
    let (every, timeout) =
        (core.config.raw.collector.interval.0, core.config.raw.collector.timeout.0);
    let members = names.map(|name| Member { name, every, timeout });
    let group = Group::of(&core.senses, members, now);
    (group.asked > 0).then(|| group.view(kind, ""))
}

/// What has a watcher of its own, by kind and name. A scrape that names no exporter is shown, too.
fn watches(core: &Core, now: Time) -> Vec<SourceView> {
    let mut groups: BTreeMap<(SourceKind, &str), Vec<&WatchSpec>> = BTreeMap::new();
    for scrape in &core.config.scrapes {
        groups.insert((SourceKind::Prometheus, &scrape.raw.name), Vec::new());
    }
    for watch in &core.targets().watches {
        groups.entry(kind_of(watch)).or_default().push(watch);
    }
    let view = |((kind, name), watches): ((SourceKind, &str), Vec<&WatchSpec>)| {
        let members = watches.into_iter().map(|watch| Member {
            name: watch.name.clone(),
            every: watch.every,
            timeout: watch.timeout,
        });
        let mut view = Group::of(&core.senses, members, now).view(kind, name);
        if kind == SourceKind::Prometheus {
            trouble_of_lists(core, name, &mut view);
        }
        view
    };
    groups.into_iter().map(view).collect()
}

/// The kind of a watch, and the name under which all of its sort are shown.
fn kind_of(watch: &WatchSpec) -> (SourceKind, &str) {
    let part = |place| watch.name.split('/').nth(place).unwrap_or_default();
    match &watch.source {
        Source::Check(_) => (SourceKind::Check, part(1)),
        Source::Scrape(_) => (SourceKind::Prometheus, part(1)),
        Source::DataSource(target) => {
            let kind = match target.kind {
                DataSourceKind::MySql => SourceKind::Mysql,
                DataSourceKind::PostgreSql => SourceKind::Postgresql,
                DataSourceKind::Redis => SourceKind::Redis,
                DataSourceKind::Memcached => SourceKind::Memcached,
            };
            (kind, part(1))
        }
    }
}

/// A list that says less than it should comes before an exporter that does not answer.
fn trouble_of_lists(core: &Core, scrape: &str, view: &mut SourceView) {
    let lists = core.discovered().lists.keys().filter(|list| list.scrape() == scrape);
    let faults = &core.senses.faults;
    let troubled = lists.filter_map(|list| faults.get_key_value(&list_name(list)));
    if let Some((name, fault)) = troubled.max_by_key(|(_, fault)| fault.since) {
        view.error = Some(error(name, fault, true));
        view.state = view.state.min(SourceState::Partial);
    }
}

fn zabbix_servers(core: &Core, now: Time) -> Vec<SourceView> {
    let servers = core.config.zabbix.iter().map(|server| &server.raw.name);
    servers.map(|server| zabbix_server(core, server, now)).collect()
}

fn zabbix_server(core: &Core, server: &str, now: Time) -> SourceView {
    let name = server_name(server);
    let (every, timeout) = (Duration::ZERO, Duration::ZERO);
    let members = [Member { name: name.clone(), every, timeout }].into_iter();
    let mut view = Group::of(&core.senses, members, now).view(SourceKind::ZabbixServer, server);
    let Some(stats) = core.senses.zabbix.get(server) else { return view };
    view.lag_s = stats.events_read_at.map(|at| now.since(at).as_secs_f64());
    if !stats.held.is_empty() {
        view.state = view.state.min(SourceState::Partial);
    }
    // Of a server that never answered there is nothing to tell.
    if stats.calls > stats.failed_calls {
        view.detail = SourceDetail::Zabbix(zabbix_detail(stats));
    }
    view
}

fn zabbix_detail(stats: &Stats) -> ZabbixDetail {
    ZabbixDetail {
        version: stats.version.map(|version| version.to_string()),
        latency_p95_s: Some(stats.latency_p95.as_secs_f64()),
        stretch: stats.stretch,
        gaps: stats.gaps,
        held: Listed::from(stats.held.clone()),
        held_why: if stats.held.is_empty() { String::new() } else { HELD.to_owned() },
        unmapped: stats.unknown_count,
    }
}

/// Others send when they like; there is nothing to tell until somebody did.
fn remote_write(pushed: &Pushed) -> Option<SourceView> {
    let fault = pushed.fault.as_ref();
    if pushed.last.is_none() && fault.is_none() {
        return None;
    }
    let state = match (pushed.last, fault) {
        (None, _) => SourceState::Silent,
        (Some(_), Some(_)) => SourceState::Partial,
        (Some(_), None) => SourceState::Well,
    };
    Some(SourceView {
        kind: SourceKind::RemoteWrite,
        name: String::new(),
        state,
        asked: None,
        answered: 0,
        newest: pushed.last,
        lag_s: None,
        error: fault.map(|(at, what)| SourceError { at: *at, what: what.clone(), remedy: None }),
        detail: SourceDetail::None,
    })
}

/// Those who carry out what is decided also tell what there is and where it goes.
fn hands(core: &Core, now: Time) -> Vec<SourceView> {
    let provider = core.config.raw.providers.iter().map(RawProvider::name);
    let provider = provider.map(|name| (SourceKind::Provider, name, PROVIDER.to_owned()));
    let routers = core.config.raw.routers.iter().map(RouterSpec::name);
    let routers = routers.map(|name| (SourceKind::Router, name, router_name(name)));
    let view = |(kind, name, target): (SourceKind, &str, String)| {
        let (every, timeout) = (Duration::ZERO, Duration::ZERO);
        let members = [Member { name: target, every, timeout }].into_iter();
        let view = Group::of(&core.senses, members, now).view(kind, name);
        SourceView { lag_s: None, ..view }
    };
    provider.chain(routers).map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn view(senses: &Senses, names: &[&str]) -> SourceView {
        let members = names.iter().map(|name| Member {
            name: (*name).to_owned(),
            every: SECOND * 5,
            timeout: SECOND * 2,
        });
        Group::of(senses, members, at(100)).view(SourceKind::Prometheus, "node")
    }

    #[test]
    fn what_was_not_looked_at_yet_is_waited_for_and_not_called_silent() {
        let senses = Senses::default();
        let view = view(&senses, &["a", "b"]);
        assert_eq!((view.state, view.asked, view.answered), (SourceState::Waiting, Some(2), 0));
        assert_eq!((view.lag_s, view.newest), (None, None));
    }

    #[test]
    fn a_group_is_as_late_as_the_one_that_waits_longest() {
        let mut senses = Senses::default();
        senses.looked("a", at(99), true);
        senses.looked("b", at(90), true);
        let view = view(&senses, &["a", "b"]);
        assert_eq!((view.state, view.answered), (SourceState::Well, 2));
        assert_eq!((view.lag_s, view.newest), (Some(3.0), Some(at(99))));
    }

    #[test]
    fn the_newest_fault_is_told_with_whose_it_is_and_what_to_do() {
        let mut senses = Senses::default();
        for (name, answers) in [("a", true), ("b", false), ("c", true)] {
            senses.looked(name, at(99), answers);
        }
        senses.fault("b".to_owned(), "connection refused", at(60));
        senses.misconfigured("c", "401", "write a token", at(70));
        let some = view(&senses, &["a", "b", "c"]);
        assert_eq!((some.state, some.answered), (SourceState::Partial, 1));
        let remedy = Some("write a token".to_owned());
        let expected = SourceError { at: at(70), what: "c: 401".to_owned(), remedy };
        assert_eq!(some.error, Some(expected));
        let alone = view(&senses, &["b"]);
        assert_eq!(alone.state, SourceState::Silent);
        assert_eq!(alone.error.map(|error| error.what).as_deref(), Some("connection refused"));
    }

    #[test]
    fn a_source_of_pushes_is_there_once_somebody_pushed() {
        assert_eq!(remote_write(&Pushed::default()), None);
        let fault = Some((at(7), "the body is no snappy block".to_owned()));
        let refused = Pushed { fault: fault.clone(), ..Pushed::default() };
        assert_eq!(remote_write(&refused).map(|view| view.state), Some(SourceState::Silent));
        let both = Pushed { requests: 1, values: 2, last: Some(at(5)), fault, ..Pushed::default() };
        assert_eq!(remote_write(&both).map(|view| view.state), Some(SourceState::Partial));
    }
}
