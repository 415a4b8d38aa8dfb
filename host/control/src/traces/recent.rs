//! The spans that are kept for those who come late, bounded in number and in what they take in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchbay_model::trace::{SpanRecord, TraceSettings};

/// The last spans. The oldest make room for the newest.
#[derive(Debug)]
pub(crate) struct RecentSpans(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    spans: VecDeque<Arc<SpanRecord>>,
    /// What they take, roughly, in bytes.
    size: usize,
    most: usize,
    most_size: usize,
}

impl Kept {
    fn shrink(&mut self) {
        while self.spans.len() > self.most || self.size > self.most_size {
            let Some(oldest) = self.spans.pop_front() else { return };
            self.size = self.size.saturating_sub(oldest.size());
        }
    }
}

impl RecentSpans {
    /// None yet, and room for as many as the settings say.
    pub(crate) fn new(settings: &TraceSettings) -> Self {
        let recent = Self(Mutex::new(Kept { spans: VecDeque::new(), size: 0, most: 0, most_size: 0 }));
        recent.set(settings);
        recent
    }

    /// Takes over other bounds.
    pub(super) fn set(&self, settings: &TraceSettings) {
        let mut kept = self.lock();
        kept.most = settings.keep as usize;
        kept.most_size = usize::try_from(settings.keep_size).unwrap_or(usize::MAX);
        kept.shrink();
    }

    /// Keeps a span.
    pub(super) fn keep(&self, span: Arc<SpanRecord>) {
        let mut kept = self.lock();
        kept.size += span.size();
        kept.spans.push_back(span);
        kept.shrink();
    }

    /// All of them, those that ended first before the others.
    pub(super) fn all(&self) -> Vec<Arc<SpanRecord>> {
        self.lock().spans.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
