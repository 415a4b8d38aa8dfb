//! A body that is kept as it streams by. What reads it gets it unchanged, and as soon as it would without.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Body, BodyError};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

/// Follows a body, and tells what it was.
pub(super) struct Tee<T: FnOnce(Option<Bytes>)> {
    body: Body,
    pieces: Vec<Bytes>,
    /// Bytes that may still be kept.
    left: u64,
    /// Who is told, once: all of it, or nothing if it was more than may be kept. Not told of a body that broke off.
    tell: Option<T>,
}

impl<T: FnOnce(Option<Bytes>) + Send + Unpin + 'static> Tee<T> {
    pub(super) fn around(body: Body, limit: u64, tell: T) -> Body {
        if body.size_hint().lower() > limit {
            tell(None);
            return body;
        }
        if let Some(bytes) = body.bytes() {
            tell(Some(bytes.clone()));
            return body;
        }
        Body::new(Self { body, pieces: Vec::new(), left: limit, tell: Some(tell) })
    }

    fn keep(&mut self, piece: &Bytes) {
        match self.left.checked_sub(piece.len() as u64) {
            // A reference to what goes by, and no copy of it.
            Some(left) if self.tell.is_some() => {
                self.left = left;
                self.pieces.push(piece.clone());
            }
            Some(_) => {}
            None => {
                self.pieces = Vec::new();
                if let Some(tell) = self.tell.take() {
                    tell(None);
                }
            }
        }
    }

    fn end(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(Some(joined(std::mem::take(&mut self.pieces))));
        }
    }
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 => Bytes::new(),
        1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    }
}

impl<T: FnOnce(Option<Bytes>) + Send + Unpin + 'static> http_body::Body for Tee<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(piece) = frame.data_ref() {
                    self.keep(piece);
                }
                // Readers need not ask for the end of a body that says itself that it is over.
                if self.body.is_end_stream() {
                    self.end();
                }
            }
            Poll::Ready(None) => self.end(),
            Poll::Ready(Some(Err(_))) => self.tell = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    use http_body::Body as _;

    use super::*;
    use crate::full_body;

    /// A body that comes in pieces; `None` is one at which it breaks off.
    struct Pieces(Vec<Option<&'static str>>, bool);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            if self.0.is_empty() {
                return Poll::Ready(None);
            }
            let piece = self.0.remove(0);
            Poll::Ready(Some(piece.map(|piece| Frame::data(piece.into())).ok_or(BodyError::Deadline)))
        }

        fn is_end_stream(&self) -> bool {
            self.1 && self.0.is_empty()
        }
    }

    /// What a reader gets of a body of which 6 bytes are kept, and what is told of it. The reader asks no further than it has to.
    fn read(body: Body) -> (String, Vec<Option<Bytes>>) {
        let told = Arc::<Mutex<Vec<_>>>::default();
        let tell = Arc::clone(&told);
        let mut body = body.overheard(6, move |heard| tell.lock().unwrap().push(heard));
        let (mut read, mut cx) = (String::new(), Context::from_waker(Waker::noop()));
        while !body.is_end_stream() {
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(Some(Ok(frame))) => read.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap()),
                Poll::Ready(Some(Err(error))) => {
                    read.push_str(&format!("<{error}>"));
                    break;
                }
                Poll::Ready(None) => break,
                Poll::Pending => unreachable!(),
            }
        }
        drop(body);
        let told = told.lock().unwrap().clone();
        (read, told)
    }

    #[test]
    fn readers_get_everything_and_those_who_listen_what_is_kept() {
        let late = format!("ab<{}>", BodyError::Deadline);
        for (body, whole, heard) in [
            (full_body(""), "", Some(Some(""))),
            (full_body("abcdef"), "abcdef", Some(Some("abcdef"))),
            (full_body("abcdefg"), "abcdefg", Some(None)),
            (Body::new(Pieces(vec![Some("ab"), Some("cd")], false)), "abcd", Some(Some("abcd"))),
            (Body::new(Pieces(vec![Some("ab"), Some("cdef")], true)), "abcdef", Some(Some("abcdef"))),
            (Body::new(Pieces(vec![Some("abcd"), Some("efg"), Some("h")], false)), "abcdefgh", Some(None)),
            // Of what breaks off nobody hears.
            (Body::new(Pieces(vec![Some("ab"), None], false)), late.as_str(), None),
        ] {
            let heard: Vec<_> = heard.into_iter().map(|heard| heard.map(Bytes::from)).collect();
            assert_eq!(read(body), (whole.to_owned(), heard));
        }
    }
}
