//! What was published and acknowledged, held against what was delivered and settled.
//!
//! A [`History`] is told what happens to one durable topic, and says what of it must not be:
//! - A message whose publish was acknowledged, and that a group has not got and acknowledged in the end, is lost.
//! - What is delivered was published, has one place, and comes with its own key.
//! - A group gets messages for the first time in the order of their places; so messages with the same key keep theirs.
//! - What was acknowledged does not come again, except after a crash.
//! - A failed message comes again as the next attempt, a released one as the same. After a crash the count may fall back.

use std::collections::BTreeMap;

use patchbay_model::bus::Receipt;
use patchbay_model::ports::{Incoming, Settlement};

/// What happened to one durable topic.
#[derive(Debug, Default)]
pub struct History {
    published: BTreeMap<String, Published>,
    places: BTreeMap<u64, String>,
    groups: BTreeMap<String, BTreeMap<String, Progress>>,
    /// The highest place that each group has got.
    reached: BTreeMap<String, u64>,
    /// Up to this place messages may come in any order, and again.
    disturbed: u64,
    /// Crashes that may count as attempts.
    crashes: u32,
    problems: Vec<String>,
}

#[derive(Debug, Default)]
struct Published {
    key: Option<String>,
    /// Its place, once its publish was acknowledged.
    place: Option<u64>,
}

/// How far a group has got with a message.
#[derive(Debug)]
struct Progress {
    place: u64,
    /// The attempt as which it has to come next, and whether it may be less.
    next: (u32, bool),
    is_acknowledged: bool,
    /// Whether it may come again although it was acknowledged.
    is_uncertain: bool,
}

impl Progress {
    const fn got(place: u64, attempt: u32) -> Self {
        Self { place, next: (attempt, false), is_acknowledged: false, is_uncertain: false }
    }
}

impl History {
    /// Somebody tries to publish a message.
    pub fn publishing(&mut self, id: &str, key: Option<&str>) {
        self.published.entry(id.to_owned()).or_default().key = key.map(str::to_owned);
    }

    /// A message was acknowledged.
    pub fn acknowledged(&mut self, id: &str, receipt: Receipt) {
        let Some(place) = receipt.sequence else {
            self.problems.push(format!("{id} was acknowledged without a place"));
            return;
        };
        let known = self.published.entry(id.to_owned()).or_default().place.replace(place);
        if known.is_some_and(|known| known != place) {
            self.problems.push(format!("{id} is at {place}, and was at {known:?} before"));
        }
        if known.is_some() && !receipt.duplicate {
            self.problems.push(format!("{id} was stored twice"));
        }
        self.placed(id, place);
    }

    /// A group got a message.
    pub fn delivered(&mut self, group: &str, incoming: &Incoming) {
        let (id, attempt) = (incoming.message.id.as_str(), incoming.attempt);
        let Some(place) = incoming.sequence else {
            self.problems.push(format!("{group} got {id} without a place"));
            return;
        };
        match self.published.get(id) {
            None => self.problems.push(format!("{group} got {id}, which nobody published")),
            Some(published) if published.key.as_deref() != incoming.message.key() => {
                self.problems.push(format!("{group} got {id} with the key {:?}", incoming.message.key()));
            }
            Some(_) => {}
        }
        self.placed(id, place);
        let progress = self.groups.entry(group.to_owned()).or_default();
        let Some(known) = progress.get_mut(id) else {
            let reached = self.reached.entry(group.to_owned()).or_default();
            if place < *reached && place > self.disturbed {
                self.problems.push(format!("{group} got {id} at {place} first after it had got {reached}"));
            }
            *reached = place.max(*reached);
            if !(1..=1 + self.crashes).contains(&attempt) {
                self.problems.push(format!("{group} got {id} first as attempt {attempt}"));
            }
            progress.insert(id.to_owned(), Progress::got(place, attempt));
            return;
        };
        let (next, may_fall_back) = known.next;
        // What a broker was told of messages that were out when it crashed may be forgotten as well, also if it was told after.
        let is_disturbed = place <= self.disturbed;
        let least = if may_fall_back || is_disturbed { 1 } else { next };
        let most = if is_disturbed { next + self.crashes } else { next };
        let fits = (least..=most).contains(&attempt);
        if !fits {
            self.problems.push(format!("{group} got {id} as attempt {attempt}, and it had to be {next}"));
        }
        if known.is_acknowledged && !known.is_uncertain && !is_disturbed {
            self.problems.push(format!("{group} got {id} again after it had acknowledged it"));
        }
        if known.place != place {
            self.problems.push(format!("{group} got {id} at {place}, and at {} before", known.place));
        }
        *known = Progress::got(place, attempt);
    }

    /// A group settled a message.
    pub fn settled(&mut self, group: &str, id: &str, settlement: Settlement) {
        let Some(progress) = self.groups.get_mut(group).and_then(|group| group.get_mut(id)) else { return };
        match settlement {
            Settlement::Acknowledge => progress.is_acknowledged = true,
            Settlement::Retry(_) => progress.next.0 += 1,
            Settlement::Release(_) => {}
        }
    }

    /// The host crashed, or what lies under the bus: what was settled last may be forgotten. If it `counts`, it may be an
    /// attempt of what was in somebody's hands, and that may come later than what is newer.
    pub fn crashed(&mut self, counts: bool) {
        if counts {
            self.crashes += 1;
            self.disturbed = self.places.keys().next_back().copied().unwrap_or_default();
        }
        for progress in self.groups.values_mut().flat_map(BTreeMap::values_mut) {
            progress.is_uncertain = true;
            progress.next.1 = true;
        }
    }

    /// Whether a group still has to get or to acknowledge something.
    pub fn is_open(&self, group: &str) -> bool {
        let done = self.groups.get(group);
        let is_done = |id: &String| done.and_then(|done| done.get(id)).is_some_and(|progress| progress.is_acknowledged);
        self.published.iter().any(|(id, published)| published.place.is_some() && !is_done(id))
    }

    /// What must not be. `groups` have got everything by now.
    pub fn problems(&self, groups: &[&str]) -> Vec<String> {
        let lost = groups.iter().flat_map(|group| {
            let done = self.groups.get(*group);
            let acknowledged = self.published.iter().filter(|(_, published)| published.place.is_some());
            acknowledged
                .filter(move |(id, _)| !done.and_then(|done| done.get(*id)).is_some_and(|known| known.is_acknowledged))
                .map(move |(id, _)| format!("{id} is lost to {group}"))
        });
        self.problems.iter().cloned().chain(lost).collect()
    }

    /// A message is at a place, and no other one is.
    fn placed(&mut self, id: &str, place: u64) {
        let known = self.places.entry(place).or_insert_with(|| id.to_owned());
        if known != id {
            self.problems.push(format!("{id} is at {place}, where {known} is"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use patchbay_model::bus::Level;

    use super::super::kit::message;
    use super::*;

    fn receipt(place: u64) -> Receipt {
        Receipt { level: Level::Durable, sequence: Some(place), duplicate: false }
    }

    fn incoming(id: &str, place: u64, attempt: u32) -> Incoming {
        let message = Arc::new(message("shop.a", id));
        Incoming { token: place, message, sequence: Some(place), attempt, stored: SystemTime::UNIX_EPOCH }
    }

    /// A history in which `a` and `b` are published and delivered.
    fn begun() -> History {
        let mut history = History::default();
        for (id, place) in [("a", 1), ("b", 2)] {
            history.publishing(id, None);
            history.acknowledged(id, receipt(place));
            history.delivered("group", &incoming(id, place, 1));
        }
        history
    }

    type Happens = fn(&mut History);

    #[test]
    fn what_has_to_be_is_no_problem() {
        let mut history = begun();
        history.settled("group", "a", Settlement::Retry(Duration::ZERO));
        history.delivered("group", &incoming("a", 1, 2));
        history.settled("group", "a", Settlement::Acknowledge);
        history.settled("group", "b", Settlement::Release(Duration::ZERO));
        history.delivered("group", &incoming("b", 2, 1));
        history.settled("group", "b", Settlement::Acknowledge);
        assert!(!history.is_open("group"));
        history.crashed(false);
        history.delivered("group", &incoming("a", 1, 1));
        history.settled("group", "a", Settlement::Acknowledge);
        assert_eq!(history.problems(&["group"]), Vec::<String>::new());
    }

    #[test]
    fn what_must_not_be_is_found() {
        let cases: [(&str, Happens); 8] = [
            ("lost", |_| {}),
            ("nobody published", |history| history.delivered("group", &incoming("c", 3, 1))),
            ("stored twice", |history| history.acknowledged("a", receipt(1))),
            ("where a is", |history| history.delivered("group", &incoming("b", 1, 1))),
            ("again after", |history| {
                history.settled("group", "a", Settlement::Acknowledge);
                history.delivered("group", &incoming("a", 1, 1));
            }),
            ("had to be 2", |history| {
                history.settled("group", "a", Settlement::Retry(Duration::ZERO));
                history.delivered("group", &incoming("a", 1, 1));
            }),
            ("first as attempt 2", |history| {
                history.publishing("c", None);
                history.delivered("group", &incoming("c", 3, 2));
            }),
            ("first after it had got 2", |history| {
                history.delivered("other", &incoming("b", 2, 1));
                history.delivered("other", &incoming("a", 1, 1));
            }),
        ];
        for (said, happens) in cases {
            let mut history = begun();
            happens(&mut history);
            let problems = history.problems(&["group"]);
            assert!(problems.iter().any(|problem| problem.contains(said)), "{said}: {problems:?}");
        }
    }
}
