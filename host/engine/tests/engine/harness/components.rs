//! Components that the engine can read again.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use patchbay_model::Digest;
use patchbay_model::ports::{BoxFuture, ComponentStore, ComponentWriter, StorageError};

/// What was prepared, unless a test took it out.
#[derive(Default)]
pub(crate) struct Components(Mutex<HashMap<Digest, Bytes>>);

impl Components {
    pub(crate) fn put(&self, bytes: &Bytes) {
        self.0.lock().unwrap().insert(Digest::of(bytes), bytes.clone());
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl ComponentStore for Components {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>> {
        Box::pin(async { Err(StorageError::Missing("a place to write to".to_owned())) })
    }

    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>> {
        let found = self.0.lock().unwrap().get(digest).cloned();
        Box::pin(async move { found.ok_or_else(|| StorageError::Missing(digest.to_string())) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>> {
        let all = self.0.lock().unwrap().keys().copied().collect();
        Box::pin(async move { Ok(all) })
    }

    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>> {
        self.0.lock().unwrap().remove(digest);
        Box::pin(async { Ok(()) })
    }
}
