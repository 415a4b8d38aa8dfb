//! Widths that depend on how many there are.

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
}
