//! What all instances of one prepared revision share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use patchbay_model::ports::{Links, Messaging, OpenSecret, Outlet, PrepareRequest, Spans, Tokens};
use patchbay_model::units::{format_size, round_size};
use patchbay_model::{CallId, Fault, InstancePolicy, LogRecord, LogStream, RevisionId, ServiceName, Settings};
use patchbay_striped::{Copies, Lent, Spread};
use wasmtime_wasi_config::WasiConfigVariables;

use crate::engine::Ports;
use crate::log_rate::{LogRate, Verdict};
use crate::meter::{Gauge, Meter, now};
use crate::tally::{ServiceTally, Tallies};
use crate::ticker::Pulse;
use crate::turnstile::{Claim, Turnstile, Turnstiles};
use crate::usage::Instances;
use crate::watchdog::Watch;

/// What the engine lends to every revision.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) ports: Ports,
    pub(crate) pulse: Pulse,
    pub(crate) tick: Duration,
    /// Stack that the code of a guest may use, in bytes.
    pub(crate) stack: u64,
    pub(crate) watch: Arc<Watch>,
    pub(crate) turnstiles: Arc<Turnstiles>,
    pub(crate) tallies: Arc<Tallies>,
}

/// One revision, as its instances see it.
pub(crate) struct Revision {
    pub(crate) id: RevisionId,
    pub(crate) policy: InstancePolicy,
    pub(crate) settings: Settings,
    pub(crate) variables: WasiConfigVariables,
    /// What its instances may read, by the names that they have for it.
    pub(crate) secrets: BTreeMap<String, Arc<dyn OpenSecret>>,
    pub(crate) instances: Spread<Instances>,
    /// The name of the service, for each thread in memory of its own: it goes along with every call that an instance makes.
    names: Copies<ServiceName>,
    /// What is counted of the instances of its service.
    pub(crate) tally: Spread<ServiceTally>,
    log_rate: LogRate,
    /// What meters its instances.
    gauge: Spread<Gauge>,
    turnstile: Arc<Turnstile>,
    /// Where the requests go that its instances send.
    pub(crate) outlet: Arc<dyn Outlet>,
    surroundings: Surroundings,
}

impl Revision {
    pub(crate) fn new(request: &PrepareRequest, instances: Instances, surroundings: Surroundings) -> Self {
        let tally = Spread::new(surroundings.tallies.of(&request.revision.service));
        let gauge = Gauge {
            pulse: surroundings.pulse.clone(),
            ticket: surroundings.watch.ticket(request.revision.clone()),
            tally: tally.clone(),
            tick: surroundings.tick,
        };
        Self {
            id: request.revision.clone(),
            policy: request.instances,
            variables: request.settings.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            settings: request.settings.clone(),
            secrets: request.secrets.clone(),
            instances: instances.into(),
            names: Copies::default(),
            tally,
            gauge: gauge.into(),
            turnstile: surroundings.turnstiles.of(&request.revision.service),
            log_rate: LogRate::new(request.settings.limits.log_rate, now()),
            outlet: surroundings.ports.outbound.open(&request.revision, &request.settings),
            surroundings,
        }
    }

    pub(crate) fn log(&self, record: LogRecord) {
        self.surroundings.ports.sink.record(record);
    }

    /// Whether a line of this many bytes may be printed. If not, that is told within a second, in one record for all
    /// that was dropped meanwhile.
    pub(crate) fn may_print(this: &Lent<Self>, bytes: usize) -> bool {
        match this.log_rate.judge(bytes as u64, now()) {
            Verdict::Print => true,
            Verdict::Drop { first } => {
                this.tally.unprinted(bytes);
                if first {
                    tokio::spawn(tell_dropped(this.clone()));
                }
                false
            }
        }
    }

    /// The service.
    pub(crate) fn service(&self) -> &ServiceName {
        self.names.own_or(|| self.id.service.copied())
    }

    /// Where the calls go that its instances make of other services.
    pub(crate) fn links(&self) -> &dyn Links {
        &*self.surroundings.ports.links
    }

    /// Where the messages go that its instances publish.
    pub(crate) fn messaging(&self) -> &dyn Messaging {
        &*self.surroundings.ports.messaging
    }

    /// Verifies tokens for its instances, and signs some.
    pub(crate) fn tokens(&self) -> &dyn Tokens {
        &*self.surroundings.ports.tokens
    }

    /// Where the spans go that its instances make.
    pub(crate) fn spans(&self) -> &dyn Spans {
        &*self.surroundings.ports.spans
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.surroundings.ports.clock.now()
    }

    /// Stack that the code of a guest may use, in bytes.
    pub(crate) const fn stack(&self) -> u64 {
        self.surroundings.stack
    }

    /// The turnstile of the service, for whoever asks for a claim with each call.
    pub(crate) fn turnstile(&self) -> Arc<Turnstile> {
        Arc::clone(&self.turnstile)
    }

    /// The claim of a call on the places of the service.
    pub(crate) fn claim(&self) -> Claim<'_> {
        self.turnstile.claim()
    }

    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::new(Meter::new(self.gauge.lend()))
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
        let (kind, details) = (fault.kind(), fault.details());
        tracing::warn!(revision = %self.id, call, fault = %kind, details, "an instance failed after its reply: {}", fault.public());
    }
}

/// Tells what was dropped of the output of a revision.
async fn tell_dropped(revision: Lent<Revision>) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let dropped = round_size(revision.log_rate.take_dropped());
    let rate = format_size(revision.settings.limits.log_rate);
    let line = format!("{dropped} of output dropped: log_rate is {rate} per second");
    revision.log(LogRecord::new(revision.now(), LogStream::Stderr, line).of(&revision.id));
}
