//! Numbers as Go writes them.

/// As the API writes a sample's value: the shortest digits that read back as the same number, in
/// exponent form below 1e-6 and from 1e21 on.
pub fn api_number(value: f64, out: &mut Vec<u8>) {
    let size = value.abs();
    // Whole numbers below 2^53, most counters among them, need no search for digits.
    if size < 9_007_199_254_740_992.0 && value.trunc() == value {
        return whole(value, out);
    }
    if !value.is_finite() {
        return out.extend_from_slice(not_finite(value).as_bytes());
    }
    let mut buffer = ryu::Buffer::new();
    let written = buffer.format_finite(value);
    let Some((mantissa, exponent)) = written.split_once('e') else {
        return out.extend_from_slice(written.trim_end_matches(".0").as_bytes());
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (1e-6..1e21).contains(&size) {
        return out.extend_from_slice(format!("{value}").as_bytes());
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mantissa = mantissa.trim_end_matches(".0");
    out.extend_from_slice(format!("{mantissa}e{sign}{:02}", exponent.abs()).as_bytes());
}

/// Never in exponent form, as `count_values` puts it into a label.
pub fn plain_number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { not_finite(value).to_owned() }
}

fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

fn whole(value: f64, out: &mut Vec<u8>) {
    if value.is_sign_negative() {
        out.push(b'-'); // Also of a negative zero, as Go does.
    }
    unsigned(value.abs() as u64, out);
}

/// The decimal digits of a number.
pub(super) fn unsigned(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        api_number(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e6, "1000000"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e21, "-1.5e+21"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (0.000001, "0.000001"),
            (0.00000123, "0.00000123"),
            (1e-7, "1e-07"),
            (1.25e-7, "1.25e-07"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(value), expected, "{value:?}");
        }
        assert_eq!(plain_number(1e21), "1000000000000000000000");
        assert_eq!(plain_number(f64::INFINITY), "+Inf");
    }

    proptest::proptest! {
        #[test]
        fn every_number_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            let back: f64 = written(value).parse().unwrap();
            proptest::prop_assert!(back == value || (back.is_nan() && value.is_nan()));
        }
    }
}
