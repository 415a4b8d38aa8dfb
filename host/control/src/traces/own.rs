//! The spans that services make themselves.

use std::sync::{Arc, OnceLock, Weak};

use patchbay_model::ports::Spans;
use patchbay_model::trace::{SpanContext, SpanRecord};

use crate::control::Control;

/// Takes the spans of instances.
#[derive(Debug, Default)]
pub struct ServiceSpans(OnceLock<Weak<Control>>);

impl ServiceSpans {
    /// Records them with those of `control`. To be called once; until then none is wanted.
    pub fn attach(&self, control: &Arc<Control>) {
        // A second control would be a defect of the composition; the first one stays.
        let _ = self.0.set(Arc::downgrade(control));
    }

    fn control(&self) -> Option<Arc<Control>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

impl Spans for ServiceSpans {
    fn wants(&self, context: &SpanContext, failed: bool) -> bool {
        self.control().is_some_and(|control| control.tracer.wants(context, failed))
    }

    fn record(&self, span: SpanRecord) {
        if let Some(control) = self.control() {
            control.tracer.record(span);
        }
    }
}
