//! Sessions: who has shown the token with a browser, and for how long that counts.
//!
//! Decisions are functions of the table and the time; the caller brings the clock.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patchbay_model::Digest;
use rustls::crypto::{SecureRandom, ring};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a session lasts, however much it is used: a long day of work.
const SESSION_LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// How long it lasts without a request. A page that is looked at asks again and again.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// How many there are at most. Operators are few; whoever comes then takes the place of who was away for longest.
const MOST: usize = 64;

/// The sessions.
#[derive(Default)]
pub(super) struct Sessions {
    /// By the digest of their ids. So the table does not hold what opens it, and how long a look takes tells nothing.
    table: Mutex<HashMap<Digest, Session>>,
}

struct Session {
    begun: Instant,
    used: Instant,
    ended: CancellationToken,
}

/// A session that is there.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// When it ends at the latest.
    pub(crate) until: Instant,
    /// Cancelled when it ends earlier.
    pub(crate) ended: CancellationToken,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now >= self.begun + SESSION_LIFE || now >= self.used + IDLE
    }
}

impl Drop for Session {
    /// Whatever is left of it ends with it, streams above all.
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Sessions {
    /// Begins a session at `now`, and returns its id: 256 random bits in hexadecimal digits. `None` if the system has no
    /// randomness to give.
    pub(super) fn begin(&self, now: Instant) -> Option<String> {
        self.begin_with(ring::default_provider().secure_random, now)
    }

    fn begin_with(&self, random: &dyn SecureRandom, now: Instant) -> Option<String> {
        let mut bytes = [0; 32];
        random.fill(&mut bytes).ok()?;
        let mut id = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            write!(id, "{byte:02x}").ok()?;
        }
        let mut table = self.table();
        table.retain(|_, session| !session.is_over(now));
        if table.len() >= MOST {
            let oldest = table.iter().min_by_key(|(_, session)| session.used).map(|(digest, _)| *digest);
            oldest.and_then(|digest| table.remove(&digest));
        }
        let session = Session { begun: now, used: now, ended: CancellationToken::new() };
        table.insert(Digest::of(id.as_bytes()), session);
        Some(id)
    }

    /// The session with this id, which is used at `now`.
    pub(super) fn find(&self, id: &str, now: Instant) -> Option<Open> {
        let digest = Digest::of(id.as_bytes());
        let mut table = self.table();
        let session = table.get_mut(&digest)?;
        if session.is_over(now) {
            table.remove(&digest);
            return None;
        }
        session.used = now;
        Some(Open { until: session.begun + SESSION_LIFE, ended: session.ended.clone() })
    }

    /// Ends the session with this id.
    pub(super) fn end(&self, id: &str) {
        self.table().remove(&Digest::of(id.as_bytes()));
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Digest, Session>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({})", self.table().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_idle_or_old_or_told_to() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let id = sessions.begin(start).unwrap();
        assert_eq!((id.len(), id.bytes().all(|digit| digit.is_ascii_hexdigit())), (64, true));
        assert!(sessions.find(&id.to_uppercase(), start).is_none());
        let almost = IDLE.checked_sub(Duration::from_secs(1)).unwrap();
        let mut now = start;
        while now + almost < start + SESSION_LIFE {
            now += almost;
            let open = sessions.find(&id, now).unwrap();
            assert_eq!((open.until, open.ended.is_cancelled()), (start + SESSION_LIFE, false));
        }
        let open = sessions.find(&id, now).unwrap();
        assert!(sessions.find(&id, start + SESSION_LIFE).is_none());
        assert!(open.ended.is_cancelled(), "what it streams ends with it");

        let id = sessions.begin(start).unwrap();
        assert!(sessions.find(&id, start + IDLE).is_none());
        assert!(sessions.find(&id, start).is_none(), "it does not come back");

        let id = sessions.begin(start).unwrap();
        let open = sessions.find(&id, start).unwrap();
        sessions.end(&id);
        assert!(sessions.find(&id, start).is_none() && open.ended.is_cancelled());
    }

    #[test]
    fn there_are_only_so_many() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let ids: Vec<_> = (0..MOST).map(|_| sessions.begin(start).unwrap()).collect();
        let later = start + Duration::from_secs(1);
        assert!(ids.iter().skip(1).all(|id| sessions.find(id, later).is_some()));
        let last = sessions.begin(later).unwrap();
        assert!(sessions.find(&ids[0], later).is_none(), "the one that was away for longest makes room");
        assert!(ids.iter().skip(1).chain([&last]).all(|id| sessions.find(id, later).is_some()));
        // Those that are over make room first.
        sessions.begin(later + IDLE).unwrap();
        assert_eq!(format!("{sessions:?}"), "Sessions(1)");
    }

    #[derive(Debug)]
    struct NoRandom;

    impl SecureRandom for NoRandom {
        fn fill(&self, _: &mut [u8]) -> Result<(), rustls::crypto::GetRandomFailed> {
            Err(rustls::crypto::GetRandomFailed)
        }
    }

    #[test]
    fn without_randomness_nobody_gets_in() {
        assert!(Sessions::default().begin_with(&NoRandom, Instant::now()).is_none());
    }
}
