//! Waiting with a deadline, for work that is mostly done without any waiting.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// The deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late;

/// The outcome of `work`, unless `deadline` passes first. A timer is made only if the work has to wait: making one
/// touches memory that all threads of the runtime share.
///
/// # Errors
/// [`Late`] if the deadline passed.
pub(crate) async fn within<F: Future>(deadline: Instant, work: F) -> Result<F::Output, Late> {
    within_movable(|| deadline, work).await
}

/// The same with a deadline that may become a later one meanwhile.
///
/// # Errors
/// [`Late`] if the deadline passed.
pub(crate) async fn within_movable<F: Future>(deadline: impl Fn() -> Instant, work: F) -> Result<F::Output, Late> {
    let mut work = pin!(work);
    // In a box of its own: what has to wait can afford one, and all else is smaller for it.
    let mut timer = None::<Pin<Box<Sleep>>>;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(outcome));
        }
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline().into())));
        loop {
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let deadline = deadline().into();
            if deadline <= timer.deadline() {
                return Poll::Ready(Err(Late));
            }
            timer.as_mut().reset(deadline);
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_waited_for_until_the_deadline() {
        let begun = tokio::time::Instant::now();
        let deadline = begun.into_std() + Duration::from_secs(5);
        assert_eq!(within(deadline, ready(1)).await, Ok(1));
        assert_eq!(within(deadline, tokio::time::sleep(Duration::from_secs(4))).await, Ok(()));
        assert_eq!(within(deadline, pending::<()>()).await, Err(Late));
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_can_be_moved_while_work_goes_on() {
        let begun = tokio::time::Instant::now();
        let deadline = Cell::new(begun.into_std() + Duration::from_secs(5));
        let work = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            deadline.set(begun.into_std() + Duration::from_secs(7));
            pending::<()>().await;
        };
        assert_eq!(within_movable(|| deadline.get(), work).await, Err(Late));
        assert_eq!(begun.elapsed(), Duration::from_secs(7));
    }
}
