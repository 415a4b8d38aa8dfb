//! What the channel has to be told of a call and of the service that it is for.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use patchbay_model::bus::Message;
use patchbay_model::policy::{Asker, RetrySettings, RouteSettings};
use patchbay_model::ports::Prepared;
use patchbay_model::trace::{NewSpan, SpanContext, SpanOrigin};
use patchbay_model::{
    CallId, Fault, FunctionName, Limits, Principal, RevisionNumber, Route, ServiceName, Settings, User,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::access::Asked;
use crate::breaker::Breaker;
use crate::measured::RouteMeasured;
use crate::route_standing::RouteStanding;
use crate::shed::Shedder;
use crate::standing::{LinkStanding, Standing};
use crate::tracer::Tracer;

/// A call that arrived for a service. What it carries comes beside it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Names the call in logs.
    pub id: CallId,
    /// The call in whose course a service made this one.
    pub parent: Option<CallId>,
    /// How many services called each other on the way to it: 0 if it came from outside.
    pub hops: u32,
    /// Who calls.
    pub caller: Principal,
    /// When it arrived; the service's timeout counts from here.
    pub arrived: Instant,
    /// When its caller stops waiting, where the caller says so.
    pub deadline: Option<Instant>,
    /// Whether the service stands in for another one that could not answer.
    pub stands_in: bool,
    /// Names what is to be done, where the caller says so.
    pub idempotency_key: Option<Arc<str>>,
    /// The message that led to it, where one did.
    pub cause: Option<Arc<Message>>,
    /// Its own span, whether that is recorded or not.
    pub trace: SpanContext,
    /// What the span follows from.
    pub origin: SpanOrigin,
    /// The user for whom the call is made in the end, however many services are between, where there is one.
    pub user: Option<Arc<User>>,
    /// Where a request from outside comes from.
    pub address: Option<IpAddr>,
    /// A number that stands for the caller, where a cookie tells it from others.
    pub visitor: Option<u64>,
}

impl Arrival {
    /// A call that comes now, from one who is no service.
    pub fn from_outside(id: CallId, caller: Principal, span: NewSpan) -> Self {
        let arrived = Instant::now();
        let user = caller.user().cloned();
        Self {
            id,
            parent: None,
            hops: 0,
            caller,
            arrived,
            deadline: None,
            stands_in: false,
            idempotency_key: None,
            cause: None,
            trace: span.context,
            origin: span.origin,
            user,
            address: None,
            visitor: None,
        }
    }
}

impl Arrival {
    /// Who asks, as rules see it.
    pub fn asker(&self) -> Asker<'_> {
        Asker { service: self.caller.service(), user: self.user.as_deref() }
    }
}

/// What a revision is sought for, beside the arrival.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// What the caller asks for.
    pub asked: Asked<'a>,
    /// The header fields of a request.
    pub headers: Option<&'a HeaderMap>,
    /// Whether an attempt before this one was given up before an instance began to work on it. Another revision may have
    /// what it lacked; any other attempt goes where the first one went.
    pub elsewhere: bool,
}

/// The revision that was chosen for a call, kept for as long as the call lives.
pub trait Lease: Send + Sync + 'static {
    /// Takes the call.
    fn prepared(&self) -> &dyn Prepared;

    /// Which revision of the service it is, where that has a number.
    fn revision(&self) -> Option<RevisionNumber> {
        None
    }

    /// Whether the revision may have calls.
    fn breaker(&self) -> &Arc<Breaker>;

    /// Cancelled when the revision has to go although calls are still on it.
    fn cut(&self) -> &CancellationToken;
}

/// The policies of a link, where its calls have others than all calls of the service.
#[derive(Debug)]
pub struct LinkPolicy {
    /// The longest that a call may take, if that is less than the service allows.
    pub timeout: Option<Duration>,
    /// When its calls are tried again.
    pub retry: RetrySettings,
    /// What stands in for the service.
    pub stand_in: Option<StandIn>,
    /// Its rate and its places.
    pub standing: LinkStanding,
}

/// The policies of a route, which hold for the calls that come in there.
pub struct RoutePolicy {
    /// The route.
    pub route: Route,
    /// What is enforced on it.
    pub settings: RouteSettings,
    /// Whether the host has no means to know anybody: then a route is for everybody, unless it has rules or the host is
    /// strict.
    pub open: bool,
    /// Its rates and its places.
    pub standing: RouteStanding,
    /// What is measured of it: the same after a change of its settings.
    pub measured: Arc<RouteMeasured>,
    /// What whoever leads calls in by the route makes of it once, and keeps as long as it is the same.
    pub edge: OnceLock<Attached>,
    /// The same of the policy that this one took the place of, for what is to outlive a change.
    pub previous_edge: Option<Attached>,
}

/// What is made of a route outside of the channel, which does not look into it.
pub type Attached = Option<Arc<dyn Any + Send + Sync>>;

impl fmt::Debug for RoutePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { route, settings, open, .. } = self;
        f.debug_struct("RoutePolicy")
            .field("route", route)
            .field("settings", settings)
            .field("open", open)
            .finish_non_exhaustive()
    }
}

impl RoutePolicy {
    /// The policies of a route to which nobody came yet.
    pub fn new(route: Route, settings: RouteSettings, open: bool) -> Self {
        // The revision that answers may have another queue each time; that of the route is one of its own.
        let standing = RouteStanding::new(&settings, &Limits::default());
        let measured = Arc::default();
        Self { route, settings, open, standing, measured, edge: OnceLock::new(), previous_edge: None }
    }

    /// The policies of the same route after a change.
    #[must_use]
    pub fn changed(&self, settings: RouteSettings, open: bool) -> Self {
        let (previous_edge, measured) = (self.edge.get().cloned(), Arc::clone(&self.measured));
        Self { previous_edge, measured, ..Self::new(self.route.clone(), settings, open) }
    }
}

/// What answers in place of a service that cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandIn {
    /// Results of functions, packed, by their names without a version.
    pub results: Vec<(FunctionName, Bytes)>,
    /// Another service.
    pub service: Option<ServiceName>,
}

impl StandIn {
    /// The result that stands in for that of a function, packed.
    pub fn result_of(&self, function: &FunctionName) -> Option<Bytes> {
        let own = self.results.iter().find(|(name, _)| function.serves(name));
        own.map(|(_, result)| result.clone())
    }
}

/// A service as the channel sees it.
pub trait Target: Send + Sync + Sized {
    /// Keeps a revision from being retired.
    type Lease: Lease;

    /// Its name.
    fn name(&self) -> &ServiceName;

    /// What is enforced for it.
    fn settings(&self) -> &Settings;

    /// Whether a service that says nothing of its callers has none.
    fn strict(&self) -> bool;

    /// What refuses calls while the host is saturated.
    fn shedder(&self) -> &Shedder;

    /// What makes spans of its calls.
    fn tracer(&self) -> &Tracer;

    /// What is kept of it across its revisions.
    fn standing(&self) -> &Standing;

    /// The link that the call comes over, if it is one of its own policies.
    fn link(&self) -> Option<&LinkPolicy>;

    /// Whether the call comes over a link for which its rules were asked before, and let its caller in whomever that acts for. They have
    /// to be the same still.
    fn lets_in(&self) -> bool {
        false
    }

    /// The route that the call came in by, if it did by one.
    fn route(&self) -> Option<&RoutePolicy>;

    /// What answers in its place when it cannot.
    fn stand_in(&self) -> Option<&StandIn>;

    /// The service that [`StandIn::service`] names, if it is there.
    fn instead(&self) -> Option<Self>;

    /// The revision for the next attempt. Asked as late as possible, so that a call that waited gets the newest. Allocates
    /// nothing.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`](patchbay_model::FaultKind::Unavailable) if there is none,
    /// [`FaultKind::Denied`](patchbay_model::FaultKind::Denied) if the newest does not let its caller call what it asks for.
    fn choose(&self, arrival: &Arrival, sought: Sought<'_>) -> Result<Self::Lease, Fault>;
}
