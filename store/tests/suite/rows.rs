//! Rows to start from; a test changes what it is about.

use model::id::{DecisionId, IncidentId, PersonId, VmId};
use model::time::Time;
use model::vm::{Addresses, Vm, VmState};
use store::{
    AnswersRow, DecisionRow, IncidentRow, JournalRow, LookRow, NoteRow, OutgoingRow,
    OutgoingStatus, StepKind, StepRow, StepStatus, TransitionRow,
};

pub(crate) fn at(millis: i64) -> Time {
    Time::from_millis(millis)
}

/// The ends of time, for questions about everything.
pub(crate) fn always() -> (Time, Time) {
    (at(i64::MIN), at(i64::MAX))
}

pub(crate) fn vm(id: &str, state: VmState) -> Vm {
    Vm {
        id: id.parse().unwrap(),
        flavor: "small".parse().unwrap(),
        state,
        since: at(20),
        created: at(10),
        host: Some("h1".parse().unwrap()),
        addresses: Some(Addresses {
            agent: "127.0.0.1:10050".parse().unwrap(),
            app: "[::1]:8080".parse().unwrap(),
        }),
        module: Some("shop/web".parse().unwrap()),
        assignment: 3,
        route_generation: 7,
        why: "load 0.91 is above 0.80".to_owned(),
    }
}

pub(crate) fn step(id: u64, vm: &str, status: StepStatus) -> StepRow {
    StepRow {
        id,
        vm: VmId::parse(vm).unwrap(),
        kind: StepKind::Create,
        status,
        attempt: 2,
        not_before: at(40),
        issued: Some(at(41)),
        error: Some("no answer".to_owned()),
        planned: at(39),
    }
}

pub(crate) fn decision(id: &str, module: &str, millis: i64) -> DecisionRow {
    DecisionRow {
        id: DecisionId::parse(id).unwrap(),
        module: module.parse().unwrap(),
        at: at(millis),
        from: 4,
        to: 6,
        held: false,
        reason: "load".to_owned(),
        body: r#"{"load":0.91}"#.to_owned(),
    }
}

pub(crate) fn incident(id: &str, opened: i64, closed: Option<i64>) -> IncidentRow {
    IncidentRow {
        id: IncidentId::parse(id).unwrap(),
        opened: at(opened),
        closed: closed.map(at),
        root: "host/h1".parse().unwrap(),
        body: r#"{"took":["vm/web-1"]}"#.to_owned(),
    }
}

pub(crate) fn message(
    key: &str,
    incident: &str,
    created: i64,
    status: OutgoingStatus,
) -> OutgoingRow {
    OutgoingRow {
        key: key.to_owned(),
        incident: IncidentId::parse(incident).unwrap(),
        to: PersonId::parse("alice").unwrap(),
        kind: "problem".to_owned(),
        channel: "mail".to_owned(),
        body: r#"{"text":"h1 is down"}"#.to_owned(),
        created: at(created),
        attempts: 1,
        next_at: at(created + 5),
        status,
        error: Some("timed out".to_owned()),
        delivered: None,
    }
}

pub(crate) fn transition(
    module: &str,
    from: i64,
    until: Option<i64>,
    state: &str,
) -> TransitionRow {
    TransitionRow {
        vantage: None,
        module: module.parse().unwrap(),
        at: at(from),
        until: until.map(at),
        state: state.to_owned(),
        why: "status: 500".to_owned(),
    }
}

pub(crate) fn look(module: &str, millis: i64, took: Option<u64>) -> LookRow {
    LookRow { at: at(millis), module: module.parse().unwrap(), took }
}

pub(crate) fn answers(module: &str, hours: u32, from: i64, body: &[u8]) -> AnswersRow {
    let (module, at, body) = (module.parse().unwrap(), at(from), body.to_vec());
    AnswersRow { module, hours, at, probes: 120, failures: 1, body }
}

pub(crate) fn note(millis: i64, incident: Option<&str>, object: Option<&str>) -> NoteRow {
    NoteRow {
        at: at(millis),
        incident: incident.map(|id| id.parse().unwrap()),
        object: object.map(|object| object.parse().unwrap()),
        body: format!(r#"{{"of":{millis}}}"#),
    }
}

pub(crate) fn line(millis: i64, text: &str) -> JournalRow {
    JournalRow {
        at: at(millis),
        who: "scaler".to_owned(),
        what: "vm serving".to_owned(),
        object: Some("vm/web-1".parse().unwrap()),
        text: text.to_owned(),
    }
}
