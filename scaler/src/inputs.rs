//! What a decision went by, whole: who has this can decide again and come to the same.
//!
//! It is stored with the decision, so it holds plain values and no references, and each key that was
//! added later has a default, so that what an older build stored can still be read.

use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::facts::{Forecast, ScheduleSpan, SpentBudget};
use crate::hold::Hold;
use crate::lead::LeadTimes;
use crate::policy::{
    Aggregate, Aim, MetricSource, Mode, Over, PaceIn, PaceOut, Policy, RawForecast, RawMissingData,
};
use crate::reason::Reason;

/// What was known when it was decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    pub serving: u32,
    /// On their way into service.
    pub warming: u32,
    pub readings: Vec<Reading>,
    /// What the policy said; None in what an older build stored.
    #[serde(default)]
    pub terms: Option<Terms>,
    #[serde(default)]
    pub clocks: Clocks,
    /// The schedules that held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleSpan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    #[serde(default)]
    pub room: Room,
    /// How long VMs take to serve: what targets look ahead by. None without a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<LeadTimes>,
    /// The module's error budget, if it is used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<SpentBudget>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// What each metric asked for, in their order; none without metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Ask>,
}

/// The part of a policy that decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    pub mode: Mode,
    pub min: u32,
    pub max: u32,
    pub out: PaceOut,
    #[serde(rename = "in")]
    pub inward: PaceIn,
    pub missing: RawMissingData,
    pub forecast: RawForecast,
}

impl Terms {
    pub(crate) fn of(policy: &Policy) -> Self {
        Self {
            mode: policy.mode,
            min: policy.min,
            max: policy.max,
            out: policy.out,
            inward: policy.inward,
            missing: policy.missing,
            forecast: policy.forecast,
        }
    }
}

/// When what was done last was done, and for how long things are as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clocks {
    /// Before this the load does not yet show the VMs that came last.
    pub settled_until: Time,
    pub last_out: Option<Time>,
    pub last_in: Option<Time>,
    /// The next step down may not come before this, whoever asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_in: Option<Time>,
    /// Since when what was asked for is known without a hole.
    pub watching_since: Option<Time>,
    /// The highest count that was asked for within the stabilisation time,
    pub highest: Option<u32>,
    /// and until when that, or the count in force if it is lower, was asked for.
    pub highest_until: Option<Time>,
    /// Since when some metric is unknown.
    pub unknown_since: Option<Time>,
}

/// How much the rest of the fleet leaves room for. None: nobody said, so it limits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Room {
    /// VMs of the flavor that wait in the pool and are fit to be given out.
    pub ready: Option<u32>,
    /// VMs of the flavor that can still be made: by quota, by the hosts, by the pool's `max_total`.
    pub creatable: Option<u32>,
    /// VMs of the module that may be taken away: not protected, old enough, not the last.
    pub removable: Option<u32>,
    /// VMs of the whole fleet that may still be taken away before its brake trips.
    pub brake: Option<u32>,
    /// Until then load is no reason to add VMs: it did not fall when they were added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stuck_until: Option<Time>,
}

/// One metric, over the VMs that are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub name: String,
    #[serde(default)]
    pub source: MetricSource,
    #[serde(default)]
    pub over: Over,
    #[serde(default)]
    pub aggregate: Aggregate,
    /// The aggregate over the VMs with a fresh sample; None without any.
    #[serde(alias = "mean")]
    pub value: Option<f64>,
    /// The aggregate if every VM without a fresh sample were idle.
    #[serde(default)]
    pub at_least: Option<f64>,
    pub min: Option<f64>,
    #[serde(default)]
    pub p90: Option<f64>,
    pub max: Option<f64>,
    /// The VM with the highest value: a mean hides one hot VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hottest: Option<VmId>,
    pub fresh: u32,
    /// VMs that are read: those in service, or all.
    pub serving: u32,
    pub oldest_sample_s: Option<f64>,
    pub known: bool,
    /// The share of VMs that must report.
    #[serde(default)]
    pub coverage: f64,
    /// Why its expression has no value, if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    pub out_above: f64,
    pub in_below: Option<f64>,
    /// None in what an older build stored.
    #[serde(default)]
    pub aim: Option<Aim>,
    /// For how long it has been beyond its thresholds, while it was known.
    #[serde(default)]
    pub above_for: Duration,
    #[serde(default)]
    pub below_for: Duration,
    /// What a target metric asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Ask>,
}

impl Reading {
    /// Whether its value is the whole of the work, not what one VM has of it.
    pub fn is_whole(&self) -> bool {
        self.source == MetricSource::Outside || self.aggregate == Aggregate::Sum
    }

    /// Why there is no value to go by.
    pub fn missing(&self) -> Reason {
        let metric = self.name.clone();
        match &self.fault {
            Some(fault) => Reason::NoAnswer { metric, fault: fault.clone() },
            None => Reason::SamplesMissing {
                metric,
                fresh: self.fresh,
                serving: self.serving,
                coverage: self.coverage,
            },
        }
    }
}

/// The count that one metric asks for, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub metric: String,
    pub to: u32,
    pub reason: Reason,
    /// It asks for fewer only when they were not needed for long enough: it knows by itself how long
    /// that is, and what VMs on their way will carry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_patient: bool,
}

impl Inputs {
    /// What times on the way, schedules, the forecast and people said, each in a line that begins with
    /// its kind.
    pub fn said(&self) -> Vec<String> {
        let lead = self.lead.iter().map(|lead| format!("lead     {lead}"));
        let spans = self.schedules.iter();
        let spans =
            spans.map(|span| format!("schedule {} until {}{}", span.name, span.until, says(span)));
        let forecast = self.forecast.iter().map(|forecast| {
            let trusted = if forecast.is_trusted { "" } else { ", which lifts nothing" };
            format!("forecast {} VMs{trusted}: {}", forecast.count, forecast.why)
        });
        let holds = self.holds.iter().map(|hold| {
            let (what, by, until) = (hold.what.as_str(), &hold.by, hold.until);
            format!("hold     {what} until {until}, by {by}: {}", hold.reason)
        });
        lead.chain(spans).chain(forecast).chain(holds).collect()
    }
}

fn says(span: &ScheduleSpan) -> String {
    let count = |word: &str, count: Option<u32>| {
        count.map_or_else(String::new, |count| format!(", {word} {count}"))
    };
    let mode = span.mode.map_or_else(String::new, |mode| format!(", mode {}", mode.as_str()));
    format!("{}{}{mode}", count("min", span.min), count("max", span.max))
}

impl Ask {
    pub fn of(reading: &Reading, to: u32, reason: Reason) -> Self {
        Self { metric: reading.name.clone(), to, reason, is_patient: false }
    }

    /// It asks for no change.
    pub fn stay(reading: &Reading, desired: u32, reason: Reason) -> Self {
        Self::of(reading, desired, reason)
    }
}
