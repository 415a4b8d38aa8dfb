//! A worker of a subscription: takes one message after the other, hands it to the service through the channel, and sees to
//! what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use patchbay_channel::{Arrival, MessagePayload};
use patchbay_model::bus::{Message, Order, Topic, Verdict};
use patchbay_model::ports::Settlement;
use patchbay_model::trace::SpanContext;
use patchbay_model::{Fault, FaultKind, Principal};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::dead_letter::{self, Death};
use super::intake::{Held, Intake};
use super::judge::{Decision, judge};
use super::status::Status;
use super::subscription::Plan;
use crate::control::Control;

/// The pause before a dead letter that could not be written is tried again, and the longest it grows to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What the workers of a subscription share.
pub(super) struct Worker {
    pub(super) control: Arc<Control>,
    pub(super) plan: Arc<Plan>,
    pub(super) status: Arc<Status>,
    pub(super) intake: Arc<Intake>,
    pub(super) stop: CancellationToken,
}

impl Worker {
    /// Works until the intake is closed. What it has in hand then goes back with its feed, unless it is done.
    pub(super) async fn work(self: Arc<Self>) {
        let group: Arc<str> = self.plan.settings.group(&self.plan.service).into();
        while let Some(held) = self.intake.next().await {
            self.handle(held, &group).await;
        }
    }

    async fn handle(self: &Arc<Self>, held: Held, group: &Arc<str>) {
        // A dead letter that is replayed comes as the message that it was.
        let message = match dead_letter::revived(&held.incoming.message) {
            Some(revived) => Arc::new(revived),
            None => Arc::clone(&held.incoming.message),
        };
        let mut waits = 0;
        loop {
            let attempt = held.incoming.attempt;
            let outcome = self.deliver(&message, group, attempt).await;
            match judge(outcome, &self.plan.settings, attempt, (held.incoming.token, waits)) {
                Decision::Acknowledge => {
                    self.status.acknowledged.count();
                    return self.conclude(&held, Settlement::Acknowledge);
                }
                Decision::Retry(pause) => {
                    self.status.retried.count();
                    return self.try_later(held, pause);
                }
                Decision::Bury { reason } => return self.bury(&held, &message, reason).await,
                Decision::Wait(pause) => {
                    waits += 1;
                    if self.stop.run_until_cancelled(sleep(pause)).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Takes a message through the channel of the service.
    async fn deliver(&self, message: &Arc<Message>, group: &Arc<str>, attempt: u32) -> Result<Verdict, Fault> {
        let entry = self.control.snapshot.load().service(&self.plan.service).cloned();
        let entry = entry.ok_or_else(|| Fault::new(FaultKind::Unavailable, "the service was removed").unprocessed())?;
        // One message, one call: the span in which it was published is the parent.
        let span = self.control.tracer.follow(SpanContext::of_message(message).as_ref());
        let mut arrival = Arrival::from_outside(self.control.new_call(), Principal::Host, span);
        arrival.cause = Some(Arc::clone(message));
        arrival.user = message.author().map(Arc::new);
        let payload = MessagePayload::new(Arc::clone(message), Arc::clone(group), attempt);
        let _begun = self.status.begin();
        self.status.delivered.count();
        self.control.tally_of(&message.topic).delivered(attempt);
        patchbay_channel::call(&self.control.routed(entry.lend()), &arrival, payload).await
    }

    fn conclude(&self, held: &Held, settlement: Settlement) {
        held.settle(settlement);
        self.intake.done(held);
    }

    /// Has a message come again after a pause. One that others wait for stays in hand.
    fn try_later(self: &Arc<Self>, mut held: Held, pause: Duration) {
        let is_waited_for = self.plan.settings.order == Order::Key && held.incoming.message.key().is_some();
        if !is_waited_for {
            return self.conclude(&held, Settlement::Retry(pause));
        }
        let worker = Arc::clone(self);
        let due = Instant::now() + pause;
        tokio::spawn(async move {
            if worker.stop.run_until_cancelled(sleep(pause)).await.is_some() {
                held.incoming.attempt += 1;
                worker.intake.put_back(held);
            } else {
                held.settle(Settlement::Retry(due.saturating_duration_since(Instant::now())));
            }
        });
    }

    /// Writes the dead letter, however long it takes, and only then lets go of the message.
    async fn bury(&self, held: &Held, message: &Arc<Message>, reason: String) {
        let Plan { service, filter, settings } = &*self.plan;
        let topic = settings.dead_letter(service);
        let revision = self.control.snapshot.load().service(service).and_then(|entry| {
            let active = entry.active.as_ref()?;
            Some(active.id.number)
        });
        let death = Death {
            reason,
            service: service.clone(),
            revision,
            filter: filter.clone(),
            group: settings.group(service).to_owned(),
            attempts: held.incoming.attempt,
            sequence: held.incoming.sequence,
            first: held.incoming.stored,
            last: self.control.ports.clock.now(),
        };
        let letter = dead_letter::letter(&held.incoming.message, message, topic.clone(), &death);
        if self.stop.run_until_cancelled(self.write(letter, &topic)).await.is_none() {
            return;
        }
        tracing::warn!(
            %service, topic = %message.topic, id = message.id, attempts = death.attempts, dead_letter = %topic,
            "message became a dead letter: {}", death.reason
        );
        self.status.buried.count();
        self.control.tally_of(&message.topic).buried();
        self.conclude(held, Settlement::Acknowledge);
    }

    async fn write(&self, letter: Message, topic: &Topic) {
        let mut pause = PAUSES.0;
        loop {
            match self.control.send(letter.clone()).await {
                Ok(_) => return,
                Err(error) => {
                    let service = &self.plan.service;
                    tracing::error!(%service, %topic, "a dead letter cannot be written, so its message is kept: {error}");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}
