//! The machine code of components, linked and ready to be instantiated. Revisions of the same component share it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use patchbay_model::Digest;
use patchbay_model::ports::PrepareError;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi_http::{p2, p3};

use crate::admit;
use crate::engines::Wasi;
use crate::exports::Exports;
use crate::imports;
use crate::state::State;
use crate::usage::{LoadedCode, Totals};

/// A component that was compiled and linked.
pub(crate) struct Code {
    // In this order: the code is gone before it is no longer counted.
    pub(crate) service: Service,
    /// The functions that can be called beside.
    pub(crate) exports: Exports,
    _counted: LoadedCode,
    key: Key,
    shelf: Arc<Shelf>,
}

/// How the component is run.
pub(crate) enum Service {
    /// One call at a time in an instance.
    Solo {
        /// Makes instances.
        pre: InstancePre<State>,
        /// Handles requests with WASI 0.2, if the component does.
        handler: Option<p2::bindings::ProxyIndices>,
    },
    /// It handles requests with WASI 0.3.
    P3(p3::bindings::ServicePre<State>),
}

impl Code {
    /// Links `component`.
    ///
    /// # Errors
    /// If its imports or exports do not have the shapes that their names promise.
    pub(crate) fn new(
        component: &Component,
        linker: &Linker<State>,
        key: Key,
        shelf: &Arc<Shelf>,
    ) -> Result<Self, PrepareError> {
        let mut linker = linker.clone();
        imports::define(component, &mut linker).map_err(|error| PrepareError::Incompatible(format!("{error:#}")))?;
        let pre = linker.instantiate_pre(component).map_err(|error| admit::mismatch(&error))?;
        let engine = linker.engine();
        let exports = Exports::of(component, engine, key.1).map_err(PrepareError::Incompatible)?;
        let service = match key.1 {
            Wasi::P2 => {
                let handles = admit::handles_02(component.component_type().exports(engine).map(|(name, _)| name));
                let handler = handles.then(|| p2::bindings::ProxyIndices::new(&pre)).transpose();
                handler.map(|handler| Service::Solo { pre, handler })
            }
            Wasi::P3 => p3::bindings::ServicePre::new(pre).map(Service::P3),
        };
        let image = component.image_range();
        let bytes = (image.end as usize).saturating_sub(image.start as usize);
        Ok(Self {
            service: service.map_err(|error| admit::mismatch(&error))?,
            exports,
            _counted: LoadedCode::new(shelf.totals.clone(), bytes as u64),
            key,
            shelf: shelf.clone(),
        })
    }
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
