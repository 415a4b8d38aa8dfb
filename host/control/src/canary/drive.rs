//! The task that follows a canary: it looks, asks what becomes of it, and sees to that.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::ServiceName;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::machine::{self, Action, Phase, Position};
use super::watch::Watch;
use crate::control::Control;
use crate::event::EventKind;
use crate::steps::Steps;

/// How often a candidate is looked at, beside when something happens to it.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is written down how far a step is: what a host that is killed loses of it at most.
const NOTE: Duration = Duration::from_secs(10);

impl Control {
    /// Follows a canary until it is over.
    pub(super) fn follow_canary(self: &Arc<Self>, service: &ServiceName, watch: Arc<Watch>) {
        let (control, service) = (Arc::clone(self), service.clone());
        self.tasks.spawn(async move { control.drive(&service, &watch).await });
    }

    async fn drive(self: &Arc<Self>, service: &ServiceName, watch: &Arc<Watch>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut noted = Instant::now();
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = watch.alarmed().notified() => {}
                () = self.stopping.cancelled() => {
                    self.note_canary(service, watch).await;
                    return;
                }
            }
            if !self.is_under_way(service, watch) {
                return;
            }
            let (position, action) = machine::next(&watch.plan, &watch.position(), &watch.look(), Instant::now());
            if let Some(action) = action {
                self.carry_out(service, watch, position, action).await;
            } else if noted.elapsed() >= NOTE {
                noted = Instant::now();
                self.note_canary(service, watch).await;
            }
        }
    }

    /// Does what has to be done. What cannot be done now follows from the next look again.
    async fn carry_out(
        self: &Arc<Self>,
        service: &ServiceName,
        watch: &Arc<Watch>,
        position: Position,
        action: Action,
    ) {
        let (name, number) = (&watch.live.id, Some(watch.live.id.number));
        let teller = self.teller(service);
        match action {
            Action::Advance(well) => match self.advance_canary(service, watch, position).await {
                Ok(step) => {
                    let message = format!("`{name}` goes on to {step}: it did well ({well})");
                    teller.tell(EventKind::CanaryAdvanced, number, message);
                }
                Err(error) => tracing::error!(%service, "the canary of `{name}` cannot go on now: {error}"),
            },
            Action::Tell(reason) => {
                watch.wait(position);
                teller.tell(EventKind::CanaryWaits, number, format!("the canary of `{name}` waits: {reason}"));
            }
            Action::Abort(reason) => {
                // From now on nobody pays for it any more, however long it takes to write that down.
                watch.halt();
                let Some(turn) = self.turns.take(service) else { return };
                let steps = Steps::new(teller, mpsc::channel(1).0);
                if let Err(error) = self.run_abort(service, watch, &reason, &steps, turn).await {
                    tracing::error!(%service, "the canary of `{name}` cannot be ended now, and gets no calls: {error}");
                }
            }
            Action::Promote => {
                let Some(turn) = self.turns.take(service) else { return };
                let steps = Steps::new(teller.clone(), mpsc::channel(1).0);
                if let Err(error) = self.run_promote(service, watch, "it did well", &steps, turn).await {
                    let reason = format!("it did well, and could not be promoted: {error}");
                    watch.wait(Position { phase: Phase::Waiting(reason.clone()), ..position });
                    teller.tell(EventKind::CanaryWaits, number, format!("the canary of `{name}` waits: {reason}"));
                }
            }
        }
    }
}
