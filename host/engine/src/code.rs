//! The machine code of components, linked and ready to be instantiated. Revisions of the same component share it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use patchbay_model::Digest;
use patchbay_model::ports::PrepareError;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::format_err;
use wasmtime_wasi_http::{p2, p3};

use crate::admit::{self, Handlers};
use crate::engines::Wasi;
use crate::exports::Exports;
use crate::imports;
use crate::message_handler::MessageHandlerIndex;
use crate::state::State;
use crate::usage::{LoadedCode, Totals};

/// A component that was compiled and linked.
pub(crate) struct Code {
    // In this order: the code is gone before it is no longer counted.
    pub(crate) service: Service,
    /// The functions that can be called beside.
    pub(crate) exports: Exports,
    /// What handles messages, if the component does.
    pub(crate) message_handler: Option<MessageHandlerIndex>,
    _counted: LoadedCode,
    key: Key,
    shelf: Arc<Shelf>,
}

/// How the component is run, and what makes its instances.
pub(crate) enum Service {
    /// One call at a time in an instance.
    Solo {
        pre: InstancePre<State>,
        /// Handles requests with WASI 0.2, if the component does.
        handler: Option<p2::bindings::ProxyIndices>,
    },
    /// As many calls at a time in an instance as its policy lets.
    Ensemble {
        pre: InstancePre<State>,
        /// Handles requests with WASI 0.3, if the component does.
        handler: Option<p3::bindings::ServiceIndices>,
    },
}

impl Code {
    /// What it was compiled from, and for which engine.
    pub(crate) const fn key(&self) -> Key {
        self.key
    }

    /// Links `component`.
    ///
    /// # Errors
    /// If its imports or exports do not have the shapes that their names promise, or it cannot use what it imports.
    pub(crate) fn new(
        component: &Component,
        linker: &Linker<State>,
        key: Key,
        shelf: &Arc<Shelf>,
    ) -> Result<Self, PrepareError> {
        let mut linker = linker.clone();
        let waits = imports::define(component, &mut linker).map_err(|error| incompatible(&error))?;
        let pre = linker.instantiate_pre(component).map_err(|error| admit::mismatch(&error))?;
        let (engine, ty) = (linker.engine(), component.component_type());
        let handlers = Handlers::among(ty.exports(engine).map(|(name, _)| name));
        let exports = Exports::of(component, engine);
        let message_handler = MessageHandlerIndex::of(component, engine);
        let waits_itself =
            handlers.p3 || exports.any_async() || message_handler.is_some_and(|found| found.way.is_async());
        if let Some(function) = waits.filter(|_| !waits_itself) {
            return Err(incompatible(&format_err!(
                "the component imports the `async func` `{function}`, and none of its exports is one: a `func` cannot wait \
                 for it. Export an `async func`, handle requests with WASI 0.3, or import a `func` in its place, which may \
                 be linked to the same service"
            )));
        }
        let service = if handlers.is_ensemble(key.1) {
            let handler = handlers.p3.then(|| p3::bindings::ServiceIndices::new(&pre)).transpose();
            handler.map(|handler| Service::Ensemble { pre, handler })
        } else {
            let handler = handlers.p2.then(|| p2::bindings::ProxyIndices::new(&pre)).transpose();
            handler.map(|handler| Service::Solo { pre, handler })
        };
        let image = component.image_range();
        let bytes = (image.end as usize).saturating_sub(image.start as usize);
        Ok(Self {
            service: service.map_err(|error| admit::mismatch(&error))?,
            exports,
            message_handler,
            _counted: LoadedCode::new(shelf.totals.clone(), bytes as u64),
            key,
            shelf: shelf.clone(),
        })
    }
}

fn incompatible(error: &wasmtime::Error) -> PrepareError {
    PrepareError::Incompatible(format!("{error:#}"))
}

impl Drop for Code {
    fn drop(&mut self) {
        let mut codes = self.shelf.lock();
        // Another one may stand there already, made while the last reference to this one was going away.
        if codes.get(&self.key).is_some_and(|code| code.strong_count() == 0) {
            codes.remove(&self.key);
        }
    }
}

/// A component, compiled for one of the engines.
pub(crate) type Key = (Digest, Wasi);

/// Finds the code that is in memory already.
pub(crate) struct Shelf {
    totals: Arc<Totals>,
    codes: Mutex<HashMap<Key, Weak<Code>>>,
}

impl Shelf {
    pub(crate) fn new(totals: Arc<Totals>) -> Arc<Self> {
        Arc::new(Self { totals, codes: Mutex::default() })
    }

    pub(crate) fn find(&self, key: &Key) -> Option<Arc<Code>> {
        self.lock().get(key).and_then(Weak::upgrade)
    }

    /// Puts `code` where others find it, or hands out the one that was put there meanwhile.
    pub(crate) fn put(&self, code: Code) -> Arc<Code> {
        let code = Arc::new(code);
        let mut codes = self.lock();
        if let Some(earlier) = codes.get(&code.key).and_then(Weak::upgrade) {
            // Released first: dropping the later code takes the lock again.
            drop(codes);
            return earlier;
        }
        codes.insert(code.key, Arc::downgrade(&code));
        drop(codes);
        code
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Weak<Code>>> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
