//! How often somebody may try a token. The token cannot be guessed; this keeps those who try all the same from being a
//! burden, and shows them in the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::server::Client;

/// Wrong tokens that a client may send at once.
const BURST: u32 = 5;

/// The time after which it may send one more.
const EVERY: Duration = Duration::from_secs(10);

/// Clients that are remembered. Beyond it the one that has least to wait for is forgotten.
const REMEMBERED: usize = 1024;

/// The clients that sent wrong tokens, each with when it will have earned all its tries again.
#[derive(Debug, Default)]
pub(super) struct Tries {
    table: Mutex<HashMap<Client, Instant>>,
}

impl Tries {
    /// Takes one of the tries that `address` has at `now`, before its token is looked at: those who send many at once get no
    /// more than others.
    ///
    /// # Errors
    /// How long it has to wait if it has none.
    pub(super) fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let client = Client::of(address);
        let mut table = self.table();
        let full = table.get(&client).copied().unwrap_or(now).max(now) + EVERY;
        let latest = now + EVERY * BURST;
        if full > latest {
            return Err(full.duration_since(latest));
        }
        table.retain(|_, full| *full > now);
        if table.len() >= REMEMBERED {
            let least = table.iter().min_by_key(|(_, full)| **full).map(|(client, _)| *client);
            least.and_then(|client| table.remove(&client));
        }
        table.insert(client, full);
        Ok(())
    }

    /// Forgets what `address` tried: its token was right.
    pub(super) fn forgive(&self, address: IpAddr) {
        self.table().remove(&Client::of(address));
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Client, Instant>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn tries_come_back_with_time_and_at_once_with_the_right_token() {
        let (tries, start) = (Tries::default(), Instant::now());
        assert!((0..BURST).all(|_| tries.take(ip(1), start).is_ok()));
        assert_eq!(tries.take(ip(1), start), Err(EVERY));
        assert_eq!(tries.take(ip(2), start), Ok(()), "another client has its own");
        assert_eq!(tries.take(ip(1), start + EVERY / 2), Err(EVERY / 2));
        assert_eq!(tries.take(ip(1), start + EVERY), Ok(()));
        assert_eq!(tries.take(ip(1), start + EVERY), Err(EVERY));
        tries.forgive(ip(1));
        assert_eq!(tries.take(ip(1), start + EVERY), Ok(()));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let (tries, start) = (Tries::default(), Instant::now());
        assert!((0..BURST).all(|_| tries.take(ip(1), start).is_ok()));
        for number in 2..3000 {
            assert_eq!(tries.take(ip(number), start), Ok(()));
        }
        assert_eq!(tries.table().len(), REMEMBERED);
        assert!(tries.take(ip(1), start).is_err(), "who has to wait is not forgotten for who has not");
        tries.take(ip(1), start + EVERY * BURST).unwrap();
        assert_eq!(tries.table().len(), 1);
    }
}
