//! Revisions in memory: those that are ready to serve, and the one among them that does.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use patchbay_channel::{Breaker, BreakerNews};
use patchbay_contract::Contract;
use patchbay_model::ports::Prepared;
use patchbay_model::{InstancePolicy, RevisionId, RevisionNumber, RevisionRecord};
use patchbay_striped::{Lent, Spread};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::event::EventKind;
use crate::gate::Gate;
use crate::mirror::Mirror;
use crate::stand_in::StandIns;
use crate::steps::Teller;

/// A revision that is compiled and linked. It takes no calls by itself; see [`LiveRevision`].
pub(crate) struct ReadyRevision {
    /// What is remembered of it.
    pub(crate) record: RevisionRecord,
    /// What its component imports and exports.
    pub(crate) contract: Contract,
    /// How its calls and instances meet.
    pub(crate) policy: InstancePolicy,
    /// What answers in its place, and in the place of those that it calls.
    pub(crate) stand_ins: StandIns,
    pub(crate) prepared: Arc<dyn Prepared>,
}

/// A revision that takes calls until it is replaced. Made anew each time a revision is activated.
pub(crate) struct LiveRevision {
    pub(crate) id: RevisionId,
    pub(crate) ready: Arc<ReadyRevision>,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) trouble: Arc<Trouble>,
    /// Where its requests are mirrored to, as its settings say.
    pub(crate) mirror: Option<Arc<Mirror>>,
    /// Tells it from every other one that was live in this run of the host.
    pub(crate) serial: u64,
    duty: Spread<Duty>,
}

/// What a call has of the revision that it is on.
struct Duty {
    number: RevisionNumber,
    prepared: Arc<dyn Prepared>,
    breaker: Arc<Breaker>,
    gate: Gate,
    cut: CancellationToken,
}

/// The serial number of the next one.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Whether a revision has done badly since it came up, and what wakes whoever has to know.
#[derive(Default)]
pub(crate) struct Trouble {
    breaker_opened: AtomicBool,
    pub(crate) alarm: Notify,
}

impl Trouble {
    /// Whether its breaker has opened.
    pub(crate) fn breaker_opened(&self) -> bool {
        self.breaker_opened.load(Ordering::Acquire)
    }

    fn note(&self) {
        self.breaker_opened.store(true, Ordering::Release);
        self.alarm.notify_one();
    }
}

/// Keeps a revision live for one call.
pub(crate) struct Lease {
    duty: Lent<Duty>,
    /// Whether the call was let in by [`patchbay_channel::Observed::enter`], and has to leave.
    counted: bool,
}

impl patchbay_channel::Lease for Lease {
    fn prepared(&self) -> &dyn Prepared {
        &*self.duty.prepared
    }

    fn revision(&self) -> Option<RevisionNumber> {
        Some(self.duty.number)
    }

    fn breaker(&self) -> &Arc<Breaker> {
        &self.duty.breaker
    }

    fn cut(&self) -> &CancellationToken {
        &self.duty.cut
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.counted {
            self.duty.breaker.observed().leave();
        }
        self.duty.gate.leave();
    }
}

/// How a revision lost its last calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drained {
    /// They all ended by themselves.
    Complete,
    /// This many outlived the deadline and were ended.
    Cut(u64),
}

impl Drained {
    pub(crate) const fn n_cut(self) -> u64 {
        match self {
            Self::Complete => 0,
            Self::Cut(n_cut) => n_cut,
        }
    }
}

/// How long calls that were cut have to let go; they only have to notice.
const CUT_GRACE: Duration = Duration::from_secs(5);

impl LiveRevision {
    /// A revision with nothing against it; `teller` hears of its breaker.
    pub(crate) fn new(id: RevisionId, ready: Arc<ReadyRevision>, teller: Teller) -> Self {
        let (name, number) = (id.to_string(), id.number);
        let trouble = Arc::<Trouble>::default();
        let noted = Arc::clone(&trouble);
        let tell = move |news| match news {
            BreakerNews::Opened { failures, open } => {
                noted.note();
                let message =
                    format!("`{name}` gets no calls for {open:.1?}: too many failed, the last {failures} in a row");
                teller.tell(EventKind::BreakerOpened, Some(number), message);
            }
            BreakerNews::Closed => {
                teller.tell(EventKind::BreakerClosed, Some(number), format!("`{name}` serves again: a call succeeded"));
            }
        };
        let seed = RandomState::new().hash_one(&id);
        let breaker = Breaker::new(&ready.record.settings.breaker, seed, tell);
        let mirror = Mirror::of_settings(&ready.record.settings.mirror);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let prepared = Arc::clone(&ready.prepared);
        let (gate, cut) = (Gate::default(), CancellationToken::new());
        let duty = Spread::from(Duty { number, prepared, breaker: Arc::clone(&breaker), gate, cut });
        Self { id, ready, breaker, trouble, mirror, serial, duty }
    }

    /// Takes a call, unless the revision was replaced.
    pub(crate) fn enter(&self) -> Option<Lease> {
        self.duty.gate.enter().then(|| Lease { duty: self.duty.lend(), counted: false })
    }

    /// The same for a call that was let in by [`patchbay_channel::Observed::enter`]: its lease sees to it that it leaves.
    pub(crate) fn enter_counted(&self) -> Option<Lease> {
        self.duty.gate.enter().then(|| Lease { duty: self.duty.lend(), counted: true })
    }

    /// The calls that are on it.
    pub(crate) fn n_calls(&self) -> u64 {
        self.duty.gate.n_calls()
    }

    /// Takes no more calls, waits for those it has until `deadline` from now, and ends the rest.
    pub(crate) async fn drain(&self, deadline: Duration) -> Drained {
        let Duty { gate, cut, .. } = &*self.duty;
        gate.close();
        if timeout(deadline, gate.emptied()).await.is_ok() {
            return Drained::Complete;
        }
        let n_cut = gate.n_calls();
        cut.cancel();
        // A call that does not let go even now keeps its memory, and nothing else.
        let _ = timeout(CUT_GRACE, gate.emptied()).await;
        Drained::Cut(n_cut)
    }
}
