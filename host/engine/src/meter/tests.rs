//! CPU time that is really spent, and ticks that fall when they fall.

use std::sync::Arc;

use super::*;
use crate::ticker::Ticker;
use crate::turnstile::Turnstile;
use crate::watchdog::Watch;

const TICK: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn meter() -> (Ticker, Arc<Meter>) {
    let (ticker, mut meters) = meters(1);
    (ticker, meters.remove(0))
}

/// A tick falls now.
fn falls(meter: &Meter) -> Result<UpdateDeadline, Stop> {
    meter.gauge.pulse.count();
    meter.tick()
}

/// Meters of instances of one service.
fn meters(count: usize) -> (Ticker, Vec<Arc<Meter>>) {
    // One that does not tick by itself.
    let ticker = Ticker::start(Vec::new(), HOUR).unwrap();
    let ticket = Arc::<Watch>::default().ticket("orders@4".parse().unwrap());
    let tally = Spread::new(Arc::default());
    let gauge = Spread::from(Gauge { pulse: ticker.pulse(), ticket, tally, tick: TICK });
    let meters = std::iter::repeat_with(|| Arc::new(Meter::new(gauge.lend()))).take(count).collect();
    (ticker, meters)
}

fn burn(time: Duration) {
    let begun = thread_cpu_time();
    while thread_cpu_time() - begun < nanos(time) {
        std::hint::spin_loop();
    }
}

#[test]
fn the_first_tick_charges_itself() {
    let (_ticker, meter) = meter();
    meter.begin(now() + HOUR, TICK);
    assert!(matches!(falls(&meter), Ok(UpdateDeadline::Continue(1))));
    meter.begin(now() + HOUR, TICK / 2);
    assert_eq!(falls(&meter).err(), Some(Stop::CpuTime));
}

#[tokio::test]
async fn a_tick_that_fell_while_a_guest_waited_for_its_turn_is_not_its_own() {
    let (_ticker, meter) = meter();
    meter.begin(now() + HOUR, TICK / 2);
    meter.gauge.pulse.count();
    let turnstile = Turnstile::new(1);
    let mut claim = turnstile.claim();
    meter
        .run(&mut claim, async {
            // The epoch is noticed to have moved on as soon as the guest runs.
            assert!(matches!(meter.tick(), Ok(UpdateDeadline::Continue(1))));
            assert!(!tick_fell());
        })
        .await
        .unwrap();
    assert_eq!(meter.used.load(Ordering::Relaxed), 0);
    // Later on nobody knows what it used before.
    let outcome = meter.run(&mut claim, async { meter.tick().err() }).await.unwrap();
    assert_eq!(outcome, Some(Stop::CpuTime));
    assert!(!tick_fell());
    meter.begin(now(), HOUR);
    assert_eq!(meter.tick().err(), Some(Stop::Deadline));
}

#[test]
fn what_a_guest_uses_is_measured_over_all_its_polls() {
    let (_ticker, meter) = meter();
    meter.begin(now() + HOUR, TICK * 10);
    falls(&meter).map(drop).unwrap();
    for _ in 0..4 {
        meter.enter();
        burn(TICK * 2);
        meter.leave();
    }
    let used = meter.used.load(Ordering::Relaxed);
    assert!(used >= nanos(TICK * 9), "{used}");
    meter.enter();
    burn(TICK * 2);
    assert_eq!(falls(&meter).err(), Some(Stop::CpuTime));
    meter.release_share(2);
    assert!(meter.used.load(Ordering::Relaxed) < used);
}

#[test]
fn what_is_charged_is_counted_for_the_service() {
    let (_ticker, meter) = meter();
    meter.begin(now() + HOUR, HOUR);
    falls(&meter).map(drop).unwrap();
    assert_eq!(meter.gauge.tally.read().busy, TICK);
    let busy = || {
        meter.enter();
        burn(TICK * 2);
        assert!(meter.leave());
        meter.gauge.tally.read().busy
    };
    assert!(busy() >= TICK * 3 && busy() >= TICK * 5);
}

#[test]
fn a_guest_that_had_its_time_makes_room() {
    let (_ticker, meter) = meter();
    meter.begin(now() + HOUR, HOUR);
    falls(&meter).map(drop).unwrap();
    meter.enter();
    assert!(matches!(falls(&meter), Ok(UpdateDeadline::Continue(1))));
    burn(TICK);
    assert!(matches!(falls(&meter), Ok(UpdateDeadline::YieldCustom(1, _))));
}

#[tokio::test]
async fn what_another_guest_uses_meanwhile_is_not_charged() {
    // Whether there is a watch, and whether that says that all was over at once; then the rest is the guest's own.
    for (watched, over) in [(false, false), (true, false), (true, true)] {
        let (_ticker, meter) = meter();
        meter.begin(now() + HOUR, HOUR);
        falls(&meter).map(drop).unwrap();
        let before = meter.used.load(Ordering::Relaxed);
        let work = async {
            let begun = real_now();
            let watch = Stopwatch::new(begun);
            let other = async {
                if over {
                    watch.stop(begun + TICK);
                }
                burn(TICK * 20);
            };
            match watched {
                true => meter.apart_by(&watch, other).await,
                false => meter.apart(other).await,
            }
            burn(TICK);
        };
        meter.run(&mut Turnstile::new(1).claim(), work).await.unwrap();
        let used = meter.used.load(Ordering::Relaxed) - before;
        assert_eq!(used > nanos(TICK * 10), over, "{watched}: {used}");
    }
}

#[test]
fn a_deadline_stops_a_guest_at_the_next_tick() {
    let (_ticker, meter) = meter();
    meter.begin(now(), HOUR);
    assert_eq!(falls(&meter).err(), Some(Stop::Deadline));
}

#[tokio::test]
async fn guests_of_one_service_let_everybody_else_have_a_turn_between_two_of_theirs() {
    let (_ticker, meters) = meters(64);
    let polls = Arc::<AtomicU64>::default();
    // One may have a thread at a time.
    let turnstile = Arc::new(Turnstile::new(1));
    let mut guests = tokio::task::JoinSet::new();
    for meter in meters {
        let (polls, turnstile) = (polls.clone(), turnstile.clone());
        guests.spawn(async move {
            meter.begin(now() + HOUR, HOUR);
            let guest = async {
                for slice in 0..50 {
                    polls.fetch_add(1, Ordering::Relaxed);
                    falls(&meter).map(drop).unwrap();
                    // It waits for something that is there at once, or has its slice and goes on.
                    match slice % 2 {
                        0 => tokio::task::yield_now().await,
                        _ => tokio::time::sleep(Duration::ZERO).await,
                    }
                }
            };
            meter.run(&mut turnstile.claim(), guest).await.unwrap();
        });
    }
    let mut rounds = 0;
    while polls.load(Ordering::Relaxed) < 3000 {
        let before = polls.load(Ordering::Relaxed);
        tokio::task::yield_now().await;
        let between = polls.load(Ordering::Relaxed) - before;
        assert!(between <= 4, "{between} slices in round {rounds}");
        rounds += 1;
    }
    guests.join_all().await;
    assert_eq!(polls.load(Ordering::Relaxed), 64 * 50);
}

#[tokio::test]
async fn a_panic_is_an_error_of_the_call() {
    let (_ticker, meter) = meter();
    let turnstile = Turnstile::new(1);
    let error = meter
        .run(&mut turnstile.claim(), async {
            if falls(&meter).is_ok() {
                panic!("a bug")
            }
        })
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("a bug"), "{error}");
    assert_eq!(meter.run(&mut turnstile.claim(), async { 7 }).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_long_turn_goes_on_after_everybody_elses_and_ends_where_the_guest_waits() {
    for (length, waits, most) in [(1, false, 8), (5, false, 1), (8, false, 1), (100, true, 8)] {
        let (_ticker, meters) = meters(8);
        let (begun, most_begun) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let turnstile = Arc::new(Turnstile::new(1));
        let mut guests = tokio::task::JoinSet::new();
        for meter in meters {
            let (begun, most_begun, turnstile) = (begun.clone(), most_begun.clone(), turnstile.clone());
            guests.spawn(async move {
                meter.begin(now() + HOUR, HOUR);
                let guest = async {
                    most_begun.fetch_max(begun.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    for _ in 0..4 {
                        falls(&meter).map(drop).unwrap();
                        if waits {
                            tokio::time::sleep(TICK).await;
                        }
                        tokio::task::yield_now().await;
                    }
                    begun.fetch_sub(1, Ordering::Relaxed);
                };
                meter.run(&mut turnstile.claim().lasting(length), guest).await.unwrap();
            });
        }
        guests.join_all().await;
        assert_eq!(most_begun.load(Ordering::Relaxed), most, "turns of {length} ticks, waits: {waits}");
    }
}
