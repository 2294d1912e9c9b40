//! P15: what is stored of a decision is enough to make it again, bit by bit.

use proptest::prelude::*;

use super::beside::{Beside, look, span, with};
use super::*;
use crate::reason::Decision;

fn maybe<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(value)
}

fn loads() -> impl Strategy<Value = Vec<Option<f64>>> {
    proptest::collection::vec(maybe(0.0..2.0_f64), 0..6)
}

fn beside() -> impl Strategy<Value = Beside> {
    let room = (maybe(0..4_u32), maybe(0..4_u32), maybe(0..4_u32), maybe(0..4_u32));
    let schedule = maybe((0..9_u32, 0..9_u32));
    let forecast = maybe((0..12_u32, any::<bool>()));
    let hold = maybe(0..HoldWhat::ALL.len());
    let spent = maybe(0..600_000_i64);
    (room, schedule, forecast, hold, spent).prop_map(|(room, schedule, forecast, hold, spent)| {
        let (ready, creatable, removable, brake) = room;
        let spans = schedule.map(|(a, b)| span(Some(a.min(b)), Some(a.max(b).max(1)), None));
        let hold = hold.map(|what| Hold {
            id: "h1".parse().unwrap(),
            module: None,
            what: HoldWhat::ALL[what],
            from: Time::default(),
            until: Time::from_millis(1_000_000),
            by: "ops".parse().unwrap(),
            reason: String::new(),
        });
        Beside {
            schedules: spans.map(|beside| beside.schedules).unwrap_or_default(),
            forecast: forecast.map(|(count, is_trusted)| Forecast {
                count,
                at: Time::default(),
                is_trusted,
                why: String::new(),
            }),
            room: Room { ready, creatable, removable, brake, stuck_until: None },
            holds: hold.into_iter().collect(),
            spent: spent.map(|until| SpentBudget {
                policy: "shop@3".to_owned(),
                down: Duration::from_secs(2),
                allowed: Duration::from_secs(1),
                until: Time::from_millis(until),
            }),
        }
    })
}

fn policies() -> impl Strategy<Value = RawPolicy> {
    (any::<bool>(), 1..4_u32, 4..9_u32, 0..3_usize, any::<bool>()).prop_map(
        |(is_target, min, max, missing, raises)| {
            let mut raw = raw();
            raw.capacity = RawCapacity { min, max, initial: None };
            raw.missing_data.out =
                [MissingOut::Hold, MissingOut::OnPartial, MissingOut::ToFloor][missing];
            raw.missing_data.floor = Some(max);
            if raises {
                raw.forecast.mode = crate::policy::ForecastMode::RaiseFloor;
            }
            if is_target {
                (raw.metrics[0].out, raw.metrics[0].inward) = (None, None);
                raw.metrics[0].target = Some(0.6);
            }
            raw
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn stored_inputs_give_the_same_decision(
        raw in policies(),
        looks in proptest::collection::vec((loads(), 1..80_i64, beside()), 1..8),
        start in 0..10_u32,
    ) {
        let mut memory = with(start);
        let mut second = 90;
        for (loads, wait, beside) in looks {
            second += wait;
            let words: Vec<String> =
                loads.iter().map(|l| l.map_or("-".to_owned(), |l| l.to_string())).collect();
            let from = memory.desired;
            let want = look(raw.clone(), &mut memory, second, &words.join(" "), &beside);
            let now = Time::from_millis(second * 1000);
            let id = "d-1".parse().unwrap();
            let decision = want.clone().into_decision(id, raw.module.clone(), from, now);
            let stored = serde_json::to_string(&decision).unwrap();
            let read: Decision = serde_json::from_str(&stored).unwrap();
            let again = replay(&read).unwrap();
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), stored);
            lawful(&raw, from, &want, &beside)?;
            if want.to > from {
                memory.last_out = Some(now);
            } else if want.to < from {
                memory.last_in = Some(now);
            }
            memory.desired = want.to;
        }
    }
}

/// What holds of each decision, whatever it goes by.
fn lawful(raw: &RawPolicy, from: u32, want: &Want, beside: &Beside) -> Result<(), TestCaseError> {
    let RawCapacity { min, max, .. } = raw.capacity;
    let max_in = check(raw.clone()).0.unwrap().inward.max_step.of(from).max(1);
    prop_assert!(want.to <= from.max(max), "never above max by choice");
    prop_assert!(want.to >= from.min(min), "never below min by choice");
    prop_assert!(want.to + max_in >= from, "no more at once than the pace lets go");
    if let Some(room) = beside.room.brake {
        prop_assert!(want.to + room >= from, "the fleet brake");
    }
    if let Some(removable) = beside.room.removable {
        prop_assert!(want.to + removable >= from, "protected VMs stay");
    }
    let over = beside.schedules.iter().any(|span| span.max.is_some_and(|max| from > max));
    let is_spent = want.inputs.spent.is_some();
    prop_assert!(want.to >= from || !is_spent || from > max || over, "in on a spent budget");
    let is_blind = want.inputs.readings.iter().any(|reading| !reading.known);
    prop_assert!(want.to >= from || !is_blind || from > max || over, "never in while blind");
    let last = want.limits.last().map(|limit| limit.to);
    prop_assert_eq!(last, Some(want.to), "the record ends where the decision does");
    for pair in
        want.limits.windows(2).filter(|pair| pair[1].name != "metric" && pair[0].name != "metric")
    {
        prop_assert_eq!(pair[0].to, pair[1].from, "and has no gap");
    }
    Ok(())
}
