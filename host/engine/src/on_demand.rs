//! The code of a revision, in memory for as long as it is used: a service that nobody calls keeps its place in the registry, its
//! routes and its counters, and little else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use patchbay_model::ports::{ComponentStore, PrepareError};
use patchbay_model::{Blame, Fault, FaultKind};
use patchbay_striped::Spread;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::code::Code;
use crate::compile::Compiler;
use crate::patience::{Late, within};
use crate::usage::Instances;

/// What code is made with again once it was let go.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) compiler: Arc<Compiler>,
    /// Where components are, for code that is in the cache no more.
    pub(crate) components: Arc<dyn ComponentStore>,
    /// How long code stays that nobody uses.
    pub(crate) idle: Duration,
}

/// The code of one revision.
pub(crate) struct OnDemand {
    loaded: ArcSwapOption<Code>,
    /// Whether the component handles messages.
    handles_messages: bool,
    /// Whether it was asked for since somebody looked.
    wanted: AtomicBool,
    /// Absent where code stays for good.
    reloading: Option<Reloading>,
}

/// How code comes and goes.
struct Reloading {
    code: crate::code::Key,
    sources: Sources,
    /// One at a time loads it, and leaves here when and why it last failed.
    turn: Mutex<Option<(tokio::time::Instant, PrepareError)>>,
    /// Lets go of it.
    sweeper: OnceLock<AbortHandle>,
}

/// The pause after code could not be loaded. Calls fail meanwhile for the same reason: what went wrong is mostly still wrong, and
/// each call would read the disk and write a line to the log.
const PAUSE: Duration = Duration::from_secs(1);

/// The times that unused code is looked at before it goes.
const LOOKS: u32 = 4;

impl OnDemand {
    /// That of a revision with these instances, which goes once there are none for a while. `None`: it stays.
    pub(crate) fn new(code: Arc<Code>, sources: Option<Sources>, instances: Spread<Instances>) -> Arc<Self> {
        let reloading = sources.map(|sources| Reloading {
            code: code.key(),
            sources,
            turn: Mutex::default(),
            sweeper: OnceLock::new(),
        });
        let handles_messages = code.message_handler.is_some();
        let loaded = ArcSwapOption::from(Some(code));
        let this = Arc::new(Self { loaded, handles_messages, wanted: AtomicBool::new(true), reloading });
        if let Some(reloading) = &this.reloading {
            let pause = (reloading.sources.idle / LOOKS).max(Duration::from_millis(1));
            // It holds nothing alive.
            let sweeper = tokio::spawn(sweep(Arc::downgrade(&this), instances, pause));
            reloading.sweeper.get_or_init(|| sweeper.abort_handle());
        }
        this
    }

    /// Whether the component handles messages.
    pub(crate) const fn handles_messages(&self) -> bool {
        self.handles_messages
    }

    /// The code, loaded again if it was let go. Who makes an instance of it keeps it with that.
    ///
    /// # Errors
    /// The fault of a service whose code is not to be had, or not before `deadline`. Another call may have it.
    pub(crate) async fn obtain(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Code>, Fault> {
        // Read first, so that the threads share it for as long as nobody looks.
        if !self.wanted.load(Ordering::Relaxed) {
            self.wanted.store(true, Ordering::Relaxed);
        }
        match self.loaded.load_full() {
            Some(code) => Ok(code),
            None => match Box::pin(within(deadline, self.reload())).await {
                Ok(outcome) => outcome,
                Err(Late) => Err(Fault::new(FaultKind::Deadline, "The service was not loaded before the deadline.")
                    .blamed_on(Blame::Host)
                    .unprocessed()),
            },
        }
    }

    /// Loads the code in a task of its own: whoever waits for it may go away, and the next one would have to begin again.
    async fn reload(self: &Arc<Self>) -> Result<Arc<Code>, Fault> {
        let this = Arc::clone(self);
        let outcome = match tokio::spawn(async move { this.load().await }).await {
            Ok(outcome) => outcome,
            Err(error) => Err(PrepareError::Host(format!("the host failed: {error}"))),
        };
        outcome.map_err(|error| {
            Fault::new(FaultKind::Unavailable, "The service cannot be loaded.")
                .with_details(error)
                .blamed_on(Blame::Host)
                .unprocessed()
        })
    }

    async fn load(&self) -> Result<Arc<Code>, PrepareError> {
        let Some(Reloading { code, sources, turn, .. }) = &self.reloading else {
            return Err(PrepareError::Host("code that stays was let go".to_owned()));
        };
        let mut failed = turn.lock().await;
        if let Some(code) = self.loaded.load_full() {
            return Ok(code);
        }
        if let Some((at, error)) = &*failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        let outcome = sources.compiler.bring_back(*code, &*sources.components).await;
        *failed = outcome.as_ref().err().map(|error| (tokio::time::Instant::now(), error.clone()));
        let code = outcome.inspect_err(|error| {
            tracing::error!(%error, component = %code.0, "code that was let go cannot be loaded again");
        })?;
        self.wanted.store(true, Ordering::Relaxed);
        self.loaded.store(Some(Arc::clone(&code)));
        Ok(code)
    }

    /// Lets go of the code, if it can be had again without being compiled.
    fn let_go(&self) {
        let Some(Reloading { code, sources, .. }) = &self.reloading else { return };
        if self.loaded.load().is_some()
            && sources.compiler.keeps(*code)
            && let Some(unused) = self.loaded.swap(None)
        {
            sources.compiler.discard(unused);
        }
    }
}

impl Drop for OnDemand {
    fn drop(&mut self) {
        let Some(Reloading { sources, sweeper, .. }) = &self.reloading else { return };
        if let Some(sweeper) = sweeper.get() {
            sweeper.abort();
        }
        if let Some(code) = self.loaded.swap(None) {
            sources.compiler.discard(code);
        }
    }
}

/// Looks at the code of a revision every now and then, and lets go of it when it was found unused often enough.
async fn sweep(code: Weak<OnDemand>, instances: Spread<Instances>, pause: Duration) {
    let mut interval = tokio::time::interval(pause);
    let mut unused = 0;
    loop {
        interval.tick().await;
        let Some(code) = code.upgrade() else { return };
        if code.wanted.swap(false, Ordering::Relaxed) || instances.read().live > 0 {
            unused = 0;
            continue;
        }
        unused += 1;
        if unused == LOOKS {
            code.let_go();
        }
    }
}
