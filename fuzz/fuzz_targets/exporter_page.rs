//! The page of an exporter, in both formats, as the first one and as the next one.
#![no_main]

use collector::prometheus::page::Page;
use collector::prometheus::text::Format;
use model::series::{Labels, is_absent};
use model::time::Time;

/// Over this, new series are refused.
const MAX_SERIES: usize = 100;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        let mut page = Page::new(Labels::of([("job", "x")]), Vec::new(), MAX_SERIES, true);
        for at in [1_000, 2_000] {
            let reading = page.read(bytes, format, Time::from_millis(at));
            assert_eq!(reading.row.values.len(), reading.row.shape.columns.len());
            assert!(reading.row.values.len() <= MAX_SERIES);
            let stamped = reading.stamped.iter().flat_map(|row| &row.values);
            let values = reading.row.values.iter().chain(stamped).filter(|value| !is_absent(**value));
            assert!(values.count() as u64 >= reading.taken);
        }
    }
});
