//! Exemplars: one case out of many, and the trace in which it can be looked at.

use std::time::SystemTime;

/// One value of a distribution, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// The trace: the 16 bytes of its id as W3C Trace Context has it.
    pub trace: [u8; 16],
    /// The value, in the unit of the family.
    pub value: f64,
    /// When it was.
    pub time: SystemTime,
}

impl Exemplar {
    /// The trace as 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace))
    }
}
