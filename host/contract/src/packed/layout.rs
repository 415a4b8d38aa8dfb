//! How wide values are.

use crate::Shape;

/// How deep values may be nested. Types that were decoded are not deeper.
pub(super) const MAX_DEPTH: usize = 128;

/// Not-a-number, as the one that packed values have.
pub(super) const NAN32: u32 = 0x7fc0_0000;

/// Not-a-number, as the one that packed values have.
pub(super) const NAN64: u64 = 0x7ff8_0000_0000_0000;

/// The bytes of a discriminant that tells `cases` apart.
pub(crate) fn discriminant_width(cases: usize) -> usize {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

/// The bytes of `flags` flags: whole words of 32 bits.
pub(crate) fn flags_width(flags: usize) -> usize {
    flags.div_ceil(32) * 4
}

/// A type of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer {
    /// Its bytes: 1, 2, 4 or 8.
    pub(super) width: usize,
    is_signed: bool,
}

impl Integer {
    /// The whole numbers of this shape, if it is one.
    pub(super) fn of(shape: &Shape) -> Option<Self> {
        let (width, is_signed) = match shape {
            Shape::U8 => (1, false),
            Shape::S8 => (1, true),
            Shape::U16 => (2, false),
            Shape::S16 => (2, true),
            Shape::U32 => (4, false),
            Shape::S32 => (4, true),
            Shape::U64 => (8, false),
            Shape::S64 => (8, true),
            _ => return None,
        };
        Some(Self { width, is_signed })
    }

    /// Whether it has `number`.
    pub(super) fn has(self, number: i128) -> bool {
        let bits = self.width * 8 - usize::from(self.is_signed);
        let end = 1i128 << bits;
        number < end && number >= if self.is_signed { -end } else { 0 }
    }

    /// The number that `bytes` are; there are as many as it is wide.
    pub(super) fn read(self, bytes: &[u8]) -> i128 {
        let is_negative = self.is_signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = if is_negative { [0xff; 16] } else { [0; 16] };
        wide.iter_mut().zip(bytes).for_each(|(wide, byte)| *wide = *byte);
        i128::from_le_bytes(wide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_the_count() {
        for (cases, width) in [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
            assert_eq!(discriminant_width(cases), width, "{cases}");
        }
        for (flags, width) in [(0, 0), (1, 4), (32, 4), (33, 8), (64, 8), (65, 12)] {
            assert_eq!(flags_width(flags), width, "{flags}");
        }
    }

    #[test]
    fn numbers_have_their_ranges() {
        for (shape, low, high) in [
            (Shape::U8, 0, 255),
            (Shape::S8, -128, 127),
            (Shape::U16, 0, 65_535),
            (Shape::S32, i128::from(i32::MIN), i128::from(i32::MAX)),
            (Shape::U64, 0, i128::from(u64::MAX)),
            (Shape::S64, i128::from(i64::MIN), i128::from(i64::MAX)),
        ] {
            let integer = Integer::of(&shape).unwrap();
            assert!(integer.has(low) && integer.has(high), "{shape}");
            assert!(!integer.has(low - 1) && !integer.has(high + 1), "{shape}");
            for number in [low, high] {
                assert_eq!(integer.read(&number.to_le_bytes()[..integer.width]), number, "{shape}");
            }
        }
        assert_eq!(Integer::of(&Shape::F32), None);
    }
}
