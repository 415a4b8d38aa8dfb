//! The nouns of Patchbay and the ports its adapters implement. No I/O happens here.
//!
//! # Words
//!
//! - **service**: a name with a contract, [`ServiceName`]. What callers call.
//! - **revision**: one immutable pair of component and configuration of a service, [`RevisionId`], written `orders@4`.
//! - **instance**: one running WebAssembly instance of a revision, with its own memory.
//! - **call**: one unit of work that crosses the host: an HTTP request, [`Call`], or a function, [`TypedCall`].
//! - **message**: an event on its way through a topic of the bus, [`bus`]. Its delivery to an instance is a call, too.
//! - **principal**: who is calling, [`Principal`]; a **user** is one outside with a verified credential, [`User`].
//! - **candidate**: a second revision of a service that gets a share of its calls, [`traffic`]; a **canary** tries one.
//! - **policy**: what the channel does for or against a call, as it is configured, [`policy`].
//! - **secret**: a value that only the service sees that was granted it, [`Secret`]; all else knows its [`SecretRef`].
//! - **metric**: what is counted, [`metrics`].
//! - **fault**: how a call failed, cut by what its caller can do about it, [`Fault`].
//! - **port**: what the host needs from the outside, a trait in [`ports`].
//! - **trace**, **span**: what happened in the course of one request, [`trace`].
//! - **hazard**: what can go wrong between two acts of the host, [`Hazard`]; there for tests.

mod address;
mod answering;
mod body;
pub mod bus;
mod call;
mod deployment;
mod destination;
mod digest;
mod discovery;
mod fault;
mod hazard;
mod identity;
mod interface;
mod log;
pub mod metrics;
mod name;
mod outbound;
pub mod policy;
pub mod ports;
mod reply;
mod route;
mod secret;
mod settings;
mod text;
pub mod trace;
pub mod traffic;
mod typed;
pub mod units;

pub use address::is_public;
pub use answering::Answering;
pub use body::{Body, BodyError, empty_body, full_body};
pub use call::{Call, CallContext, CallId, Hold};
pub use deployment::{Declaration, Origin, RegistryRecord, RevisionRecord, ServiceRecord};
pub use destination::{Destination, DestinationError};
pub use digest::{Digest, DigestError, DigestWriter};
pub use discovery::{Health, Invocation, ServiceInfo};
pub use fault::{Blame, Fault, FaultKind};
pub use hazard::{Act, Hazard, NoHazard};
pub use identity::{AuthError, AuthErrorKind, Credential, Principal, Proof, User};
pub use interface::{InterfaceName, InterfaceNameError};
pub use log::{LogFilter, LogLevel, LogLevelError, LogRecord, LogStream, REDACTED, Redaction};
pub use name::{NameError, RevisionId, RevisionNumber, ServiceName};
pub use outbound::{Course, OutboundError, OutboundRequest};
pub use reply::Reply;
pub use route::{HostPattern, PathPattern, Route, RouteError, parse_method};
pub use secret::{Secret, SecretRef, is_secret_name, sounds_secret};
pub use settings::{HealthCheck, InstancePolicy, Limits, Settings, SettingsError, TokenSettings};
pub use typed::{FunctionName, FunctionNameError, TypedCall};
