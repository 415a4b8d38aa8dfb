//! Secrets in memory, whose values a test changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use patchbay_model::ports::{BoxFuture, OpenSecret, SecretError, Secrets};
use patchbay_model::{Secret, SecretRef};

/// Those that there are.
#[derive(Debug, Default)]
pub(crate) struct FakeSecrets(Mutex<BTreeMap<SecretRef, Arc<Place>>>);

#[derive(Debug)]
struct Place(Mutex<Arc<Secret>>);

impl FakeSecrets {
    /// Gives a secret a value.
    pub(crate) fn put(&self, reference: &SecretRef, value: &str) {
        let value = Arc::new(Secret::new(value.to_owned()));
        let mut all = self.0.lock().unwrap();
        let place = all.entry(reference.clone()).or_insert_with(|| Arc::new(Place(Mutex::new(Arc::clone(&value)))));
        *place.0.lock().unwrap() = value;
    }
}

impl OpenSecret for Place {
    fn value(&self) -> Arc<Secret> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

impl Secrets for FakeSecrets {
    fn open<'a>(&'a self, reference: &'a SecretRef) -> BoxFuture<'a, Result<Arc<dyn OpenSecret>, SecretError>> {
        let found = self.0.lock().unwrap().get(reference).cloned();
        let missing = || SecretError { reference: reference.clone(), problem: "there is none".to_owned() };
        Box::pin(std::future::ready(found.map(|place| place as _).ok_or_else(missing)))
    }
}
