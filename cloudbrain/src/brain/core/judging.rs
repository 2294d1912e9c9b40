//! What the brain makes of the answers to its questions: of those of the policies facts for the
//! scaler, of those of the rules signals, in the same turn and transaction as everything else.

use std::sync::Arc;
use std::time::Duration;

use alerter::rule::{Ground, Said};
use model::time::Time;
use store::Change;

use super::Core;
use crate::brain::asker::Answer;
use crate::brain::{eye, measure};
use crate::chinese;
use crate::rules::engine;

/// Provider and Zabbix servers have told by then who is in the fleet.
const SETTLED: Duration = Duration::from_secs(60);

impl Core {
    /// The files in force name these rules: others end, and these are asked for from now on.
    pub(super) fn follow_rules(&mut self, now: Time) {
        let collector = eye::collector();
        let ground = Ground { topology: &self.topology, is_whole: false, collector: &collector };
        let said = self.book.keep_only(&self.config.rules.set, ground, now);
        self.say(said, now);
        let mut questions = engine::questions(&self.config.rules.set);
        questions.extend(measure::questions(&self.config));
        self.pending.questions = Some(Arc::new(questions));
    }

    /// Answers have come. Returns whether something is to be said.
    pub(super) fn answered(&mut self, answers: Vec<Answer>, now: Time) -> bool {
        let collector = eye::collector();
        let is_whole = now.since(self.started) > SETTLED;
        let mut news = false;
        for answer in answers {
            let Some(answer) = self.measured(answer) else { continue };
            let ground = Ground { topology: &self.topology, is_whole, collector: &collector };
            let rules = &self.config.rules.set;
            let report = self.book.judge(rules, ground, self.eye.is_blind(), answer);
            let said = report.map(|report| report.said).unwrap_or_default();
            news |= !said.is_empty();
            self.say(said, now);
        }
        news
    }

    /// What a policy measures by an expression; the answer is given back if it is no policy's.
    fn measured(&mut self, answer: Answer) -> Option<Answer> {
        let asked = self.config.measures.iter().find(|asked| measure::key(asked) == *answer.key);
        let Some(asked) = asked else { return Some(answer) };
        let measured = measure::answer(answer.at, answer.outcome);
        let of_module = self.senses.facts.answers.entry(asked.module.clone()).or_default();
        of_module.insert(asked.name.clone(), measured);
        None
    }

    fn say(&mut self, said: Vec<Said>, now: Time) {
        for said in said {
            let said = Box::new(chinese::with_reason(said));
            self.alert(alerter::Event::Rule(said), now);
        }
    }

    /// What the rules remember, as far as the store does not know it.
    pub(super) fn rooms_of_rules(&mut self) -> impl Iterator<Item = Change> {
        let rooms = self.book.take_changes().into_iter();
        rooms.map(|(room, json)| Change::Memory { room, json })
    }
}
