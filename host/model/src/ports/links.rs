//! Services for each other: finding them, and calling their functions.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::BoxFuture;
use crate::{Course, Fault, FunctionName, Invocation, ServiceInfo, ServiceName};

/// Tells services of each other. Implemented by control.
pub trait Discovery: Send + Sync {
    /// A number that grows whenever a service comes, goes, or gets another revision.
    fn version(&self) -> u64;

    /// One service; `None` if there is none of this name.
    fn resolve(&self, name: &str) -> Option<ServiceInfo>;

    /// All services, by name.
    fn services(&self) -> Vec<ServiceInfo>;
}

/// What was found out about where a link leads, for the next call over it. Whoever makes the calls keeps it and does not look
/// into it; whoever leads them says what it is, and asks each time whether it still holds. Without it nothing is but slower.
#[derive(Default)]
pub struct LinkMemo(Option<Box<dyn Any + Send>>);

impl LinkMemo {
    /// What was kept of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }

    /// Keeps something in the place of what was kept.
    pub fn keep<T: Any + Send>(&mut self, found: T) {
        match self.0.as_mut().and_then(|kept| kept.downcast_mut()) {
            Some(kept) => *kept = found,
            None => self.0 = Some(Box::new(found)),
        }
    }
}

/// When a call over a link began, and when it was over, so that those through whose hands it goes need not all look at the clock:
/// each look takes a fortieth of a short call.
#[derive(Debug)]
pub struct Stopwatch {
    begun: Instant,
    /// Nanoseconds until it was over; 0 while it is not, or if nobody looked.
    took: AtomicU64,
}

impl Stopwatch {
    /// That of a call that begins at `begun`.
    pub const fn new(begun: Instant) -> Self {
        Self { begun, took: AtomicU64::new(0) }
    }

    /// When it began.
    pub const fn begun(&self) -> Instant {
        self.begun
    }

    /// It was over at `end`.
    pub fn stop(&self, end: Instant) {
        let took = end.saturating_duration_since(self.begun).as_nanos();
        self.took.store(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// When it was over, if it is and somebody looked.
    pub fn end(&self) -> Option<Instant> {
        let took = self.took.load(Ordering::Relaxed);
        (took > 0).then(|| self.begun + Duration::from_nanos(took))
    }
}

/// A call that an instance makes of a function that it imports.
///
/// It is lent to whoever leads it, who takes out of it what goes further: if it were given, all that a call needs on its way would be
/// copied once more.
pub struct LinkCall<'a> {
    /// The service whose instance makes it.
    pub caller: &'a ServiceName,
    /// The function.
    pub function: &'a Arc<FunctionName>,
    /// What it is called with, packed.
    pub arguments: Bytes,
    /// In whose course it is made.
    pub course: &'a mut Course,
    /// Says when it began, and may be told when it was over.
    pub watch: &'a Stopwatch,
    /// What the last call got that the same instance made of this function, where the instance keeps it.
    pub memo: Option<&'a mut LinkMemo>,
}

/// Takes the typed calls of instances to other services. Implemented by control.
pub trait Links: Discovery {
    /// Takes one call to whatever serves its function. Dropping the future cancels it.
    fn call<'a>(&'a self, call: &'a mut LinkCall<'_>) -> BoxFuture<'a, Result<Bytes, Fault>>;

    /// Makes a call that `caller` names at run time; the result as JSON. Dropping the future cancels the call.
    fn invoke<'a>(
        &'a self,
        caller: &'a ServiceName,
        course: Course,
        invocation: Invocation,
    ) -> BoxFuture<'a, Result<String, Fault>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an instant has no beginning to count from")]
    fn a_watch_knows_an_end_only_if_somebody_told_it_one() {
        let begun = Instant::now();
        let in_millis = |millis| begun + Duration::from_millis(millis);
        for (told, end) in [
            (vec![], None),
            // No call takes no time: whoever says so did not look.
            (vec![0], None),
            (vec![5], Some(5)),
            (vec![5, 7], Some(7)),
        ] {
            let watch = Stopwatch::new(begun);
            told.iter().for_each(|end| watch.stop(in_millis(*end)));
            assert_eq!((watch.begun(), watch.end()), (begun, end.map(in_millis)), "{told:?}");
        }
        let later = Stopwatch::new(in_millis(3));
        later.stop(begun);
        assert_eq!(later.end(), None, "nothing ends before it begins");
    }
}
