//! OTLP: what the host observes in the form of the OpenTelemetry protocol.

pub mod logs;
