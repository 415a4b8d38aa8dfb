//! The ports: what the host needs from the outside. Adapters implement them; only the composition root names adapters.

mod bus;
mod identity;
mod links;
mod load;
mod replies;
mod secrets;
mod spans;

use std::collections::BTreeMap;
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::bus::{Delivery, Verdict};
use crate::{
    Call, Digest, Fault, FaultKind, InstancePolicy, LogRecord, OutboundError, OutboundRequest, RegistryRecord, Reply,
    RevisionId, Settings, TypedCall,
};

pub use bus::{
    Bus, BusHealth, Consumer, Feed, GroupInfo, Incoming, Interest, Messaging, Publication, Settlement, Stored,
    TopicInfo, TopicStored,
};
pub use identity::{Authenticator, TokenError, TokenRequest, TokenSigner, TokenWish, Tokens};
pub use links::{Discovery, LinkCall, LinkMemo, Links, Stopwatch};
pub use load::HostLoad;
pub use replies::{Claim, Claimed, KeptReply, ReplyKey, ReplyStore, ReplyTerms};
pub use secrets::{NoSecrets, OpenSecret, SecretError, Secrets};
pub use spans::{NoSpans, SpanSink, Spans};

/// A boxed future, for traits that are used as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Boxes a future that is made in its box, for those that are made for each call: `in_place(Box::new_uninit(), async move { ... })`.
///
/// `Box::pin` has the future made before there is a box. It may hold what has to be dropped if there is no memory for one, so it
/// is made elsewhere in any case, and then copied as a whole: a kilobyte or more, of which next to nothing is in use before the
/// first poll.
#[inline(always)]
pub fn in_place<'a, F: Future + Send + 'a>(room: Box<MaybeUninit<F>>, future: F) -> BoxFuture<'a, F::Output> {
    let future: Pin<Box<F>> = Box::into_pin(Box::write(room, future));
    future
}

/// What the executor needs to prepare a revision.
#[derive(Debug, Clone)]
pub struct PrepareRequest {
    /// The revision, for names in logs.
    pub revision: RevisionId,
    /// The digest of `bytes`.
    pub component: Digest,
    /// The component.
    pub bytes: Bytes,
    /// How calls and instances meet, already decided.
    pub instances: InstancePolicy,
    /// The rest of the configuration. Its problems were excluded before.
    pub settings: Settings,
    /// The secrets that `settings` grant, by the names that the service has for them.
    pub secrets: BTreeMap<String, Arc<dyn OpenSecret>>,
}

/// Why a component cannot run here.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PrepareError {
    /// The bytes are no component, or one that breaks the rules of WebAssembly.
    #[error("the component is not valid: {0}")]
    Malformed(String),
    /// The component asks for, or offers, something that does not fit this host.
    #[error("{0}")]
    Incompatible(String),
    /// The host failed, not the component.
    #[error("the host could not prepare the component: {0}")]
    Host(String),
}

/// How machine code for a revision was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeSource {
    /// It was in memory already, for another revision of the same component.
    Shared,
    /// It was read from the cache.
    Cache,
    /// It was compiled.
    Compiled,
    /// It was compiled, because what the cache held was damaged.
    CacheDamaged,
}

/// A revision that can take calls.
#[derive(Clone)]
pub struct Preparation {
    /// Takes the calls.
    pub prepared: Arc<dyn Prepared>,
    /// Where its machine code came from.
    pub source: CodeSource,
    /// How long it took to come by.
    pub elapsed: Duration,
}

/// Instances of one revision, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InstanceCount {
    /// All that exist.
    pub live: u64,
    /// Those among them that wait for a call.
    pub idle: u64,
    /// Linear memory that they have, and what the host keeps for them, in bytes.
    pub memory_bytes: u64,
}

impl std::iter::Sum for InstanceCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, count| Self {
            live: sum.live.saturating_add(count.live),
            idle: sum.idle.saturating_add(count.idle),
            memory_bytes: sum.memory_bytes.saturating_add(count.memory_bytes),
        })
    }
}

/// What the executor holds, in memory and of threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Instances of all revisions.
    pub instances: u64,
    /// Linear memory that they have, and what the host keeps for them, in bytes.
    pub memory_bytes: u64,
    /// Components whose machine code is loaded.
    pub components: u64,
    /// Size of that machine code in bytes.
    pub code_bytes: u64,
    /// Threads that have worked for an instance for too long without a pause, and that nothing can interrupt.
    pub stuck_threads: u64,
}

/// Runs components. Implemented by the engine.
pub trait Executor: Send + Sync {
    /// Compiles a component, or loads what was compiled before, and links it. Called once per deployment and at
    /// start; must not compile on the threads that serve.
    fn prepare(&self, request: PrepareRequest) -> BoxFuture<'_, Result<Preparation, PrepareError>>;

    /// What is held now.
    fn usage(&self) -> Usage;
}

/// One prepared revision. When the last reference is dropped its machine code is freed.
pub trait Prepared: Send + Sync {
    /// Serves one HTTP call. Dropping the future, or the body of the reply before its end, cancels the call.
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>>;

    /// Calls a function that the component exports. Dropping the future cancels the call.
    ///
    /// A revision of a component that exports no functions has no need to say anything else than this.
    fn invoke<'a>(&'a self, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        let fault = Fault::new(FaultKind::Invalid, "the service has no such function");
        Box::pin(std::future::ready(Err(fault.with_details(call.function))))
    }

    /// Hands a message to the component. Dropping the future cancels the call.
    ///
    /// A revision of a component that handles no messages has no need to say anything else than this.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<Verdict, Fault>> {
        let fault = Fault::new(FaultKind::Invalid, "the service handles no messages");
        Box::pin(std::future::ready(Err(fault.with_details(&delivery.message.topic))))
    }

    /// Makes the first instance, so that a component that cannot even start is found out before it is published.
    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>>;

    /// Lets go of all idle instances, and of the others as soon as they have no call. Calls can still be served,
    /// from new instances; [`Prepared::warm`] ends this.
    fn cool(&self);

    /// The instances that exist now, and what they take of memory.
    fn instances(&self) -> InstanceCount;
}

/// Sends the requests of instances. Implemented by the gateway.
pub trait Outbound: Send + Sync {
    /// The way out of one revision, with what its settings allow. Connections that it keeps end with it.
    fn open(&self, revision: &RevisionId, settings: &Settings) -> Arc<dyn Outlet>;
}

/// The way out of one revision.
pub trait Outlet: Send + Sync {
    /// Sends one request. Dropping the future, or the body of the reply before its end, breaks it off.
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Result<Reply, OutboundError>>;
}

/// Why a stored thing could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// There is no such thing.
    #[error("{0} is not stored here")]
    Missing(String),
    /// What is stored is not what was written.
    #[error("{what} is damaged: {problem}")]
    Damaged {
        /// The thing.
        what: String,
        /// How it can be told, and what to do.
        problem: String,
    },
    /// The medium failed.
    #[error("{what}: {problem}")]
    Medium {
        /// What was tried.
        what: String,
        /// What the operating system said.
        problem: String,
    },
}

/// A component that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredComponent {
    /// Its address.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Keeps components by digest.
pub trait ComponentStore: Send + Sync {
    /// Begins to store a component whose bytes arrive in pieces. Nothing is visible before it is finished.
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>>;

    /// The bytes of a component, checked against their digest.
    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>>;

    /// All stored components.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>>;

    /// Forgets a component; no error if there is none.
    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>>;
}

/// A component on its way into a [`ComponentStore`]. Dropped unfinished, it leaves nothing behind.
pub trait ComponentWriter: Send {
    /// Adds the next piece.
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Result<(), StorageError>>;

    /// Stores what was written, durably.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StoredComponent, StorageError>>;
}

/// Keeps the registry across restarts.
pub trait RegistryStore: Send + Sync {
    /// What was saved last; the empty registry if nothing ever was.
    fn load(&self) -> BoxFuture<'_, Result<RegistryRecord, StorageError>>;

    /// Replaces what was saved, durably and in one step: a crash leaves the old or the new.
    fn save<'a>(&'a self, registry: &'a RegistryRecord) -> BoxFuture<'a, Result<(), StorageError>>;
}

/// Takes what services write. Must not block and must not fail.
pub trait LogSink: Send + Sync {
    /// One line.
    fn record(&self, record: LogRecord);
}

/// Tells the time of day. Durations are measured with tokio's clock, which tests pause.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> SystemTime;
}
