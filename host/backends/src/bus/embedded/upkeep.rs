//! What is done now and then: positions are written down, and messages that are too old let go.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::durable::DurableTopic;
use super::writer::{Errand, Writer};

/// How often.
const EVERY: Duration = Duration::from_millis(500);

/// The task that does it, until this is dropped.
#[derive(Debug)]
pub(super) struct Upkeep(JoinHandle<()>);

impl Upkeep {
    /// Starts the task.
    pub(super) fn start(topics: Arc<[Arc<DurableTopic>]>, writer: Writer) -> Self {
        Self(tokio::spawn(run(topics, writer)))
    }
}

impl Upkeep {
    /// Ends the task.
    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn run(topics: Arc<[Arc<DurableTopic>]>, writer: Writer) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for topic in &*topics {
            writer.try_leave(Errand::Sweep(Arc::clone(topic)));
            let topic = Arc::clone(topic);
            let saved = super::blocking(move || topic.save_if_moved()).await;
            if let Err(error) = saved {
                tracing::warn!("{error}");
            }
        }
    }
}
