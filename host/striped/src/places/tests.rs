//! Places, taken by many threads.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn taken(places: &Places, count: usize) -> usize {
    (0..count).filter(|_| places.try_take()).count()
}

#[test]
fn a_place_that_one_thread_keeps_is_there_for_every_other() {
    let places = Places::new(4);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let taken = taken(&places, 4);
                (0..taken).for_each(|_| places.give());
            });
        }
    });
    assert_eq!(places.n_taken(4), 0);
    assert_eq!(taken(&places, 5), 4);
    std::thread::scope(|scope| scope.spawn(|| (0..4).for_each(|_| places.give())).join().unwrap());
    places.remove(3);
    assert_eq!(places.n_taken(1), 0, "what is kept is taken away first");
    assert_eq!(taken(&places, 2), 1);
    places.remove(1);
    assert_eq!(places.n_taken(0), 1, "it is owed");
    places.give();
    assert_eq!((places.n_taken(0), taken(&places, 1)), (0, 0));
    places.add(2);
    assert_eq!(taken(&places, 3), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_ever_and_there_are_never_too_many() {
    const PLACES: u32 = 3;
    let places = Arc::new(Places::new(PLACES as usize));
    let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (places, inside, most) = (Arc::clone(&places), Arc::clone(&inside), Arc::clone(&most));
            tokio::spawn(async move {
                for turn in 0..2_000 {
                    if !places.try_take() {
                        places.wait(u32::MAX).unwrap().take().await;
                    }
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    if turn % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                    inside.fetch_sub(1, Ordering::SeqCst);
                    places.give();
                }
            })
        })
        .collect();
    let all = async {
        for task in tasks {
            task.await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), PLACES);
    assert_eq!((places.n_taken(PLACES as usize), places.n_waiting()), (0, 0));
}

#[tokio::test]
async fn whoever_waits_is_counted_for_as_long_and_no_more_than_may() {
    let places = Places::new(1);
    assert!(places.try_take());
    let first = places.wait(1).unwrap();
    assert!(places.wait(1).is_none());
    assert_eq!(places.n_waiting(), 1);
    places.give();
    first.take().await;
    drop(first);
    assert_eq!((places.n_waiting(), places.n_taken(1)), (0, 1));
    assert!(places.wait(1).is_some());
}

proptest! {
    /// Whatever is done in whatever order: as many are taken as are not given back, and no more than there are.
    #[test]
    fn what_is_taken_is_what_was_not_given_back(turns in prop::collection::vec((0_u8..4, 1_usize..4), 0..200)) {
        let places = Places::new(2);
        let (mut total, mut taken) = (2_usize, 0_usize);
        for (what, count) in turns {
            match what {
                0 => for _ in 0..count {
                    let free = taken < total;
                    prop_assert_eq!(places.try_take(), free);
                    taken += usize::from(free);
                },
                1 => for _ in 0..count.min(taken) {
                    places.give();
                    taken -= 1;
                },
                2 => {
                    places.add(count);
                    total += count;
                }
                _ => {
                    let less = count.min(total);
                    places.remove(less);
                    total -= less;
                }
            }
            prop_assert_eq!(places.n_taken(total), taken);
        }
    }
}

#[tokio::test]
async fn a_place_that_somebody_keeps_is_found_by_who_waits() {
    let places = Places::new(1);
    assert!(places.try_take());
    places.give();
    let waiting = places.wait(1).unwrap();
    tokio::time::timeout(Duration::from_secs(60), waiting.take()).await.unwrap();
    assert_eq!(places.n_taken(1), 1);
}

/// One thread gives a place back at the moment at which another one begins to wait for it. Whichever is first, it is not left lying.
#[test]
fn a_place_is_not_kept_from_who_begins_to_wait_meanwhile() {
    const ROUNDS: u64 = 100_000;
    let (places, round) = (Places::new(1), AtomicU64::new(0));
    let after = |number: u64| {
        while round.load(Ordering::SeqCst) < number {
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..ROUNDS {
                after(2 * number + 1);
                // A little later each time.
                (0..number % 64).for_each(|_| std::hint::spin_loop());
                places.give();
                after(2 * number + 2);
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for number in 0..ROUNDS {
                assert!(places.try_take());
                round.store(2 * number + 1, Ordering::SeqCst);
                let waiting = places.wait(1).unwrap();
                let found = tokio::time::timeout(Duration::from_secs(10), waiting.take()).await;
                if found.is_err() {
                    // The other thread has nothing to wait for any more.
                    round.store(u64::MAX, Ordering::SeqCst);
                }
                assert!(found.is_ok(), "it is left lying");
                places.give();
                drop(waiting);
                round.store(2 * number + 2, Ordering::SeqCst);
            }
        });
    });
}
