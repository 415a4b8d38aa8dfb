//! Chance that tests can repeat: numbers that look random and are the same for the same seed.

/// One step of SplitMix64: a number for the `round`th time that `seed` is asked.
pub const fn chance(seed: u64, round: u32) -> u64 {
    let mut mixed = seed.wrapping_add((round as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
