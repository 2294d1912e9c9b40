//! One person, one incident, a channel that does as it likes: what he hears makes sense.

use alerter::deliver::{Fate, Progress, Undelivered, overtake};
use alerter::message::MessageKind::{self, Problem, Resolved, Update};
use proptest::prelude::*;

/// What happens to the words on the matter.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The alerter has a newer word: true if it is the end of what goes on.
    Say(bool),
    /// A channel takes the oldest that waits, if it has none.
    Depart,
    Land(Landing),
}

#[derive(Clone, Copy, Debug)]
enum Landing {
    Arrived,
    /// It did not arrive, and is tried again.
    Again,
    /// It will never be taken.
    Refused,
    /// Nobody says; it did arrive, or did not.
    Unclear(bool),
}

#[derive(Clone, Copy, Debug)]
struct Word {
    number: usize,
    is: Undelivered,
}

#[derive(Debug, Default)]
struct World {
    said: usize,
    goes_on: bool,
    words: Vec<Word>,
    is_untold: bool,
    /// Number and kind, in the order of arrival.
    heard: Vec<(usize, MessageKind)>,
}

impl World {
    fn act(&mut self, act: Act) {
        match act {
            Act::Say(is_end) => self.say(is_end),
            Act::Depart => self.depart(),
            Act::Land(landing) => self.land(landing),
        }
        self.settle();
    }

    /// As the alerter does it: a problem, perhaps more of it, its end; and all over again.
    fn say(&mut self, is_end: bool) {
        let kind = match (self.goes_on, is_end) {
            (false, _) => Problem,
            (true, true) => Resolved,
            (true, false) => Update,
        };
        self.goes_on = kind != Resolved;
        self.said += 1;
        let is = Undelivered { kind, progress: Progress::Waits };
        self.words.push(Word { number: self.said, is });
    }

    fn depart(&mut self) {
        let is_busy = self.words.iter().any(|word| word.is.progress == Progress::UnderWay);
        if let Some(word) = self.words.first_mut().filter(|_| !is_busy) {
            word.is.progress = Progress::UnderWay;
        }
    }

    fn land(&mut self, landing: Landing) {
        let flies = |word: &Word| word.is.progress == Progress::UnderWay;
        let Some(place) = self.words.iter().position(flies) else { return };
        let word = self.words[place];
        if matches!(landing, Landing::Arrived | Landing::Unclear(true)) {
            self.heard.push((word.number, word.is.kind));
        }
        match landing {
            Landing::Arrived => drop(self.words.remove(place)),
            Landing::Again => self.words[place].is.progress = Progress::Waits,
            Landing::Unclear(_) => self.words[place].is.progress = Progress::Unclear,
            Landing::Refused => {
                self.is_untold |= self.words.remove(place).is.kind == Problem;
            }
        }
    }

    fn settle(&mut self) {
        if self.words.is_empty() {
            return;
        }
        let is: Vec<Undelivered> = self.words.iter().map(|word| word.is).collect();
        let fates = overtake(&is, std::mem::take(&mut self.is_untold));
        let words = std::mem::take(&mut self.words).into_iter().zip(fates);
        self.words = words.filter_map(|(word, fate)| stays(word, fate)).collect();
    }

    /// The channel works again, and everything is told that waits.
    fn come_to_rest(&mut self) {
        for _ in 0..20 {
            self.act(Act::Land(Landing::Arrived));
            self.act(Act::Depart);
        }
        assert!(self.words.is_empty(), "{self:?}");
    }
}

fn stays(word: Word, fate: Fate) -> Option<Word> {
    match fate {
        Fate::Stays(kind) => Some(Word { is: Undelivered { kind, ..word.is }, ..word }),
        Fate::Overtaken | Fate::Needless => None,
    }
}

fn clear() -> impl Strategy<Value = Act> {
    prop_oneof![
        any::<bool>().prop_map(Act::Say),
        Just(Act::Depart),
        Just(Act::Land(Landing::Arrived)),
        Just(Act::Land(Landing::Again)),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => clear(),
        1 => Just(Act::Land(Landing::Refused)),
        1 => any::<bool>().prop_map(|arrived| Act::Land(Landing::Unclear(arrived))),
    ]
}

fn played(acts: Vec<Act>) -> World {
    let mut world = World::default();
    acts.into_iter().for_each(|act| world.act(act));
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Where a channel says what became of each word, all is in order, and in the end the person
    /// knows whether it still goes on.
    #[test]
    fn no_end_without_its_problem_and_no_word_twice(acts in prop::collection::vec(clear(), 0..60)) {
        let mut world = played(acts);
        world.come_to_rest();
        let mut goes_on = false;
        for (place, (number, kind)) in world.heard.iter().enumerate() {
            prop_assert!(goes_on || *kind == Problem, "{:?}", world.heard);
            prop_assert!(world.heard[..place].iter().all(|(before, _)| before < number));
            goes_on = *kind != Resolved;
        }
        prop_assert_eq!(goes_on, world.goes_on, "{:?}", world.heard);
    }

    /// Whatever becomes of them: what was told last is the newest word, or nothing is left to tell.
    #[test]
    fn nothing_waits_for_ever_and_nothing_overtakes_backwards(
        acts in prop::collection::vec(any_act(), 0..60),
    ) {
        let mut world = played(acts);
        world.come_to_rest();
        let numbers: Vec<usize> = world.heard.iter().map(|(number, _)| *number).collect();
        prop_assert!(numbers.is_sorted(), "{:?}", world.heard);
    }
}

#[test]
fn an_end_that_was_not_told_before_it_began_again_is_told_after_all() {
    let waits = |kind| Undelivered { kind, progress: Progress::Waits };
    // The first problem was heard; its end waits when the second begins.
    let fates = overtake(&[waits(Resolved), waits(Problem)], false);
    assert_eq!(fates, [Fate::Overtaken, Fate::Stays(Update)]);
    let fates = overtake(&[waits(Update), waits(Resolved)], false);
    assert_eq!(*fates.last().unwrap(), Fate::Stays(Resolved));
}
