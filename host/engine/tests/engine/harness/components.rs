//! Components that the engine can read again.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use patchbay_model::Digest;
use patchbay_model::ports::{BoxFuture, ComponentStore, ComponentWriter, StorageError};

/// What was prepared, unless a test took it out.
#[derive(Default)]
pub(crate) struct Components {
    stored: Mutex<HashMap<Digest, Bytes>>,
    n_reads: AtomicUsize,
}

impl Components {
    pub(crate) fn put(&self, bytes: &Bytes) {
        self.stored.lock().unwrap().insert(Digest::of(bytes), bytes.clone());
    }

    pub(crate) fn clear(&self) {
        self.stored.lock().unwrap().clear();
    }

    /// How often one was asked for.
    pub(crate) fn n_reads(&self) -> usize {
        self.n_reads.load(Ordering::Relaxed)
    }
}

impl ComponentStore for Components {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>> {
        Box::pin(async { Err(StorageError::Missing("a place to write to".to_owned())) })
    }

    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>> {
        self.n_reads.fetch_add(1, Ordering::Relaxed);
        let found = self.stored.lock().unwrap().get(digest).cloned();
        Box::pin(async move { found.ok_or_else(|| StorageError::Missing(digest.to_string())) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>> {
        let all = self.stored.lock().unwrap().keys().copied().collect();
        Box::pin(async move { Ok(all) })
    }

    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>> {
        self.stored.lock().unwrap().remove(digest);
        Box::pin(async { Ok(()) })
    }
}
