//! Where an issuer's keys come from, and how they are kept up to date.

mod file;
mod remote;
mod schedule;

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::Digest;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::key_set::KeySet;
use super::refusal::Counters;

pub(super) use file::Looking;
pub(super) use remote::{Origin, Remote};

/// The keys of an issuer as they are known now, and whoever keeps them up to date.
pub(super) struct Keys {
    held: watch::Receiver<Held>,
    remote: Option<Arc<Remote>>,
    /// Ends with this.
    keeper: Option<AbortHandle>,
}

/// What is known of the keys of an issuer.
#[derive(Clone, Default)]
pub(super) struct Held {
    /// The last ones that could be used.
    pub(super) keys: Option<Arc<KeySet>>,
    /// How often they were asked for, whatever came of it.
    tries: u64,
    /// Why they could not be had the last time.
    pub(super) problem: Option<String>,
}

impl Keys {
    /// Keys that somebody else keeps up to date.
    pub(super) const fn of(held: watch::Receiver<Held>) -> Self {
        Self { held, remote: None, keeper: None }
    }

    /// Keys in a file, which is read again when it changes. `first` is what it held at first.
    pub(super) fn file(looking: Looking<KeySet>, first: KeySet) -> Self {
        let (sender, held) = watch::channel(Held { keys: Some(Arc::new(first)), ..Held::default() });
        let keeper = tokio::spawn(looking.keep(move |keys| {
            sender.send_modify(|held| held.keys = Some(Arc::new(keys)));
        }));
        Self { held, remote: None, keeper: Some(keeper.abort_handle()) }
    }

    /// Keys that are fetched.
    pub(super) fn remote(origin: Origin, counters: Arc<Counters>) -> Self {
        let (sender, held) = watch::channel(Held::default());
        let remote = Arc::new(Remote::new());
        let keeper = tokio::spawn(remote::keep(Arc::clone(&remote), origin, sender, counters));
        Self { held, remote: Some(remote), keeper: Some(keeper.abort_handle()) }
    }

    /// What is known of them now.
    pub(super) fn held(&self) -> Held {
        self.held.borrow().clone()
    }

    /// What is known of them after another try to get them; `None` if there is none to be made now. `seen` is what was
    /// known before, and did not suffice.
    pub(super) async fn newer(&self, seen: &Held) -> Option<Held> {
        let version = |held: &Held| held.keys.as_ref().map(|keys| keys.version);
        let now = self.held();
        if version(&now) != version(seen) {
            return Some(now);
        }
        if !self.remote.as_ref()?.ask() {
            return None;
        }
        let mut held = self.held.clone();
        let tried = tokio::time::timeout(PATIENCE, held.wait_for(|held| held.tries > seen.tries)).await;
        tried.ok()?.ok().map(|held| held.clone())
    }
}

/// How long a call waits for keys: longer than fetching them may take.
const PATIENCE: Duration = Duration::from_secs(15);

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

/// The version of the keys that are held.
pub(super) fn version(held: &Held) -> Option<Digest> {
    held.keys.as_ref().map(|keys| keys.version)
}
