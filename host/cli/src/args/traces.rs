//! Arguments of the commands that show traces.

use clap::Args;
use patchbay_model::ServiceName;
use patchbay_model::trace::TraceId;

use super::HostArgs;

/// `patchbay traces`.
#[derive(Debug, Args)]
pub(crate) struct TracesArgs {
    /// Only traces in which this service has a span
    #[arg(long, short, value_name = "SERVICE")]
    pub(crate) service: Option<ServiceName>,
    /// Only traces in which something failed
    #[arg(long)]
    pub(crate) faulted: bool,
    /// How many, the newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) limit: u16,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay trace`.
#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The trace
    #[arg(value_name = "TRACE_ID")]
    pub(crate) trace: TraceId,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}
