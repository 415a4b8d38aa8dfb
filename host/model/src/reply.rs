//! The answer to an HTTP request.

use std::fmt;
use std::ops::{Deref, DerefMut};

use http::response::Parts;

use crate::Body;

/// The answer to a [`Call`](crate::Call). Its body may still be on its way from the instance.
///
/// It stands in a box from the moment the instance gives it, because it goes through many hands on its way to the connection: one
/// pointer goes, and not a head that was only just written.
pub struct Reply(Box<http::Response<Body>>);

impl Reply {
    /// An answer with this body and the status 200.
    pub fn new(body: Body) -> Self {
        http::Response::new(body).into()
    }

    /// An answer with this head.
    pub fn from_parts(head: Parts, body: Body) -> Self {
        http::Response::from_parts(head, body).into()
    }

    /// Its head and its body.
    pub fn into_parts(self) -> (Parts, Body) {
        self.0.into_parts()
    }

    /// Its body.
    pub fn into_body(self) -> Body {
        self.0.into_body()
    }

    /// The same with another body, made of its own.
    #[must_use]
    pub fn map(mut self, change: impl FnOnce(Body) -> Body) -> Self {
        let body = std::mem::take(self.body_mut());
        *self.body_mut() = change(body);
        self
    }
}

impl From<http::Response<Body>> for Reply {
    fn from(response: http::Response<Body>) -> Self {
        Self(Box::new(response))
    }
}

impl From<Reply> for http::Response<Body> {
    fn from(Reply(response): Reply) -> Self {
        *response
    }
}

impl Deref for Reply {
    type Target = http::Response<Body>;

    fn deref(&self) -> &http::Response<Body> {
        &self.0
    }
}

impl DerefMut for Reply {
    fn deref_mut(&mut self) -> &mut http::Response<Body> {
        &mut self.0
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
