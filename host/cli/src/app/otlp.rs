//! What is sent to a collector: as the file says, and where that is silent, the environment.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use patchbay_backends::otlp::{
    HeaderText, MetricsReading, Otlp, OtlpEnvironment, OtlpHeader, OtlpProtocol, OtlpResource, OtlpSettings, Outbox,
};
use patchbay_model::LogRecord;
use patchbay_model::metrics::Metrics;
use patchbay_model::ports::{Clock, LogSink, NoSpans, Secrets, SpanSink};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::config::OtlpConfig;
use crate::failure::{Failure, FailureKind};

/// What the host and its services are called where nobody says so.
const NAME: &str = "patchbay";

/// What sends to a collector, if there is one.
///
/// # Errors
/// If something that is said of it cannot be used.
pub(crate) async fn open(config: &OtlpConfig, secrets: &dyn Secrets, run: u64) -> Result<Option<Otlp>, Failure> {
    let environment = OtlpEnvironment::read(|name| std::env::var(name).ok());
    for problem in &environment.problems {
        tracing::warn!("{problem}");
    }
    let Some(endpoint) = config.endpoint.clone().or(environment.endpoint).filter(|_| !environment.disabled) else {
        return Ok(None);
    };
    let refused = |problem: String| Failure::new(FailureKind::Refused, format!("otlp: {problem}"));
    let mut headers = environment.headers;
    if !config.headers.is_empty() {
        headers.clear();
    }
    for (name, reference) in &config.headers {
        let secret = secrets.open(reference).await.map_err(|error| refused(format!("headers.{name}: {error}")))?;
        headers.push(OtlpHeader { name: name.to_ascii_lowercase(), value: HeaderText::Kept(secret) });
    }
    let defaults = OtlpSettings::default();
    let settings = OtlpSettings {
        endpoint,
        protocol: config.protocol.or(environment.protocol).unwrap_or(OtlpProtocol::Grpc),
        ca: config.ca.clone().or(environment.ca),
        headers,
        timeout: config.timeout.or(environment.timeout).unwrap_or(defaults.timeout),
        queue: config.queue as usize,
        batch: config.batch as usize,
        interval: config.interval,
    };
    let mut attributes = environment.attributes;
    attributes.retain(|(name, _)| !config.attributes.contains_key(name));
    attributes.extend(config.attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
    let resource = OtlpResource {
        name: config.name.clone().or(environment.name).unwrap_or_else(|| NAME.to_owned()),
        instance: format!("{run:016x}"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        attributes,
    };
    tracing::info!(endpoint = settings.endpoint, protocol = settings.protocol.name(), "what happens is sent by OTLP");
    Otlp::new(settings, resource).map(Some).map_err(refused)
}

/// Sends what is counted, again and again.
pub(crate) struct MetricsReporter {
    metrics: Arc<Metrics>,
    outbox: Arc<Outbox<MetricsReading>>,
    clock: Arc<dyn Clock>,
    started: SystemTime,
    interval: Duration,
}

impl MetricsReporter {
    /// One that sends to a collector, if metrics are sent to one.
    pub(crate) fn new(
        config: &OtlpConfig,
        otlp: Option<&Otlp>,
        metrics: Arc<Metrics>,
        (clock, started): (Arc<dyn Clock>, SystemTime),
    ) -> Option<Arc<Self>> {
        let outbox = otlp.filter(|_| config.metrics)?.outbox();
        Some(Arc::new(Self { metrics, outbox, clock, started, interval: config.metrics_interval }))
    }

    /// Sends what is counted up to now.
    pub(crate) async fn report(&self) {
        let collected = self.metrics.collect().await;
        self.outbox.put(MetricsReading { collected, started: self.started, time: self.clock.now() });
    }

    /// Sends it for as long as it is let.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut ticks = interval_at(Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.report().await;
        }
    }
}

/// Where log records are sent to, if they are.
pub(crate) fn logs(config: &OtlpConfig, otlp: Option<&Otlp>) -> Option<Arc<dyn LogSink>> {
    let outbox: Arc<Outbox<LogRecord>> = otlp.filter(|_| config.logs)?.outbox();
    Some(outbox)
}

/// Where spans are sent to.
pub(crate) fn spans(config: &OtlpConfig, otlp: Option<&Otlp>) -> Arc<dyn SpanSink> {
    match otlp.filter(|_| config.traces) {
        Some(otlp) => otlp.outbox(),
        None => Arc::new(NoSpans),
    }
}
