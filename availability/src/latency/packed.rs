//! Whole numbers in few bytes: one by one in as many as it needs, and many that are near to each other in
//! bits.
//!
//! One by one: seven bits in each byte, the lowest first. In bits (Rice's code): the number without its lowest
//! `low` bits as so many ones and a zero, and then those. Counts of a few need a few bits each.

pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// None if the bytes end within the number, or it is longer than any.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Bits that become bytes, the lowest of each first. What is left of the last byte is ones, which is no
/// number.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// The last bits, which do not fill a byte yet.
    rest: u64,
    held: u32,
}

impl Bits {
    pub(super) fn put(&mut self, number: u32, low: u32) {
        let mut ones = number >> low;
        while ones >= u32::BITS {
            self.push(u64::from(u32::MAX), u32::BITS);
            ones -= u32::BITS;
        }
        self.push(below(ones), ones + 1);
        self.push(u64::from(number) & below(low), low);
    }

    /// At most 56 bits.
    fn push(&mut self, bits: u64, count: u32) {
        self.rest |= bits << self.held;
        self.held += count;
        while self.held >= u8::BITS {
            self.bytes.push(self.rest as u8);
            self.rest >>= u8::BITS;
            self.held -= u8::BITS;
        }
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        if self.held > 0 {
            self.push(u64::from(u8::MAX), u8::BITS - self.held);
        }
        self.bytes
    }
}

/// Bytes that are read as bits.
pub(super) struct BitsOf<'a> {
    bytes: &'a [u8],
    /// The next bits; those beyond what is held are zeros.
    next: u64,
    held: u32,
}

impl<'a> BitsOf<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, held: 0 }
    }

    /// None if no whole number is left.
    pub(super) fn take(&mut self, low: u32) -> Option<u64> {
        let mut high = 0;
        loop {
            self.fill();
            let ones = self.next.trailing_ones();
            self.skip(ones);
            high += u64::from(ones);
            if self.held > 0 {
                break;
            }
            self.bytes.first()?;
        }
        self.skip(1);
        self.fill();
        let number = high << low | self.next & below(low);
        (self.held >= low).then(|| self.skip(low))?;
        Some(number)
    }

    /// So that at least a number's low bits are held, if they are there.
    fn fill(&mut self) {
        while self.held < u64::BITS - u8::BITS
            && let Some((first, rest)) = self.bytes.split_first()
        {
            self.next |= u64::from(*first) << self.held;
            self.held += u8::BITS;
            self.bytes = rest;
        }
    }

    fn skip(&mut self, count: u32) {
        self.next >>= count;
        self.held -= count;
    }
}

/// So many ones.
fn below(count: u32) -> u64 {
    (1 << count) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_their_bits_and_nothing_else_does() {
        let numbers = [0, 1, 5, 0, 31, 255, 4_096, 2, 0, 0];
        for low in [0, 1, 3, 12, 31] {
            let mut bits = Bits::default();
            numbers.iter().for_each(|number| bits.put(*number, low));
            let bytes = bits.into_bytes();
            let mut back = BitsOf::new(&bytes);
            let told: Vec<u64> = std::iter::from_fn(|| back.take(low)).collect();
            assert_eq!(told, numbers.map(u64::from), "with {low} low bits");
        }
        assert_eq!(BitsOf::new(&[]).take(0), None);
    }

    #[test]
    fn a_number_comes_back() {
        for number in [0, 1, 0x7F, 0x80, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let mut rest = bytes.as_slice();
            assert_eq!((take(&mut rest), rest), (Some(number), &[][..]));
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None, "it is cut short");
        }
    }
}
