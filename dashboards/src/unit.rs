//! Units: what an expression measures, and how its numbers are written.
//!
//! Names of metrics end in their unit by convention. Most functions keep it, `rate` makes it one
//! per second, and arithmetic makes it anybody's guess; then no unit is claimed. Numbers that are
//! compared, in a column or on an axis, share one prefix and their decimals. Bytes are counted in
//! 1024s and called so (`GiB`).

use model::metric;

use crate::promql::outline;
use crate::voice::NOTHING;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A count, or unknown.
    Number,
    /// 0 to 1, written in per cent.
    Share,
    Bytes,
    Seconds,
    PerSecond,
    BytesPerSecond,
}

/// How numbers of one unit and about one size are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Form {
    /// What a number is divided by.
    pub(crate) divisor: f64,
    /// What stands behind it, without a space; may be empty.
    pub(crate) suffix: &'static str,
    decimals: usize,
}

/// Functions whose outcome has the unit of what they are given.
const KEEP_UNIT: [&str; 31] = [
    "sum",
    "avg",
    "min",
    "max",
    "quantile",
    "topk",
    "bottomk",
    "stddev",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "quantile_over_time",
    "stddev_over_time",
    "last_over_time",
    "mad_over_time",
    "increase",
    "delta",
    "idelta",
    "predict_linear",
    "holt_winters",
    "double_exponential_smoothing",
    "abs",
    "ceil",
    "floor",
    "round",
    "clamp",
    "clamp_min",
    "clamp_max",
    "sort",
    "sort_desc",
    "label_replace",
];
const PER_SECOND: [&str; 3] = ["rate", "irate", "deriv"];
const BINARY: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const BINARY_PER_SECOND: [&str; 6] = ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s"];
const DECIMAL: [&str; 5] = ["", "k", "M", "G", "T"];
const DECIMAL_PER_SECOND: [&str; 5] = ["/s", "k/s", "M/s", "G/s", "T/s"];
/// Numbers from here on are written with an exponent.
const TOO_LONG: f64 = 1e7;
/// From one of these to the next finer.
const TIMES: [(f64, &str); 5] =
    [(172_800.0, "d"), (7_200.0, "h"), (120.0, "min"), (1.0, "s"), (1e-3, "ms")];

impl Unit {
    /// The unit of an expression's outcome; [`Unit::Number`] if it cannot be told.
    pub(crate) fn of_expression(text: &str) -> Self {
        let outline = outline(text);
        let Some((metric, others)) = outline.metrics.split_first() else { return Self::Number };
        if outline.has_operator || others.iter().any(|other| other != metric) {
            return Self::Number;
        }
        let unit = Self::of_metric(metric);
        if outline.functions.contains(&"histogram_quantile") {
            return unit;
        }
        let is_rate = |name: &str| PER_SECOND.contains(&name);
        let is_known = |name: &str| is_rate(name) || KEEP_UNIT.contains(&name);
        match outline.functions.iter().filter(|name| is_rate(name)).count() {
            _ if !outline.functions.iter().all(|name| is_known(name)) => Self::Number,
            0 => unit,
            1 => unit.per_second(),
            _ => Self::Number,
        }
    }

    /// By our own table, else by the end of its name.
    fn of_metric(name: &str) -> Self {
        let in_table = metric::by_name(name).map(|metric| metric.unit);
        let name = name.trim_end_matches("_bucket").trim_end_matches("_total");
        let ends = |end: &str| name.ends_with(end);
        match in_table {
            Some("By") => Self::Bytes,
            Some("s") => Self::Seconds,
            _ if ends("_ratio") || ends("_utilization") => Self::Share,
            Some(_) => Self::Number,
            None if ends("_bytes") => Self::Bytes,
            None if ends("_timestamp_seconds") || ends("boot_time_seconds") => Self::Number,
            None if ends("_seconds") => Self::Seconds,
            None => Self::Number,
        }
    }

    fn per_second(self) -> Self {
        match self {
            Self::Bytes => Self::BytesPerSecond,
            // Seconds spent per second: how many cores are busy.
            Self::Seconds => Self::Number,
            Self::BytesPerSecond => Self::Number,
            Self::Number | Self::Share | Self::PerSecond => Self::PerSecond,
        }
    }

    /// How to write numbers that are compared with each other: three digits of the largest.
    pub(crate) fn form(self, values: impl Iterator<Item = f64> + Clone) -> Form {
        let finite = values.filter(|value| value.is_finite());
        let largest = finite.clone().map(f64::abs).fold(0.0, f64::max);
        let (divisor, suffix) = self.prefix(largest);
        let digits_before = (largest / divisor).clamp(1e-6, 1e15).log10().floor() as i32 + 1;
        let decimals = (3 - digits_before).clamp(0, 6) as usize;
        let all_whole = finite.clone().all(|value| (value / divisor).fract() == 0.0);
        Form { divisor, suffix, decimals: if all_whole { 0 } else { decimals } }
    }

    /// One number by itself.
    pub(crate) fn tell(self, value: f64) -> String {
        self.form(std::iter::once(value)).with_suffix(value)
    }

    fn prefix(self, size: f64) -> (f64, &'static str) {
        match self {
            Self::Number => power_of(1000.0, &DECIMAL, size / 10.0),
            Self::PerSecond => power_of(1000.0, &DECIMAL_PER_SECOND, size / 10.0),
            Self::Share => (0.01, "%"),
            Self::Bytes => power_of(1024.0, &BINARY, size),
            Self::BytesPerSecond => power_of(1024.0, &BINARY_PER_SECOND, size),
            Self::Seconds => time(size),
        }
    }
}

/// The greatest power of `base` that is not above `size`, as far as there is a name for it.
fn power_of(base: f64, names: &[&'static str], size: f64) -> (f64, &'static str) {
    let mut divisor = 1.0;
    for (power, name) in names.iter().enumerate() {
        if size < divisor * base || power + 1 == names.len() {
            return (divisor, name);
        }
        divisor *= base;
    }
    (1.0, "")
}

fn time(size: f64) -> (f64, &'static str) {
    let divisor = |name| match name {
        "d" => 86_400.0,
        "h" => 3_600.0,
        "min" => 60.0,
        "s" => 1.0,
        _ => 1e-3,
    };
    let fits = TIMES.into_iter().find(|(least, _)| size >= *least);
    match fits {
        Some((_, name)) => (divisor(name), name),
        None if size == 0.0 => (1.0, "s"),
        None => (1e-6, "µs"),
    }
}

impl Form {
    /// A number without its suffix. What is not zero is never written as zero.
    pub(crate) fn number(self, value: f64) -> String {
        if value.is_infinite() {
            return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
        }
        if value.is_nan() {
            return "NaN".to_owned();
        }
        let (scaled, decimals) = (value / self.divisor, self.decimals);
        let least = 10_f64.powi(-(decimals as i32));
        match scaled {
            0.0 => format!("{:.decimals$}", 0.0),
            _ if scaled.abs() >= TOO_LONG => format!("{scaled:.2e}"),
            _ if scaled.abs() < least / 2.0 && decimals >= 6 => format!("{scaled:.1e}"),
            _ if scaled.abs() < least / 2.0 && scaled > 0.0 => format!("<{least:.decimals$}"),
            _ if scaled.abs() < least / 2.0 => format!(">-{least:.decimals$}"),
            _ => format!("{scaled:.decimals$}"),
        }
    }

    /// A number with its suffix, which is set apart unless it belongs to the number.
    pub(crate) fn with_suffix(self, value: f64) -> String {
        let number = self.number(value);
        let is_apart = !self.suffix.is_empty() && value.is_finite();
        if is_apart { format!("{number} {}", self.suffix) } else { number }
    }

    /// A mean: that of whole numbers need not be one.
    pub(crate) fn mean(self, value: Option<f64>) -> String {
        let scaled = value.map(|value| value / self.divisor);
        let is_whole = scaled.is_none_or(|scaled| scaled.fract() == 0.0 || scaled.abs() >= 100.0);
        let decimals = if is_whole { self.decimals } else { self.decimals.max(1) };
        Self { decimals, ..self }.maybe(value)
    }

    pub(crate) fn maybe(self, value: Option<f64>) -> String {
        value.map_or(NOTHING.to_owned(), |value| self.number(value))
    }
}

/// `1.4 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    Unit::Bytes.tell(count as f64)
}

/// `25,013`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_an_expression_is_that_of_its_metric_or_of_its_rate() {
        for (text, expected) in [
            ("load1_per_core", Unit::Number),
            ("system_cpu_utilization{vm=\"a\"}", Unit::Share),
            ("avg by (host) (system_memory_usage_bytes)", Unit::Bytes),
            ("sum(rate(system_network_io_bytes_total[5m]))", Unit::BytesPerSecond),
            ("rate(http_requests_total[5m])", Unit::PerSecond),
            ("rate(process_cpu_seconds_total[5m])", Unit::Number),
            ("histogram_quantile(0.9, sum by (le) (rate(took_seconds_bucket[5m])))", Unit::Seconds),
            ("system_uptime_seconds", Unit::Seconds),
            ("node_boot_time_seconds", Unit::Number),
            ("count(system_memory_usage_bytes)", Unit::Number),
            ("a_bytes / b_bytes", Unit::Number),
            ("a_bytes or b_bytes", Unit::Number),
            ("deriv(rate(a_bytes[5m])[1h:])", Unit::Number),
            ("1 + 2", Unit::Number),
            ("", Unit::Number),
        ] {
            assert_eq!(Unit::of_expression(text), expected, "{text}");
        }
    }

    #[test]
    fn the_mean_of_whole_numbers_need_not_be_whole() {
        let form = Unit::Number.form([2.0, 8.0].into_iter());
        let told = [Some(5.625), Some(5.0), Some(0.3), Some(0.01), Some(1e6 / 7.0), None];
        let told = told.map(|mean| form.mean(mean));
        assert_eq!(told, ["5.6", "5", "0.3", "<0.1", "142857", "–"]);
    }

    #[test]
    fn a_number_by_itself_has_the_prefix_that_fits() {
        let told = [
            Unit::Number.tell(0.0),
            Unit::Number.tell(0.6123),
            Unit::Number.tell(9_999.0),
            Unit::Number.tell(25_013.0),
            Unit::Number.tell(1e30),
            Unit::Number.tell(1e-9),
            Unit::Share.tell(0.977),
            Unit::Bytes.tell(1_536.0),
            Unit::Bytes.tell(-16.0 * 1024.0 * 1024.0 * 1024.0),
            Unit::Seconds.tell(0.0123),
            Unit::Seconds.tell(0.000_004),
            Unit::Seconds.tell(90.0),
            Unit::Seconds.tell(864_000.0),
            Unit::BytesPerSecond.tell(5_000_000.0),
            Unit::Bytes.tell(f64::INFINITY),
            Unit::Bytes.tell(f64::NAN),
        ];
        let expected = [
            "0",
            "0.612",
            "9999",
            "25.0 k",
            "1.00e18 T",
            "1.0e-9",
            "97.7 %",
            "1.50 KiB",
            "-16 GiB",
            "12.3 ms",
            "4 µs",
            "90 s",
            "10 d",
            "4.77 MiB/s",
            "+Inf",
            "NaN",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn numbers_that_are_compared_share_prefix_and_decimals() {
        let values = [20_971_520.0, 1_048_577.0, 1_024.0, 0.0, -1_024.0, f64::NAN];
        let form = Unit::Bytes.form(values.into_iter());
        let told = values.map(|value| form.number(value));
        assert_eq!(told, ["20.0", "1.0", "<0.1", "0.0", ">-0.1", "NaN"]);
        assert_eq!((form.suffix, form.maybe(None).as_str()), ("MiB", "–"));
    }

    #[test]
    fn counts_are_grouped_and_bytes_are_counted_in_1024s() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(bytes(1_503_238_553), "1.40 GiB");
    }
}
