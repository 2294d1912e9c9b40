//! Shapes that were seen, and where their series live.
//!
//! Who brings rows of the same targets again and again keeps their shapes, so a shape is known again
//! by where it lies, and none of its labels is looked at. It is held, so that its address means no
//! other; once nobody else holds it, it can come no more.
//!
//! Invariant: of shapes that nobody else holds there are no more than of the others, or a few.

use std::sync::Arc;

use model::series::Shape;

use crate::index::Handle;
use crate::state::Why;

/// With fewer it is not worth looking for those that nobody holds.
const FEW: usize = 1024;

#[expect(clippy::disallowed_types, reason = "asked for each row, and cleaned in no order")]
type ByAddress = std::collections::HashMap<usize, Known>;

/// Cleaned when there are twice as many as after the last cleaning.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    known: ByAddress,
    cleaned: usize,
}

/// Where the series of a shape live.
#[derive(Debug)]
pub(crate) enum Columns {
    /// The usual case: all in one frame.
    OneFrame(u32, Box<[u32]>),
    /// One by one. A series that was refused lives nowhere.
    Each(Vec<Result<Handle, Why>>),
}

#[derive(Debug)]
struct Known {
    shape: Arc<Shape>,
    columns: Arc<Columns>,
}

impl Shapes {
    pub(crate) fn find(&self, shape: &Arc<Shape>) -> Option<Arc<Columns>> {
        let known = self.known.get(&Arc::as_ptr(shape).addr())?;
        debug_assert!(Arc::ptr_eq(&known.shape, shape));
        Some(known.columns.clone())
    }

    pub(crate) fn insert(&mut self, shape: &Arc<Shape>, columns: &Arc<Columns>) {
        if self.known.len() >= FEW.max(2 * self.cleaned) {
            self.known.retain(|_, known| Arc::strong_count(&known.shape) > 1);
            self.known.shrink_to(2 * self.known.len());
            self.cleaned = self.known.len();
        }
        let known = Known { shape: shape.clone(), columns: columns.clone() };
        self.known.insert(Arc::as_ptr(shape).addr(), known);
    }
}

#[cfg(test)]
mod tests {
    use model::series::Labels;

    use super::*;

    fn shape() -> Arc<Shape> {
        Arc::new(Shape { common: Labels::default(), columns: vec![Labels::metric("load1")] })
    }

    #[test]
    fn a_shape_that_is_held_is_known_and_those_that_are_not_go() {
        let mut shapes = Shapes::default();
        let columns = Arc::new(Columns::OneFrame(7, [0].into()));
        let held = shape();
        shapes.insert(&held, &columns);
        for _ in 0..10 * FEW {
            shapes.insert(&shape(), &columns); // Nobody holds it from here on.
        }
        assert!(shapes.find(&held).is_some_and(|found| Arc::ptr_eq(&found, &columns)));
        assert!(shapes.known.len() <= FEW, "{}", shapes.known.len());
        assert!(shapes.find(&shape()).is_none());
    }
}
