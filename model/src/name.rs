//! A name that is compared all day.
//!
//! A storm is millions of searches for a name among others. So names of up to 23 bytes, which nearly
//! all are, lie in the value itself, filled up with zeros, and two of them are compared as numbers: no
//! pointer is followed, no length read, no loop run, and no function called. Longer ones are shared.
//!
//! Which characters a name may have is the business of [`crate::id`]; a zero is not among them.
//!
//! Invariants: a name is short if and only if it fits; the order is that of the texts.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// So many bytes lie in the value.
const SHORT: usize = 23;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Short([u8; SHORT]),
    Long(Arc<str>),
}

impl Name {
    /// `text` bears no zero byte.
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..text.len()) {
            Some(start) => {
                start.copy_from_slice(text.as_bytes());
                Self::Short(bytes)
            }
            None => Self::Long(text.into()),
        }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short(bytes) => {
                let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(SHORT);
                std::str::from_utf8(&bytes[..end]).expect("it was made of a text")
            }
            Self::Long(text) => text,
        }
    }
}

impl Ord for Name {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Short(one), Self::Short(other)) => numbers(one).cmp(&numbers(other)),
            (one, other) => one.as_str().cmp(other.as_str()),
        }
    }
}

impl PartialOrd for Name {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The bytes as two numbers of the same order; they share the sixteenth byte.
#[inline]
fn numbers(bytes: &[u8; SHORT]) -> (u128, u64) {
    let first = bytes.first_chunk().expect("16 of 23");
    let last = bytes.last_chunk().expect("8 of 23");
    (u128::from_be_bytes(*first), u64::from_be_bytes(*last))
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_takes_no_more_room_than_a_string() {
        assert_eq!(size_of::<Name>(), size_of::<String>());
        assert_eq!(size_of::<Option<Name>>(), size_of::<String>());
    }

    proptest! {
        #[test]
        fn names_are_ordered_and_told_apart_as_their_texts(
            one in "[a-b.]{0,26}", other in "[a-b.]{0,26}", cut in 0..26_usize,
        ) {
            let near = format!("{}{}", &one[..cut.min(one.len())], &other[cut.min(other.len())..]);
            for other in [&other, &near, &one] {
                let names = [Name::new(&one), Name::new(other)];
                prop_assert_eq!(names[0].as_str(), one.as_str());
                prop_assert_eq!(names[0].cmp(&names[1]), one.cmp(other));
                prop_assert_eq!(names[0] == names[1], one == *other);
            }
        }
    }
}
