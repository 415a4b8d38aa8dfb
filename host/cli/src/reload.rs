//! A new `runtime.toml` while the host runs: read, told apart, judged by everybody who has a part of it, and taken as a whole.
//!
//! `classes.rs` says of every key whether it can change now; `part.rs` is what has a part of the file beside control; `watch.rs`
//! is what sets a reload off.

mod classes;
mod part;
mod report;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as SharedMutex, MutexGuard, PoisonError};

use patchbay_control::{
    ChangeErrorKind, Control, DeclaredService, EventKind, Pin, PreparedReload, ReloadError, ReloadRequest,
};
use patchbay_gateway::{NotReloaded, NotReloadedKind, Readiness, ReadinessState, Reload, Reloaded};
use patchbay_model::Digest;
use patchbay_model::ports::BoxFuture;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::app::facts;
use crate::components;
use crate::config::{Config, ConfigError, ConfigFile, Document};

pub(crate) use part::{Commit, Complaint, ListenerLimits, Reloadable};
pub(crate) use report::{key as told_key, service as told_service};
pub(crate) use watch::{hangups, watch};

use classes::classify;

/// Where the configuration of a host comes from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file. It need not be there.
    pub(crate) file: PathBuf,
    /// The state directory that the command line names, in place of the one in the file.
    pub(crate) state: Option<PathBuf>,
}

impl Source {
    /// The configuration that `config` of the file means for this host.
    pub(crate) fn applied_to(&self, mut config: Config) -> Config {
        if let Some(state) = &self.state {
            config.host.state.clone_from(state);
        }
        config
    }
}

/// Takes new configurations.
pub(crate) struct Reloader {
    source: Source,
    control: Arc<Control>,
    /// What has a part of the file beside control.
    parts: Vec<Box<dyn Reloadable>>,
    readiness: Readiness,
    /// One reload at a time.
    taken: Mutex<Taken>,
    /// What is known of it to those who only ask.
    known: SharedMutex<Known>,
}

/// The file that was taken last.
struct Taken {
    document: Document,
    /// The file that was tried last, whether it was taken or not; `None` if it could not be read.
    tried: Option<Digest>,
}

/// The configuration that holds, which is not in all what the file says.
struct Known {
    running: Arc<Config>,
    needs_restart: Vec<String>,
}

/// A reload that is judged, and what holds together with it.
struct Judged {
    file: ConfigFile,
    running: Config,
    needs_restart: Vec<String>,
    commits: Vec<part::Commit>,
    prepared: PreparedReload,
    _pins: Vec<Pin>,
}

impl Reloader {
    /// One for a host that runs with `config`, as `document` says it.
    pub(crate) fn new(
        source: Source,
        config: Config,
        document: Document,
        control: Arc<Control>,
        readiness: Readiness,
        parts: Vec<Box<dyn Reloadable>>,
    ) -> Self {
        let tried = std::fs::read(&source.file).ok().map(|bytes| Digest::of(&bytes));
        let known = SharedMutex::new(Known { running: Arc::new(config), needs_restart: Vec::new() });
        Self { source, control, parts, readiness, taken: Mutex::new(Taken { document, tried }), known }
    }

    /// The configuration that holds now.
    pub(crate) fn running(&self) -> Arc<Config> {
        Arc::clone(&self.known().running)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the file, and takes it, unless this is only a trial. `cause` is told, and says what set it off.
    async fn run(&self, cause: &str, trial: bool) -> Result<Reloaded, NotReloaded> {
        if self.readiness.state() != ReadinessState::Ready {
            let message = "the host is starting or stopping, and takes no new configuration now".to_owned();
            return Err(NotReloaded { kind: NotReloadedKind::Unavailable, message });
        }
        let mut taken = self.taken.lock().await;
        let outcome = Box::pin(self.reload_into(&mut taken, trial)).await;
        match &outcome {
            Ok(_) if trial => {}
            Ok(reloaded) => {
                self.control.tell_reload(EventKind::Reloaded, &format!("{cause}: {}", report::line(reloaded)));
            }
            // What is in the way goes; whoever asks again is told again.
            Err(refusal) if refusal.kind == NotReloadedKind::Conflict || trial => {}
            Err(refusal) => {
                let message = format!("{cause}: the new configuration is not taken:\n{}", refusal.message);
                self.control.tell_reload(EventKind::ReloadRefused, &message);
            }
        }
        outcome
    }

    async fn reload_into(&self, taken: &mut Taken, trial: bool) -> Result<Reloaded, NotReloaded> {
        let (digest, file) = self.read().await;
        let judged = match file {
            Ok(file) => Box::pin(self.judge(file)).await,
            Err(error) => Err(report::of_config(&error)),
        };
        // One that is only held up is tried again.
        if !trial && !judged.as_ref().is_err_and(|refusal| refusal.kind == NotReloadedKind::Conflict) {
            taken.tried = digest;
        }
        let judged = judged?;
        let document = judged.file.document();
        let mut keys = taken.document.changes_to(&document);
        for change in &mut keys {
            change.needs_restart = judged.needs_restart.iter().any(|pending| classes::is_within(&change.key, pending));
        }
        let mut reloaded = Reloaded {
            applied: !trial,
            keys,
            services: report::services(&judged.prepared.changes()),
            needs_restart: judged.needs_restart.clone(),
        };
        if trial {
            return Ok(reloaded);
        }
        let changes = match self.control.publish_reload(judged.prepared).await {
            Ok(changes) => changes,
            Err(error) => return Err(report::of_reload(&error, &judged.file)),
        };
        for commit in judged.commits {
            commit();
        }
        reloaded.services = report::services(&changes);
        taken.document = document;
        *self.known() = Known { running: Arc::new(judged.running), needs_restart: judged.needs_restart };
        for warning in &judged.file.warnings {
            tracing::warn!("{warning}");
        }
        Ok(reloaded)
    }

    /// The file as it is now, and the digest of its bytes.
    async fn read(&self) -> (Option<Digest>, Result<ConfigFile, ConfigError>) {
        let path = self.source.file.clone();
        let read = spawn_blocking(move || {
            let shown = path.display().to_string();
            match std::fs::read(&path) {
                Err(error) => (None, Err(ConfigError::Unreadable { file: shown, error })),
                Ok(bytes) => {
                    (Some(Digest::of(&bytes)), ConfigFile::read(&shown, bytes, crate::config::directory_of(&path)))
                }
            }
        });
        read.await.unwrap_or_else(|error| {
            let error = std::io::Error::other(error);
            (None, Err(ConfigError::Unreadable { file: self.source.file.display().to_string(), error }))
        })
    }

    /// Has everybody judge a file. Nothing is changed.
    async fn judge(&self, mut file: ConfigFile) -> Result<Judged, NotReloaded> {
        file.judged().map_err(|problems| report::of_config(&problems.into()))?;
        let wanted = self.source.applied_to(file.config.clone());
        let (running, needs_restart) = classify(&self.running(), &wanted);
        let (commits, complaints): (Vec<_>, Vec<_>) =
            self.parts.iter().map(|part| part.judge(&running)).partition(Result::is_ok);
        for complaint in complaints.into_iter().filter_map(Result::err).flatten() {
            file.complain(&complaint.key, &complaint.message);
        }
        let (declared, pins) = self.store(&mut file).await;
        file.judged().map_err(|problems| report::of_config(&problems.into()))?;
        let request = ReloadRequest { config: running.control.clone(), services: declared };
        let prepared = self.control.prepare_reload(request).await;
        let prepared = prepared.map_err(|error: ReloadError| report::of_reload(&error, &file))?;
        let commits = commits.into_iter().filter_map(Result::ok).collect();
        Ok(Judged { file, running, needs_restart, commits, prepared, _pins: pins })
    }

    /// Puts the components of all services into the store, where they are kept for as long as the pins.
    async fn store(&self, file: &mut ConfigFile) -> (Vec<DeclaredService>, Vec<Pin>) {
        let (mut declared, mut pins) = (Vec::new(), Vec::new());
        for service in file.config.services.clone() {
            match components::store(&self.control, &service).await {
                Ok((service, pin)) => {
                    declared.push(service);
                    pins.push(pin);
                }
                Err(error) => {
                    let key = format!("services.{}.component", service.name);
                    file.report(&service.component_at, &key, &error.to_string());
                }
            }
        }
        (declared, pins)
    }
}

/// The reloader, as the admin API asks it.
pub(crate) struct Reloading(pub(crate) Arc<Reloader>);

impl Reload for Reloading {
    fn reload(&self, trial: bool) -> BoxFuture<'_, Result<Reloaded, NotReloaded>> {
        let reloader = Arc::clone(&self.0);
        Box::pin(async move {
            // In a task of its own: who asked may go away, and what was begun is to be brought to its end.
            let work = tokio::spawn(async move { reloader.run("`patchbay reload`", trial).await });
            work.await.unwrap_or_else(|error| {
                Err(NotReloaded { kind: NotReloadedKind::Host, message: format!("the reload broke off: {error}") })
            })
        })
    }

    fn config(&self) -> BTreeMap<String, String> {
        facts(&self.0.running())
    }

    fn needs_restart(&self) -> Vec<String> {
        self.0.known().needs_restart.clone()
    }
}

/// What the one who asked can do, as the admin API tells it.
fn kind_of(kind: ChangeErrorKind) -> NotReloadedKind {
    match kind {
        ChangeErrorKind::Conflict => NotReloadedKind::Conflict,
        ChangeErrorKind::NotFound | ChangeErrorKind::Refused | ChangeErrorKind::Unlinked => NotReloadedKind::Refused,
        ChangeErrorKind::Host => NotReloadedKind::Host,
    }
}
