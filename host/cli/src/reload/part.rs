//! What has a part of the configuration beside control. The composition root lists all of it.

use patchbay_gateway::HttpTuner;

use crate::config::Config;
use crate::open_files;

/// Has a new part hold. It was judged before, so it cannot fail.
pub(super) type Commit = Box<dyn FnOnce() + Send>;

/// Something that is wrong with a part of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The key, such as `http.max_connections`.
    pub(crate) key: String,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
}

/// What can take a new configuration while the host runs.
pub(crate) trait Reloadable: Send + Sync {
    /// Judges the part that is its own, and makes ready what can be, without changing anything. What comes back is done once
    /// everybody has judged and the snapshot is published; otherwise it is dropped.
    ///
    /// # Errors
    /// Everything that is wrong.
    fn judge(&self, config: &Config) -> Result<Commit, Vec<Complaint>>;
}

/// What the listener for callers allows its connections.
pub(crate) struct ListenerLimits(pub(crate) HttpTuner);

impl Reloadable for ListenerLimits {
    fn judge(&self, config: &Config) -> Result<Commit, Vec<Complaint>> {
        let (tuner, http) = (self.0.clone(), config.http.clone());
        Ok(Box::new(move || {
            open_files::allow(http.max_connections);
            tuner.apply(&http);
        }))
    }
}
