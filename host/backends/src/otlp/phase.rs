//! How far the end of a host has come, for those who send.

use std::future::Future;

use tokio::sync::watch;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// More is to come.
    Open,
    /// What is there is sent, and no more will come.
    Closing,
    /// What was not sent is given up.
    GivingUp,
}

/// Hears how far it is.
#[derive(Debug, Clone)]
pub(super) struct Watch(pub(super) watch::Receiver<Phase>);

impl Watch {
    /// Whether it has come so far.
    pub(super) fn is(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase
    }

    /// What comes of `work`, unless it comes so far before.
    pub(super) async fn before<T>(&self, phase: Phase, work: impl Future<Output = T>) -> Option<T> {
        let mut watch = self.0.clone();
        tokio::select! {
            biased;
            // Whoever could say it being gone means the same.
            _ = watch.wait_for(|reached| *reached >= phase) => None,
            done = work => Some(done),
        }
    }
}
