//! The time zone that people read times in.
//!
//! Moments are kept without one. Whoever is woken at three compares a message with the clock on the
//! wall, so texts for people tell local time, with its offset beside it: in the hour that comes twice
//! in autumn the offset alone tells which it is.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A zone of the IANA database, which is built in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// No zone has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone {0:?}; write a name as Asia/Shanghai, Europe/Berlin or UTC")]
pub struct NoSuchZone(String);

impl Zone {
    /// A moment to the second: `2026-03-02 18:00:10 +08:00`; in UTC `2026-03-02T10:00:10Z`.
    pub fn tell(&self, at: Time) -> String {
        match Timestamp::from_millisecond(at.millis()) {
            Ok(stamp) if self.0 != TimeZone::UTC => {
                stamp.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
            }
            _ => at.to_string(),
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl FromStr for Zone {
    type Err = NoSuchZone;
    fn from_str(name: &str) -> Result<Self, NoSuchZone> {
        TimeZone::get(name).map(Self).map_err(|_| NoSuchZone(name.to_owned()))
    }
}

impl TryFrom<String> for Zone {
    type Error = NoSuchZone;
    fn try_from(name: String) -> Result<Self, NoSuchZone> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_the_clock_on_the_wall_has_it() {
        let tell = |zone: &str, seconds: i64| {
            zone.parse::<Zone>().unwrap().tell(Time::from_millis(seconds * 1000))
        };
        assert_eq!(tell("UTC", 1_772_445_610), "2026-03-02T10:00:10Z");
        assert_eq!(tell("Asia/Shanghai", 1_772_445_610), "2026-03-02 18:00:10 +08:00");
        // The hour that comes twice when New York leaves summer time.
        assert_eq!(tell("America/New_York", 1_793_511_000), "2026-11-01 01:30:00 -04:00");
        assert_eq!(tell("America/New_York", 1_793_514_600), "2026-11-01 01:30:00 -05:00");
    }

    #[test]
    fn a_zone_that_is_none_is_refused_with_what_to_write_instead() {
        let refused = "Asia/Peking".parse::<Zone>().unwrap_err().to_string();
        assert!(refused.contains("Asia/Peking") && refused.contains("Asia/Shanghai"), "{refused}");
    }
}
