//! The reply of a guest. Most are complete when the guest is done, and then need no streaming.

use std::sync::Arc;
use std::task::{Context, Poll};

use patchbay_model::{Fault, Hold, Reply};
use tokio::task::AbortHandle;

use super::GuestWork;
use super::progress::Progress;
use crate::reply::{self, Answered, Work};

/// Makes the reply to the caller out of a guest's response. `rest` is what the guest still does.
pub(super) fn reply(
    answered: Answered,
    bodyless: bool,
    progress: Arc<Progress>,
    rest: Option<GuestWork>,
    hold: Hold,
) -> Reply {
    let is_done = rest.is_none() && progress.ending().is_some_and(|ending| !ending.unfinished);
    let work = TaskWork { progress, task: rest.map(|work| tokio::spawn(work).abort_handle()) };
    if is_done { reply::settled(answered, bodyless, work, hold) } else { reply::reply(answered, bodyless, work, hold) }
}

/// The work of a guest that goes on in a task.
struct TaskWork {
    progress: Arc<Progress>,
    task: Option<AbortHandle>,
}

impl Work for TaskWork {
    fn poll_end(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Fault>> {
        // A body that ends unfinished does so because its instance is gone, and that is told before it goes.
        Poll::Ready(self.progress.ending().and_then(|ending| ending.broken_body()))
    }

    fn fault(&self) -> Option<Fault> {
        self.progress.ending().and_then(|ending| ending.fault)
    }

    fn complete(&mut self) {
        self.task = None;
    }

    fn abandon(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}
