//! What is to be looked at, and who may come by themselves: derived from the files and from what there
//! is, and what ends with that which is looked at no longer.

use std::collections::BTreeSet;
use std::sync::Arc;

use collector::active::Directory;
use collector::findings::{Findings, Subject};
use collector::poller::Targets;
use model::id::{CheckId, Object};
use model::time::Time;
use model::verdict::ProbeTarget;

use crate::brain::senses::{
    PROVIDER, STATUS_PAGE, channel_name, list_name, probe_name, router_name, server_name,
};
use crate::brain::{active, targets};

use super::{Core, Discovered};

impl Core {
    /// Who may speak for whom, if that changed.
    pub(super) fn direct(&mut self) -> Option<Arc<Directory>> {
        if !self.surveyor.take_moved() || self.config.raw.collector.active.is_none() {
            return None;
        }
        let directory = active::directory(&self.config, &self.topology);
        if directory == *self.directory {
            return None;
        }
        self.directory = Arc::new(directory);
        Some(self.directory.clone())
    }

    /// The targets, if they are others than before.
    pub(super) fn aim(&mut self, now: Time) -> Option<Arc<Targets>> {
        let targets = targets::derive(
            &self.config,
            &self.scaler,
            &self.senses,
            &self.discovered,
            &self.active,
        );
        if !std::mem::replace(&mut self.has_aimed, true) {
            self.end_what_is_made_no_longer(&targets, now);
        }
        if *targets == *self.targets {
            return None;
        }
        let agents = self.agents_of(&targets);
        let watches = targets.watches.iter().map(|watch| watch.name.clone());
        self.eye.keep_only(&agents.into_iter().chain(watches).collect());
        // What is looked at no longer cannot get well by itself; the next turn tells.
        let before = std::mem::take(&mut self.targets);
        let subjects: BTreeSet<_> = subjects(&targets).map(Subject::key).collect();
        for gone in self::subjects(&before).filter(|subject| !subjects.contains(&subject.key())) {
            let signals = self.findings.forget(gone, now);
            self.signals(signals, now);
        }
        let channels = self.config.channels.iter().map(|channel| channel_name(channel.name()));
        let page = self.config.raw.status_page.as_ref().map(|_| STATUS_PAGE.to_owned());
        let named = self.names_of(&targets).into_iter().chain(channels).chain(page).collect();
        self.senses.keep_faults_of(&named);
        // The last word of a probe that is no longer made must not stay a witness.
        let probed: BTreeSet<&ProbeTarget> = targets.probes.iter().map(|p| &p.target).collect();
        for probe in before.probes.iter().filter(|probe| !probed.contains(&probe.target)) {
            self.reach.forget_probe(&probe.target);
            self.forget_elsewhere(&probe.target);
            self.rows.end_probe(&probe.target, now);
        }
        self.vantages.keep_only(modules_of(&targets));
        self.targets = targets;
        Some(self.targets.clone())
    }

    /// A check that was taken out of its file while nobody ran cannot get well by itself, either.
    fn end_what_is_made_no_longer(&mut self, targets: &Targets, now: Time) {
        let made = subjects(targets)
            .flat_map(|subject| subject.checks().map(|check| (subject.object.clone(), check)));
        let made: BTreeSet<(Object, CheckId)> = made.collect();
        let source = Findings::source();
        let bad = self.alerter.bad_by(&source);
        let bad = bad.map(|(object, check, _)| (object.clone(), check.clone()));
        let gone: Vec<_> = bad.filter(|key| !made.contains(key)).collect();
        let end = |(object, check)| self.findings.no_longer_made(object, check, now);
        let signals: Vec<_> = gone.into_iter().map(end).collect();
        self.signals(signals, now);
    }

    pub fn discovered(&self) -> &Discovered {
        &self.discovered
    }

    /// The names of those whose agents come by themselves and are not polled beside.
    pub fn come_by_themselves(&self) -> impl Iterator<Item = String> {
        let polled: BTreeSet<&Object> =
            self.targets.agents.iter().map(|agent| &agent.object).collect();
        self.active.keys().filter(move |object| !polled.contains(object)).map(ToString::to_string)
    }

    /// All that is looked at.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// What all that is looked at or asked is called in the lists of faults and looks.
    pub fn names(&self) -> BTreeSet<String> {
        self.names_of(&self.targets)
    }

    /// What all agents are called in the lists of faults and looks, polled or coming by themselves.
    fn agents_of(&self, targets: &Targets) -> BTreeSet<String> {
        let polled = targets.agents.iter().map(|agent| &agent.object);
        polled.chain(self.active.keys()).map(ToString::to_string).collect()
    }

    fn names_of(&self, targets: &Targets) -> BTreeSet<String> {
        let agents = self.agents_of(targets);
        let probes = targets.probes.iter().map(|probe| probe_name(&probe.target));
        let watches = targets.watches.iter().map(|watch| watch.name.clone());
        let servers = self.config.zabbix.iter().map(|server| server_name(&server.raw.name));
        let provider = self.config.raw.providers.first().map(|_| PROVIDER.to_owned());
        let routers = self.config.raw.routers.iter().map(|router| router.name());
        let lists = self.discovered.lists.keys().map(list_name);
        let told = lists.chain(servers).chain(provider).chain(routers.map(router_name));
        agents.into_iter().chain(probes).chain(watches).chain(told).collect()
    }
}

fn subjects(targets: &Targets) -> impl Iterator<Item = &Subject> {
    targets.watches.iter().filter_map(|watch| watch.subject.as_ref())
}

/// The modules that vantages look at.
fn modules_of(targets: &Targets) -> BTreeSet<String> {
    let modules = targets.probes.iter().filter_map(|probe| match &probe.target {
        ProbeTarget::Domain { module, .. } => Some(module.to_string()),
        ProbeTarget::Vm { .. } => None,
    });
    modules.collect()
}
