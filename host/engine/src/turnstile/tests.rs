//! Many tasks that compute, on a runtime with several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use super::*;

/// Long enough that only what hangs takes it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes turns, and yields within each as a guest does that a tick found running.
async fn compute(turnstile: &Turnstile, turns: usize, inside: &AtomicUsize, most: &AtomicUsize) {
    for _ in 0..turns {
        let mut claim = turnstile.claim();
        claim.stake(|_| ()).await;
        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        yield_now().await;
        inside.fetch_sub(1, Ordering::SeqCst);
        drop(claim);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_than_its_places_are_inside_and_all_come_to_their_end() {
    for places in [1, 2, 4] {
        let turnstile = Arc::new(Turnstile::new(places));
        let (inside, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let mut tasks = JoinSet::new();
        for _ in 0..64 {
            let (turnstile, inside, most) = (turnstile.clone(), inside.clone(), most.clone());
            tasks.spawn(async move { compute(&turnstile, 100, &inside, &most).await });
        }
        timeout(PATIENCE, tasks.join_all()).await.unwrap();
        let most = most.load(Ordering::SeqCst);
        assert!((1..=places).contains(&most), "{most} inside of {places} places");
        assert_eq!(turnstile.places.n_taken(places), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_give_up_while_they_wait_take_no_place_with_them() {
    let turnstile = Arc::new(Turnstile::new(2));
    let (inside, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let mut tasks = JoinSet::new();
    for number in 0..200_usize {
        let (turnstile, inside, most) = (turnstile.clone(), inside.clone(), most.clone());
        let task = tasks.spawn(async move { compute(&turnstile, 1000, &inside, &most).await });
        if number % 2 == 0 {
            let wait = Duration::from_micros(50 * number as u64);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                task.abort();
            });
        }
    }
    let ends = async { while tasks.join_next().await.is_some() {} };
    timeout(PATIENCE, ends).await.unwrap();
    assert_eq!(turnstile.places.n_taken(2), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn another_task_waits_for_a_few_turns_and_not_for_all_that_compute() {
    let turnstile = Arc::new(Turnstile::new(1));
    let turns = Arc::<AtomicUsize>::default();
    let mut tasks = JoinSet::new();
    for _ in 0..256 {
        let (turnstile, turns) = (turnstile.clone(), turns.clone());
        tasks.spawn(async move {
            loop {
                let mut claim = turnstile.claim();
                claim.stake(|_| ()).await;
                turns.fetch_add(1, Ordering::SeqCst);
                yield_now().await;
                drop(claim);
            }
        });
    }
    for _ in 0..10 {
        yield_now().await;
    }
    for round in 0..1000 {
        let before = turns.load(Ordering::SeqCst);
        yield_now().await;
        let between = turns.load(Ordering::SeqCst) - before;
        assert!(between <= 3, "{between} turns of others in round {round}");
    }
    tasks.shutdown().await;
    assert_eq!(turnstile.places.n_taken(1), 0);
}

#[tokio::test]
async fn revisions_of_a_service_share_one_and_services_do_not() {
    let all = Turnstiles::default();
    let (inventory, orders): (ServiceName, ServiceName) = ("inventory".parse().unwrap(), "orders".parse().unwrap());
    let first = all.of(&inventory);
    assert!(Arc::ptr_eq(&first, &all.of(&inventory)));
    assert!(!Arc::ptr_eq(&first, &all.of(&orders)));
    // Nobody has that of `orders` any more.
    all.of(&"pricing".parse().unwrap());
    assert_eq!(all.0.lock().unwrap().len(), 2);
}

proptest! {
    /// Whoever comes, waits, leaves and gives up, in whatever order: places are neither lost nor made.
    #[test]
    fn places_are_neither_lost_nor_made(places in 1_usize..4, acts in prop::collection::vec((0_u8..4, 0_usize..8), 1..200)) {
        let turnstile = Turnstile::new(places);
        let mut waiting: Vec<_> = Vec::new();
        let mut inside = Vec::new();
        let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
        for (act, which) in acts {
            match act {
                0 => inside.extend(turnstile.try_enter()),
                1 => waiting.push(Box::pin(turnstile.enter())),
                2 if which < inside.len() => drop(inside.swap_remove(which)),
                3 if which < waiting.len() => drop(waiting.swap_remove(which)),
                _ => {}
            }
            let mut still = Vec::new();
            for mut one in waiting {
                match one.as_mut().poll(cx) {
                    Poll::Ready(turn) => inside.extend(turn),
                    Poll::Pending => still.push(one),
                }
            }
            waiting = still;
            prop_assert!(inside.len() <= places);
            prop_assert!(waiting.is_empty() || inside.len() == places, "somebody waits for a free place");
        }
        drop(waiting);
        drop(inside);
        prop_assert_eq!(turnstile.places.n_taken(places), 0);
    }
}
