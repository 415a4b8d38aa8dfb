//! How long a client may leave the reader of its request waiting.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Watches the pauses in one body. A body that is there when it is read costs no timer.
#[derive(Debug)]
pub(super) struct Pause {
    limit: Duration,
    /// Since when the reader waits.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pause {
    pub(super) const fn new(limit: Duration) -> Self {
        Self { limit, since: None, timer: None }
    }

    /// Something came.
    pub(super) const fn over(&mut self) {
        self.since = None;
    }

    /// Nothing came yet. Ready once that has lasted too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let due = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            // It may still be set to the end of an earlier pause, which costs less than setting it anew each time.
            ready!(timer.as_mut().poll(cx));
            if due <= Instant::now() {
                return Poll::Ready(self.limit);
            }
            timer.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_one_pause_counts() {
        let mut pause = Pause::new(Duration::from_secs(10));
        let begun = Instant::now();
        for _ in 0..5 {
            let waited = tokio::time::timeout(Duration::from_secs(9), poll_fn(|cx| pause.poll(cx))).await;
            assert!(waited.is_err(), "nine seconds are no pause of ten");
            pause.over();
        }
        assert_eq!(poll_fn(|cx| pause.poll(cx)).await, Duration::from_secs(10));
        assert_eq!(begun.elapsed(), Duration::from_secs(55));
    }
}
