//! Why a new `runtime.toml` is not taken.

use std::fmt;

use patchbay_model::ServiceName;

use crate::change::{ChangeError, ChangeErrorKind};
use crate::routes::{RouteConflict, RouteOwner};

/// One thing that is wrong with a reload.
#[derive(Debug, Clone)]
pub struct ReloadProblem {
    /// The service that it is about, if it is about one.
    pub service: Option<ServiceName>,
    /// What it is.
    pub error: ChangeError,
}

/// Everything that is wrong with a reload. What served before still serves. Never empty.
#[derive(Debug, Clone, thiserror::Error)]
pub struct ReloadError {
    /// One for each thing.
    pub problems: Vec<ReloadProblem>,
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, ReloadProblem { service, error }) in self.problems.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "\n" })?;
            if let Some(service) = service {
                write!(f, "`{service}`: ")?;
            }
            if let Some(step) = error.step {
                write!(f, "at step `{step}`: ")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl ReloadError {
    pub(super) fn one(service: &ServiceName, error: ChangeError) -> Self {
        Self { problems: vec![ReloadProblem { service: Some(service.clone()), error }] }
    }

    pub(super) fn busy() -> Self {
        ChangeError::new(ChangeErrorKind::Conflict, "another reload is under way; try again when it is done").into()
    }

    pub(super) fn stopping() -> Self {
        ChangeError::new(ChangeErrorKind::Host, "the host is stopping and takes no changes").into()
    }

    /// What the one who asked can do about it: what can be done about the first thing.
    pub fn kind(&self) -> ChangeErrorKind {
        self.problems.first().map_or(ChangeErrorKind::Host, |problem| problem.error.kind)
    }
}

impl From<ChangeError> for ReloadError {
    fn from(error: ChangeError) -> Self {
        Self { problems: vec![ReloadProblem { service: None, error }] }
    }
}

impl From<RouteConflict> for ReloadError {
    fn from(conflict: RouteConflict) -> Self {
        match conflict.second.clone() {
            RouteOwner::Service(service) => Self::one(&service, conflict.into()),
            RouteOwner::Host => ChangeError::from(conflict).into(),
        }
    }
}
