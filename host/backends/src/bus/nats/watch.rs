//! Making the streams of declared topics whenever there is a connection, and what is known of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patchbay_model::bus::{Level, TopicFilter, Topics};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::link::Link;
use super::stream;

/// The shortest and the longest pause until streams are tried again that could not be made.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is known of the streams of declared topics.
#[derive(Default)]
pub(super) struct Streams(Mutex<BTreeMap<TopicFilter, State>>);

#[derive(Default)]
struct State {
    /// Why the stream cannot be used.
    problem: Option<String>,
    /// What differs of it.
    drift: Vec<String>,
    /// What differs of its consumers.
    consumers: Vec<String>,
}

impl Streams {
    fn states(&self) -> MutexGuard<'_, BTreeMap<TopicFilter, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in force for a topic and not as it is declared, for people.
    pub(super) fn drift(&self, topic: &TopicFilter) -> Vec<String> {
        let states = self.states();
        let Some(state) = states.get(topic) else { return Vec::new() };
        state.problem.iter().chain(&state.drift).chain(&state.consumers).cloned().collect()
    }

    /// Why a topic cannot be used, if it cannot.
    pub(super) fn problem_of(&self, topic: &TopicFilter) -> Option<String> {
        self.states().get(topic).and_then(|state| state.problem.clone())
    }

    /// Notes what differs of a consumer of a topic.
    pub(super) fn note_consumers(&self, topic: &TopicFilter, drift: Vec<String>) {
        if drift.is_empty() {
            return;
        }
        let mut states = self.states();
        let known = &mut states.entry(topic.clone()).or_default().consumers;
        let new: Vec<String> = drift.into_iter().filter(|text| !known.contains(text)).collect();
        new.iter().for_each(|drift| tracing::warn!(%topic, drift, "a consumer is not as it should be"));
        known.extend(new);
    }

    /// Why a topic cannot be used, if there is one that cannot.
    pub(super) fn problem(&self) -> Option<String> {
        let states = self.states();
        states.iter().find_map(|(topic, state)| {
            state.problem.as_ref().map(|problem| format!("the topic `{topic}` cannot be used: {problem}"))
        })
    }

    /// Makes all streams. Returns whether all of them are there.
    async fn make(&self, link: &Link, topics: &Topics) -> bool {
        let mut all = true;
        for (topic, settings) in topics.iter().filter(|(_, settings)| settings.level == Level::Durable) {
            let made = stream::reconcile(link, topic, settings).await;
            let mut states = self.states();
            let state = states.entry(topic.clone()).or_default();
            match made {
                Ok(drift) => {
                    for text in drift.iter().filter(|text| !state.drift.contains(text)) {
                        tracing::warn!(%topic, drift = text, "a stream is not as its topic is declared");
                    }
                    (state.problem, state.drift) = (None, drift);
                }
                Err(error) => {
                    tracing::warn!(%topic, %error, "a stream cannot be made");
                    state.problem = Some(error.to_string());
                    all = false;
                }
            }
        }
        all
    }
}

/// Begins to make streams at every new connection. Waits for the first time, but no longer than a connection may take.
pub(super) async fn begin(link: &Arc<Link>, topics: &Arc<Topics>, streams: &Arc<Streams>) -> AbortHandle {
    let first = watch::Sender::new(false);
    let mut tried = first.subscribe();
    let task = tokio::spawn(keep(Arc::clone(link), Arc::clone(topics), Arc::clone(streams), first));
    let limit = link.settings.connect_timeout;
    if timeout(limit, tried.wait_for(|tried| *tried)).await.is_err() {
        let problem = link.problem().unwrap_or_default();
        tracing::warn!(problem, "NATS is not there yet; the host starts without it");
    }
    task.abort_handle()
}

async fn keep(link: Arc<Link>, topics: Arc<Topics>, streams: Arc<Streams>, first: watch::Sender<bool>) {
    let mut connections = link.condition.watch();
    let mut pause = PAUSE;
    loop {
        if connections.wait_for(|connection| connection.up).await.is_err() {
            return;
        }
        connections.mark_unchanged();
        let all = streams.make(&link, &topics).await;
        first.send_replace(true);
        if all {
            pause = PAUSE;
            if connections.changed().await.is_err() {
                return;
            }
        } else {
            tokio::select! {
                _ = connections.changed() => {}
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }
}
