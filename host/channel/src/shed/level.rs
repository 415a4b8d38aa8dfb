//! How much is refused: of the least important calls first a share and then all, then of the next.

use std::fmt;

use patchbay_model::policy::Priority;

/// From nothing to nearly everything. One step of 1000 is all calls of one priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u32);

/// All calls of one priority.
const STEP: u32 = 1000;

impl Level {
    /// Nothing is refused.
    pub const NONE: Self = Self(0);
    /// All calls of low and normal priority are refused, and nine of ten of high: what is still let in shows how the host
    /// fares.
    pub const MOST: Self = Self(2 * STEP + STEP * 9 / 10);

    /// A level in thousandths of a priority, [`Level::MOST`] at most.
    pub fn new(thousandths: u32) -> Self {
        Self(thousandths.min(Self::MOST.0))
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// Thousandths of the calls of this priority that are refused.
    pub const fn share(self, priority: Priority) -> u32 {
        let share = self.0.saturating_sub(priority as u32 * STEP);
        if share < STEP { share } else { STEP }
    }

    /// Whether a call of this priority is refused. `number` is random.
    pub const fn refuses(self, priority: Priority, number: u64) -> bool {
        // The number as a fraction of all that it could be, so that no value of it is more likely than another.
        (number as u32 as u64 * STEP as u64) >> 32 < self.share(priority) as u64
    }
}

impl fmt::Display for Level {
    /// Such as `low 100%, normal 35%, high 0%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, priority) in Priority::ALL.into_iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}%", priority.name(), self.share(priority).div_ceil(STEP / 100))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::chance;

    #[test]
    fn the_least_important_go_first() {
        for (thousandths, shares) in [
            (0, [0, 0, 0]),
            (1, [1, 0, 0]),
            (400, [400, 0, 0]),
            (1000, [1000, 0, 0]),
            (1350, [1000, 350, 0]),
            (2000, [1000, 1000, 0]),
            (2500, [1000, 1000, 500]),
            (u32::MAX, [1000, 1000, 900]),
        ] {
            assert_eq!(Priority::ALL.map(|priority| Level::new(thousandths).share(priority)), shares, "{thousandths}");
        }
        assert_eq!(Level::new(1345).to_string(), "low 100%, normal 35%, high 0%");
    }

    #[test]
    fn a_share_is_that_share_of_the_calls() {
        for share in [0, 10, 250, 900, 1000] {
            let refused = (0..20_000).filter(|call| Level::new(share).refuses(Priority::Low, chance(*call, 1))).count();
            let wanted = share as usize * 20;
            assert!(refused.abs_diff(wanted) <= 400, "{refused} of 20000 refused, {wanted} wanted");
            assert!((share != 0 && share != 1000) || refused == wanted, "{refused}");
        }
    }
}
