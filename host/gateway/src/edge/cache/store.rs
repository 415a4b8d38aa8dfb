//! What is kept, within its bounds, and who is asking for what right now.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use patchbay_model::ports::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::rules::{Asked, Match, Rules};

/// Replies of one URI that differ by fields of the request.
const MAX_VARIANTS: usize = 16;
/// URIs that somebody asks the service for at a time, and that others can wait for.
const MAX_FLIGHTS: usize = 4_096;
/// Requests that wait for one other.
const MAX_WAITING: usize = 1_024;
/// URIs that are known not to be worth waiting for, and how long they are.
const MAX_MARKS: usize = 4_096;
const MARK: Duration = Duration::from_secs(5);
/// What an entry takes beyond its bytes, in bytes.
const OVERHEAD: u64 = 512;

/// One kept reply.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) rules: Rules,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    size: u64,
}

impl Kept {
    pub(super) fn new(rules: Rules, status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        let lines: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let size = (lines + body.len()) as u64 + OVERHEAD;
        Self { rules, status, headers, body, size }
    }
}

/// What there is for a request.
#[derive(Debug)]
pub(super) enum Found {
    Fresh(Arc<Kept>),
    Stale(Arc<Kept>),
    /// Replies to other requests for the same URI.
    Others,
    Nothing,
    /// The request belongs to an earlier generation.
    Outdated,
}

/// What a request that found nothing does.
pub(super) enum Turn {
    /// Asks the service, and may keep what it says.
    First(Leader),
    /// Waits for who does.
    Wait(Waiting),
    /// Asks the service by itself.
    Alone,
}

/// Waits for who asks the service.
pub(super) struct Waiting {
    /// Fails when that is over.
    done: watch::Receiver<()>,
    number: u64,
}

/// The kept replies of one route.
#[derive(Debug)]
pub(super) struct Store {
    memory: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    entries: HashMap<Arc<str>, Vec<Variant>>,
    /// The variants by when they were used last.
    order: BTreeMap<u64, Arc<str>>,
    used: u64,
    /// Counts uses and flights.
    count: u64,
    flights: HashMap<Arc<str>, Flight>,
    marks: HashMap<Arc<str>, SystemTime>,
}

#[derive(Debug)]
struct Variant {
    used_at: u64,
    kept: Arc<Kept>,
}

#[derive(Debug)]
struct Flight {
    number: u64,
    /// Whether something has changed meanwhile, so that the reply may be one from before.
    void: bool,
    done: watch::Sender<()>,
}

impl Store {
    /// A store that holds this many bytes.
    pub(super) fn new(memory: u64) -> Self {
        Self { memory, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is for a request at `now`. A generation that nobody has seen yet begins with nothing.
    pub(super) fn find(&self, key: &str, asked: &Asked, now: SystemTime, generation: u64) -> Found {
        let variants: Vec<_> = {
            let mut state = self.state();
            if !state.enter(generation) {
                return Found::Outdated;
            }
            state.entries.get(key).into_iter().flatten().map(|variant| Arc::clone(&variant.kept)).collect()
        };
        let mut found = if variants.is_empty() { Found::Nothing } else { Found::Others };
        for kept in variants {
            match kept.rules.match_at(asked, now) {
                Match::Fresh => {
                    self.state().touch(key, &kept);
                    return Found::Fresh(kept);
                }
                Match::Stale => found = Found::Stale(kept),
                Match::Other => {}
            }
        }
        found
    }

    /// Whose turn it is to ask the service.
    pub(super) fn join(self: &Arc<Self>, key: &str, now: SystemTime, generation: u64) -> Turn {
        let mut state = self.state();
        if generation != state.generation {
            return Turn::Alone;
        }
        if let Some(flight) = state.flights.get(key) {
            let room = flight.done.receiver_count() < MAX_WAITING;
            let worth_it = state.marks.get(key).is_none_or(|until| *until <= now);
            let waiting = || Waiting { done: flight.done.subscribe(), number: flight.number };
            return if room && worth_it { Turn::Wait(waiting()) } else { Turn::Alone };
        }
        if state.flights.len() >= MAX_FLIGHTS {
            return Turn::Alone;
        }
        state.count += 1;
        let (number, key) = (state.count, Arc::<str>::from(key));
        state.flights.insert(Arc::clone(&key), Flight { number, void: false, done: watch::Sender::new(()) });
        Turn::First(Leader { store: Arc::clone(self), key, number })
    }

    /// Waits until whoever asks the service has done so, or `until`. Who takes longer than that is not waited for any more, and
    /// another may keep what it gets: a caller that reads slowly holds nobody up but itself.
    pub(super) async fn wait(&self, key: &str, mut waiting: Waiting, until: Instant, clock: &dyn Clock) {
        if timeout_at(until, waiting.done.changed()).await.is_ok() {
            return;
        }
        let mut state = self.state();
        if state.flights.get(key).is_some_and(|flight| flight.number == waiting.number)
            && let Some((key, _)) = state.flights.remove_entry(key)
        {
            state.mark(&key, clock.now());
        }
    }

    /// Forgets what is kept of a URI, and what is on its way.
    pub(super) fn forget(&self, key: &str) {
        let mut state = self.state();
        state.remove(key);
        if let Some(flight) = state.flights.get_mut(key) {
            flight.void = true;
        }
    }
}

impl State {
    /// Whether a request of this generation has its place here. A new generation ends the one before.
    fn enter(&mut self, generation: u64) -> bool {
        if generation > self.generation {
            self.generation = generation;
            self.entries.clear();
            self.order.clear();
            self.marks.clear();
            self.used = 0;
            self.flights.values_mut().for_each(|flight| flight.void = true);
        }
        generation == self.generation
    }

    fn touch(&mut self, key: &str, kept: &Arc<Kept>) {
        self.count += 1;
        let count = self.count;
        let variants = self.entries.get_mut(key).into_iter().flatten();
        let Some(variant) = variants.into_iter().find(|variant| Arc::ptr_eq(&variant.kept, kept)) else { return };
        if let Some(key) = self.order.remove(&variant.used_at) {
            self.order.insert(count, key);
            variant.used_at = count;
        }
    }

    fn insert(&mut self, key: &Arc<str>, kept: Kept, memory: u64) {
        self.remove_if(key, |variant| variant.kept.rules.selected_by == kept.rules.selected_by);
        if kept.size > memory {
            return;
        }
        let variants = self.entries.get(key).into_iter().flatten();
        let (count, oldest) =
            variants.fold((0, u64::MAX), |(count, oldest), variant| (count + 1, oldest.min(variant.used_at)));
        if count >= MAX_VARIANTS {
            self.remove_if(key, |variant| variant.used_at == oldest);
        }
        while self.used + kept.size > memory && self.evict() {}
        self.count += 1;
        self.used += kept.size;
        self.order.insert(self.count, Arc::clone(key));
        let variant = Variant { used_at: self.count, kept: Arc::new(kept) };
        self.entries.entry(Arc::clone(key)).or_default().push(variant);
    }

    /// Lets go of what was not used for longest. Returns whether there was anything.
    fn evict(&mut self) -> bool {
        let Some((used_at, key)) = self.order.pop_first() else { return false };
        self.remove_if(&key, |variant| variant.used_at == used_at);
        true
    }

    fn remove(&mut self, key: &str) {
        self.remove_if(key, |_| true);
    }

    fn remove_if(&mut self, key: &str, unwanted: impl Fn(&Variant) -> bool) {
        let Some(variants) = self.entries.get_mut(key) else { return };
        for variant in variants.extract_if(.., |variant| unwanted(variant)) {
            self.order.remove(&variant.used_at);
            self.used -= variant.kept.size;
        }
        if variants.is_empty() {
            self.entries.remove(key);
        }
    }

    /// Notes that nobody needs to wait for this URI.
    fn mark(&mut self, key: &Arc<str>, now: SystemTime) {
        if self.marks.len() >= MAX_MARKS {
            self.marks.retain(|_, until| *until > now);
        }
        if self.marks.len() < MAX_MARKS {
            self.marks.insert(Arc::clone(key), now + MARK);
        }
    }
}

/// The one who asks the service for a URI. Those who wait for it go on when it is dropped.
pub(super) struct Leader {
    store: Arc<Store>,
    key: Arc<str>,
    number: u64,
}

impl Leader {
    /// Keeps a reply, unless something has changed since it was asked for.
    pub(super) fn keep(self, kept: Kept) {
        let mut state = self.store.state();
        let still = state.flights.get(&self.key).is_some_and(|flight| flight.number == self.number && !flight.void);
        if still {
            state.insert(&self.key, kept, self.store.memory);
        }
    }

    /// Says that what came cannot be kept. If it was `instead` of what is kept, that is forgotten.
    pub(super) fn give_up(self, instead: bool, now: SystemTime) {
        let mut state = self.store.state();
        if instead {
            state.remove(&self.key);
        }
        let waited_for = state.flights.get(&self.key).is_some_and(|flight| flight.done.receiver_count() > 0);
        if waited_for {
            state.mark(&self.key, now);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let mut state = self.store.state();
        if state.flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            state.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
