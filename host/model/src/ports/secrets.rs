//! The port behind which secrets are.

use std::fmt;
use std::sync::Arc;

use super::BoxFuture;
use crate::{Secret, SecretRef};

/// Why a secret cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reference} cannot be used: {problem}")]
pub struct SecretError {
    /// The secret.
    pub reference: SecretRef,
    /// What is wrong, and what to do. Nothing of the value is in it.
    pub problem: String,
}

/// Finds secrets.
pub trait Secrets: Send + Sync {
    /// Reads a secret, and keeps up with it for as long as what is returned is held: when the value changes in its place, it
    /// changes here.
    fn open<'a>(&'a self, reference: &'a SecretRef) -> BoxFuture<'a, Result<Arc<dyn OpenSecret>, SecretError>>;
}

/// A secret that is kept up with.
pub trait OpenSecret: fmt::Debug + Send + Sync {
    /// Its value now; the last good one, where its place has none any more. Waits for nothing.
    fn value(&self) -> Arc<Secret>;
}

/// No secrets: no reference leads anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn open<'a>(&'a self, reference: &'a SecretRef) -> BoxFuture<'a, Result<Arc<dyn OpenSecret>, SecretError>> {
        let error = SecretError { reference: reference.clone(), problem: "this host has no secrets".to_owned() };
        Box::pin(std::future::ready(Err(error)))
    }
}
