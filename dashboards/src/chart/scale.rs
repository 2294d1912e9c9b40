//! From values to places: a linear scale, and the round numbers to write beside it.

/// Values from `bottom` to `top` over `extent` units, growing upwards: `bottom` lies at `extent`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) bottom: f64,
    pub(crate) top: f64,
    pub(crate) extent: i32,
}

impl Scale {
    /// The nearest whole unit; what lies outside is drawn at the edge.
    pub(crate) fn at(self, value: f64) -> i32 {
        let share = ((value - self.bottom) / (self.top - self.bottom)).clamp(0.0, 1.0);
        self.extent - (share * f64::from(self.extent)).round() as i32
    }
}

/// Round numbers from 0 up to the first that is not below `highest`, at most `most` steps.
pub(crate) fn ticks(highest: f64, most: u32) -> Vec<f64> {
    let step = nice_step(highest / f64::from(most));
    let count = (highest / step - 1e-9).ceil().max(1.0) as u32;
    (0..=count).map(|number| f64::from(number) * step).collect()
}

/// Round numbers from the last that is not above `lowest` up to the first that is not below
/// `highest`, about `most` steps.
pub(crate) fn ticks_between(lowest: f64, highest: f64, most: u32) -> Vec<f64> {
    let step = nice_step((highest - lowest) / f64::from(most));
    let first = (lowest / step + 1e-9).floor();
    let count = (highest / step - first - 1e-9).ceil().clamp(1.0, 2.0 * f64::from(most)) as u32;
    (0..=count).map(|number| (first + f64::from(number)) * step).collect()
}

/// The least of 1, 2, 5 times a power of ten that is not below `least`.
fn nice_step(least: f64) -> f64 {
    if !least.is_normal() || least < 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// As few decimals as tell these ticks apart, six at most.
pub(crate) fn label(value: f64, ticks: &[f64]) -> String {
    let step = ticks.get(1).map_or(1.0, |second| second - ticks[0]);
    let decimals = (0..6).find(|decimals| {
        let scaled = step * 10_f64.powi(*decimals);
        (scaled - scaled.round()).abs() < 1e-6
    });
    format!("{value:.0$}", decimals.unwrap_or(6) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(highest: f64, most: u32) -> Vec<String> {
        let ticks = ticks(highest, most);
        ticks.iter().map(|tick| label(*tick, &ticks)).collect()
    }

    #[test]
    fn ticks_are_round_and_reach_the_highest_value() {
        assert_eq!(labels(1.32, 4), ["0.0", "0.5", "1.0", "1.5"]);
        assert_eq!(labels(0.61, 4), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(0.08, 4), ["0.00", "0.02", "0.04", "0.06", "0.08"]);
        assert_eq!(labels(37.0, 4), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(5.0, 1), ["0", "5"]);
    }

    #[test]
    fn a_flat_or_absurd_series_still_has_an_axis() {
        assert_eq!(labels(0.0, 4), ["0", "1"]);
        assert_eq!(labels(f64::NAN, 4), ["0", "1"]);
    }

    #[test]
    fn an_axis_need_not_begin_at_zero() {
        let labels = |lowest, highest| {
            let ticks = ticks_between(lowest, highest, 5);
            let labels: Vec<_> = ticks.iter().map(|tick| label(*tick, &ticks)).collect();
            labels.join(" ")
        };
        assert_eq!(labels(15.1, 15.9), "15.0 15.2 15.4 15.6 15.8 16.0");
        assert_eq!(labels(-5.0, 3.0), "-6 -4 -2 0 2 4");
        assert_eq!(labels(0.0, 0.0), "0 1");
        assert_eq!(labels(0.0, 0.004), "0.000 0.001 0.002 0.003 0.004");
        assert!(ticks_between(f64::MIN, f64::MAX, 5).len() <= 11);
    }

    #[test]
    fn a_value_outside_is_drawn_at_the_edge() {
        let scale = Scale { bottom: 0.0, top: 2.0, extent: 100 };
        assert_eq!([-1.0, 0.0, 0.5, 2.0, 9.0].map(|value| scale.at(value)), [100, 100, 75, 0, 0]);
    }
}
