//! Watches how the host fares, and has calls refused while it is saturated.
//!
//! What is measured is what somebody who comes now would feel: how late a task is woken that sleeps for a moment. It is
//! measured only while calls come, so that a host at rest wakes nobody up.

use std::sync::Arc;
use std::time::Duration;

use patchbay_channel::{Controller, LoadSample, ShedNews, ShedStatus, ShedTargets, Shedder};
use patchbay_model::policy::Priority;
use patchbay_model::ports::HostLoad;
use patchbay_model::units::{format_duration, round_size};
use patchbay_model::{CallId, Fault};
use tokio::time::{Instant, sleep_until};

use crate::control::{Control, Routing};
use crate::event::EventKind;

/// How long the task sleeps whose lateness is measured.
const NAP: Duration = Duration::from_millis(10);
/// The precision of timers, which is no delay.
const PRECISION: Duration = Duration::from_millis(1);
/// How often the level is set. The shortest delay of this time is the one that stands.
const PERIOD: Duration = Duration::from_millis(100);
/// After how many periods it is asked whether calls still come.
const PERIODS: u32 = 10;

/// When calls are refused because the host is saturated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShedConfig {
    /// How long what is ready may have to wait for a thread, when all of it does.
    pub delay: Duration,
    /// What the process may have of memory, in bytes; `None`: what the machine, or the group that it is in, lets it have.
    pub memory: Option<u64>,
}

impl Default for ShedConfig {
    fn default() -> Self {
        Self { delay: Duration::from_millis(20), memory: None }
    }
}

impl Control {
    /// Watches the load for as long as the future is polled. It never ends.
    pub async fn watch_load(&self, load: Arc<dyn HostLoad>) {
        let targets = || {
            let ShedConfig { delay, memory } = self.snapshot.load().config().shed;
            ShedTargets { delay, memory: memory.or_else(|| load.memory_limit()) }
        };
        let mut controller = Controller::new(targets());
        loop {
            if controller.is_at_rest() {
                self.shedder.called().await;
            }
            // The file may have changed, and the limit of the group.
            let targets = targets();
            controller.aim(targets);
            for _ in 0..PERIODS {
                let sample = LoadSample { delay: standing_delay().await, memory: load.memory() };
                let (level, news) = controller.step(sample, Instant::now());
                self.shedder.set(level);
                if let Some(news) = news {
                    self.tell_load(&news, &targets);
                }
            }
        }
    }

    /// Lets a call in that came in by a route, or not: the first question to it, before anything is spent on it. The channel
    /// asks the same once more, and gets the same answer.
    ///
    /// # Errors
    /// [`FaultKind::Overloaded`](patchbay_model::FaultKind::Overloaded) while the host is saturated and others come first.
    pub fn has_room(&self, routing: &Routing, id: CallId) -> Result<(), Fault> {
        self.shedder.admit(routing.priority(), id.number())
    }

    /// What is refused because the host is saturated.
    pub fn load(&self) -> ShedStatus {
        self.shedder.status()
    }

    pub(crate) fn shedder(&self) -> &Shedder {
        &self.shedder
    }

    fn tell_load(&self, news: &ShedNews, targets: &ShedTargets) {
        match news {
            ShedNews::Began(sample) => {
                let memory = sample.memory.zip(targets.memory).map_or_else(String::new, |(used, limit)| {
                    format!(", memory is at {} of {}", round_size(used), round_size(limit))
                });
                let (delay, target) = (format_duration(round(sample.delay)), format_duration(targets.delay));
                let message = format!(
                    "the host is saturated and refuses calls, those of low priority first: what is ready waits {delay} \
                     for a thread, {target} are aimed at{memory}"
                );
                self.tell_host(EventKind::SheddingBegan, &message);
            }
            ShedNews::Ended { lasted } => {
                let [low, normal, high] = self.shedder.status().refused;
                let lasted = format_duration(round(*lasted));
                let message = format!(
                    "the host has room again after {lasted}; since it runs it has refused {low} calls of low priority, \
                     {normal} of normal, {high} of high"
                );
                self.tell_host(EventKind::SheddingEnded, &message);
            }
        }
    }
}

impl Routing {
    /// How much its calls matter: as the route says, or else its service.
    pub fn priority(&self) -> Priority {
        let of_route = self.policy().settings.priority;
        of_route.or_else(|| self.settings().map(|settings| settings.priority)).unwrap_or_default()
    }
}

/// How late a task was that slept, at the best of several times.
async fn standing_delay() -> Duration {
    let (begun, mut shortest) = (Instant::now(), Duration::MAX);
    while begun.elapsed() < PERIOD {
        let due = Instant::now() + NAP;
        sleep_until(due).await;
        shortest = shortest.min(due.elapsed().saturating_sub(PRECISION));
    }
    shortest
}

/// To the millisecond, as people read it.
fn round(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
