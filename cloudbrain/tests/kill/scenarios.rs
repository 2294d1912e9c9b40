//! What is under way when the brain is killed. A scenario is one entry of [`ALL`].

use std::collections::BTreeSet;
use std::net::TcpStream;

use crate::cloud::Turn;
use crate::fleet::{Fleet, Shape};

/// One thing that happens to a fleet at rest, and how it is to be afterwards.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// One sentence for the report.
    pub(crate) what: &'static str,
    pub(crate) base: Shape,
    pub(crate) then: Shape,
    pub(crate) begin: fn(&Fleet, &Scenario) -> Held,
    /// Makes the way back to `base` possible.
    pub(crate) end: fn(&Fleet),
    /// Brains that are started at once.
    pub(crate) rivals: usize,
    /// Runs that one fleet is used for; then comes a fresh one.
    pub(crate) runs: usize,
}

/// What lasts as long as the scenario does.
#[derive(Default)]
pub(crate) struct Held {
    _requests: Vec<TcpStream>,
    /// VMs that must not be there in the end.
    pub(crate) victims: BTreeSet<String>,
}

const fn shape(serving: usize, ready: usize, max_total: usize) -> Shape {
    Shape { serving, ready, max_total }
}

pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "out",
        what: "three VMs more; one create is done and answered with an error",
        base: shape(2, 2, 7),
        then: shape(5, 2, 7),
        begin: |fleet, scenario| {
            fleet.cloud.answer_creates(&[Turn::Well, Turn::DoneButSaysNo]);
            fleet.want(scenario.then);
            Held::default()
        },
        end: |_| {},
        rivals: 1,
        runs: 12,
    },
    Scenario {
        name: "in",
        what: "two VMs fewer, each with a request that does not end",
        base: shape(4, 1, 5),
        then: shape(2, 1, 5),
        begin: |fleet, scenario| {
            let requests = fleet.hold_requests(scenario.base.serving);
            fleet.want(scenario.then);
            Held { _requests: requests, ..Held::default() }
        },
        end: |_| {},
        rivals: 1,
        runs: 12,
    },
    Scenario {
        name: "refill",
        what: "three VMs more for the pool, while the cloud is full twice",
        base: shape(2, 1, 6),
        then: shape(2, 4, 6),
        begin: |fleet, scenario| {
            fleet.cloud.answer_creates(&[Turn::Full, Turn::Well, Turn::Full]);
            fleet.want(scenario.then);
            Held::default()
        },
        end: |_| {},
        rivals: 1,
        runs: 12,
    },
    Scenario {
        name: "isolation",
        what: "one of five VMs hangs: out of the router, replaced, destroyed",
        base: shape(5, 1, 8),
        then: shape(5, 1, 8),
        begin: |fleet, _| {
            let victim = fleet.a_serving_vm();
            fleet.signal_vm(&victim, "-STOP");
            Held { victims: [victim].into(), ..Held::default() }
        },
        end: |_| {},
        rivals: 1,
        runs: 12,
    },
    Scenario {
        name: "host",
        what: "one of two hosts dies with its VMs",
        base: shape(3, 1, 10),
        then: shape(3, 1, 10),
        begin: |fleet, _| {
            let host = fleet.busy_host();
            let victims = fleet.vms_on(host);
            fleet.cloud.kill_host(host);
            Held { victims, ..Held::default() }
        },
        end: |fleet| ["h1", "h2"].iter().for_each(|host| fleet.cloud.revive(host)),
        rivals: 1,
        // VMs do not spread over the hosts again by themselves, and if all of them die at once the
        // scaler waits, since the fault may be with the onlooker.
        runs: 1,
    },
    Scenario {
        name: "nothing",
        what: "the cloud says yes to a create and does nothing",
        base: shape(2, 1, 6),
        then: shape(3, 1, 6),
        begin: |fleet, scenario| {
            fleet.cloud.answer_creates(&[Turn::OnlySaysYes]);
            fleet.want(scenario.then);
            Held::default()
        },
        end: |_| {},
        rivals: 1,
        runs: 12,
    },
    Scenario {
        name: "two",
        what: "two VMs more; each time two brains are started on the one folder",
        base: shape(1, 1, 4),
        then: shape(3, 1, 4),
        begin: |fleet, scenario| {
            let refused = fleet.command().output().expect("the binary under test runs");
            assert_eq!(refused.status.code(), Some(1), "one brain a folder");
            fleet.want(scenario.then);
            Held::default()
        },
        end: |_| {},
        rivals: 2,
        runs: 12,
    },
];
