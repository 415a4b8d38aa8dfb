//! Notices threads that work for a guest without a pause, for longer than anything can take that ends.
//!
//! A guest that computes is looked at every tick, and one that waits has no thread. What neither reaches is one long
//! stretch of work of the host on behalf of a guest. Such work is kept short, and a stretch that is not is a defect of
//! the host; nobody can end it, but the operator has to know of it, and which revision it is for. The thread that looks
//! is no thread that works.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use patchbay_model::RevisionId;
use patchbay_model::units::format_duration;

use crate::meter::now;

/// How long one stretch may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// A thread that works for guests, as it is seen from outside.
#[derive(Debug, Default)]
struct Post {
    /// Odd while the thread works for a guest. Counts up with every beginning and every end.
    turn: AtomicU64,
    /// The ticket of the revision that it works for.
    ticket: AtomicU64,
}

/// All of them, of all engines of this process: threads belong to it.
static POSTS: Mutex<Vec<Weak<Post>>> = Mutex::new(Vec::new());

thread_local! {
    static POST: Arc<Post> = {
        let post = Arc::<Post>::default();
        let mut posts = lock(&POSTS);
        posts.retain(|post| post.strong_count() > 0);
        posts.push(Arc::downgrade(&post));
        post
    };
}

/// Says that this thread begins to work for a guest, until what is returned is dropped. That may be in the midst of the
/// work for another guest, which called this one.
pub(crate) fn enter(ticket: &Ticket) -> Stretch {
    // A thread that is just ending is not watched.
    let outer = POST.try_with(|post| {
        let outer = post.is_at_work().then(|| post.ticket.load(Ordering::Relaxed));
        post.begin(ticket.number, outer.is_some());
        outer
    });
    Stretch { outer: outer.unwrap_or_default() }
}

impl Post {
    fn is_at_work(&self) -> bool {
        self.turn.load(Ordering::Relaxed) % 2 == 1
    }

    /// Begins a stretch for this ticket, in place of one that is under way or of none.
    fn begin(&self, ticket: u64, in_place: bool) {
        self.ticket.store(ticket, Ordering::Relaxed);
        self.count(if in_place { 2 } else { 1 });
    }

    /// Only the thread itself writes, so this is no addition that others could tear.
    fn count(&self, by: u64) {
        self.turn.store(self.turn.load(Ordering::Relaxed).wrapping_add(by), Ordering::Release);
    }
}

/// One stretch of work.
pub(crate) struct Stretch {
    /// The ticket of the work that goes on after it.
    outer: Option<u64>,
}

impl Drop for Stretch {
    fn drop(&mut self) {
        let _ = POST.try_with(|post| match self.outer {
            Some(outer) => post.begin(outer, true),
            None => post.count(1),
        });
    }
}

/// What a revision is known by to the watchdog.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    watch: Arc<Watch>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.watch.revisions).remove(&self.number);
    }
}

/// What the thread and everyone else share.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    revisions: Mutex<HashMap<u64, RevisionId>>,
    stuck: AtomicU64,
    stop: AtomicBool,
}

impl Watch {
    /// A ticket for a revision.
    pub(crate) fn ticket(self: &Arc<Self>, revision: RevisionId) -> Ticket {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&self.revisions).insert(number, revision);
        Ticket { number, watch: self.clone() }
    }

    /// Threads that are stuck now.
    pub(crate) fn stuck(&self) -> u64 {
        self.stuck.load(Ordering::Relaxed)
    }
}

/// Keeps the thread that looks; dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Watchdog {
    watch: Arc<Watch>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the operating system has no thread left.
    pub(crate) fn start() -> std::io::Result<Self> {
        Self::patient_for(PATIENCE)
    }

    fn patient_for(patience: Duration) -> std::io::Result<Self> {
        let watch = Arc::<Watch>::default();
        let shared = watch.clone();
        let thread = thread::Builder::new().name("patchbay-watch".to_owned()).spawn(move || run(&shared, patience))?;
        Ok(Self { watch, thread: Some(thread) })
    }

    pub(crate) fn watch(&self) -> Arc<Watch> {
        self.watch.clone()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.watch.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread cannot panic; there is nothing to learn from its end.
            let _ = thread.join();
        }
    }
}

/// A stretch that was found more than once.
struct Long {
    turn: u64,
    since: Instant,
    told: bool,
}

fn run(watch: &Watch, patience: Duration) {
    let mut found: HashMap<usize, Long> = HashMap::new();
    while !watch.stop.load(Ordering::SeqCst) {
        thread::park_timeout(patience / 2);
        let posts: Vec<_> = lock(&POSTS).iter().filter_map(Weak::upgrade).collect();
        let now = now();
        let mut still = HashMap::new();
        for post in posts {
            let turn = post.turn.load(Ordering::Acquire);
            let revision = lock(&watch.revisions).get(&post.ticket.load(Ordering::Relaxed)).cloned();
            let key = Arc::as_ptr(&post) as usize;
            let before = found.remove(&key).filter(|long| long.turn == turn);
            // A thread that works for a revision of another engine is that one's to watch.
            if let (true, Some(revision)) = (turn % 2 == 1, revision) {
                let mut long = before.unwrap_or(Long { turn, since: now, told: false });
                if !long.told && now.saturating_duration_since(long.since) >= patience {
                    long.told = true;
                    tell(&revision, patience);
                }
                still.insert(key, long);
            }
        }
        watch.stuck.store(still.values().filter(|long| long.told).count() as u64, Ordering::Relaxed);
        found = still;
    }
}

fn tell(revision: &RevisionId, patience: Duration) {
    tracing::error!(
        %revision,
        "a thread has worked for an instance for more than {} without a pause, and nothing can interrupt it; the calls \
         that wait for this thread wait for the instance. If this does not end, roll the revision back and restart the \
         host",
        format_duration(patience),
    );
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(mut met: impl FnMut() -> bool) {
        let begun = now();
        while !met() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it did not happen");
            thread::yield_now();
        }
    }

    #[test]
    fn a_long_stretch_is_noticed_and_its_end_too() {
        let dog = Watchdog::patient_for(Duration::from_millis(20)).unwrap();
        let other = Watchdog::patient_for(Duration::from_millis(20)).unwrap();
        let ticket = dog.watch().ticket("orders@4".parse().unwrap());
        let stretch = enter(&ticket);
        until(|| dog.watch().stuck() == 1);
        assert_eq!(other.watch().stuck(), 0);
        drop(stretch);
        until(|| dog.watch().stuck() == 0);
    }

    #[test]
    fn the_guest_that_was_called_is_the_one_that_is_watched() {
        let dog = Watchdog::patient_for(Duration::from_millis(20)).unwrap();
        let (caller, callee) =
            (dog.watch().ticket("orders@4".parse().unwrap()), dog.watch().ticket("inventory@1".parse().unwrap()));
        let at_work = || POST.with(|post| post.is_at_work().then(|| post.ticket.load(Ordering::Relaxed)));
        let outer = enter(&caller);
        let inner = enter(&callee);
        assert_eq!(at_work(), Some(callee.number));
        until(|| dog.watch().stuck() == 1);
        drop(inner);
        assert_eq!(at_work(), Some(caller.number));
        until(|| dog.watch().stuck() == 1);
        drop(outer);
        assert_eq!(at_work(), None);
        until(|| dog.watch().stuck() == 0);
    }

    #[test]
    fn many_short_stretches_are_none() {
        let dog = Watchdog::patient_for(Duration::from_millis(200)).unwrap();
        let ticket = dog.watch().ticket("orders@4".parse().unwrap());
        let begun = now();
        while begun.elapsed() < Duration::from_millis(600) {
            drop(enter(&ticket));
            assert_eq!(dog.watch().stuck(), 0);
        }
    }
}
