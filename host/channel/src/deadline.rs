//! The deadline of a call: how long its caller waits, and never longer than the service allows.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// What bounds the time of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// What its operator allows.
    Operator,
    /// What its caller has left, which is less.
    Caller,
}

/// The earlier of what the caller asks for and what the service allows, and which of them it is.
pub(crate) fn deadline(arrived: Instant, caller: Option<Instant>, timeout: Duration) -> (Instant, Limit) {
    let allowed = arrived + timeout;
    match caller {
        Some(caller) if caller < allowed => (caller, Limit::Caller),
        _ => (allowed, Limit::Operator),
    }
}

/// What came before the end of some work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The deadline.
    Late,
    /// The end of the revision that was at work.
    Cut,
}

/// The outcome of `work`, unless its deadline, which may move on meanwhile, passes or `cut` is cancelled first. Neither is watched before the work
/// has to wait, which most does not: to watch them touches memory that all threads share.
pub(crate) async fn within<F: Future>(
    deadline: impl Fn() -> Instant,
    cut: &CancellationToken,
    work: F,
) -> Result<F::Output, Ended> {
    let mut work = pin!(work);
    // In boxes of their own: what has to wait can afford them, and all else is smaller for it.
    let mut watch = None::<Pin<Box<Sleep>>>;
    let mut cutting = None::<Pin<Box<WaitForCancellationFuture<'_>>>>;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(outcome));
        }
        let watch = watch.get_or_insert_with(|| Box::pin(sleep_until(deadline())));
        let cutting = cutting.get_or_insert_with(|| Box::pin(cut.cancelled()));
        while watch.as_mut().poll(cx).is_ready() {
            let deadline = deadline();
            if deadline <= Instant::now() {
                return Poll::Ready(Err(Ended::Late));
            }
            watch.as_mut().reset(deadline);
        }
        if cutting.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Ended::Cut));
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_ended_by_what_comes_first() {
        let cut = CancellationToken::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        assert_eq!(within(|| deadline, &cut, ready(1)).await, Ok(1));
        assert_eq!(within(|| deadline, &cut, tokio::time::sleep(Duration::from_secs(4))).await, Ok(()));
        assert_eq!(within(|| deadline, &cut, pending::<()>()).await, Err(Ended::Late));
        let later = deadline + Duration::from_secs(5);
        let (ended, ()) = tokio::join!(within(|| later, &cut, pending::<()>()), async { cut.cancel() });
        assert_eq!(ended, Err(Ended::Cut));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_can_shorten_and_not_lengthen() {
        let now = Instant::now();
        let in_seconds = |seconds| now + Duration::from_secs(seconds);
        for (caller, expected, limit) in [
            (None, 15, Limit::Operator),
            (Some(in_seconds(3)), 3, Limit::Caller),
            (Some(in_seconds(60)), 15, Limit::Operator),
        ] {
            assert_eq!(deadline(now, caller, Duration::from_secs(15)), (in_seconds(expected), limit));
        }
    }
}
