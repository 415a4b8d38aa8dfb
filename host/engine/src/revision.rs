//! What all instances of one prepared revision share.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use patchbay_model::ports::{Clock, LogSink, PrepareRequest};
use patchbay_model::{CallId, Fault, InstancePolicy, LogRecord, RevisionId, Settings};
use wasmtime_wasi_config::WasiConfigVariables;

use crate::meter::{Meter, now};
use crate::ticker::Pulse;
use crate::usage::Instances;

/// What the engine lends to every revision.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) sink: Arc<dyn LogSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pulse: Pulse,
    pub(crate) tick: Duration,
}

/// One revision, as its instances see it.
pub(crate) struct Revision {
    pub(crate) id: RevisionId,
    pub(crate) policy: InstancePolicy,
    pub(crate) settings: Settings,
    pub(crate) variables: WasiConfigVariables,
    pub(crate) instances: Arc<Instances>,
    surroundings: Surroundings,
}

impl Revision {
    pub(crate) fn new(request: &PrepareRequest, instances: Instances, surroundings: Surroundings) -> Self {
        Self {
            id: request.revision.clone(),
            policy: request.instances,
            variables: request.settings.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            settings: request.settings.clone(),
            instances: Arc::new(instances),
            surroundings,
        }
    }

    pub(crate) fn log(&self, record: LogRecord) {
        self.surroundings.sink.record(record);
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.surroundings.clock.now()
    }

    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::new(Meter::new(self.surroundings.pulse.clone(), self.surroundings.tick))
    }

    /// When a start without a call, to prove that the component can start, has taken too long.
    pub(crate) fn start_deadline(&self) -> Instant {
        now() + self.settings.limits.timeout
    }

    /// Calls that one instance may serve in turn, and at a time.
    pub(crate) const fn capacity(&self) -> (u32, u32) {
        match self.policy {
            InstancePolicy::Fresh => (1, 1),
            InstancePolicy::Reuse => (self.settings.instance_uses, 1),
            InstancePolicy::Concurrent => (self.settings.instance_uses, self.settings.instance_calls),
        }
    }

    /// Tells the operator of a fault that no caller hears of any more.
    pub(crate) fn report(&self, call: Option<CallId>, fault: &Fault) {
        let call = call.map(|call| call.to_string());
        tracing::warn!(revision = %self.id, call, %fault, "an instance failed after its reply");
    }
}
