//! Windows over the samples of one series: which samples each step sees.
//!
//! A window is open to the left: a sample that is exactly as old as the window is wide is not in
//! it. Ends never go back from one step to the next, so two fingers walk the samples once.

/// The samples `low..high` of a step; none where both are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) low: usize,
    pub(super) high: usize,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
}

/// The spans that end at `ends`, which never go back.
pub(super) fn spans<'p, 's>(
    times: &'p [i64],
    ends: &'s [i64],
    range_ms: i64,
) -> impl Iterator<Item = Span> + use<'p, 's> {
    let (mut low, mut high) = (0, 0);
    ends.iter().map(move |end_ms| {
        let start_ms = end_ms - range_ms;
        while times.get(low).is_some_and(|time| *time <= start_ms) {
            low += 1;
        }
        high = high.max(low);
        while times.get(high).is_some_and(|time| *time <= *end_ms) {
            high += 1;
        }
        Span { low, high, start_ms, end_ms: *end_ms }
    })
}
