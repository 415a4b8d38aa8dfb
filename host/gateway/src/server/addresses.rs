//! How many connections one client may have, and how fast it may make new ones: one client must not take the places of
//! all others.
//!
//! The decision is a function of the table and the time; the caller brings the clock.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What one client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressLimits {
    /// Connections at a time.
    pub(crate) connections: u32,
    /// New connections per second, on average; as many may come at once after a pause. 0: any number.
    pub(crate) rate: u32,
}

/// Clients without a connection that are remembered for the sake of their rate. Beyond it some are forgotten, which lets
/// them make more connections, not fewer.
const REMEMBERED: usize = 1 << 16;

/// A client, as far as addresses tell: one of IPv4, or a network of 64 bits of IPv6, which is what one site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    /// Who has this address.
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// The client has as many connections as one may have.
    Connections,
    /// The client makes connections too fast.
    Rate,
}

/// The clients that are connected, or were a moment ago.
#[derive(Debug)]
pub(super) struct Addresses {
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    limits: AddressLimits,
    clients: HashMap<Client, Seen>,
    /// When it has more clients than this, some are forgotten.
    most: usize,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    n_connections: u32,
    /// When the client will have earned all connections that it may make at once.
    full: Instant,
}

/// A client's right to one connection; dropping it gives it back.
#[derive(Debug)]
pub(super) struct AddressPlace {
    addresses: Arc<Addresses>,
    client: Client,
}

impl Addresses {
    pub(super) fn new(limits: AddressLimits) -> Arc<Self> {
        Arc::new(Self { table: Mutex::new(Table { limits, clients: HashMap::new(), most: REMEMBERED }) })
    }

    /// Goes by other limits from now on. Connections that there are stay.
    pub(super) fn limit(&self, limits: AddressLimits) {
        self.table().limits = limits;
    }

    /// Lets a connection from `address` in that was made at `now`, or says why not.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<AddressPlace, TooMuch> {
        let client = Client::of(address);
        let mut table = self.table();
        let limits = table.limits;
        let seen = table.clients.entry(client).or_insert(Seen { n_connections: 0, full: now });
        if seen.n_connections >= limits.connections {
            return Err(TooMuch::Connections);
        }
        if limits.rate > 0 {
            // The bucket holds a second's worth: it is empty when it would be full only a second from now.
            let full = seen.full.max(now) + Duration::from_secs(1) / limits.rate;
            if full > now + Duration::from_secs(1) {
                return Err(TooMuch::Rate);
            }
            seen.full = full;
        }
        seen.n_connections += 1;
        table.shrink(now);
        Ok(AddressPlace { addresses: Arc::clone(self), client })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Forgets clients without a connection: those that there is no reason to remember, and if that is not enough, all.
    fn shrink(&mut self, now: Instant) {
        if self.clients.len() <= self.most {
            return;
        }
        self.clients.retain(|_, seen| seen.n_connections > 0 || seen.full > now);
        if self.clients.len() > REMEMBERED {
            self.clients.retain(|_, seen| seen.n_connections > 0);
        }
        // So that many who are connected do not make every connection look at all of them.
        self.most = REMEMBERED.max(2 * self.clients.len());
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut table = self.addresses.table();
        let rate = table.limits.rate;
        if let Some(seen) = table.clients.get_mut(&self.client) {
            seen.n_connections = seen.n_connections.saturating_sub(1);
            if seen.n_connections == 0 && rate == 0 {
                table.clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn len(addresses: &Addresses) -> usize {
        addresses.table().clients.len()
    }

    #[tokio::test(start_paused = true)]
    async fn one_client_is_an_address_or_a_network() {
        for (first, second, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let addresses = Addresses::new(AddressLimits { connections: 1, rate: 0 });
            let place = addresses.enter(ip(first), Instant::now()).unwrap();
            assert_eq!(addresses.enter(ip(second), Instant::now()).is_err(), same, "{first} {second}");
            drop(place);
            assert!(addresses.enter(ip(second), Instant::now()).is_ok(), "{second}");
            assert_eq!(len(&addresses), 0, "nobody is remembered who has no connection");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_allows_a_second_at_once_and_then_an_average() {
        let addresses = Addresses::new(AddressLimits { connections: 1, rate: 4 });
        let let_in = |now| addresses.enter(ip("192.0.2.1"), now).map(drop);
        let begin = Instant::now();
        let after = |millis| begin + Duration::from_millis(millis);
        // A bucket that starts full, with connections that end at once.
        for (millis, outcome) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(TooMuch::Rate)),
            (249, Err(TooMuch::Rate)),
            (250, Ok(())),
            (250, Err(TooMuch::Rate)),
            (9000, Ok(())),
            (9000, Ok(())),
            (9000, Ok(())),
            (9000, Ok(())),
            (9000, Err(TooMuch::Rate)),
        ] {
            assert_eq!(let_in(after(millis)), outcome, "after {millis} ms");
        }
        assert!(addresses.enter(ip("192.0.2.2"), after(9000)).is_ok(), "another client is not concerned");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_whoever_comes() {
        let addresses = Addresses::new(AddressLimits { connections: 1, rate: 1 });
        let now = Instant::now();
        let held: Vec<_> = (0..100).map(|n| addresses.enter(IpAddr::from([10, 0, 0, n]), now).unwrap()).collect();
        for n in 0..3 * u32::try_from(REMEMBERED).unwrap() {
            drop(addresses.enter(IpAddr::from((n | 0x8000_0000).to_be_bytes()), now));
        }
        assert!(len(&addresses) <= REMEMBERED + held.len(), "{}", len(&addresses));
        for n in 0..100 {
            let refused = addresses.enter(IpAddr::from([10, 0, 0, n]), now + Duration::from_secs(60));
            assert_eq!(refused.unwrap_err(), TooMuch::Connections, "who is connected is never forgotten");
        }
    }
}
