//! `traceparent`: the version, the trace, the span and the flags (W3C Trace Context, level 2, 3.2).

use super::context::{SpanContext, TraceFlags};
use super::id::{SpanId, TraceId, hexadecimal};

/// The length of a `traceparent` of version 00, in bytes.
pub const PARENT_LENGTH: usize = 55;

/// The version that is never one.
const NO_VERSION: u128 = 0xff;

/// Why a text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no `traceparent`, such as `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`")]
pub struct ParentError;

impl SpanContext {
    /// Reads a `traceparent`. One of a later version counts as far as this one goes. There is no `tracestate` yet.
    ///
    /// # Errors
    /// [`ParentError`] if it is none.
    pub fn parse(text: &[u8]) -> Result<Self, ParentError> {
        Self::read(text).ok_or(ParentError)
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (known, beyond) = text.split_at_checked(PARENT_LENGTH)?;
        let (version, rest) = field(known, 2)?;
        let (trace, rest) = field(rest, 32)?;
        let (span, rest) = field(rest, 16)?;
        let flags = hexadecimal(rest)?;
        // Only a later version has more than that, after one more hyphen.
        let fits = match version {
            NO_VERSION => false,
            0 => beyond.is_empty(),
            _ => matches!(beyond.first(), None | Some(b'-')),
        };
        if !fits {
            return None;
        }
        Some(Self {
            trace: TraceId::new(trace)?,
            span: SpanId::new(u64::try_from(span).ok()?)?,
            flags: TraceFlags::of_bits(u8::try_from(flags).ok()?),
            state: None,
        })
    }

    /// The `traceparent` of version 00 that says it.
    pub fn parent(&self) -> [u8; PARENT_LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write(&mut text[3..35], self.trace.number());
        write(&mut text[36..52], u128::from(self.span.number()));
        write(&mut text[53..55], u128::from(self.flags.bits()));
        text
    }

    /// The same as text.
    pub fn parent_text(&self) -> String {
        self.parent().iter().copied().map(char::from).collect()
    }
}

/// A number of so many digits and the hyphen after it, and what is left.
fn field(text: &[u8], digits: usize) -> Option<(u128, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let rest = rest.strip_prefix(b"-")?;
    Some((hexadecimal(digits)?, rest))
}

/// Writes the last digits of a number, as many as there are places.
fn write(places: &mut [u8], mut number: u128) {
    for place in places.iter_mut().rev() {
        let digit = (number & 15) as u8;
        *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn later_versions_count_as_far_as_they_are_known() {
        for (text, flags) in [
            (format!("00-{TRACE}-{SPAN}-00"), 0),
            (format!("00-{TRACE}-{SPAN}-01"), 1),
            (format!("00-{TRACE}-{SPAN}-ff"), 3),
            (format!("cc-{TRACE}-{SPAN}-01"), 1),
            (format!("cc-{TRACE}-{SPAN}-02-more"), 2),
            (format!("01-{TRACE}-{SPAN}-09-"), 1),
        ] {
            let context = SpanContext::parse(text.as_bytes()).unwrap();
            assert_eq!(context.parent_text(), format!("00-{TRACE}-{SPAN}-{flags:02x}"), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_quite_one_is_none() {
        let zero = |n: usize| "0".repeat(n);
        for text in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("00-{TRACE}-{SPAN}-001"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01."),
            format!("cc-{TRACE}-{SPAN}-01.more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("000-{TRACE}-{SPAN}-01"),
            format!("0.-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", zero(32)),
            format!("00-{TRACE}-{}-01", zero(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{}-{SPAN}0-01", &TRACE[1..]),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}_01"),
        ] {
            assert_eq!(SpanContext::parse(text.as_bytes()), Err(ParentError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace in 1_u128.., span in 1_u64.., bits in 0_u8..4) {
            let context = SpanContext {
                trace: TraceId::new(trace).unwrap(),
                span: SpanId::new(span).unwrap(),
                flags: TraceFlags::of_bits(bits),
                state: None,
            };
            prop_assert_eq!(SpanContext::parse(&context.parent()), Ok(context));
        }

        #[test]
        fn nothing_that_comes_can_do_harm(text in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(context) = SpanContext::parse(&text) {
                prop_assert_eq!(&context.parent()[3..52], &text[3..52]);
            }
        }
    }
}
