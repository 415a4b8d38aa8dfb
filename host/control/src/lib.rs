//! What runs: the registry of services and their revisions, deployment, hot swap, rollback and routes.
//!
//! Control does no I/O of its own. Components, the registry, instances and the time of day all come through ports, so
//! everything here is tested with fakes under a paused clock.
//!
//! Where to look: [`Control`] is the handle; `snapshot.rs` is what calls read; `deploy.rs` is the life of a change;
//! `gate.rs` is why no call is lost in a swap; `declared.rs` has the rules by which `runtime.toml` and the admin API
//! live together; `internal.rs` has who may call whom, and `links.rs` which service serves what another one imports.

mod applied;
mod authz;
mod canary;
mod change;
mod control;
mod declared;
mod deploy;
mod discovery;
mod event;
#[cfg(test)]
mod fakes;
mod functions;
mod gate;
mod internal;
mod invoke;
mod journal;
mod links;
mod load;
mod measured;
mod messaging;
mod metrics;
mod mirror;
mod pins;
mod policies;
mod reload;
mod revision;
mod routes;
mod secrets;
mod snapshot;
mod stand_in;
mod start;
mod steps;
mod target;
mod tokens;
mod traces;
mod traffic;
mod turns;
mod typed;
mod view;

pub use authz::{AskError, Caller, Explanation, Question, Rulebook};
pub use canary::{CanaryPhase, CanaryRequest, CanarySource, CanaryView, EndedCanary, Sample};
pub use change::{Change, ChangeError, ChangeErrorKind, DeployRequest, Outcome, Progress, Step, StepState};
pub use control::{Admitted, Control, ControlConfig, NoRoute, Ports, Routing};
pub use declared::{DeclaredService, Places};
pub use deploy::subscription_problem;
pub use event::{Event, EventKind};
pub use functions::{FindError, find, functions};
pub use internal::MAX_HOPS;
pub use journal::{Entry, Journal, JournalBounds, Reading};
pub use links::{Link, Unlinked, unlinked};
pub use load::ShedConfig;
pub use messaging::{
    DeadLetter, DeadLetterPlace, Death, ServiceMessaging, StoredDeadLetter, SubscriptionState, SubscriptionView, Tail,
};
pub use metrics::{Activity, LinkActivity, MeasuredRoute, ServiceActivity, TopicActivity};
pub use mirror::{MIRROR_HEADER, MirrorSample, MirrorView, MirroredAnswer};
pub use patchbay_channel::{
    BreakerStatus, Counts, LinkReading, ReplyKey, RouteMeasured, RoutePolicy, ShedStatus, Tracer, TypedPayload,
};
pub use pins::Pin;
pub use policies::{PolicySource, PolicyValue};
pub use reload::{PreparedReload, ReloadError, ReloadProblem, ReloadRequest, ServiceChange};
pub use routes::{DeclaredRoute, Found, RouteConflict, RouteEntry, RouteOwner, RouteTable};
pub use start::{StartError, Started};
pub use tokens::{Identities, ServiceTokens};
pub use traces::{Begun, HostAnswer, ServiceSpans, TraceQuery, TraceSummary};
pub use typed::{LinksAttached, ServiceLinks};
pub use view::{CompiledView, RevisionView, ServiceView};
