//! Requests per second of each VM, from what the routers have counted.
//!
//! A router tells how many requests a VM has answered since the router began. Between two of its
//! reports that makes a rate; a router that began anew makes none, and what all routers tell of a VM
//! is added up. A router that has fallen silent takes its part out, and the sample with it: half of
//! the traffic would look like a calm.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use scaler::facts::{Facts, Sample};
use scaler::hands::RouterReport;
use scaler::policy::REQUESTS_PER_SECOND;

/// Over less time a rate is chance.
const SHORTEST: Duration = Duration::from_secs(1);

/// What each router said of each VM.
#[derive(Debug, Default)]
pub(super) struct RequestRates {
    routers: BTreeMap<String, BTreeMap<VmId, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    at: Time,
    served: u64,
    /// Requests a second up to then.
    rate: Option<f64>,
}

impl RequestRates {
    /// Takes in a report, and writes what follows from it into the facts.
    pub(super) fn note(
        &mut self,
        router: &str,
        report: &RouterReport,
        at: Time,
        facts: &mut Facts,
    ) {
        let counts = self.routers.entry(router.to_owned()).or_default();
        counts.retain(|vm, _| report.upstreams.contains_key(vm));
        for (vm, upstream) in &report.upstreams {
            let count = counts.get(vm).copied();
            counts.insert(vm.clone(), next(count, upstream.served, at));
        }
        for vm in report.upstreams.keys() {
            if let Some(sample) = self.sum(vm) {
                let samples = facts.samples.entry(vm.clone()).or_default();
                samples.insert(REQUESTS_PER_SECOND.to_owned(), sample);
            }
        }
    }

    /// Over all routers that know of it, as old as the oldest word; None while one has no rate yet.
    fn sum(&self, vm: &VmId) -> Option<Sample> {
        let counts = self.routers.values().filter_map(|counts| counts.get(vm));
        let mut sum = None;
        for count in counts {
            let sample = Sample { value: count.rate?, at: count.at };
            sum = Some(sum.map_or(sample, |sum: Sample| Sample {
                value: sum.value + sample.value,
                at: sum.at.min(sample.at),
            }));
        }
        sum
    }
}

fn next(before: Option<Count>, served: u64, at: Time) -> Count {
    let Some(before) = before.filter(|before| before.served <= served && before.at <= at) else {
        return Count { at, served, rate: None };
    };
    let span = at.since(before.at);
    if span < SHORTEST {
        return before;
    }
    let rate = (served - before.served) as f64 / span.as_secs_f64();
    Count { at, served, rate: Some(rate) }
}

#[cfg(test)]
mod tests {
    use scaler::hands::UpstreamReport;

    use super::*;

    fn report(served: u64) -> RouterReport {
        let upstream = UpstreamReport { served, ..UpstreamReport::default() };
        RouterReport {
            generation: 1,
            upstreams: [("vm-1".parse().unwrap(), upstream)].into(),
            ..RouterReport::default()
        }
    }

    fn told(facts: &Facts) -> Option<(f64, i64)> {
        let samples = facts.samples.get(&"vm-1".parse().unwrap())?;
        let sample = samples.get(REQUESTS_PER_SECOND)?;
        Some((sample.value, sample.at.millis() / 1000))
    }

    #[test]
    fn two_reports_make_a_rate_and_all_routers_are_added_up() {
        let (mut rates, mut facts) = (RequestRates::default(), Facts::default());
        let mut note = |router: &str, second: i64, served: u64, facts: &mut Facts| {
            rates.note(router, &report(served), Time::from_millis(second * 1000), facts);
            told(facts)
        };
        assert_eq!(note("a", 10, 100, &mut facts), None, "one count is no rate");
        assert_eq!(note("a", 20, 300, &mut facts), Some((20.0, 20)));
        facts.samples.clear();
        assert_eq!(note("b", 21, 50, &mut facts), None, "of the other router nothing is known yet");
        assert_eq!(note("b", 31, 150, &mut facts), Some((30.0, 20)), "as old as the older word");
    }

    #[test]
    fn a_router_that_began_anew_makes_no_rate() {
        let (mut rates, mut facts) = (RequestRates::default(), Facts::default());
        for (second, served) in [(10, 100), (20, 300), (30, 5)] {
            facts.samples.clear();
            rates.note("a", &report(served), Time::from_millis(second * 1000), &mut facts);
        }
        assert_eq!(told(&facts), None);
    }
}
