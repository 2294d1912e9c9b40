//! What a request to the API says, read.

use model::series::Matcher;

use crate::expression::{self, ParseError};

/// Beyond this, in milliseconds before or after the epoch, a time is a mistake.
const MAX_MS: f64 = 1e15;

/// A parameter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("cannot parse {0:?} to a valid timestamp")]
    Time(String),
    #[error("cannot parse {0:?} to a valid duration")]
    Duration(String),
    #[error(transparent)]
    Matchers(#[from] ParseError),
}

/// `time`, `start`, `end`: seconds since the epoch with their fraction, or RFC 3339. In
/// milliseconds.
pub fn time_ms(text: &str) -> Result<i64, ParameterError> {
    let unreadable = || ParameterError::Time(cut(text));
    if let Some(ms) = seconds(text) {
        return Ok(ms);
    }
    if text.len() > 64 {
        return Err(unreadable());
    }
    let at: jiff::Timestamp = text.parse().map_err(|_| unreadable())?;
    Ok(at.as_millisecond())
}

/// `step`, `timeout`: seconds with their fraction, or `1m30s`. In milliseconds; whether zero or
/// less makes sense is for the caller to say.
pub fn duration_ms(text: &str) -> Result<i64, ParameterError> {
    let ms = seconds(text).or_else(|| expression::duration_ms(text));
    ms.ok_or_else(|| ParameterError::Duration(cut(text)))
}

/// One `match[]`: a bare selector such as `up{job="x"}`.
pub fn matchers(text: &str) -> Result<Vec<Matcher>, ParameterError> {
    Ok(expression::parse_selector(text)?)
}

fn seconds(text: &str) -> Option<i64> {
    let ms = (text.parse::<f64>().ok()? * 1000.0).round();
    (ms.abs() <= MAX_MS).then_some(ms as i64)
}

/// Enough to recognise it by.
fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_as_seconds_or_as_rfc_3339() {
        for (text, ms) in [
            ("1435781451.781", 1_435_781_451_781),
            ("1435781451", 1_435_781_451_000),
            ("-1.5", -1500),
            ("1e9", 1_000_000_000_000),
            ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
            ("2015-07-01T22:10:51.781+02:00", 1_435_781_451_781),
        ] {
            assert_eq!(time_ms(text), Ok(ms), "{text}");
        }
        for text in ["", "now", "NaN", "inf", "1e300", "2015-07-01", "20:10", "1 2"] {
            assert_eq!(time_ms(text), Err(ParameterError::Time(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn durations_come_as_seconds_or_with_units() {
        for (text, ms) in
            [("15", 15_000), ("0.5", 500), ("15s", 15_000), ("1h30m", 5_400_000), ("7ms", 7)]
        {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
        for text in ["", "s", "1x", "1m1h", "1.5m", "-5m", "1e300", "99999999999999999y", "é"] {
            assert_eq!(duration_ms(text), Err(ParameterError::Duration(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_match_is_a_bare_selector() {
        assert_eq!(matchers("up{job=\"x\"}").map(|found| found.len()), Ok(2));
        assert_eq!(matchers("{__name__=~\"a.*\"}").map(|found| found.len()), Ok(1));
        for text in ["", "{}", "up[5m]", "sum(up)", "up offset 5m", "up{", "\"up\"", "{job=~\"(\"}"]
        {
            assert!(matchers(text).is_err(), "{text}");
        }
    }
}
