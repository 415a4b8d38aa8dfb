//! What the host tells of itself in the form of the OpenTelemetry protocol (OTLP).

mod metrics;

pub use metrics::{MetricsOrigin, metrics};
