//! The handle on everything that runs: calls go in here, and so does every change.

use std::future::{Future, ready};
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use futures_util::future::Either;
use http::{Method, Request};
use patchbay_channel::{Arrival, HttpPayload, RoutePolicy, Shedder, Tracer, let_in};
use patchbay_contract::Interner;
use patchbay_model::bus::Topics;
use patchbay_model::policy::RateVerdicts;
use patchbay_model::ports::{
    Bus, Clock, ComponentStore, ComponentWriter, Executor, RegistryStore, Secrets, SpanSink, StorageError,
    StoredComponent, Usage,
};
use patchbay_model::trace::TraceSettings;
use patchbay_model::{
    Body, CallId, Digest, Fault, FaultKind, Limits, LogRecord, Principal, Reply, ServiceName, Settings,
};
use patchbay_striped::{Lent, Numbers, Spread};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::applied::Applied;
use crate::declared::{DeclaredService, Places};
use crate::event::{Event, EventKind};
use crate::journal::Journal;
use crate::load::ShedConfig;
use crate::measured::ControlMeasured;
use crate::messaging::MessagingState;
use crate::pins::{Pin, Pins};
use crate::routes::{DeclaredRoute, Found, RouteEntry, RouteOwner};
use crate::snapshot::{ServiceEntry, Snapshot};
use crate::steps::Teller;
use crate::tokens::Identities;
use crate::traces::{Begun, RecentSpans, Recorder};
use crate::traffic::number_of;
use crate::turns::Turns;

/// What can be configured here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlConfig {
    /// How many of the newest revisions of a service stay compiled, the active one among them. An active revision
    /// always stays.
    pub retained: u32,
    /// How long the calls on a replaced revision may take before they are ended.
    pub drain: Duration,
    /// The settings of a service that says nothing else.
    pub defaults: Settings,
    /// Where the file says what of the defaults.
    pub default_places: Places,
    /// Whether a service that says nothing of its callers may be called by no service.
    pub strict: bool,
    /// The topics that are declared.
    pub topics: Topics,
    /// Whether the host has no means to know who comes in from outside. Routes are for everybody then, unless they have
    /// rules, or the host is strict.
    pub open: bool,
    /// When calls are refused because the host is saturated.
    pub shed: ShedConfig,
    /// The routes that lead to no service: the host answers there by itself.
    pub routes: Vec<DeclaredRoute>,
    /// Which spans are recorded.
    pub traces: TraceSettings,
}

impl Default for ControlConfig {
    fn default() -> Self {
        Self {
            retained: 3,
            drain: Duration::from_secs(30),
            defaults: Settings::default(),
            default_places: Places::default(),
            strict: false,
            topics: Topics::default(),
            open: true,
            shed: ShedConfig::default(),
            routes: Vec::new(),
            traces: TraceSettings::default(),
        }
    }
}

/// The adapters that control works with.
#[derive(Clone)]
pub struct Ports {
    /// Runs components.
    pub executor: Arc<dyn Executor>,
    /// Keeps components.
    pub components: Arc<dyn ComponentStore>,
    /// Keeps the registry.
    pub registry: Arc<dyn RegistryStore>,
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
    /// Carries messages. It knows the same topics as control.
    pub bus: Arc<dyn Bus>,
    /// Finds secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Where spans go that are recorded, beside those that are kept here.
    pub spans: Arc<dyn SpanSink>,
    /// A random number, another one for every run of every host: part of the ids of messages, and what those of
    /// traces are made from.
    pub run: u64,
}

/// Why a request belongs to no service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute {
    /// No route fits.
    Nothing,
    /// Routes fit in everything but the method; these are the methods they take.
    OtherMethods(Vec<Method>),
}

impl From<&NoRoute> for Fault {
    fn from(no_route: &NoRoute) -> Self {
        match no_route {
            NoRoute::Nothing => Self::new(FaultKind::NotFound, "no service answers at this address"),
            NoRoute::OtherMethods(_) => {
                Self::new(FaultKind::MethodNotAllowed, "no service answers to this method at this address")
            }
        }
    }
}

/// The route that a request comes in by, as of the moment it was looked up.
#[derive(Clone)]
pub struct Routing {
    /// The service that it leads to, if it leads to one.
    entry: Option<Lent<ServiceEntry>>,
    policy: Lent<RoutePolicy>,
    /// Whether the host was strict then.
    strict: bool,
}

impl Routing {
    /// The service that it leads to. None: the host answers by itself.
    pub fn service(&self) -> Option<&ServiceName> {
        self.entry.as_ref().map(|entry| &entry.name)
    }

    /// What is enforced on the route.
    pub fn policy(&self) -> &Lent<RoutePolicy> {
        &self.policy
    }

    /// What is enforced for its service, if that can serve.
    pub(crate) fn settings(&self) -> Option<&Settings> {
        Some(&self.entry.as_ref()?.active.as_ref()?.ready.record.settings)
    }

    /// A number that is another one whenever another revision may answer.
    pub fn generation(&self) -> u64 {
        let active = self.entry.as_ref().and_then(|entry| entry.active.as_ref());
        active.map_or(0, |active| active.serial)
    }

    /// Whether one of two revisions answers, because another one is tried beside the active one.
    pub fn is_split(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.candidate.is_some())
    }

    /// How long a call may take that comes in here.
    pub fn timeout(&self) -> Duration {
        let active = self.entry.as_ref().and_then(|entry| entry.active.as_ref());
        let of_service = active.map_or(Limits::default().timeout, |active| active.ready.record.settings.limits.timeout);
        self.policy.settings.timeout.map_or(of_service, |own| own.min(of_service))
    }
}

/// A call that was let in by its route.
pub struct Admitted {
    routing: Routing,
    /// In a box, because it is looked at all the way and moved nowhere.
    arrival: Box<Arrival>,
}

impl Admitted {
    /// The route that it came in by.
    pub const fn routing(&self) -> &Routing {
        &self.routing
    }

    /// Who it comes from.
    pub const fn caller(&self) -> &Principal {
        &self.arrival.caller
    }

    /// The same call after something else was done, which does not count in its time.
    #[must_use]
    pub fn anew(mut self) -> Self {
        self.arrival.arrived = Instant::now();
        self
    }
}

/// Everything that runs.
pub struct Control {
    pub(crate) ports: Ports,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// How many snapshots were shown, for those who only have to know whether it is still the same one. Each is counted once it
    /// can be seen.
    pub(crate) shown: AtomicU64,
    /// Held by the one who saves the registry and publishes a snapshot.
    pub(crate) writer: tokio::sync::Mutex<()>,
    /// One change of a service at a time.
    pub(crate) turns: Turns,
    /// One reload at a time.
    pub(crate) reloads: Arc<tokio::sync::Mutex<()>>,
    /// Components that a change under way needs.
    pub(crate) pins: Pins,
    /// What the contracts of all revisions have in common.
    pub(crate) interner: Arc<Interner>,
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the host begins to stop.
    pub(crate) stopping: CancellationToken,
    /// Itself, for what goes on when a call is over.
    pub(crate) this: Weak<Self>,
    /// Messages and subscriptions.
    pub(crate) messaging: MessagingState,
    /// How people are known.
    pub(crate) identities: ArcSwap<Spread<Identities>>,
    /// Refuses calls while the host is saturated.
    pub(crate) shedder: Shedder,
    /// Makes spans.
    pub(crate) tracer: Tracer,
    /// Spans that are kept for those who come late.
    pub(crate) recent: Arc<RecentSpans>,
    /// The number of the next call.
    calls: Numbers,
    /// What is counted here.
    pub(crate) measured: Arc<ControlMeasured>,
    events: Arc<Journal<Event>>,
    logs: Arc<Journal<LogRecord>>,
}

/// Events that are kept for those who come late.
const KEPT_EVENTS: usize = 1024;

impl Control {
    /// A host in which nothing runs yet. `logs` is where the executor writes what services print.
    pub fn new(config: ControlConfig, ports: Ports, logs: Arc<Journal<LogRecord>>) -> Arc<Self> {
        let recent = Arc::new(RecentSpans::new(&config.traces));
        let sink = Recorder { recent: Arc::clone(&recent), also: Arc::clone(&ports.spans) };
        let tracer = Tracer::new(ports.run, &config.traces, Arc::new(sink), Arc::clone(&ports.clock));
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            tracer,
            recent,
            messaging: MessagingState::new(ports.run),
            ports,
            snapshot: ArcSwap::from_pointee(Snapshot::empty(Applied::new(config, Vec::new()))),
            shown: AtomicU64::new(0),
            writer: tokio::sync::Mutex::default(),
            turns: Turns::default(),
            reloads: Arc::default(),
            pins: Pins::default(),
            interner: Arc::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            identities: ArcSwap::from_pointee(Identities::default().into()),
            shedder: Shedder::default(),
            // Call 0 is that of the host itself, when it asks for a health path.
            calls: Numbers::default(),
            measured: Arc::default(),
            events: Arc::new(Journal::new(KEPT_EVENTS)),
            logs,
        })
    }

    /// The name of a call that comes now. No other has it in this run of the host.
    pub fn new_call(&self) -> CallId {
        CallId::new(self.calls.next())
    }

    /// The route that a request comes in by.
    ///
    /// # Errors
    /// [`NoRoute`] if it belongs to none.
    pub fn route(&self, host: Option<&str>, path: &str, method: &Method) -> Result<Routing, NoRoute> {
        let snapshot = self.snapshot.load();
        match snapshot.routes().find(host, path, method) {
            Found::Route(RouteEntry { owner, policy }) => {
                let (policy, strict) = (policy.lend(), snapshot.config().strict);
                match owner {
                    RouteOwner::Host => Ok(Routing { entry: None, policy, strict }),
                    RouteOwner::Service(name) => {
                        let entry = snapshot.service(name).map(Spread::lend).ok_or(NoRoute::Nothing)?;
                        Ok(Routing { entry: Some(entry), policy, strict })
                    }
                }
            }
            Found::OtherMethods(methods) => Err(NoRoute::OtherMethods(methods)),
            Found::Nothing => Err(NoRoute::Nothing),
        }
    }

    /// Lets a call in by its route, or refuses it: by the rules and the rates of the route. The rates that were asked add to
    /// `verdicts` either way. `caller` is who it comes from, `address` where from.
    ///
    /// # Errors
    /// [`FaultKind::Unauthenticated`], [`FaultKind::Denied`] or [`FaultKind::RateLimited`].
    pub fn admit(
        &self,
        routing: Routing,
        (begun, caller): (&Begun, Principal),
        method: &Method,
        address: IpAddr,
        verdicts: &mut RateVerdicts,
    ) -> Result<Admitted, Fault> {
        let user = caller.user().map(|user| &**user);
        match let_in(&routing.policy, routing.strict, user, method, Some(address), verdicts) {
            Ok(()) => {
                let mut arrival = Box::new(Arrival::from_outside(begun.id, caller, begun.span.clone()));
                arrival.address = Some(address);
                Ok(Admitted { routing, arrival })
            }
            Err(fault) => Err(self.refuse(routing, (begun, caller), fault)),
        }
    }

    /// Takes a call that was let in by its route through the channel of its service.
    ///
    /// # Errors
    /// The fault that ended the call; [`FaultKind::NotFound`] if the route leads to no service.
    pub fn call(
        &self,
        admitted: Admitted,
        request: Box<Request<Body>>,
    ) -> impl Future<Output = Result<Reply, Fault>> + Send + '_ {
        let Admitted { routing: Routing { entry, policy, .. }, mut arrival } = admitted;
        let Some(entry) = entry else {
            let fault = Fault::new(FaultKind::NotFound, "no service answers at this address");
            return Either::Left(ready(Err(fault)));
        };
        let seed = || number_of(self.ports.run, arrival.id);
        let visitor = entry.candidate.as_ref().and_then(|candidate| candidate.visitor(&request, seed()));
        arrival.visitor = visitor.as_ref().map(|visitor| visitor.number);
        let (request, mirrored) = self.mirror(&entry, &arrival, request);
        let (target, payload) = (self.routed(entry).by(policy), HttpPayload::new(request));
        // A block and no `async fn`, which would copy all of this once more.
        Either::Right(async move {
            let mut reply = patchbay_channel::call(&target, &arrival, payload).await;
            if let Some((mirrored, max_body)) = mirrored {
                reply = mirrored.answered(reply, max_body);
            }
            if let (Some(visitor), Ok(reply)) = (visitor, &mut reply) {
                visitor.mark(reply);
            }
            reply
        })
    }

    /// Records a call that came in by a route and was refused there. The fault comes back.
    pub fn refuse(&self, routing: Routing, (begun, caller): (&Begun, Principal), fault: Fault) -> Fault {
        let Routing { entry, policy, .. } = routing;
        if let Some(entry) = entry {
            let arrival = Arrival::from_outside(begun.id, caller, begun.span.clone());
            patchbay_channel::refuse(&self.routed(entry).by(policy), &arrival, begun.subject.clone(), &fault);
        }
        fault
    }

    /// The time of day.
    pub fn now(&self) -> SystemTime {
        self.ports.clock.now()
    }

    /// Tells the time of day.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.ports.clock)
    }

    /// What happened to services.
    pub fn events(&self) -> &Journal<Event> {
        &self.events
    }

    /// What services printed.
    pub fn logs(&self) -> &Journal<LogRecord> {
        &self.logs
    }

    /// Where components are stored before they are deployed. What is written there is to be handed to
    /// [`Control::store`] at its end.
    pub fn components(&self) -> &dyn ComponentStore {
        &*self.ports.components
    }

    /// Finishes a component that was written, and keeps it until it is deployed or the host starts anew.
    ///
    /// # Errors
    /// [`StorageError`] if it could not be stored; nothing of it is kept then.
    pub async fn store(&self, written: Box<dyn ComponentWriter>) -> Result<StoredComponent, StorageError> {
        // Nobody forgets the same component between these two.
        let _writer = self.writer.lock().await;
        let stored = written.finish().await?;
        self.pins.uploaded(stored.digest);
        Ok(stored)
    }

    /// Keeps a component, stored or about to be, until what is returned is dropped.
    pub async fn hold(&self, digest: Digest) -> Pin {
        // Nobody is about to forget it who did not know of this yet.
        let _writer = self.writer.lock().await;
        self.pins.pin(digest)
    }

    /// What the executor holds in memory.
    pub fn usage(&self) -> Usage {
        self.ports.executor.usage()
    }

    /// The settings that a new revision of a service starts from: those of its active revision, or the defaults.
    pub fn settings_of(&self, service: &ServiceName) -> Settings {
        let snapshot = self.snapshot.load();
        let active = snapshot.service(service).and_then(|entry| entry.active.clone());
        active.map_or_else(|| snapshot.config().defaults.clone(), |active| active.ready.record.settings.clone())
    }

    /// Takes no more changes and no more calls, and waits for those there are, `deadline` at most.
    /// Returns how many calls were ended early.
    pub async fn stop(&self, deadline: Duration) -> u64 {
        self.tell_host(EventKind::HostStopping, "the host drains and stops");
        self.tasks.close();
        self.stopping.cancel();
        // No message is begun any more; those that are, are calls that drain like others.
        self.stop_subscriptions();
        let snapshot = self.snapshot.load_full();
        let drains = tokio::task::JoinSet::from_iter(snapshot.services().flat_map(|entry| {
            let candidate = entry.candidate.as_ref().map(|candidate| candidate.live());
            let live: Vec<_> = entry.active.iter().chain(candidate).cloned().collect();
            live.into_iter().map(|live| async move { live.drain(deadline).await })
        }));
        let n_cut = drains.join_all().await.into_iter().map(|drained| drained.n_cut()).sum();
        // Changes under way drain under a deadline of their own.
        let _ = timeout(deadline, self.tasks.wait()).await;
        self.end_subscriptions(deadline).await;
        n_cut
    }

    /// What `runtime.toml` says of a service.
    pub(crate) fn declared_service(&self, service: &ServiceName) -> Option<Arc<DeclaredService>> {
        self.snapshot.load().applied().services.get(service).cloned()
    }

    pub(crate) fn teller(&self, service: &ServiceName) -> Teller {
        Teller {
            service: service.clone(),
            events: Arc::clone(&self.events),
            clock: Arc::clone(&self.ports.clock),
            measured: Arc::clone(&self.measured),
        }
    }

    pub(crate) fn tell_host(&self, kind: EventKind, message: &str) {
        match kind {
            EventKind::ReloadRefused | EventKind::SheddingBegan => tracing::warn!("{message}"),
            _ => tracing::info!("{message}"),
        }
        let time = self.ports.clock.now();
        self.measured.events.count(None, kind);
        self.events.append(Event { time, kind, service: None, revision: None, message: message.to_owned() });
    }
}
