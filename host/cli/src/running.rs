//! A host from its first service to its last call: start, serve, stop.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use patchbay_control::{Control, DeclaredService, Started};
use patchbay_gateway::{Readiness, ReadinessState};
use patchbay_model::ports::StoredComponent;
use patchbay_model::{DigestWriter, ServiceName};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Tenancy};
use crate::config::ServiceConfig;
use crate::failure::Failure;

/// Bytes of a component that are read at a time.
const PIECE: usize = 1 << 20;

/// A host that serves.
pub(crate) struct Running {
    pub(crate) control: Arc<Control>,
    readiness: Readiness,
    http: Listener,
    admin: Listener,
    /// Callers are let in once their services are known; before, nothing could be said about their requests.
    open: CancellationToken,
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
        let App { control, http, admin, token, readiness, facts, tenancy, .. } = app;
        let open = CancellationToken::new();
        let admin = Listener::spawn(|stop| {
            admin.serve(Arc::clone(&control), token, readiness.clone(), facts, stop.cancelled_owned())
        });
        let http = Listener::spawn(|stop| {
            let (control, open) = (Arc::clone(&control), open.clone());
            async move {
                open.cancelled().await;
                http.serve(control, stop.cancelled_owned()).await;
            }
        });
        Self { control, readiness, http, admin, open, _tenancy: tenancy }
    }

    /// Brings up the services; `tell` is called for each that is dealt with.
    ///
    /// # Errors
    /// If a component cannot be read, or nothing can be brought up.
    pub(crate) async fn start(
        &self,
        services: &[ServiceConfig],
        mut tell: impl FnMut(&ServiceName, &Started) + Send,
    ) -> Result<(), Failure> {
        let mut declared = Vec::with_capacity(services.len());
        for service in services {
            declared.push(store(&self.control, service).await?);
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

    /// Stops: takes no more calls, and lets those there are end, within `drain`. Returns how many were cut.
    pub(crate) async fn stop(self, drain: Duration) -> u64 {
        let deadline = Instant::now() + drain;
        // Operators and load balancers can see that the host stops, for as long as it does.
        self.readiness.set(ReadinessState::Stopping);
        self.open.cancel();
        self.http.stop().await;
        let n_cut = self.control.stop(deadline.saturating_duration_since(Instant::now())).await;
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

/// Puts the component that a service declares into the store.
async fn store(control: &Control, service: &ServiceConfig) -> Result<DeclaredService, Failure> {
    let ServiceConfig { name, component, settings, routes, places, .. } = service;
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("the component `{}` of service `{name}` cannot be taken: {error}", component.display()))
    };
    let mut digest = DigestWriter::default();
    let mut file = File::open(component).await.map_err(|error| cannot(&error))?;
    while let Some(piece) = next_piece(&mut file).await.map_err(|error| cannot(&error))? {
        digest.update(&piece);
    }
    let digest = digest.finish();
    let component = match control.components().read(&digest).await {
        // It was stored at an earlier start. A disk that is full by now does not matter then.
        Ok(bytes) => StoredComponent { digest, size: bytes.len() as u64 },
        Err(_) => {
            file.rewind().await.map_err(|error| cannot(&error))?;
            let mut writer = control.components().begin().await.map_err(|error| cannot(&error))?;
            while let Some(piece) = next_piece(&mut file).await.map_err(|error| cannot(&error))? {
                writer.write(piece).await.map_err(|error| cannot(&error))?;
            }
            writer.finish().await.map_err(|error| cannot(&error))?
        }
    };
    Ok(DeclaredService {
        name: name.clone(),
        component,
        settings: settings.clone(),
        routes: routes.clone(),
        places: places.clone(),
    })
}

/// The next bytes of a file; `None` at its end.
async fn next_piece(file: &mut File) -> std::io::Result<Option<Bytes>> {
    let mut piece = Vec::with_capacity(PIECE);
    let length = file.take(PIECE as u64).read_to_end(&mut piece).await?;
    Ok((length > 0).then(|| piece.into()))
}
