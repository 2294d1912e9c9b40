//! Asks the same questions of the samples again and again: the expressions of rules and policies.
//!
//! Each question has its beat. All at one moment would starve the looks and the pages, so each has
//! a place of its own within its interval, which follows from its key alone: it is the same after
//! a restart and with other questions beside it. They are worked out one after the other on a
//! thread of their own, never on the brain's; the brain hears the answers.
//!
//! A question that costs too much is broken off and answered with the reason. Who is late misses
//! beats; they are not made up for, since only the present is of interest.
//!
//! Invariants: each beat has one answer or none; the moments of one key's answers only grow,
//! unless the clock is set back; what is due together ends together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use model::clock::SharedClock;
use model::time::Time;
use query::source::Source;
use query::{Expression, Limits, Value};
use tokio::sync::{mpsc, watch};

use super::Input;
use super::core::Heard;

/// One question may take this long,
const ONE_WITHIN: Duration = Duration::from_secs(5);
/// and all that are due together this long.
const ROUND_WITHIN: Duration = Duration::from_secs(10);
/// What one question may read: a tenth of what a person at a chart may.
const MAX_SAMPLES: usize = 2_000_000;
/// The clock may jump, so it is looked at this often at least.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// No question is asked more often.
pub const LEAST_EVERY: Duration = Duration::from_secs(1);
/// Rounds of answers that may wait for whoever asked.
const ROUNDS: usize = 16;

/// One question.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Tells whose question it is; each once in a list.
    pub key: Arc<str>,
    pub expression: Expression,
    pub every: Duration,
    /// How old a sample may be and still be "the value now".
    pub lookback: Duration,
}

/// What a question came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub key: Arc<str>,
    /// The moment that was asked for.
    pub at: Time,
    /// Or the reason why there is no answer, for people.
    pub outcome: Result<Value, String>,
}

/// Samples to ask, shared with whoever else reads them.
pub type SharedSource = Arc<dyn Source + Send + Sync>;

/// Begins to ask. Who gives another list changes what is asked from then on; the thread ends when
/// nobody gives lists or listens any more.
pub fn spawn(
    list: watch::Receiver<Arc<Vec<Asked>>>,
    source: SharedSource,
    clock: SharedClock,
) -> anyhow::Result<mpsc::Receiver<Vec<Answer>>> {
    let (out, answers) = mpsc::channel(ROUNDS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.context("starting the runtime of the questions")?;
    let ask = move || runtime.block_on(run(list, source, clock, out));
    thread::Builder::new().name("asker".to_owned()).spawn(ask).context("starting to ask")?;
    Ok(answers)
}

/// Tells the brain, until it stops.
pub(super) async fn pass_on(mut answers: mpsc::Receiver<Vec<Answer>>, brain: mpsc::Sender<Input>) {
    while let Some(round) = answers.recv().await {
        if brain.send(Input::Heard(Heard::Answered(round))).await.is_err() {
            return;
        }
    }
}

async fn run(
    mut list: watch::Receiver<Arc<Vec<Asked>>>,
    source: SharedSource,
    clock: SharedClock,
    out: mpsc::Sender<Vec<Answer>>,
) {
    let mut beats = Beats::default();
    beats.follow(list.borrow_and_update().clone(), clock.now());
    loop {
        let wait = beats.wait(clock.now()).min(LOOK_AGAIN);
        let is_changed = tokio::select! {
            changed = list.changed() => match changed {
                Ok(()) => true,
                Err(_) => return, // Nobody gives lists any more.
            },
            () = out.closed() => return,
            () = tokio::time::sleep(wait) => false,
        };
        if is_changed {
            beats.follow(list.borrow_and_update().clone(), clock.now());
        }
        let due = beats.due(clock.now());
        if !due.is_empty() && out.send(round(&*source, &due, &clock)).await.is_err() {
            return;
        }
    }
}

/// Asks all that is due together.
fn round(source: &dyn Source, due: &[Asked], clock: &SharedClock) -> Vec<Answer> {
    let ends = clock.elapsed() + ROUND_WITHIN;
    let answers = due.iter().map(|asked| {
        let own_end = (clock.elapsed() + ONE_WITHIN).min(ends);
        answer(source, asked, clock.now(), &|| clock.elapsed() > own_end)
    });
    answers.collect()
}

/// Asks one question about the moment `at`. `stop` breaks it off when it says true.
pub fn answer(
    source: &dyn Source,
    asked: &Asked,
    at: Time,
    stop: &(dyn Fn() -> bool + Sync),
) -> Answer {
    let lookback_ms = i64::try_from(asked.lookback.as_millis()).unwrap_or(i64::MAX);
    let limits = Limits { lookback_ms, max_samples: MAX_SAMPLES, stop, ..Limits::default() };
    let outcome = asked.expression.instant(source, at.millis(), limits);
    Answer { key: asked.key.clone(), at, outcome: outcome.map_err(|error| whole(&error)) }
}

/// An error with all its sources, in one line.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// When which question is due.
#[derive(Debug, Default)]
struct Beats {
    list: Arc<Vec<Asked>>,
    /// The next beat of each key.
    next: BTreeMap<Arc<str>, Time>,
}

impl Beats {
    /// Another list. Who was in the old one with the same interval keeps its next beat.
    fn follow(&mut self, list: Arc<Vec<Asked>>, now: Time) {
        let before = std::mem::take(&mut self.next);
        for asked in list.iter() {
            let fresh = next_beat(asked, now);
            let kept = before.get(&asked.key).copied().filter(|beat| *beat <= fresh);
            self.next.insert(asked.key.clone(), kept.unwrap_or(fresh));
        }
        self.list = list;
    }

    fn wait(&self, now: Time) -> Duration {
        self.next.values().min().map_or(Duration::MAX, |beat| beat.since(now))
    }

    /// What is due now; its next beat lies ahead.
    fn due(&mut self, now: Time) -> Vec<Asked> {
        let mut due = Vec::new();
        for asked in self.list.iter() {
            let Some(beat) = self.next.get_mut(&asked.key) else { continue };
            let is_due = *beat <= now;
            // If the clock was set back, the beat it waits for may be far away.
            if is_due || beat.since(now) > interval(asked) {
                *beat = next_beat(asked, now);
            }
            if is_due {
                due.push(asked.clone());
            }
        }
        due
    }
}

fn interval(asked: &Asked) -> Duration {
    asked.every.max(LEAST_EVERY)
}

/// The first beat after `now`.
fn next_beat(asked: &Asked, now: Time) -> Time {
    let every_ms = i64::try_from(interval(asked).as_millis()).unwrap_or(i64::MAX);
    let place_ms = i64::from(spread(&asked.key)) % every_ms;
    let into_beat_ms = now.millis().saturating_sub(place_ms).rem_euclid(every_ms);
    Time::from_millis(now.millis().saturating_add(every_ms - into_beat_ms))
}

/// FNV-1a: a number that differs for each key, and is the same in each run.
fn spread(key: &str) -> u32 {
    key.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    use model::clock::Clock;
    use model::series::{Labels, Matcher};
    use query::source::{Found, Points, SourceError, Wanted};
    use query::{Point, Sample};

    use super::*;

    /// One series, `up{vm="web-1"}`, with one sample.
    #[derive(Debug)]
    struct One {
        at_ms: i64,
    }

    impl Source for One {
        fn find(&self, _: &[Matcher], _: Range<i64>, _: usize) -> Result<Vec<Found>, SourceError> {
            Ok(vec![Found { series: 1, labels: labels() }])
        }

        fn read(
            &self,
            _: u64,
            times: Range<i64>,
            _: Wanted,
            points: &mut Points,
        ) -> Result<(), SourceError> {
            if times.contains(&self.at_ms) {
                points.times.push(self.at_ms);
                points.values.push(1.0);
            }
            Ok(())
        }
    }

    fn labels() -> Labels {
        Labels::of([("__name__", "up"), ("vm", "web-1")])
    }

    /// Goes on by itself, a step each time it is looked at.
    #[derive(Debug, Default)]
    struct Steps {
        millis: AtomicI64,
        step: i64,
    }

    impl Clock for Steps {
        fn now(&self) -> Time {
            Time::from_millis(self.millis.fetch_add(self.step, Relaxed))
        }

        fn elapsed(&self) -> Duration {
            self.now().since(Time::default())
        }
    }

    fn asked(key: &str, expression: &str, every_s: u64) -> Asked {
        Asked {
            key: key.into(),
            expression: Expression::parse(expression).unwrap(),
            every: Duration::from_secs(every_s),
            lookback: Duration::from_secs(60),
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    /// Which keys are due at each second of a time.
    fn play(beats: &mut Beats, seconds: Range<i64>) -> Vec<(i64, String)> {
        let due = seconds.flat_map(|second| {
            let due = beats.due(at(second));
            due.into_iter().map(|asked| (second, asked.key.to_string())).collect::<Vec<_>>()
        });
        due.collect()
    }

    #[test]
    fn each_question_has_a_beat_of_its_own_that_other_questions_and_restarts_do_not_move() {
        let list = |keys: &[&str]| Arc::new(keys.iter().map(|k| asked(k, "up", 30)).collect());
        let mut beats = Beats::default();
        beats.follow(list(&["rule/a", "rule/b"]), at(1000));
        let told = play(&mut beats, 1001..1061);
        assert_eq!(told.len(), 4, "two beats each: {told:?}");
        assert_eq!(told[2].0 - told[0].0, 30);
        assert_ne!(told[0].0, told[1].0, "not at once");
        let mut restarted = Beats::default();
        restarted.follow(list(&["policy/c", "rule/b", "rule/a"]), at(1017));
        let again = play(&mut restarted, 1031..1061);
        let without_c = |told: &[(i64, String)]| -> Vec<(i64, String)> {
            told.iter().filter(|(_, key)| key != "policy/c").cloned().collect()
        };
        assert_eq!(without_c(&again), told[2..]);
    }

    #[test]
    fn a_change_of_the_list_keeps_the_beats_and_a_late_look_makes_up_for_none() {
        let mut beats = Beats::default();
        let list = Arc::new(vec![asked("rule/a", "up", 30)]);
        beats.follow(list.clone(), at(1000));
        let beat = beats.next["rule/a"];
        for second in 1000..beat.millis() / 1000 {
            beats.follow(list.clone(), at(second));
            assert_eq!(beats.next["rule/a"], beat, "who follows often enough still comes to it");
        }
        assert_eq!(beats.due(beat + Duration::from_secs(300)).len(), 1);
        assert!(beats.due(beat + Duration::from_secs(301)).is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody() {
        let mut beats = Beats::default();
        beats.follow(Arc::new(vec![asked("rule/a", "up", 30)]), at(10_000));
        assert!(beats.due(at(5_000)).is_empty());
        assert!(beats.wait(at(5_000)) <= Duration::from_secs(30));
    }

    #[test]
    fn an_answer_is_the_value_or_the_reason() {
        let one = One { at_ms: 100_000 };
        let never: &(dyn Fn() -> bool + Sync) = &|| false;
        let ask =
            |text: &str, second| answer(&one, &asked("k", text, 30), at(second), never).outcome;
        let sample = Sample { labels: labels(), at_ms: 130_000, value: 1.0 };
        assert_eq!(ask("up", 130), Ok(Value::Vector(vec![sample])));
        assert_eq!(ask("up", 161), Ok(Value::Vector(Vec::new())), "older than the lookback");
        assert_eq!(ask("1 + 1", 1), Ok(Value::Scalar(Point { at_ms: 1000, value: 2.0 })));
        let stopped = answer(&one, &asked("k", "up", 30), at(130), &|| true).outcome;
        assert_eq!(stopped.unwrap_err(), "the query was stopped before it was done");
        let twice = ask("up + on () group_left () (up or vector(1))", 130);
        assert!(twice.unwrap_err().contains("many-to-many"), "named with its reason");
    }

    #[test]
    fn what_is_due_together_ends_together() {
        let clock = SharedClock::new(Steps { step: 3_000, ..Steps::default() });
        let list: Vec<Asked> = ["a", "b", "c", "d"].map(|key| asked(key, "up", 30)).into();
        let answers = round(&One { at_ms: 0 }, &list, &clock);
        assert_eq!(answers.len(), 4);
        assert!(answers[3].outcome.is_err(), "{answers:?}");
    }

    #[test]
    fn the_thread_asks_until_nobody_wants_to_know() {
        let (lists, list) = watch::channel(Arc::new(vec![asked("rule/a", "up", 1)]));
        let clock = SharedClock::new(Steps { step: 400, ..Steps::default() });
        let mut answers = spawn(list, Arc::new(One { at_ms: 0 }), clock).unwrap();
        let first = answers.blocking_recv().unwrap();
        assert_eq!(&*first[0].key, "rule/a");
        lists.send_replace(Arc::new(vec![asked("rule/b", "up", 1)]));
        while &*answers.blocking_recv().unwrap()[0].key != "rule/b" {}
        drop(lists);
        while answers.blocking_recv().is_some() {}
    }
}
