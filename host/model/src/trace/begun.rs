//! The spans that a service makes itself in the course of one call: which are under way, and where they stand.

use std::time::{Duration, SystemTime};

use super::context::SpanContext;
use super::id::SpanId;
use super::told::{ToldContext, ToldSpan};

/// Spans that a service may begin in one call. What is beyond is dropped.
pub const OWN_SPANS: usize = 128;

/// How far what a service says of a time may be from when the host heard of it.
pub const OWN_SPAN_TIME: Duration = Duration::from_secs(60);

/// Why a span that a service tells of is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ToldError {
    /// There is no call that it could belong to.
    #[error("it cannot be told which call it belongs to, or there is none")]
    NoCall,
    /// It is of another trace, or its ids are none.
    #[error("its ids are not those of a span in the trace of the call")]
    Foreign,
    /// It is not under way.
    #[error(
        "it is not under way in this call: it was not begun, it was ended before, or more than {OWN_SPANS} were begun"
    )]
    NotBegun,
    /// It says that it was at another time.
    #[error("its times are not in order, or are not those at which the host heard of it")]
    Time,
}

/// The spans that a service has begun in the course of one call, in their order.
#[derive(Debug, Default)]
pub struct OwnSpans(Vec<Begun>);

#[derive(Debug)]
struct Begun {
    span: SpanId,
    /// When the host heard of it.
    heard: SystemTime,
    under_way: bool,
}

/// Where a span stands that a service made itself, and when it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPlace {
    /// Its context. Flags and state are those of the call.
    pub context: SpanContext,
    /// The span of the call, or one that the service began earlier in it.
    pub parent: SpanId,
    /// When it began.
    pub start: SystemTime,
    /// How long it took.
    pub duration: Duration,
}

impl OwnSpans {
    /// A span begins, as the host hears `now`. Nothing happens if it is none of the trace of the call, if there is one of its
    /// name, or if there are too many: then it is dropped when it ends.
    pub fn begin(&mut self, call: &SpanContext, told: &ToldContext, now: SystemTime) {
        let Some(span) = told.span_in(call.trace) else { return };
        if span == call.span || self.0.len() >= OWN_SPANS || self.position(span).is_some() {
            return;
        }
        self.0.push(Begun { span, heard: now, under_way: true });
    }

    /// The span that began last of those that are under way.
    pub fn current(&self) -> Option<SpanId> {
        self.0.iter().rev().find(|begun| begun.under_way).map(|begun| begun.span)
    }

    /// A span is over, as the host hears `now`. It is not under way any more, whatever else is wrong with it.
    ///
    /// # Errors
    /// [`ToldError`] if it is to be dropped.
    pub fn end(&mut self, call: &SpanContext, told: &ToldSpan, now: SystemTime) -> Result<OwnPlace, ToldError> {
        let span = told.context.span_in(call.trace).ok_or(ToldError::Foreign)?;
        let position = self.position(span).ok_or(ToldError::NotBegun)?;
        let (before, rest) = self.0.split_at_mut(position);
        let begun = rest.first_mut().filter(|begun| begun.under_way).ok_or(ToldError::NotBegun)?;
        begun.under_way = false;
        let (start, duration) = told.times(begun.heard, now).ok_or(ToldError::Time)?;
        // Only what began earlier can be a parent, so no span follows from itself, however many are between.
        let parent = told.parent().filter(|parent| before.iter().any(|earlier| earlier.span == *parent));
        let context = SpanContext { span, ..call.clone() };
        Ok(OwnPlace { context, parent: parent.unwrap_or(call.span), start, duration })
    }

    fn position(&self, span: SpanId) -> Option<usize> {
        self.0.iter().position(|begun| begun.span == span)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::told::ToldTime;
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn call() -> SpanContext {
        let context = SpanContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03").unwrap();
        SpanContext { state: Some("a=1".into()), ..context }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn context(span: u64) -> ToldContext {
        ToldContext { trace: call().trace.to_string(), span: format!("{span:016x}"), ..ToldContext::default() }
    }

    fn told(span: u64, parent: u64) -> ToldSpan {
        let time = |seconds| ToldTime { seconds, nanoseconds: 5 };
        ToldSpan {
            context: context(span),
            parent: format!("{parent:016x}"),
            start: time(NOW),
            end: time(NOW + 1),
            ..ToldSpan::default()
        }
    }

    fn begun(spans: impl IntoIterator<Item = u64>) -> OwnSpans {
        let mut own = OwnSpans::default();
        spans.into_iter().for_each(|span| own.begin(&call(), &context(span), at(NOW)));
        own
    }

    fn current(own: &OwnSpans) -> Option<u64> {
        own.current().map(SpanId::number)
    }

    #[test]
    fn the_one_that_began_last_is_the_current_one() {
        let mut own = begun([1, 2, 3]);
        for (ended, then) in [(2, Some(3)), (3, Some(1)), (1, None)] {
            own.end(&call(), &told(ended, 0), at(NOW + 1)).unwrap();
            assert_eq!(current(&own), then, "after {ended}");
        }
        assert_eq!(own.end(&call(), &told(3, 0), at(NOW + 1)), Err(ToldError::NotBegun), "once is enough");
    }

    #[test]
    fn a_span_follows_from_one_that_began_earlier_in_the_call() {
        let host = call().span.number();
        for (parent, found) in [(host, host), (1, 1), (0, host), (2, host), (3, host), (9, host)] {
            let place = begun([1, 2, 3]).end(&call(), &told(2, parent), at(NOW + 1)).unwrap();
            assert_eq!(place.parent.number(), found, "{parent}");
            assert_eq!(place.context, SpanContext { span: SpanId::new(2).unwrap(), ..call() });
            assert_eq!((place.start, place.duration), (at(NOW) + Duration::from_nanos(5), Duration::from_secs(1)));
        }
    }

    #[test]
    fn what_is_not_of_the_call_is_not_begun() {
        let (trace, span) = (call().trace.to_string(), "00000000000000aa");
        for (trace, span) in [
            ("1af7651916cd43dd8448eb211c80319c", span),
            ("", span),
            (&trace, ""),
            (&trace, "0000000000000000"),
            (&trace, "00000000000000AA"),
            (&trace, "0x000000000000aa"),
            (&trace, "00000000000000aag"),
            (&trace, "b7ad6b7169203331"),
        ] {
            let context = ToldContext { trace: trace.to_owned(), span: span.to_owned(), ..ToldContext::default() };
            let mut own = OwnSpans::default();
            own.begin(&call(), &context, at(NOW));
            assert_eq!(current(&own), None, "{trace} {span}");
            let told = ToldSpan { context, ..told(0xaa, 0) };
            assert!(own.end(&call(), &told, at(NOW)).is_err(), "{trace} {span}");
        }
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let most = OWN_SPANS as u64;
        let mut own = begun((1..=most + 9).chain([5]));
        assert_eq!((own.0.len(), current(&own)), (OWN_SPANS, Some(most)));
        assert_eq!(own.end(&call(), &told(most + 1, 1), at(NOW)), Err(ToldError::NotBegun));
        for span in 1..=most {
            own.end(&call(), &told(span, 0), at(NOW)).unwrap();
        }
        own.begin(&call(), &context(most + 1), at(NOW));
        assert_eq!(current(&own), None, "those that are over count, too");
    }

    #[test]
    fn times_are_those_at_which_the_host_heard() {
        let time = |seconds, nanoseconds| ToldTime { seconds, nanoseconds };
        for (start, end, good) in [
            (time(NOW, 0), time(NOW, 0), true),
            (time(NOW - 59, 0), time(NOW + 60, 0), true),
            (time(NOW, 1), time(NOW, 0), false),
            (time(NOW - 61, 0), time(NOW, 0), false),
            (time(NOW, 0), time(NOW + 62, 0), false),
            (time(0, 0), time(NOW, 0), false),
            (time(0, 0), time(0, 0), false),
            (time(NOW, 1_000_000_000), time(NOW + 1, 0), false),
            (time(NOW, 0), time(NOW, u32::MAX), false),
            (time(NOW, 0), time(u64::MAX, 0), false),
        ] {
            let mut own = begun([1]);
            let ended = own.end(&call(), &ToldSpan { start, end, ..told(1, 0) }, at(NOW + 1));
            assert_eq!(ended.err(), (!good).then_some(ToldError::Time), "{start:?} {end:?}");
            assert_eq!(current(&own), None, "it is over all the same");
        }
    }
}
