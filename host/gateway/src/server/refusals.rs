//! What is refused, told in the log now and then.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::addresses::{AddressLimits, TooMuch};

/// At most one line about the same thing in this time.
const REPORT: Duration = Duration::from_secs(10);

/// Why connections were refused, told now and then.
#[derive(Default)]
pub(super) struct Refusals {
    /// There were as many connections as there may be.
    pub(super) full: Often,
    client_full: Often,
    client_fast: Often,
}

impl Refusals {
    /// A client had too much.
    pub(super) fn tell(&mut self, too_much: TooMuch, address: SocketAddr, limits: &AddressLimits) {
        let (often, what, limit) = match too_much {
            TooMuch::Connections => (&mut self.client_full, "max_connections_per_address", limits.connections),
            TooMuch::Rate => (&mut self.client_fast, "connection_rate_per_address", limits.rate),
        };
        if let Some(count) = often.count() {
            let client = address.ip();
            tracing::warn!("{count} connections were refused, the last from {client}: `{what}` is {limit}");
        }
    }
}

/// Something that may happen often and should not fill the log.
#[derive(Default)]
pub(super) struct Often {
    count: u64,
    reported: Option<Instant>,
}

impl Often {
    /// Counts one more. Returns how many there were since the last report if it is time for the next.
    pub(super) fn count(&mut self) -> Option<u64> {
        self.count += 1;
        let now = Instant::now();
        let is_due = self.reported.is_none_or(|reported| now - reported >= REPORT);
        is_due.then(|| {
            self.reported = Some(now);
            std::mem::take(&mut self.count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happens_often_is_told_now_and_then() {
        let mut often = Often::default();
        assert_eq!([often.count(), often.count(), often.count()], [Some(1), None, None]);
        tokio::time::advance(REPORT).await;
        assert_eq!([often.count(), often.count()], [Some(3), None]);
    }
}
