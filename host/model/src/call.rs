//! A call: one unit of work that crosses the host.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::bus::Message;
use crate::trace::SpanContext;
use crate::{Body, Course, Principal, User};

/// Keeps what a call occupies (its revision, its permit) for as long as any part of the call lives.
///
/// Whoever works on the call, the instance that runs and the body that streams, holds a clone; the
/// last one to drop it lets go of everything at once.
#[derive(Clone, Default)]
pub struct Hold(Option<Arc<dyn Any + Send + Sync>>);

impl Hold {
    /// Holds `held` until the last clone is dropped.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self::of(Arc::new(held))
    }

    /// The same for what others refer to, too.
    pub fn of(held: Arc<impl Any + Send + Sync>) -> Self {
        Self(Some(held))
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Hold(held)" } else { "Hold(nothing)" })
    }
}

/// Identifies one call in logs and error replies. Unique within one run of the host.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(u64);

impl CallId {
    /// The call with this number; the gateway counts.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The number as it is written: 16 hexadecimal digits.
    pub fn digits(self) -> [u8; 16] {
        let mut rest = self.0;
        let mut digits = [b'0'; 16];
        for place in digits.iter_mut().rev() {
            let digit = (rest & 15) as u8;
            *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
            rest >>= 4;
        }
        digits
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

/// What an instance is told of a call, beside what it carries.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// Names the call in logs.
    pub id: CallId,
    /// When the caller stops waiting. Covers queueing, the instance, and both bodies.
    pub deadline: Instant,
    /// How many services called each other on the way to this call: 0 if it came from outside.
    pub hops: u32,
    /// Who calls.
    pub caller: Principal,
    /// How often it was tried, this time included.
    pub attempt: u32,
    /// Names what is to be done, where the caller says so: the same key twice means the same thing once.
    pub idempotency_key: Option<Arc<str>>,
    /// The message that led to the call, where one did.
    pub cause: Option<Arc<Message>>,
    /// Its span, where it has one.
    pub trace: Option<SpanContext>,
    /// The user for whom the call is made in the end, however many services are between, where there is one.
    pub user: Option<Arc<User>>,
}

impl CallContext {
    /// A call from outside that comes for the first time.
    pub const fn new(id: CallId, deadline: Instant) -> Self {
        Self {
            id,
            deadline,
            hops: 0,
            caller: Principal::Outside,
            attempt: 1,
            idempotency_key: None,
            cause: None,
            trace: None,
            user: None,
        }
    }

    /// What is done in the course of the call.
    pub fn course(&self) -> Course {
        Course {
            call: Some(self.id),
            deadline: self.deadline,
            hops: self.hops,
            cause: self.cause.clone(),
            trace: self.trace.clone(),
            user: self.user.clone(),
        }
    }
}

/// One HTTP request on its way to an instance.
#[derive(Debug)]
pub struct Call {
    /// What is known of the call. In a box, because it goes through many hands.
    pub context: Box<CallContext>,
    /// The request, with an absolute path and a `Host` or authority. The scheme is `http` where its URI has none. In a box, because
    /// it goes through many hands, as a [`Reply`](crate::Reply) does.
    pub request: Box<http::Request<Body>>,
    /// What the call occupies until it is over.
    pub hold: Hold,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_written_in_one_way() {
        for number in [0, 0xa7, 0x0123_4567_89ab_cdef, u64::MAX] {
            let call = CallId::new(number);
            assert_eq!(call.digits().as_slice(), call.to_string().as_bytes());
            assert_eq!(call.to_string(), format!("{number:016x}"));
        }
    }
}
