//! Metrics: what is counted, in a form that knows no protocol. Whoever counts implements [`MetricSource`], and is asked when
//! somebody wants to know; nothing is kept for that beside the counts themselves.
//!
//! - **family**: metrics of one name that mean the same, [`Family`]; told apart by **labels**.
//! - **series**: one value of a family, for one set of label values.
//!
//! Cardinality is bounded by construction: label values are names that the operator chose, or out of closed lists, and a
//! family holds [`MOST_SERIES`]; all that is more is folded into one whose label values are [`OTHER`].

mod collected;
mod exemplar;
mod family;
mod histogram;
mod list;
mod value;

pub use collected::{Collected, CollectedFamily, MOST_SERIES, OTHER};
pub use exemplar::Exemplar;
pub use family::{Counter, Description, Distribution, Family, Gauge, Measure, MetricKind, Unit};
pub use histogram::{Bounds, HistogramReading};
pub use list::Metrics;
pub use value::{Number, Value};

use crate::ports::BoxFuture;

/// Whether calls are measured. They are, but in a build with the feature `unmeasured`: beside that one, a benchmark tells what
/// it costs to measure them.
pub const MEASURED: bool = !cfg!(feature = "unmeasured");

/// Something that counts. Asked whenever somebody collects; what it costs is paid then, and not where it is counted.
pub trait MetricSource: Send + Sync {
    /// Adds what it has counted. It declares its families even where they have no series yet, so that it can be told what
    /// there is before anything has happened. What cannot be had in a moment is left out.
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()>;
}
