//! The streams of HTTP/2 connections: each a task, which ends when its client stops reading.
//!
//! A reply that nobody reads is not polled, so nothing in it can notice that time passes; the place of its call would
//! be taken for as long as the client likes. HTTP/1 has the same problem per connection, see `activity.rs`.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

/// Runs streams as tasks.
#[derive(Debug, Clone)]
pub(super) struct StreamExecutor {
    stall_timeout: Duration,
}

impl StreamExecutor {
    pub(super) const fn new(stall_timeout: Duration) -> Self {
        Self { stall_timeout }
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(Stream { stream, stall_timeout: self.stall_timeout, offered: None, timer: None });
    }
}

thread_local! {
    /// What the stream that this thread polls right now has offered to its client, and when.
    static OFFERED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The reply of the stream that is being polled has bytes for the client (`true`), or waits for the service (`false`).
pub(super) fn offer(offered: bool) {
    OFFERED.set(offered.then(Instant::now));
}

pin_project! {
    struct Stream<F> {
        #[pin]
        stream: F,
        stall_timeout: Duration,
        offered: Option<Instant>,
        // Most streams never wait for their client, and never need it.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        OFFERED.set(*this.offered);
        let ended = this.stream.poll(cx);
        *this.offered = OFFERED.take();
        if ended.is_ready() {
            return Poll::Ready(());
        }
        let Some(offered) = *this.offered else {
            return Poll::Pending;
        };
        let due = offered + *this.stall_timeout;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if due <= Instant::now() {
                // Dropped with the task, which resets the stream.
                tracing::debug!("a stream was ended: its client stopped reading a reply");
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
    }
}
