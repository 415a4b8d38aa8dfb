//! The gateway and the admin API on real sockets, over a host whose instances do what the test says.

mod addresses;
mod admin;
mod bus;
mod calls;
mod canary;
mod client;
mod clients;
mod conformance;
mod dashboard;
mod edges;
mod floods;
mod frames;
pub(crate) mod host;
mod host_spans;
mod identify;
mod limits;
mod messages;
mod rates;
mod replies;
mod smuggling;
mod stop;
mod streams;
mod tls;
mod trace_context;
mod traces;
