//! What the alerter is told of its open incidents before it speaks: from the accounts what they
//! have cost, from the provider and the pools where there is room.
//!
//! An outage begins with the first failed probe, and the word that something is wrong comes only
//! after some of them. So the cost of an incident is counted from that much before its first word.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::beside::{
    Beside, Cost, Known, MAX_HOSTS, Month, Question, Room, Suffering, questions,
};
use alerter::deliver::renew_all;
use alerter::message::Message;
use availability::Accounting;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::id::{FlavorId, HostId, ModuleId, VmId};
use model::time::Time;
use model::vm::VmState;

use super::Core;

impl Core {
    /// Hands the alerter what is known beside its own words, if it is about to speak.
    pub(super) fn prompt(&mut self, now: Time) {
        if alerter::wake_at(&self.alerter).is_some_and(|at| at <= now) {
            self.hand_in(now);
        }
    }

    /// Of an incident that was opened in the very moment in which it was told, nobody could ask
    /// before: its words are put anew.
    pub(super) fn complete(&mut self, messages: Vec<Message>, now: Time) -> Vec<Message> {
        if !self.hand_in(now) {
            return messages; // They say what there is to say.
        }
        let (settings, topology) = (&self.settings, &self.topology);
        let renewed = renew_all(settings, topology, &mut self.alerter, &messages, now);
        messages.into_iter().zip(renewed).map(|(told, newer)| newer.unwrap_or(told)).collect()
    }

    /// Whether anything is known.
    fn hand_in(&mut self, now: Time) -> bool {
        let known = questions(&self.alerter).into_iter().map(|question| {
            let known = self.known(&question, now);
            (question.incident, known)
        });
        let known: Beside = known.collect();
        let is_any = known.values().any(|known| *known != Known::default());
        self.step(alerter::Event::Beside(known), now);
        is_any
    }

    fn known(&self, question: &Question, now: Time) -> Known {
        let month = month_begin(&self.config.raw.timezone, now);
        let cost = |(module, suffering): (&ModuleId, &Suffering)| {
            let month = suffering.is_over.then_some(month);
            Some((module.clone(), self.cost(module, suffering.since, month, now)?))
        };
        let costs = question.modules.iter().filter_map(cost).collect();
        Known { costs, room: self.room_for(question) }
    }

    /// None for a module without an account.
    fn cost(&self, module: &ModuleId, since: Time, month: Option<Time>, now: Time) -> Option<Cost> {
        let rules = self.accounting_of(module);
        let from = since - till_it_is_known(&rules);
        let report = self.availability(module, from, now)?;
        let month = month.and_then(|month| {
            let report = self.availability(module, month, now)?;
            Some(Month { up: report.known?, coverage: report.coverage })
        });
        let (up, down, blips) = (report.up, report.down, report.blips);
        // A probe that was not made leaves a gap of half an interval; less is a late one.
        let is_gap = report.unknown >= rules.interval / 2;
        let unknown = if is_gap { report.unknown } else { Duration::ZERO };
        Some(Cost { up, down, unknown, blips, month })
    }

    fn room_for(&self, question: &Question) -> Vec<Room> {
        let mut lost: BTreeMap<&FlavorId, u32> = BTreeMap::new();
        for flavor in question.lost.iter().filter_map(|vm| self.flavor(vm)) {
            *lost.entry(flavor).or_default() += 1;
        }
        let room = lost.into_iter().map(|(flavor, lost)| Room {
            flavor: flavor.clone(),
            lost,
            hosts: self.hosts_with_room(flavor),
            ready: self.ready(flavor),
        });
        room.collect()
    }

    /// As the provider has it; one that died with its host may be known to nobody else any more.
    fn flavor(&self, vm: &VmId) -> Option<&FlavorId> {
        let known = self.scaler.vms.get(vm).map(|vm| &vm.flavor);
        let seen = || Some(&self.senses.facts.provider.as_ref()?.vms.get(vm)?.flavor);
        known.or_else(seen)
    }

    /// The roomiest first. None if no host tells how much room it has.
    fn hosts_with_room(&self, flavor: &FlavorId) -> Option<Vec<(HostId, u32)>> {
        let hosts = self.senses.hosts.values();
        let alive = hosts.filter(|host| !self.senses.facts.is_host_down(&host.id));
        let told = alive.filter_map(|host| Some((host.id.clone(), *host.room.get(flavor)?)));
        let mut told: Vec<(HostId, u32)> = told.collect();
        if told.is_empty() {
            return None;
        }
        told.retain(|(_, room)| *room > 0);
        told.sort_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        told.truncate(MAX_HOSTS);
        Some(told)
    }

    fn ready(&self, flavor: &FlavorId) -> u32 {
        let facts = &self.senses.facts;
        let vms = self.scaler.vms.values();
        let waits = vms.filter(|vm| vm.flavor == *flavor && vm.state == VmState::Pool);
        let lives = waits.filter(|vm| {
            let is_on_dead_host = vm.host.as_ref().is_some_and(|host| facts.is_host_down(host));
            !is_on_dead_host && !facts.is_agent_silent(&vm.id)
        });
        lives.count() as u32
    }
}

/// From the first failed probe to the word that something is wrong.
fn till_it_is_known(rules: &Accounting) -> Duration {
    rules.interval.saturating_mul(rules.confirm_down.max(super::MISSES))
}

/// The first moment of the month that it is in a zone; an unknown zone counts as UTC.
fn month_begin(zone: &str, now: Time) -> Time {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let Ok(moment) = Timestamp::from_millisecond(now.millis()) else { return now };
    let first = moment.to_zoned(zone).first_of_month().and_then(|first| first.start_of_day());
    first.map_or(now, |first| Time::from_millis(first.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_where_people_live() {
        // 2026-02-28T20:00:00Z is in March in Shanghai.
        let now = Time::from_millis(1_772_308_800_000);
        let begin = |zone| now.since(month_begin(zone, now)).as_secs();
        assert_eq!(begin("Asia/Shanghai"), 4 * 3600);
        assert_eq!(begin("UTC"), 27 * 86_400 + 20 * 3600);
        assert_eq!(begin("Mars/Olympus"), begin("UTC"));
    }
}
