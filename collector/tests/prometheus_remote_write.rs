//! Requests of remote write as senders make them, as they might be broken, and as nobody should.
//!
//! Requests are written as text, one series a line: `name{label="value"} time value ...`; they are
//! encoded here by hand, apart from the code under test.

use collector::prometheus::remote_write::{
    Decoded, Decoder, MAX_MESSAGE_BYTES, RemoteWriteError, check_headers,
};
use expect_test::{Expect, expect};
use model::series::{ABSENT, Labels, Row, STALE, is_absent, is_stale};
use proptest::prelude::*;

type Pairs = Vec<(String, String)>;
type Sample = (i64, f64);

/// One series of a request, to be encoded as it stands.
#[derive(Clone, Debug, PartialEq)]
struct Series {
    labels: Pairs,
    samples: Vec<Sample>,
}

fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn label(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut label = Vec::new();
    field(&mut label, 1, name);
    field(&mut label, 2, value);
    label
}

/// As Go writes it: a zero is left out.
fn sample(at: i64, value: f64) -> Vec<u8> {
    let mut sample = Vec::new();
    if value.to_bits() != 0 {
        sample.push(1 << 3 | 1);
        sample.extend_from_slice(&value.to_le_bytes());
    }
    if at != 0 {
        sample.push(2 << 3);
        varint(&mut sample, at as u64);
    }
    sample
}

fn series(series: &Series) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, value) in &series.labels {
        field(&mut message, 1, &label(name.as_bytes(), value.as_bytes()));
    }
    for (at, value) in &series.samples {
        field(&mut message, 2, &sample(*at, *value));
    }
    message
}

fn message(all: &[Series]) -> Vec<u8> {
    let mut message = Vec::new();
    for one in all {
        field(&mut message, 1, &series(one));
    }
    message
}

fn snappy(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("small enough")
}

/// Reads `load1{vm="a"} 1 0.5 2 0.6`: pairs of time and value.
fn parse(text: &str) -> Vec<Series> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(parse_line).collect()
}

fn parse_line(line: &str) -> Series {
    let (name, rest) = line.split_once('{').expect("name{");
    let (labels, samples) = rest.split_once('}').expect("}");
    let mut pairs = vec![("__name__".to_owned(), name.to_owned())];
    pairs.retain(|(_, name)| !name.is_empty());
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once('=').expect("name=value");
        pairs.push((name.to_owned(), value.trim_matches('"').to_owned()));
    }
    let words: Vec<&str> = samples.split_whitespace().collect();
    let samples = words.chunks(2).map(|pair| (pair[0].parse().expect("a time"), value(pair[1])));
    Series { labels: pairs, samples: samples.collect() }
}

fn value(word: &str) -> f64 {
    match word {
        "STALE" => STALE,
        "ABSENT" => ABSENT,
        _ => word.parse().expect("a value"),
    }
}

fn shown_value(value: &f64) -> String {
    match *value {
        value if is_absent(value) => "-".to_owned(),
        value if is_stale(value) => "STALE".to_owned(),
        value => value.to_string(),
    }
}

fn shown_row(row: &Row) -> String {
    let columns: Vec<String> = row
        .shape
        .columns
        .iter()
        .zip(&row.values)
        .map(|(labels, value)| format!("{labels} {}", shown_value(value)))
        .collect();
    format!("{} {} {}\n", row.at.millis(), row.shape.common, columns.join(" "))
}

fn shown(decoded: Result<Decoded, RemoteWriteError>) -> String {
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return format!("{} {error}\n", error.status()),
    };
    let rows: String = decoded.rows.iter().map(shown_row).collect();
    let refused = decoded.refused.iter().map(|one| format!("refused {}: {}\n", one.what, one.why));
    rows + &refused.collect::<String>()
}

/// One decoder sees the requests in turn; each is followed by what came of it.
#[expect(clippy::needless_pass_by_value, reason = "expect! is written where it is used")]
fn check(requests: &[&str], expected: Expect) {
    let decoder = Decoder::default();
    let answers: Vec<String> = requests
        .iter()
        .map(|request| shown(decoder.decode(&snappy(&message(&parse(request))))))
        .collect();
    expected.assert_eq(&answers.join("--\n"));
}

#[test]
fn series_of_one_target_share_a_row() {
    check(
        &[r#"
        load1{instance="a",job="agent"} 10 0.5
        load5{instance="a",job="agent"} 10 0
        cpu{cpu="0",instance="a",job="agent"} 10 7
        load1{instance="b",job="agent"} 10 1.5
        up{} 10 1
        "#],
        expect![[r#"
            10 {instance="a",job="agent"} load1 0.5 load5 0 cpu{cpu="0"} 7
            10 {instance="b",job="agent"} load1 1.5
            10 {} up 1
        "#]],
    );
}

#[test]
fn without_an_instance_all_labels_but_the_name_must_agree() {
    check(
        &[r#"
        load1{vm="a"} 10 1
        load5{vm="a"} 10 2
        disk{disk="sda",vm="a"} 10 3
        "#],
        expect![[r#"
            10 {vm="a"} load1 1 load5 2
            10 {disk="sda",vm="a"} disk 3
        "#]],
    );
}

#[test]
fn series_of_different_times_share_no_shape() {
    check(
        &["a{} 10 1\nb{} 20 2", "a{} 30 1\nb{} 30 2"],
        expect![[r#"
        10 {} a 1
        20 {} b 2
        --
        30 {} a 1
        30 {} b 2
    "#]],
    );
}

#[test]
fn marks_of_the_end_pass_and_our_own_mark_does_not() {
    check(
        &["a{} 10 STALE\nb{} 10 NaN\nc{} 10 ABSENT\nd{} 10 -Inf\n"],
        expect![[r#"
            10 {} a STALE b NaN c NaN d -inf
        "#]],
    );
}

#[test]
fn several_samples_of_a_series_become_several_rows() {
    check(
        &[r#"
        a{} 10 1 20 2 30 3
        b{} 10 4 20 5 30 6
        "#],
        expect![[r#"
            10 {} a 1 b 4
            20 {} a 2 b 5
            30 {} a 3 b 6
        "#]],
    );
}

#[test]
fn a_known_shape_stays_when_a_request_is_cut_elsewhere() {
    check(
        &[
            "a{} 10 1\nb{} 10 2\nc{} 10 3\nd{} 10 4\ne{} 10 5",
            // Half of it is enough for a row with gaps, in whatever order.
            "d{} 20 4\nb{} 20 2\na{} 20 1",
            // Less comes as a row of its own.
            "e{} 30 5\nd{} 30 4",
            "a{} 40 1\nb{} 40 2\nf{} 40 6\nc{} 40 3\nd{} 40 4\ne{} 40 5",
        ],
        expect![[r#"
            10 {} a 1 b 2 c 3 d 4 e 5
            --
            20 {} a 1 b 2 c - d 4 e -
            --
            30 {} d 4 e 5
            --
            40 {} a 1 b 2 c 3 d 4 e 5
            40 {} f 6
        "#]],
    );
}

#[test]
fn of_a_series_sent_twice_both_are_kept_apart() {
    check(
        &["a{} 10 1\na{} 10 2\nb{} 10 3", "a{} 20 1\na{} 20 2\nb{} 20 3"],
        expect![[r#"
            10 {} a 1
            10 {} a 2 b 3
            --
            20 {} a 2 b 3
        "#]],
    );
}

#[test]
fn one_bad_series_spoils_its_request_and_is_named() {
    for request in [
        r#"good{} 1 1
           bad{vm="a",host="h"} 10 1"#,
        r#"bad{vm="a",vm="b"} 10 1"#,
        r#"bad{="a"} 10 1"#,
        r#"{vm="a"} 10 1"#,
        r#"bad{vm="a",host="h"}"#,
    ] {
        let decoder = Decoder::default();
        assert!(decoder.decode(&snappy(&message(&parse(request)))).is_err(), "{request}");
    }
    check(
        &[
            r#"bad{vm="a",host="h"} 10 1"#,
            r#"bad{vm="a",vm="b"} 10 1"#,
            r#"bad{="a"} 10 1"#,
            r#"{vm="a"} 10 1"#,
            r#"bad{vm="a",host="h"}"#,
            r#"good{vm="",zone="z"} 10 1"#,
        ],
        expect![[r#"
            400 the series bad{host="h",vm="a"} is not in order: its labels are not sorted by name: "host" comes too late
            --
            400 the series bad{vm="b"} is not in order: it has the label "vm" twice
            --
            400 the series bad{="a"} is not in order: a label has no name
            --
            400 the series {vm="a"} is not in order: it has no __name__
            --
            400 the series bad{host="h",vm="a"} is not in order: its labels are not sorted by name: "host" comes too late
            --
            10 {zone="z"} good 1
        "#]],
    );
}

#[test]
fn odd_messages_are_told_apart() {
    let mut not_utf8 = Vec::new();
    field(&mut not_utf8, 1, &label(b"__name__", b"a\xff"));
    field(&mut not_utf8, 2, &sample(1, 1.0));
    let mut late_label = series(&parse_line("a{} 1 1"));
    field(&mut late_label, 1, &label(b"vm", b"x"));
    let mut histogram = series(&parse_line("a{} 1 1"));
    field(&mut histogram, 4, b"\x08\x01");
    field(&mut histogram, 4, b"\x08\x01");
    let mut exemplar = series(&parse_line("a{} 1 1"));
    field(&mut exemplar, 3, b"anything");
    let in_request = |series: &[u8]| {
        let mut message = Vec::new();
        field(&mut message, 3, b"metadata, whatever it says");
        field(&mut message, 1, series);
        shown(Decoder::default().decode(&snappy(&message)))
    };
    let answers: Vec<String> = [
        in_request(&not_utf8),
        in_request(&late_label),
        in_request(&histogram),
        in_request(&exemplar),
        in_request(b""),
        in_request(b"\x0a\x02\x08\x01"),
        in_request(b"\x12\x09\x0d\0\0\0\0\0\0\0\0"),
        shown(Decoder::default().decode(&snappy(b"\x0a\xff"))),
        shown(Decoder::default().decode(&snappy(b""))),
        shown(Decoder::default().decode(b"")),
        shown(Decoder::default().decode(b"not snappy at all")),
        // Claims 16 MiB, brings nothing; claims 64 MiB.
        shown(Decoder::default().decode(b"\x80\x80\x80\x08")),
        shown(Decoder::default().decode(b"\x80\x80\x80\x20")),
    ]
    .into();
    expect![[r#"
        400 the series a� is not in order: a label is not UTF-8
        --
        400 the series a is not in order: a label comes after its samples
        --
        1 {} a 1
        refused a: native histograms are not taken; send classic ones
        refused a: native histograms are not taken; send classic ones
        --
        1 {} a 1
        --
        400 the series {} is not in order: it has no __name__
        --
        400 the body is no protobuf message of remote write 1.0
        --
        400 the body is no protobuf message of remote write 1.0
        --
        400 the body is no protobuf message of remote write 1.0
        --
        --
        400 the body is no snappy block
        --
        400 the body is no snappy block
        --
        400 the body is no snappy block
        --
        413 the message has 67108864 bytes, at most 33554432 are accepted
    "#]]
    .assert_eq(&answers.join("--\n"));
}

#[test]
fn a_series_known_by_its_bytes_is_not_taken_for_one_with_a_label_more() {
    check(
        &[r#"a{} 10 1"#, r#"a{vm="x"} 20 1"#, "a{} 30 1"],
        expect![[r#"
            10 {} a 1
            --
            20 {vm="x"} a 1
            --
            30 {} a 1
        "#]],
    );
}

#[test]
fn the_same_series_share_the_same_shape() {
    let decoder = Decoder::default();
    let shapes: Vec<_> = [10, 20, 30]
        .map(|at| {
            let request = format!("a{{vm=\"x\"}} {at} 1\nb{{vm=\"x\"}} {at} 2");
            decoder.decode(&snappy(&message(&parse(&request)))).unwrap().rows[0].shape.clone()
        })
        .into();
    assert!(shapes.windows(2).all(|two| std::sync::Arc::ptr_eq(&two[0], &two[1])));
}

#[test]
fn a_refused_request_leaves_nothing_behind() {
    let decoder = Decoder::default();
    let spoiled = "a{} 10 1\nb{} 10 2\nbad{z=\"1\",y=\"2\"} 10 1";
    assert!(decoder.decode(&snappy(&message(&parse(spoiled)))).is_err());
    let answer = shown(decoder.decode(&snappy(&message(&parse("b{} 20 2")))));
    assert_eq!(answer, "20 {} b 2\n");
}

#[test]
fn headers_say_whether_it_is_for_us() {
    let protobuf = "application/x-protobuf";
    for (kind, encoding, version) in [
        (Some(protobuf), Some("snappy"), Some("0.1.0")),
        (Some("application/x-protobuf;proto=prometheus.WriteRequest"), Some("snappy"), None),
        (Some("Application/X-Protobuf; proto=\"prometheus.WriteRequest\""), Some("Snappy"), None),
        (None, None, None),
    ] {
        assert!(check_headers(kind, encoding, version).is_ok(), "{kind:?} {encoding:?}");
    }
    let second = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    for (kind, encoding, version) in [
        (Some(second), Some("snappy"), Some("2.0.0")),
        (Some(protobuf), Some("snappy"), Some("2.0.0")),
        (Some(protobuf), Some("zstd"), Some("0.1.0")),
        (Some("application/json"), Some("snappy"), None),
        (Some(""), None, None),
    ] {
        let error = check_headers(kind, encoding, version).unwrap_err();
        assert_eq!(error.status(), 415);
        assert!(error.to_string().contains("remote write 1.0"), "{error}");
    }
}

/// Requests of few names and few times, so that series meet again, in any order.
fn requests() -> impl Strategy<Value = Vec<Vec<Series>>> {
    let sample = (0i64..5, prop_oneof![Just(0.0), Just(STALE), -9.0..9.0f64]);
    let series = ("[abc]", "[xy]?", "[kl]?", proptest::collection::vec(sample, 0..3));
    let series = series.prop_map(|(name, instance, zone, samples)| {
        let labels = [("__name__", name), ("instance", instance), ("zone", zone)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value));
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Series { labels, samples }
    });
    proptest::collection::vec(proptest::collection::vec(series, 0..12), 1..5)
}

/// What rows say, series by series; the value that was sent last for a time counts.
fn told(rows: &[Row]) -> std::collections::BTreeMap<(Labels, i64), u64> {
    let values = rows.iter().flat_map(|row| {
        assert_eq!(row.shape.columns.len(), row.values.len());
        let columns = row.shape.columns.iter().zip(&row.values);
        columns.map(|(own, value)| ((row.shape.common.with(own), row.at.millis()), *value))
    });
    values.filter(|(_, value)| !is_absent(*value)).map(|(at, v)| (at, v.to_bits())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_series_gets_what_was_sent_for_it(requests in requests()) {
        let decoder = Decoder::default();
        for request in &requests {
            let decoded = decoder.decode(&snappy(&message(request))).unwrap();
            let sent = request.iter().flat_map(|series| {
                let labels = Labels::of(series.labels.clone());
                series.samples.iter().map(move |(at, value)| ((labels.clone(), *at), *value))
            });
            let sent: Vec<_> = sent.collect();
            prop_assert_eq!(decoded.samples, sent.len() as u64);
            let told = told(&decoded.rows);
            for (key, bits) in &told {
                let fits = |(k, value): &((Labels, i64), f64)| k == key && value.to_bits() == *bits;
                prop_assert!(sent.iter().any(fits), "{key:?} was never sent");
            }
            let keys: std::collections::BTreeSet<_> = sent.into_iter().map(|(key, _)| key).collect();
            prop_assert_eq!(keys, told.into_keys().collect());
        }
    }

    #[test]
    fn arbitrary_bytes_are_taken_or_refused(bytes: Vec<u8>, as_message: bool) {
        let body = if as_message { snappy(&bytes) } else { bytes };
        bounded(&Decoder::default().decode(&body), body.len());
    }

    #[test]
    fn a_spoiled_request_is_taken_or_refused(
        requests in requests(),
        at: proptest::sample::Index,
        byte: u8,
        cut: bool,
    ) {
        let decoder = Decoder::default();
        let known = message(&requests[0]);
        decoder.decode(&snappy(&known)).unwrap();
        let mut spoiled = known.clone();
        if !spoiled.is_empty() {
            let at = at.index(spoiled.len());
            if cut { spoiled.truncate(at) } else { spoiled[at] = byte }
        }
        bounded(&decoder.decode(&snappy(&spoiled)), spoiled.len());
        let mut body = snappy(&known);
        let at = at.index(body.len());
        body[at] = byte;
        bounded(&decoder.decode(&body), MAX_MESSAGE_BYTES);
        // And the decoder is none the worse for it.
        decoder.decode(&snappy(&known)).unwrap();
    }
}

/// What is given out is never much more than what came in.
fn bounded(decoded: &Result<Decoded, RemoteWriteError>, bytes: usize) {
    if let Ok(decoded) = decoded {
        let values: usize = decoded.rows.iter().map(|row| row.values.len()).sum();
        assert!(values <= 2 * bytes && decoded.samples as usize <= bytes);
    }
}
