//! The gateway and the admin API on real sockets, over a host whose instances do what the test says.

mod admin;
mod calls;
mod client;
pub(crate) mod host;
mod limits;
mod replies;
mod stop;
mod streams;
