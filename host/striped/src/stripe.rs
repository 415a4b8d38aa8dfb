//! Which stripe a thread has.

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Stripes for each core: threads are given theirs in turn, and the fewer two share one the better.
const PER_CORE: usize = 4;
/// On a machine with many cores each has one of its own all the same.
const MOST: usize = 256;

static COUNT: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores * PER_CORE).min(MOST)
});

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// How many stripes there are, at least one.
pub fn count() -> usize {
    *COUNT
}

/// The stripe of this thread: a number below [`count`].
pub fn own() -> usize {
    OWN.get().unwrap_or_else(assign)
}

#[cold]
fn assign() -> usize {
    let own = THREADS.fetch_add(1, Ordering::Relaxed) % count();
    OWN.set(Some(own));
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_stripe_and_the_next_one_has_another() {
        let mine = own();
        assert_eq!(own(), mine);
        let others: Vec<_> = (0..count()).map(|_| std::thread::spawn(|| (own(), own())).join().unwrap()).collect();
        for (first, second) in &others {
            assert!(first == second && *first < count());
        }
        assert!(others.windows(2).all(|pair| pair[0].0 != pair[1].0), "{others:?}");
    }
}
