//! The handle on everything that runs: calls go in here, and so does every change.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{Method, Request};
use patchbay_channel::{Arrival, HttpPayload, RoutePolicy};
use patchbay_model::bus::{Cause, Topics, TraceContext};
use patchbay_model::ports::{
    Bus, Clock, ComponentStore, ComponentWriter, Executor, RegistryStore, StorageError, StoredComponent, Usage,
};
use patchbay_model::{Body, CallId, Fault, FaultKind, LogRecord, Principal, Reply, ServiceName, Settings};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::declared::{DeclaredService, Places};
use crate::event::{Event, EventKind};
use crate::journal::Journal;
use crate::messaging::MessagingState;
use crate::pins::Pins;
use crate::routes::{DeclaredRoute, Found, RouteEntry, RouteOwner};
use crate::snapshot::{ServiceEntry, Snapshot};
use crate::steps::Teller;
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
    /// The routes that lead to no service: the host answers there by itself.
    pub routes: Vec<DeclaredRoute>,
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
            routes: Vec::new(),
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
    /// A random number, another one for every run of every host: part of the ids of messages.
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
pub struct Routing {
    /// The service that it leads to, if it leads to one.
    entry: Option<Arc<ServiceEntry>>,
    policy: Arc<RoutePolicy>,
    /// Where the request comes from, if that is known.
    address: Option<IpAddr>,
}

impl Routing {
    /// The same, for a request that comes from `address`.
    #[must_use]
    pub fn of_address(self, address: IpAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// The service that it leads to. None: the host answers by itself.
    pub fn service(&self) -> Option<&ServiceName> {
        self.entry.as_ref().map(|entry| &entry.name)
    }

    /// What is enforced on the route.
    pub fn policy(&self) -> &Arc<RoutePolicy> {
        &self.policy
    }
}

/// Everything that runs.
pub struct Control {
    pub(crate) config: ControlConfig,
    pub(crate) ports: Ports,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// Held by the one who saves the registry and publishes a snapshot.
    pub(crate) writer: tokio::sync::Mutex<()>,
    /// One change of a service at a time.
    pub(crate) turns: Turns,
    /// Components that a change under way needs.
    pub(crate) pins: Pins,
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the host begins to stop.
    pub(crate) stopping: CancellationToken,
    /// What `runtime.toml` declares. Set once, at start.
    pub(crate) declared: OnceLock<BTreeMap<ServiceName, Arc<DeclaredService>>>,
    /// Messages and subscriptions.
    pub(crate) messaging: MessagingState,
    /// Itself, for what goes on when a call is over.
    pub(crate) this: Weak<Self>,
    /// The number of the next call.
    calls: AtomicU64,
    events: Arc<Journal<Event>>,
    logs: Arc<Journal<LogRecord>>,
}

/// Events that are kept for those who come late.
const KEPT_EVENTS: usize = 1024;

impl Control {
    /// A host in which nothing runs yet. `logs` is where the executor writes what services print.
    pub fn new(config: ControlConfig, ports: Ports, logs: Arc<Journal<LogRecord>>) -> Arc<Self> {
        let snapshot = ArcSwap::from_pointee(Snapshot::new(&config));
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            messaging: MessagingState::new(ports.run),
            config,
            ports,
            snapshot,
            writer: tokio::sync::Mutex::default(),
            turns: Turns::default(),
            pins: Pins::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            declared: OnceLock::new(),
            // Call 0 is that of the host itself, when it asks for a health path.
            calls: AtomicU64::new(1),
            events: Arc::new(Journal::new(KEPT_EVENTS)),
            logs,
        })
    }

    /// The name of a call that comes now. No other has it in this run of the host.
    pub fn new_call(&self) -> CallId {
        CallId::new(self.calls.fetch_add(1, Ordering::Relaxed))
    }

    /// The route that a request comes in by.
    ///
    /// # Errors
    /// [`NoRoute`] if it belongs to none.
    pub fn route(&self, host: Option<&str>, path: &str, method: &Method) -> Result<Routing, NoRoute> {
        let snapshot = self.snapshot.load();
        match snapshot.routes().find(host, path, method) {
            Found::Route(RouteEntry { owner, policy }) => {
                let policy = Arc::clone(policy);
                match owner {
                    RouteOwner::Host => Ok(Routing { entry: None, policy, address: None }),
                    RouteOwner::Service(name) => {
                        let entry = snapshot.service(name).cloned().ok_or(NoRoute::Nothing)?;
                        Ok(Routing { entry: Some(entry), policy, address: None })
                    }
                }
            }
            Found::OtherMethods(methods) => Err(NoRoute::OtherMethods(methods)),
            Found::Nothing => Err(NoRoute::Nothing),
        }
    }

    /// Takes a call that came in by a route through the channel of its service. `caller` is who it comes from.
    ///
    /// # Errors
    /// The fault that ended the call; [`FaultKind::NotFound`] if the route leads to no service.
    pub async fn call(
        &self,
        routing: Routing,
        caller: Principal,
        id: CallId,
        request: Request<Body>,
    ) -> Result<Reply, Fault> {
        let Routing { entry, policy, address } = routing;
        let entry = entry.ok_or_else(|| Fault::new(FaultKind::NotFound, "no service answers at this address"))?;
        let mut arrival = Arrival::from_outside(id, caller);
        arrival.cause = trace_of(&request);
        arrival.address = address;
        let visitor =
            entry.candidate.as_ref().and_then(|candidate| candidate.visitor(&request, number_of(self.ports.run, id)));
        arrival.visitor = visitor.as_ref().map(|visitor| visitor.number);
        let (request, mirrored) = self.mirror(&entry, &arrival, request);
        let target = self.routed(entry).by(policy);
        let mut reply = patchbay_channel::call(&target, arrival, HttpPayload::new(request)).await;
        if let Some((mirrored, max_body)) = mirrored {
            reply = mirrored.answered(reply, max_body);
        }
        if let (Some(visitor), Ok(reply)) = (visitor, &mut reply) {
            visitor.mark(reply);
        }
        reply
    }

    /// Records a call that came in by a route and was refused before its caller was known. The fault comes back.
    pub fn refuse(&self, routing: Routing, id: CallId, fault: Fault) -> Fault {
        let Routing { entry, policy, .. } = routing;
        if let Some(entry) = entry {
            let arrival = Arrival::from_outside(id, Principal::Outside);
            patchbay_channel::refuse(&self.routed(entry).by(policy), &arrival, &fault);
        }
        fault
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

    /// What the executor holds in memory.
    pub fn usage(&self) -> Usage {
        self.ports.executor.usage()
    }

    /// The settings that a new revision of a service starts from: those of its active revision, or the defaults.
    pub fn settings_of(&self, service: &ServiceName) -> Settings {
        let snapshot = self.snapshot.load();
        let active = snapshot.service(service).and_then(|entry| entry.active.clone());
        active.map_or_else(|| self.config.defaults.clone(), |active| active.ready.record.settings.clone())
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
        self.declared.get()?.get(service).cloned()
    }

    pub(crate) fn teller(&self, service: &ServiceName) -> Teller {
        Teller { service: service.clone(), events: Arc::clone(&self.events), clock: Arc::clone(&self.ports.clock) }
    }

    pub(crate) fn tell_host(&self, kind: EventKind, message: &str) {
        tracing::info!("{message}");
        let time = self.ports.clock.now();
        self.events.append(Event { time, kind, service: None, revision: None, message: message.to_owned() });
    }
}

/// The trace context that a request came with, if it did.
fn trace_of(request: &Request<Body>) -> Option<Cause> {
    let header = |name| request.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let context =
        TraceContext { parent: header("traceparent")?.to_owned(), state: header("tracestate").map(str::to_owned) };
    Some(Cause::Trace(Arc::new(context)))
}
