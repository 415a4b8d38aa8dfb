//! Secrets in files and in the environment.
//!
//! The files are read every second and compared, as those of certificates are: that works on every file system, and for every
//! way in which a file can change, be it by an editor, a rename, or a symbolic link that is turned. A change counts when it
//! was seen twice. The environment of a process does not change from outside; its variables are read when they are asked for.

mod follow;
mod read;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use patchbay_model::ports::{BoxFuture, OpenSecret, SecretError, Secrets};
use patchbay_model::{Secret, SecretRef};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use follow::{Follower, Look, News};
use read::read;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The secrets of this machine.
#[derive(Debug)]
pub struct MachineSecrets {
    /// Where relative paths begin.
    folder: PathBuf,
    /// What is held by somebody.
    open: Mutex<HashMap<SecretRef, Weak<Held>>>,
    /// The values of what is held, for those who have to keep them out of something.
    values: RwLock<Arc<[Arc<Secret>]>>,
}

/// A secret that somebody holds.
#[derive(Debug)]
struct Held {
    reference: SecretRef,
    value: RwLock<Arc<Secret>>,
    follower: Mutex<Follower>,
}

impl OpenSecret for Held {
    fn value(&self) -> Arc<Secret> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl MachineSecrets {
    /// Secrets whose relative paths begin at `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, open: Mutex::default(), values: RwLock::default() }
    }

    /// The values that somebody holds, so that they can be kept out of logs. One that is not held any more may be among them.
    pub fn values(&self) -> Arc<[Arc<Secret>]> {
        Arc::clone(&self.values.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes the values anew.
    fn note_values(&self) {
        let held: Vec<_> = self.table().values().filter_map(Weak::upgrade).collect();
        *self.values.write().unwrap_or_else(PoisonError::into_inner) = held.iter().map(|held| held.value()).collect();
    }

    /// Reads a secret once, to see whether it can be had. Blocks for as long as the file system takes. What comes back is a
    /// warning, if there is reason for one.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn check(&self, reference: &SecretRef) -> Result<Option<String>, SecretError> {
        read(&self.folder, reference).map(|found| found.warning)
    }

    /// Takes up new values for as long as it is polled. Never ends.
    pub async fn watch(&self) {
        loop {
            sleep(LOOK).await;
            let held: Vec<_> = {
                let mut open = self.table();
                open.retain(|_, held| held.strong_count() > 0);
                open.values().filter_map(Weak::upgrade).collect()
            };
            for held in held.into_iter().filter(|held| matches!(held.reference, SecretRef::File(_))) {
                self.look(&held).await;
            }
        }
    }

    async fn look(&self, held: &Held) {
        let (folder, reference) = (self.folder.clone(), held.reference.clone());
        let Ok(found) = spawn_blocking(move || read(&folder, &reference)).await else { return };
        let (look, warning) = match found {
            Ok(found) => (Look::Value(Arc::new(found.secret)), found.warning),
            Err(error) => (Look::Wrong(error.problem), None),
        };
        let news = held.follower.lock().unwrap_or_else(PoisonError::into_inner).see(look);
        match news {
            None => {}
            Some(News::Value(value)) => {
                *held.value.write().unwrap_or_else(PoisonError::into_inner) = value;
                self.note_values();
                tracing::info!("{} has a new value", held.reference);
                warn(warning);
            }
            Some(News::Back) => tracing::info!("{} can be read again", held.reference),
            Some(News::Wrong(problem)) => {
                tracing::warn!(
                    "{} keeps its last value, because it cannot be read any more: {problem}",
                    held.reference
                );
            }
        }
    }

    async fn open_one(&self, reference: &SecretRef) -> Result<Arc<dyn OpenSecret>, SecretError> {
        let (folder, wanted) = (self.folder.clone(), reference.clone());
        let found = spawn_blocking(move || read(&folder, &wanted)).await.map_err(|error| SecretError {
            reference: reference.clone(),
            problem: format!("it could not be read: {error}"),
        })??;
        let mut open = self.table();
        if let Some(held) = open.get(reference).and_then(Weak::upgrade) {
            // Who holds it already goes on with it, and sees a change as soon as it counts.
            return Ok(held);
        }
        warn(found.warning);
        let value = Arc::new(found.secret);
        let held = Arc::new(Held {
            reference: reference.clone(),
            follower: Mutex::new(Follower::new(Arc::clone(&value))),
            value: RwLock::new(value),
        });
        open.retain(|_, held| held.strong_count() > 0);
        open.insert(reference.clone(), Arc::downgrade(&held));
        drop(open);
        self.note_values();
        Ok(held)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<SecretRef, Weak<Held>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Secrets for MachineSecrets {
    fn open<'a>(&'a self, reference: &'a SecretRef) -> BoxFuture<'a, Result<Arc<dyn OpenSecret>, SecretError>> {
        Box::pin(self.open_one(reference))
    }
}

fn warn(warning: Option<String>) {
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
}

#[cfg(test)]
mod tests;
