//! A part of a whole, exact: shares decide whether a promise was kept, and a float that rounds up
//! keeps promises that were broken.

use std::fmt::Write as _;
use std::time::Duration;

/// So much of so much time, in milliseconds. The part is not above the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    part: u128,
    whole: u128,
}

impl Share {
    /// None of no time.
    pub fn of(part: Duration, whole: Duration) -> Option<Self> {
        let (part, whole) = (part.as_millis(), whole.as_millis());
        (whole > 0).then_some(Self { part, whole })
    }

    /// So many of so many; none of nothing.
    pub fn of_counts(part: u64, whole: u64) -> Option<Self> {
        Self::of(Duration::from_millis(part), Duration::from_millis(whole))
    }

    /// From 0 to 1, for charts; no verdict rests on it.
    pub fn as_f64(self) -> f64 {
        self.part as f64 / self.whole as f64
    }

    /// Whether it is at least so many millionths.
    pub fn reaches(self, millionths: u32) -> bool {
        self.part * 1_000_000 >= u128::from(millionths) * self.whole
    }

    /// In percent with so many digits, never rounded up: 99.995 with two digits is `99.99`.
    pub fn floor_percent(self, digits: u32) -> String {
        let scale = 10_u128.pow(digits.min(9));
        let scaled = self.part * 100 * scale / self.whole;
        let mut text = (scaled / scale).to_string();
        if digits > 0 {
            let _ = write!(text, ".{:0width$}", scaled % scale, width = digits.min(9) as usize);
        }
        text
    }
}

/// How many digits of a percentage the probing can tell apart: one probe of an hour is 0.8 %, and
/// two digits of that would be made up.
pub fn digits(interval: Duration, whole: Duration) -> u32 {
    let (interval, whole) = (interval.as_millis().max(1), whole.as_millis());
    (1..=4).take_while(|digits| interval * 100 * 10_u128.pow(*digits) <= whole).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(part: u64, whole: u64) -> Share {
        Share::of(Duration::from_millis(part), Duration::from_millis(whole)).unwrap()
    }

    #[test]
    fn nothing_is_rounded_up() {
        assert_eq!(share(99_999, 100_000).floor_percent(2), "99.99");
        assert_eq!(share(100_000, 100_000).floor_percent(2), "100.00");
        assert_eq!(share(1, 3).floor_percent(0), "33");
        assert_eq!(share(2, 3).floor_percent(4), "66.6666");
        assert_eq!(share(5, 10_000).floor_percent(1), "0.0");
    }

    #[test]
    fn a_promise_is_kept_or_broken_to_the_millisecond() {
        assert!(share(999_500, 1_000_000).reaches(999_500));
        assert!(!share(999_499, 1_000_000).reaches(999_500));
        assert!(share(1, 1).reaches(1_000_000));
    }

    #[test]
    fn digits_are_what_probes_can_tell_apart() {
        let month = Duration::from_secs(30 * 86_400);
        let seconds = Duration::from_secs;
        assert_eq!(digits(seconds(30), month), 2);
        assert_eq!(digits(seconds(60), month), 2);
        assert_eq!(digits(seconds(300), month), 1);
        assert_eq!(digits(seconds(10), month), 3);
        assert_eq!(digits(seconds(60), seconds(3600)), 0);
    }
}
