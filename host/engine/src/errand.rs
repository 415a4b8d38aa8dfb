//! Errands: what an instance waits for while it goes on with other things, and in the course of which another instance has its
//! turns. Event loops of instances do not nest, so an errand is begun once the instance that wants it has had its own turn.
//!
//! The last errand of a turn is begun on the spot, by whoever gave the instance the turn. Most are over with that, and neither a
//! task nor a thread is woken for them. What takes longer, and all others of the turn, which may go on at the same time on other
//! threads, get tasks of their own. So do, for some time, those of a function that kept the thread for long: the instance can do
//! nothing else meanwhile.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use crate::meter::{Panic, real_now};

/// What is done for an errand.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long an errand may keep the thread on the spot before others like it get tasks: some ten times what a task costs.
const SHORT: Duration = Duration::from_micros(100);

/// How many others do.
const OTHERS: u32 = 256;

/// Whether errands of one kind are short enough to be done on the spot.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Those that get tasks before one is done on the spot again.
    apart: AtomicU32,
}

impl Pace {
    /// Whether the next one is done on the spot.
    fn is_short(&self) -> bool {
        self.apart.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |apart| apart.checked_sub(1)).is_err()
    }

    /// One kept the thread for this long.
    fn took(&self, time: Duration) {
        if time > SHORT {
            self.apart.store(OTHERS, Ordering::Relaxed);
        }
    }
}

/// The errands of an instance that are not begun yet.
#[derive(Default)]
pub(crate) struct Errands {
    /// Whether there are any: most turns add none.
    any: AtomicBool,
    added: Mutex<Vec<(Work, Arc<Pace>)>>,
}

impl Errands {
    /// Has `work` done after this turn of the instance, or at the same time if its kind takes long.
    pub(crate) fn add<T: Send + 'static>(
        &self,
        pace: &Arc<Pace>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Errand<T> {
        if !pace.is_short() {
            return Errand::spawn(work);
        }
        let (work, errand) = prepare(work);
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push((Box::pin(work), Arc::clone(pace)));
        self.any.store(true, Ordering::Release);
        errand
    }

    /// Begins those of a turn that is over. `true` if one of them is over, too.
    pub(crate) fn begin(&self) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        self.any.store(false, Ordering::Relaxed);
        let mut added = std::mem::take(&mut *self.added.lock().unwrap_or_else(PoisonError::into_inner));
        let Some((mut last, pace)) = added.pop() else { return false };
        for (work, _) in added {
            tokio::spawn(work);
        }
        let begun = real_now();
        // Nobody has to be woken for it: if it is not over, it is asked again at once, in its task.
        let is_over = last.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        pace.took(begun.elapsed());
        if !is_over {
            tokio::spawn(last);
        }
        is_over
    }
}

/// What comes of an errand. Broken off when dropped.
#[derive(Debug)]
pub(crate) struct Errand<T>(oneshot::Receiver<Result<T, Panic>>);

impl<T: Send + 'static> Errand<T> {
    /// One that is done in a task of its own, for an instance that has no [`Errands`].
    pub(crate) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        let (work, errand) = prepare(work);
        tokio::spawn(work);
        errand
    }
}

impl<T> Future for Errand<T> {
    /// An error if the work panicked.
    type Output = Result<T, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx).map(|done| done.unwrap_or_else(|_| Err(Panic::new(&"it was not finished"))))
    }
}

/// Work that ends when nobody waits for what comes of it.
fn prepare<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> (impl Future<Output = ()> + Send + 'static, Errand<T>) {
    let (mut done, errand) = oneshot::channel();
    let work = async move {
        let work = AssertUnwindSafe(work).catch_unwind();
        let outcome = match select(pin!(work), pin!(done.closed())).await {
            Either::Left((outcome, _)) => outcome.map_err(|payload| Panic::new(payload.as_ref())),
            Either::Right(_) => return,
        };
        // Nobody may wait for it any more.
        let _ = done.send(outcome);
    };
    (work, Errand(errand))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Notify;
    use tokio::task::yield_now;

    use super::*;

    fn pace() -> Arc<Pace> {
        Arc::default()
    }

    #[tokio::test]
    async fn those_of_a_function_that_takes_long_get_tasks_for_some_time() {
        let (errands, pace) = (Errands::default(), pace());
        let long = errands.add(&pace, async {
            let begun = real_now();
            while begun.elapsed() <= SHORT {
                std::hint::spin_loop();
            }
        });
        assert!(errands.begin());
        long.await.unwrap();
        for _ in 0..OTHERS {
            let other = errands.add(&pace, async { 7 });
            assert!(!errands.begin());
            assert_eq!(other.await.unwrap(), 7);
        }
        let _again = errands.add(&pace, async { 7 });
        assert!(errands.begin());
    }

    #[tokio::test]
    async fn what_is_over_at_once_needs_no_task() {
        let errands = Errands::default();
        assert!(!errands.begin());
        let errand = errands.add(&pace(), async { 7 });
        assert!(errands.begin());
        assert_eq!(errand.await.unwrap(), 7);
        assert!(!errands.begin());
    }

    #[tokio::test]
    async fn what_takes_longer_goes_on_by_itself() {
        let (errands, news) = (Errands::default(), Arc::new(Notify::new()));
        let heard = Arc::clone(&news);
        let errand = errands.add(&pace(), async move {
            heard.notified().await;
            7
        });
        assert!(!errands.begin());
        news.notify_one();
        assert_eq!(errand.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn only_the_last_is_begun_on_the_spot() {
        let (errands, begun) = (Errands::default(), Arc::new(AtomicUsize::new(0)));
        let add = |number: usize| {
            let begun = Arc::clone(&begun);
            errands.add(&pace(), async move { begun.fetch_add(number, Ordering::SeqCst) })
        };
        let all = [add(1), add(10), add(100)];
        assert!(errands.begin());
        assert_eq!(begun.load(Ordering::SeqCst), 100);
        for errand in all {
            errand.await.unwrap();
        }
        assert_eq!(begun.load(Ordering::SeqCst), 111);
    }

    /// Whether work ends, with what it holds, when nobody waits for it any more.
    async fn ends(begun: bool) -> bool {
        let (errands, held) = (Errands::default(), Arc::new(()));
        let holding = Arc::clone(&held);
        let errand = errands.add(&pace(), async move {
            std::future::pending::<()>().await;
            drop(holding);
        });
        if begun {
            errands.begin();
            yield_now().await;
        }
        assert_eq!(Arc::strong_count(&held), 2);
        drop(errand);
        errands.begin();
        for _ in 0..10 {
            yield_now().await;
        }
        Arc::strong_count(&held) == 1
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_broken_off() {
        assert!(ends(false).await && ends(true).await);
    }

    #[tokio::test]
    async fn a_panic_is_told() {
        let errands = Errands::default();
        let errand = errands.add(&pace(), async { panic!("by design") });
        assert!(errands.begin());
        let told: Result<(), _> = errand.await;
        assert!(told.unwrap_err().to_string().contains("by design"));
        let told: Result<(), _> = Errand::spawn(async { panic!("again") }).await;
        assert!(told.unwrap_err().to_string().contains("again"));
    }
}
