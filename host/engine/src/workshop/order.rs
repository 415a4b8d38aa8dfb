//! What a compiler is told: which engine the code is for, and what it may use.

use std::io::{self, Read};
use std::time::Duration;

use crate::engines::Wasi;

/// What is to be compiled, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The engine that the code is for.
    pub(crate) wasi: Wasi,
    /// Whether instances of it get their memory from slots.
    pub(crate) pooled: bool,
    /// Threads to compile with.
    pub(crate) threads: usize,
    /// Stack that instances have, in bytes: a part of what the code has to fit.
    pub(crate) stack: u64,
    /// Memory, in bytes.
    pub(crate) memory: u64,
    /// CPU time of all threads together; whole seconds.
    pub(crate) cpu_time: Duration,
}

const FIELDS: usize = 7;
const FIELD: usize = size_of::<u64>();

impl Order {
    /// The order as it is written before a component of `length` bytes.
    pub(super) fn header(&self, length: usize) -> [u8; FIELDS * FIELD] {
        let fields: [u64; FIELDS] = [
            u64::from(self.wasi == Wasi::P3),
            u64::from(self.pooled),
            self.threads as u64,
            self.stack,
            self.memory,
            self.cpu_time.as_secs(),
            length as u64,
        ];
        let mut header = [0; FIELDS * FIELD];
        for (place, field) in header.chunks_exact_mut(FIELD).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        header
    }

    /// Reads an order; the length of the component that follows comes with it.
    pub(super) fn read(input: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut next = || {
            let mut field = [0; FIELD];
            input.read_exact(&mut field).map(|()| u64::from_le_bytes(field))
        };
        let wasi = if next()? == 1 { Wasi::P3 } else { Wasi::P2 };
        let pooled = next()? == 1;
        let threads = usize::try_from(next()?).map_err(io::Error::other)?;
        let (stack, memory, cpu_time) = (next()?, next()?, Duration::from_secs(next()?));
        Ok((Self { wasi, pooled, threads, stack, memory, cpu_time }, next()?))
    }

    #[cfg(test)]
    pub(super) fn sample() -> Self {
        Self {
            wasi: Wasi::P3,
            pooled: true,
            threads: 3,
            stack: 512 << 10,
            memory: 1 << 30,
            cpu_time: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ordered_is_understood() {
        let order = Order::sample();
        assert_eq!(Order::read(&mut &order.header(77)[..]).unwrap(), (order.clone(), 77));
        assert!(Order::read(&mut &order.header(77)[..40]).is_err());
    }
}
