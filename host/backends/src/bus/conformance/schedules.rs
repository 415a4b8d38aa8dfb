//! Random histories: publishing, consuming, failing, closing, restarting and crashing in any order.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::bus::Message;
use patchbay_model::ports::{Bus, Feed, Settlement};
use tokio::time::timeout;

use super::Medium;
use super::history::History;
use super::kit::{group, message, shop};

const SEEDS: u64 = 6;
const STEPS: usize = 150;
const GROUPS: [&str; 2] = ["one", "other"];

/// Whatever happens in whatever order, nothing that was acknowledged is lost, and what must not be is not.
pub async fn histories_hold(medium: &dyn Medium) {
    for seed in 1..=SEEDS {
        let mut schedule = Schedule::begin(medium, seed).await;
        for _ in 0..STEPS {
            schedule.step().await;
        }
        let problems = schedule.end().await;
        assert!(problems.is_empty(), "with seed {seed}: {problems:#?}");
    }
}

/// Numbers that look random (SplitMix64), and are the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A feed, and what is in its hands: tokens and ids.
struct Consumer {
    feed: Arc<dyn Feed>,
    hands: Vec<(u64, String)>,
}

struct Schedule<'m> {
    medium: &'m dyn Medium,
    seed: u64,
    bus: Arc<dyn Bus>,
    consumers: BTreeMap<&'static str, Consumer>,
    history: History,
    chance: Chance,
    n_published: u64,
}

impl<'m> Schedule<'m> {
    async fn begin(medium: &'m dyn Medium, seed: u64) -> Self {
        let bus = medium.open(shop()).await;
        let (consumers, history) = (BTreeMap::new(), History::default());
        let mut schedule = Self { medium, seed, bus, consumers, history, chance: Chance(seed), n_published: 0 };
        schedule.join_all().await;
        schedule
    }

    async fn join_all(&mut self) {
        for name in GROUPS {
            let feed = self.join(name).await;
            self.consumers.insert(name, Consumer { feed, hands: Vec::new() });
        }
    }

    async fn join(&self, name: &str) -> Arc<dyn Feed> {
        // Each seed has topics of its own, and groups that nobody served before.
        let chosen = format!("shop.{}.>", self.seed);
        group("shop.>", name).only(&chosen).window(8).on(&*self.bus).await
    }

    async fn step(&mut self) {
        let name = GROUPS.get(usize::try_from(self.chance.below(2)).unwrap_or_default()).copied().unwrap_or("one");
        match self.chance.below(100) {
            0..35 => self.publish().await,
            35..65 => self.receive(name).await,
            65..92 => self.settle(name),
            92..95 => self.leave(name).await,
            95..97 => self.restart().await,
            97 => self.shake().await,
            _ => self.crash().await,
        }
    }

    /// Publishes a new message, or one that was published before.
    async fn publish(&mut self) {
        let is_new = self.n_published == 0 || self.chance.below(5) > 0;
        let number = if is_new { self.n_published } else { self.chance.below(self.n_published) };
        self.n_published += u64::from(is_new);
        let id = format!("{}-{number}", self.seed);
        let mut message = message(&format!("shop.{}.{}", self.seed, number % 3), &id);
        message.set_key(format!("key {}", number % 4));
        self.try_publish(message).await;
    }

    async fn try_publish(&mut self, message: Message) {
        let id = message.id.clone();
        self.history.publishing(&id, message.key());
        if let Ok(receipt) = self.bus.publish(message).await {
            self.history.acknowledged(&id, receipt);
        }
    }

    async fn receive(&mut self, name: &'static str) {
        let max = usize::try_from(self.chance.below(4)).unwrap_or_default() + 1;
        self.receive_up_to(name, NonZeroUsize::new(max).unwrap_or(NonZeroUsize::MIN), Duration::from_millis(20)).await;
    }

    async fn receive_up_to(&mut self, name: &'static str, max: NonZeroUsize, patience: Duration) {
        let Some(consumer) = self.consumers.get_mut(name) else { return };
        if let Ok(incoming) = timeout(patience, consumer.feed.receive(max)).await {
            for incoming in incoming {
                self.history.delivered(name, &incoming);
                consumer.hands.push((incoming.token, incoming.message.id.clone()));
            }
        }
    }

    fn settle(&mut self, name: &'static str) {
        let Some(consumer) = self.consumers.get_mut(name).filter(|consumer| !consumer.hands.is_empty()) else { return };
        let chosen = self.chance.below(consumer.hands.len() as u64);
        let (token, id) = consumer.hands.swap_remove(usize::try_from(chosen).unwrap_or_default());
        let settlement = match self.chance.below(8) {
            0 => Settlement::Retry(Duration::ZERO),
            1 => Settlement::Retry(Duration::from_millis(5)),
            2 => Settlement::Release(Duration::ZERO),
            _ => Settlement::Acknowledge,
        };
        self.history.settled(name, &id, settlement);
        consumer.feed.settle(token, settlement);
    }

    /// Ends a feed, by closing or by dropping it, and begins another one.
    async fn leave(&mut self, name: &'static str) {
        if let Some(consumer) = self.consumers.remove(name) {
            if self.chance.below(2) == 0 {
                consumer.feed.close().await;
            }
            drop(consumer);
        }
        let feed = self.join(name).await;
        self.consumers.insert(name, Consumer { feed, hands: Vec::new() });
    }

    async fn restart(&mut self) {
        self.bus.close().await;
        self.consumers.clear();
        self.bus = self.medium.open(shop()).await;
        self.join_all().await;
    }

    async fn crash(&mut self) {
        self.consumers.clear();
        self.history.crashed(self.medium.misses_hosts_late());
        self.bus = self.medium.crash(Arc::clone(&self.bus), shop()).await;
        self.join_all().await;
    }

    async fn shake(&mut self) {
        self.medium.shake(&self.bus).await;
        self.history.crashed(self.medium.misses_hosts_late());
    }

    /// Has the groups do all that is left to do. Returns what must not be.
    async fn end(&mut self) -> Vec<String> {
        for name in GROUPS {
            // Enough for everything to come several times.
            for _ in 0..2 * STEPS {
                let Some(consumer) = self.consumers.get_mut(name) else { continue };
                for (token, id) in consumer.hands.drain(..) {
                    self.history.settled(name, &id, Settlement::Acknowledge);
                    consumer.feed.settle(token, Settlement::Acknowledge);
                }
                if !self.history.is_open(name) {
                    break;
                }
                self.receive_up_to(name, super::kit::ALL, Duration::from_secs(5)).await;
            }
        }
        self.consumers.clear();
        self.bus.close().await;
        self.history.problems(&GROUPS)
    }
}
