//! The clock of the operating system.

use std::time::SystemTime;

use patchbay_model::ports::Clock;

/// Tells the time of day as the operating system has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the adapter that everything else asks for the time")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
