//! Simulations: a host with two threads and one queue before them, under loads that it can and cannot serve.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::*;

const TARGET: Duration = Duration::from_millis(20);
const THREADS: u64 = 2;
/// What one call takes of a thread.
const WORK: u64 = 1_000;
/// Microseconds.
const SECOND: u64 = 1_000_000;
const STEP: u64 = 100_000;

/// How many calls of each priority come in a second.
type Load = [u64; 3];

/// What became of the calls of one priority in one second.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    served: u64,
    refused: u64,
    /// The longest wait, in microseconds.
    longest: u64,
}

struct Host {
    shedder: Shedder,
    controller: Controller,
    begun: Instant,
    now: u64,
    calls: u64,
    /// When each thread is free.
    free: VecDeque<u64>,
    shortest: u64,
    news: Vec<ShedNews>,
    levels: Vec<u32>,
}

impl Host {
    fn new() -> Self {
        Self {
            shedder: Shedder::default(),
            controller: Controller::new(ShedTargets { delay: TARGET, memory: None }),
            begun: Instant::now(),
            now: 0,
            calls: 0,
            free: std::iter::repeat_n(0, THREADS as usize).collect(),
            shortest: u64::MAX,
            news: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// One second under a load. Arrivals are random, and the same in every run.
    fn second(&mut self, load: Load) -> [Second; 3] {
        let mut seconds = [Second::default(); 3];
        let total: u64 = load.iter().sum();
        let end = self.now + SECOND;
        let mut next_step = self.now + STEP;
        while self.now < end {
            self.calls += 1;
            // Between two calls any time passes from none to twice the average.
            let average = SECOND / total.max(1);
            self.now += chance(self.calls, 7) % (2 * average + 1);
            while next_step <= self.now.min(end) {
                self.look(next_step);
                next_step += STEP;
            }
            let which = chance(self.calls, 8) % total.max(1);
            let priority = if which < load[0] {
                0
            } else if which < load[0] + load[1] {
                1
            } else {
                2
            };
            let (second, priority) = (&mut seconds[priority], Priority::ALL[priority]);
            if total == 0 || self.shedder.admit(priority, self.calls).is_err() {
                second.refused += u64::from(total > 0);
                continue;
            }
            let wait = self.wait();
            second.served += 1;
            second.longest = second.longest.max(wait);
            let thread = self.free.pop_front().unwrap();
            self.free.push_back(thread.max(self.now) + WORK);
        }
        self.now = end;
        seconds
    }

    /// How long a call that comes now waits for a thread.
    fn wait(&mut self) -> u64 {
        let wait = self.free[0].saturating_sub(self.now);
        self.shortest = self.shortest.min(wait);
        wait
    }

    fn look(&mut self, at: u64) {
        let now = self.free[0].saturating_sub(at);
        let delay = Duration::from_micros(std::mem::replace(&mut self.shortest, u64::MAX).min(now));
        let sample = LoadSample { delay, memory: None };
        let (level, news) = self.controller.step(sample, self.begun + Duration::from_micros(at));
        self.shedder.set(level);
        self.news.extend(news);
        self.levels.push(level.bits());
    }
}

/// What the threads can serve in a second.
const CAPACITY: u64 = THREADS * SECOND / WORK;

#[tokio::test(start_paused = true)]
async fn a_host_that_can_serve_all_refuses_none() {
    let mut host = Host::new();
    for _ in 0..30 {
        let seconds = host.second([CAPACITY / 4, CAPACITY / 2, CAPACITY / 10]);
        assert_eq!(seconds.map(|second| second.refused), [0; 3]);
    }
    assert_eq!(host.news, []);
}

#[tokio::test(start_paused = true)]
async fn at_three_times_what_it_can_serve_the_important_calls_are_served_as_ever() {
    // High priority alone is what the host can just serve.
    let load = [6, 15, 9].map(|tenths| CAPACITY * tenths / 10);
    let mut host = Host::new();
    for number in 0..60 {
        let [low, normal, high] = host.second(load);
        let goodput = low.served + normal.served + high.served;
        if number < 3 {
            continue;
        }
        assert!(high.longest <= 5 * TARGET.as_micros() as u64, "second {number}: {high:?}");
        assert!(high.refused * 20 <= high.served, "second {number}: {high:?}");
        assert!(goodput * 100 >= CAPACITY * 93, "second {number}: {goodput} of {CAPACITY} served");
        assert_eq!(low.served, 0, "second {number}");
    }
    let late = &host.levels[100..];
    let (least, most) = (late.iter().min().unwrap(), late.iter().max().unwrap());
    assert!(most - least <= 500, "the level swings between {least} and {most}");
    // It is told once, however long it lasts.
    assert!(matches!(host.news.as_slice(), [ShedNews::Began(_)]), "{:?}", host.news);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_over_soon_and_is_told_once() {
    let mut host = Host::new();
    for _ in 0..10 {
        host.second([CAPACITY, CAPACITY, CAPACITY]);
    }
    let calm = [CAPACITY / 4, CAPACITY / 8, CAPACITY / 8];
    for _ in 0..12 {
        host.second(calm);
    }
    for _ in 0..10 {
        assert_eq!(host.second(calm).map(|second| second.refused), [0; 3]);
    }
    assert!(matches!(host.news.as_slice(), [ShedNews::Began(_), ShedNews::Ended { .. }]), "{:?}", host.news);
    assert!(host.controller.is_at_rest());
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_passes_is_no_saturation() {
    let mut host = Host::new();
    for round in 0..20 {
        // Half a second's worth at once would be 250 ms of waiting for the last of them.
        for _ in 0..60 {
            host.calls += 1;
            let thread = host.free.pop_front().unwrap();
            host.free.push_back(thread.max(host.now) + WORK);
        }
        let seconds = host.second([CAPACITY / 4, CAPACITY / 4, CAPACITY / 4]);
        assert_eq!(seconds.map(|second| second.refused), [0; 3], "{round}");
    }
}

#[tokio::test(start_paused = true)]
async fn memory_near_its_limit_is_a_reason_and_lets_go_slowly() {
    const LIMIT: u64 = 1 << 30;
    let mut controller = Controller::new(ShedTargets { delay: TARGET, memory: Some(LIMIT) });
    let mut now = Instant::now();
    let mut step = |used: Option<u64>| {
        now += Duration::from_millis(100);
        controller.step(LoadSample { delay: Duration::ZERO, memory: used.map(|percent| LIMIT / 100 * percent) }, now).0
    };
    for (used, level) in [(None, 0), (Some(50), 0), (Some(89), 0), (Some(99), 2900), (Some(200), 2900)] {
        assert!(step(used).bits().abs_diff(level) <= 1, "{used:?}");
    }
    let mut last = 2900;
    for _ in 0..50 {
        let level = step(Some(10)).bits();
        assert!(level < last && last - level <= 51, "{last} to {level}");
        last = level;
    }
    assert!((0..20).map(|_| step(Some(10))).last() == Some(Level::NONE));
}

#[tokio::test(start_paused = true)]
async fn a_call_wakes_who_watches_and_the_next_ones_do_not() {
    let shedder = std::sync::Arc::new(Shedder::default());
    let watch = || {
        tokio::spawn({
            let shedder = shedder.clone();
            async move { shedder.called().await }
        })
    };
    let watching = watch();
    tokio::task::yield_now().await;
    assert!(!watching.is_finished());
    shedder.admit(Priority::Low, 1).unwrap();
    watching.await.unwrap();
    // Nobody waits now, and nobody is told.
    shedder.admit(Priority::Low, 2).unwrap();
    let watching = watch();
    tokio::task::yield_now().await;
    assert!(!watching.is_finished(), "a call of before woke who watches");
    shedder.admit(Priority::Low, 3).unwrap();
    watching.await.unwrap();
}

#[test]
fn a_call_that_is_asked_about_twice_gets_the_same_answer_twice_and_is_told_when_to_come_back() {
    let shedder = Shedder::default();
    shedder.set(Level::new(500));
    let answers: Vec<_> = (0..1000).map(|call| shedder.admit(Priority::Low, call).is_ok()).collect();
    assert!(answers.contains(&true) && answers.contains(&false));
    for (call, answer) in (0..).zip(&answers) {
        assert_eq!(shedder.admit(Priority::Low, call).is_ok(), *answer);
        shedder.admit(Priority::Normal, call).unwrap();
    }
    let waits: std::collections::BTreeSet<_> =
        (0..1000).filter_map(|call| shedder.admit(Priority::Low, call).err()?.retry_after()).collect();
    assert_eq!(waits.into_iter().map(|wait| wait.as_secs()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let ShedStatus { level, refused: [low, normal, high] } = shedder.status();
    assert_eq!((level, normal, high), (Level::new(500), 0, 0));
    assert!(low > 1000, "{low}");
}
