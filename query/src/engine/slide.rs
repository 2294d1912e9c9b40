//! A fold over a sliding window, each sample combined a bounded number of times.
//!
//! Sums could be slid by adding what comes and subtracting what goes, but then one huge value that
//! passed through would leave its rounding error behind for good, and a minimum cannot be slid so
//! at all. So the window is kept as two parts: of the older one every suffix is folded already, of
//! the newer one the whole. When the older part is used up, the window becomes the older part.
//!
//! Invariant: `suffixes[i]` folds the samples `base + i .. mid`, `newer` those of `mid .. high`.

use super::window::Span;

#[derive(Debug)]
pub(super) struct Slide<T> {
    base: usize,
    suffixes: Vec<T>,
    mid: usize,
    newer: Option<T>,
    high: usize,
}

impl<T: Copy> Slide<T> {
    pub(super) fn new() -> Self {
        Self { base: 0, suffixes: Vec::new(), mid: 0, newer: None, high: 0 }
    }

    /// The fold of a window; `None` if it is empty. Neither end may go back.
    pub(super) fn to(
        &mut self,
        span: Span,
        leaf: impl Fn(usize) -> T,
        join: impl Fn(T, T) -> T,
    ) -> Option<T> {
        if span.low >= span.high {
            return None;
        }
        if span.low >= self.mid {
            self.refill(span, &leaf, &join);
        } else {
            for at in self.high..span.high {
                let value = leaf(at);
                self.newer = Some(self.newer.map_or(value, |newer| join(newer, value)));
            }
            self.high = span.high;
        }
        let older = self.suffixes[span.low - self.base];
        Some(self.newer.map_or(older, |newer| join(older, newer)))
    }

    fn refill(&mut self, span: Span, leaf: &impl Fn(usize) -> T, join: &impl Fn(T, T) -> T) {
        self.suffixes.clear();
        let mut fold = None;
        for at in (span.low..span.high).rev() {
            let value = leaf(at);
            let joined = fold.map_or(value, |newer| join(value, newer));
            self.suffixes.push(joined);
            fold = Some(joined);
        }
        self.suffixes.reverse();
        self.base = span.low;
        self.mid = span.high;
        self.high = span.high;
        self.newer = None;
    }
}
