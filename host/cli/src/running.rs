//! A host from its first service to its last call: start, serve, stop.

use std::sync::Arc;
use std::time::Duration;

use patchbay_backends::otlp::Otlp;
use patchbay_control::{Control, Started};
use patchbay_gateway::{Administered, Readiness, ReadinessState};
use patchbay_model::ServiceName;
use tokio::signal::unix::Signal;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::otlp::MetricsReporter;
use crate::app::{App, Tenancy};
use crate::components;
use crate::config::ServiceConfig;
use crate::failure::Failure;
use crate::reload::{self, Reloader, Reloading};

/// How long what is to be sent to a collector may take in any case when the host stops.
const FLUSH: Duration = Duration::from_secs(2);

/// A host that serves.
pub(crate) struct Running {
    pub(crate) control: Arc<Control>,
    readiness: Readiness,
    http: Listener,
    admin: Listener,
    /// Callers are let in once their services are known; before, nothing could be said about their requests.
    open: CancellationToken,
    reloader: Arc<Reloader>,
    /// What goes on beside the calls; ended when this is dropped.
    beside: JoinSet<()>,
    otlp: Option<Otlp>,
    reporter: Option<Arc<MetricsReporter>>,
    _tenancy: Tenancy,
}

/// A listener at work.
struct Listener {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Opens the listeners: that for operators at once, that for callers as soon as their services are known.
    pub(crate) fn begin(app: App) -> Self {
        let App {
            control,
            http,
            admin,
            token,
            readiness,
            facts,
            reloader,
            secrets,
            metrics,
            otlp,
            reporter,
            tenancy,
            ..
        } = app;
        let reload = Arc::new(Reloading(Arc::clone(&reloader)));
        let mut beside = JoinSet::new();
        beside.spawn(async move { secrets.watch().await });
        if let Some(reporter) = &reporter {
            beside.spawn(Arc::clone(reporter).run());
        }
        let open = CancellationToken::new();
        let admin = Listener::spawn(|stop| {
            let (control, stop) = (Arc::clone(&control), stop.cancelled_owned());
            admin.serve(Administered { control, token, readiness: readiness.clone(), facts, reload, metrics }, stop)
        });
        let http = Listener::spawn(|stop| {
            let (control, open) = (Arc::clone(&control), open.clone());
            async move {
                open.cancelled().await;
                http.serve(control, stop.cancelled_owned()).await;
            }
        });
        Self { control, readiness, http, admin, open, reloader, beside, otlp, reporter, _tenancy: tenancy }
    }

    /// Brings up the services; `tell` is called for each that is dealt with.
    ///
    /// # Errors
    /// If a component cannot be read, or nothing can be brought up.
    pub(crate) async fn start(
        &self,
        services: Vec<ServiceConfig>,
        mut tell: impl FnMut(&ServiceName, &Started) + Send,
    ) -> Result<(), Failure> {
        let mut declared = Vec::with_capacity(services.len());
        let mut pins = Vec::with_capacity(services.len());
        for service in services {
            let (service, pin) = components::store(&self.control, &service).await?;
            declared.push(service);
            pins.push(pin);
        }
        let told = |service: &ServiceName, started: &Started| {
            self.open.cancel();
            tell(service, started);
        };
        self.control.start(declared, told).await.map_err(Failure::failed)?;
        self.open.cancel();
        self.readiness.set(ReadinessState::Ready);
        Ok(())
    }

    /// Takes new configurations from now on: at `hangup`, and when the file has changed.
    pub(crate) fn follow_file(&mut self, hangup: Signal) {
        self.beside.spawn(reload::hangups(Arc::clone(&self.reloader), hangup));
        self.beside.spawn(reload::watch(Arc::clone(&self.reloader)));
    }

    /// How long calls may take to end when the host stops.
    pub(crate) fn drain(&self) -> Duration {
        self.reloader.running().host.drain
    }

    /// Stops: takes no more calls, and lets those there are end, within `drain`. Returns how many were cut.
    pub(crate) async fn stop(mut self, drain: Duration) -> u64 {
        let deadline = Instant::now() + drain;
        // Operators and load balancers can see that the host stops, for as long as it does.
        self.readiness.set(ReadinessState::Stopping);
        self.beside.abort_all();
        self.open.cancel();
        self.http.stop().await;
        let n_cut = self.control.stop(deadline.saturating_duration_since(Instant::now())).await;
        if let Some(otlp) = &self.otlp {
            if let Some(reporter) = &self.reporter {
                reporter.report().await;
            }
            // What the last calls left is worth a moment, whatever they left of the time.
            otlp.close(deadline.max(Instant::now() + FLUSH)).await;
        }
        self.admin.stop().await;
        n_cut
    }
}

impl Listener {
    fn spawn<F: Future<Output = ()> + Send + 'static>(serve: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        Self { task: tokio::spawn(serve(stop.clone())), stop }
    }

    /// Returns when the listener is done; it has a deadline of its own.
    async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("a listener broke down: {error}");
        }
    }
}
