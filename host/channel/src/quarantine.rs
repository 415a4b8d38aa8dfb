//! The quarantine of a revision: one whose calls keep ending in crashes gets none for a while, and then one that tries.
//!
//! A crash is the loss of an instance, by a trap or by what it used up, that was this call's own doing. A deadline, a
//! request that is too large, a caller that leaves and a service that answers with an error are none. Each rest is
//! twice as long as the one before, up to a bound, until a call succeeds.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patchbay_model::{Fault, FaultKind, Limits};
use tokio::time::Instant;

mod record;

use record::{Admission, Record};

/// The quarantine of one revision, from its activation to its end.
pub struct Quarantine {
    /// Crashes in a row at which it begins; 0: never.
    after: u32,
    seed: u64,
    /// Whether there was a crash since the last success. All that calls look at while there was none.
    uneasy: AtomicBool,
    record: Mutex<Record>,
    tell: Box<dyn Fn(QuarantineNews) + Send + Sync>,
}

/// What happened, for whoever tells the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineNews {
    /// The revision rests.
    Begun {
        /// Crashes in a row.
        crashes: u32,
        /// How long it rests.
        rest: Duration,
    },
    /// A call succeeded; nothing is held against the revision any more.
    Ended,
}

/// A quarantine, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantineStatus {
    /// Crashes in a row.
    pub crashes: u32,
    /// The rest of the rest. Zero if the next call may try, or one is just trying.
    pub remaining: Duration,
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quarantine").field("after", &self.after).field("record", &self.record).finish_non_exhaustive()
    }
}

impl Quarantine {
    /// A clean start under these limits. `seed` keeps revisions that crash together from trying together; `tell` hears
    /// what happens.
    pub fn new(limits: &Limits, seed: u64, tell: impl Fn(QuarantineNews) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            after: limits.quarantine_after,
            seed,
            uneasy: AtomicBool::new(false),
            record: Mutex::default(),
            tell: Box::new(tell),
        })
    }

    /// How it stands, if the revision is quarantined.
    pub fn status(&self) -> Option<QuarantineStatus> {
        self.lock().status(Instant::now())
    }

    /// Lets a call through, unless the revision rests.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`] with the time after which to try again.
    pub(crate) fn admit(self: Arc<Self>) -> Result<Trial, Fault> {
        let tries = self.uneasy.load(Ordering::Acquire)
            && match self.lock().admit(Instant::now()) {
                Admission::Ordinary => false,
                Admission::Try => true,
                Admission::Refused { crashes, remaining } => return Err(refused(crashes, remaining)),
            };
        Ok(Trial { quarantine: self, tries })
    }

    fn crash(&self, tries: bool) {
        if self.after == 0 {
            return;
        }
        let begun = {
            let mut record = self.lock();
            self.uneasy.store(true, Ordering::Release);
            let rest = record.crash(tries, Instant::now(), self.after, self.seed);
            rest.map(|rest| QuarantineNews::Begun { crashes: record.crashes(), rest })
        };
        if let Some(begun) = begun {
            (self.tell)(begun);
        }
    }

    fn success(&self) {
        if self.uneasy.load(Ordering::Acquire) {
            let ended = {
                let mut record = self.lock();
                self.uneasy.store(false, Ordering::Release);
                record.success()
            };
            if ended {
                (self.tell)(QuarantineNews::Ended);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(crashes: u32, remaining: Duration) -> Fault {
    Fault::new(FaultKind::Unavailable, "the service keeps breaking off and rests; the call was not begun")
        .with_retry_after(remaining)
        .with_details(format_args!("{crashes} calls in a row ended in a crash (`quarantine_after`)"))
}

/// One call on a revision. Whatever it does not say before it is dropped says nothing about the revision.
#[derive(Debug)]
pub(crate) struct Trial {
    quarantine: Arc<Quarantine>,
    /// Whether the others wait for how this call ends.
    tries: bool,
}

impl Trial {
    /// The head of a reply is there: the others need not wait for the end of the body.
    pub(crate) fn answered(&mut self) {
        if std::mem::take(&mut self.tries) {
            self.quarantine.lock().relent();
        }
    }

    /// The call came to a good end.
    pub(crate) fn succeeded(&mut self) {
        self.tries = false;
        self.quarantine.success();
    }

    /// The call ended in a fault.
    pub(crate) fn failed(&mut self, fault: &Fault) {
        if matches!(fault.kind(), FaultKind::Trapped | FaultKind::Exhausted) && !fault.is_shared() {
            self.quarantine.crash(std::mem::take(&mut self.tries));
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.answered();
    }
}

#[cfg(test)]
mod tests;
