//! When a wish becomes an action.
//!
//! VMs that are needed are ordered at once. VMs that are not needed are let go only when keeping them
//! has cost as much as an action is worth: much surplus goes soon, a single VM stays a while, and an
//! action that takes back the one before has to be worth more. And whoever goes out takes along what
//! the next minutes will want, as far as it is cheaper to let it idle until then than to go out again.
//! So the number of actions follows from one price instead of from cooldowns, and a load that hovers
//! at an edge moves nothing.

use std::collections::VecDeque;
use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

use super::tuning::Tuning;

/// What is remembered of wishes and actions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Holding {
    /// What had to be kept, newest last; only entries that none after them exceeds.
    kept: VecDeque<(Time, u32)>,
    /// VM-seconds of surplus since there is one.
    surplus_s: f32,
    last_out: Option<Time>,
}

impl Holding {
    pub(super) fn forget_surplus(&mut self) {
        self.surplus_s = 0.0;
    }
}

/// The counts that the work asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wish {
    /// So many are needed when an action of now takes effect.
    pub(super) needed: u32,
    /// So many must not be let go.
    pub(super) keep: u32,
}

/// What to do about a wish.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    Out {
        to: u32,
    },
    In {
        to: u32,
    },
    /// There is a surplus, and it did not cost enough yet.
    Wait {
        keeps: u32,
        surplus_s: f32,
        price_s: f32,
    },
    Stay,
}

impl Holding {
    pub(super) fn act(
        &mut self,
        wish: Wish,
        have: u32,
        window: Duration,
        elapsed: Duration,
        now: Time,
        tuning: &Tuning,
    ) -> Act {
        let keeps = self.keep(wish.keep.max(wish.needed), window, now);
        if wish.needed > have {
            self.surplus_s = 0.0;
            self.last_out = Some(now);
            return Act::Out { to: wish.needed + taken_along(keeps - wish.needed, tuning) };
        }
        if keeps >= have {
            self.surplus_s = 0.0;
            return Act::Stay;
        }
        self.surplus_s += (have - keeps) as f32 * elapsed.as_secs_f32();
        let is_reversal = self.last_out.is_some_and(|out| now.since(out) <= tuning.reversal);
        let price_s = if is_reversal { tuning.reversal_price_s } else { tuning.price_s };
        if self.surplus_s < price_s {
            return Act::Wait { keeps, surplus_s: self.surplus_s, price_s };
        }
        self.surplus_s = 0.0;
        // To go on inwards takes nothing back.
        self.last_out = None;
        Act::In { to: keeps }
    }

    /// The most that had to be kept within the window, this look's included.
    fn keep(&mut self, keep: u32, window: Duration, now: Time) -> u32 {
        self.kept.retain(|(at, count)| *count > keep && now.since(*at) <= window);
        self.kept.push_back((now, keep));
        self.kept.iter().map(|(_, count)| *count).max().unwrap_or(keep)
    }
}

/// How many of the VMs that will be wanted within `ahead` come along with those that are needed. They
/// are wanted one after the other, so `count` of `coming` idle for `count^2 / 2 * ahead / coming`
/// VM-seconds before: as much as the action is worth that they save.
fn taken_along(coming: u32, tuning: &Tuning) -> u32 {
    let worth = 2.0 * tuning.price_s * coming as f32 / tuning.ahead.as_secs_f32();
    coming.min(worth.sqrt().round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(15);

    fn out(needed: u32, keep: u32) -> Act {
        let now = Time::from_millis(1_000_000_000);
        let tuning = Tuning::default();
        Holding::default().act(Wish { needed, keep }, 3, TICK, TICK, now, &tuning)
    }

    #[test]
    fn who_goes_out_takes_along_what_is_soon_wanted_as_far_as_an_action_is_worth() {
        assert_eq!(out(5, 5), Act::Out { to: 5 }, "nothing more is coming");
        assert_eq!(out(5, 6), Act::Out { to: 6 }, "the next one, instead of two actions");
        assert_eq!(out(5, 10), Act::Out { to: 6 }, "the second would idle for too long");
        assert_eq!(out(5, 45), Act::Out { to: 9 }, "a steep rise wants the next four at once");
    }

    #[test]
    fn what_is_soon_wanted_is_no_reason_to_go_out() {
        assert_eq!(out(3, 9), Act::Stay);
    }
}
