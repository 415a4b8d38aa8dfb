//! How many files this process may have open. Each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a host has open beside its connections: listeners, components, machine code, the log.
const OTHERS: u64 = 256;

/// Allows as many as the system lets this process have, which is often far more than it begins with, and warns if
/// `connections` do not fit.
pub(crate) fn allow(connections: u32) {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let most = if raised.is_ok() { limit.maximum } else { limit.current };
    if let Some(most) = most.filter(|most| *most < u64::from(connections) + OTHERS) {
        tracing::warn!(
            "this process may have {most} files open, too few for `http.max_connections` = {connections}: connections \
             beyond that wait; raise the limit (`ulimit -Hn`, `LimitNOFILE=`), or lower the key"
        );
    }
}
