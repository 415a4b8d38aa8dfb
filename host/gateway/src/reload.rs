//! A new `runtime.toml` while the host runs, as the admin API asks for it and tells of it. The work is done by whoever put the
//! host together, who is the only one that knows all its parts.

use std::collections::BTreeMap;

use patchbay_model::ports::BoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Takes a new `runtime.toml`.
pub trait Reload: Send + Sync {
    /// Reads the file, judges it, and takes it, unless this is only a trial. It goes on to its end if the future is dropped.
    fn reload(&self, trial: bool) -> BoxFuture<'_, Result<Reloaded, NotReloaded>>;

    /// The configuration that holds now: keys and values, without secrets.
    fn config(&self) -> BTreeMap<String, String>;

    /// The keys whose values in the file hold only after a restart.
    fn needs_restart(&self) -> Vec<String>;
}

/// What a new file changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Whether it was taken; `false` for a trial.
    pub applied: bool,
    /// Each key that is different, in the order of the file.
    pub keys: Vec<KeyChange>,
    /// Each service of which something else serves.
    pub services: Vec<ServiceNews>,
    /// All keys whose values in the file hold only after a restart, those of earlier changes among them.
    #[schema(example = json!(["http.listen"]))]
    pub needs_restart: Vec<String>,
}

/// How a key is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyChangeKind {
    /// It was not there.
    Added,
    /// It is not there any more, so that its default holds.
    Removed,
    /// It has another value.
    Changed,
}

/// One key that is different. What is secret is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyChange {
    /// The key.
    #[schema(example = "services.orders.timeout")]
    pub key: String,
    /// How it is different.
    pub change: KeyChangeKind,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "\"5s\"")]
    pub old: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "\"7s\"")]
    pub new: Option<String>,
    /// The line of the file that says it; for a key that was removed, the line at which it stood.
    pub line: usize,
    /// Whether it holds only after a restart.
    pub needs_restart: bool,
}

/// What happens to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceNews {
    /// The service.
    #[schema(example = "orders")]
    pub service: String,
    /// What serves from now on; absent if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "orders@4")]
    pub revision: Option<String>,
    /// What it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "orders@3")]
    pub replaced: Option<String>,
    /// Why it cannot serve what the file declares, as it could not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What the one who asked can do about a file that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReloadedKind {
    /// The file, or what it names, has to be repaired.
    Refused,
    /// Another change is in the way, which may be over soon.
    Conflict,
    /// The host failed.
    Host,
    /// The host starts or stops.
    Unavailable,
}

/// Why a new file was not taken. What was before still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReloaded {
    /// What can be done about it.
    pub kind: NotReloadedKind,
    /// Everything that is wrong, a line for each, with file, line, column and key where there are any.
    pub message: String,
}

/// A host that has no file to reload.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReload;

impl Reload for NoReload {
    fn reload(&self, _: bool) -> BoxFuture<'_, Result<Reloaded, NotReloaded>> {
        let message = "this host has no runtime.toml to reload".to_owned();
        Box::pin(std::future::ready(Err(NotReloaded { kind: NotReloadedKind::Unavailable, message })))
    }

    fn config(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn needs_restart(&self) -> Vec<String> {
        Vec::new()
    }
}
