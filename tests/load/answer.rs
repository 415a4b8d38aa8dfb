//! An answer as it comes in: its head, and where its body ends.

use std::io::{Error, Result};

/// Where the body of an answer ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// After so many bytes.
    Known(usize),
    /// After the last chunk (RFC 9112, section 7.1).
    Chunked,
}

/// The head of an answer.
pub(crate) struct Head {
    /// Its size in bytes.
    pub(crate) size: usize,
    /// Where the body ends.
    pub(crate) length: Length,
    /// Whether the connection stays open after the body.
    pub(crate) stays: bool,
}

impl Head {
    /// The head at the beginning of these bytes, once it is whole. Any status but 200 to 299 is an error.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(size) = response.parse(bytes).map_err(Error::other)? else {
            return Ok(None);
        };
        if !response.code.is_some_and(|code| (200..300).contains(&code)) {
            return Err(Error::other(format!("the server answered {}", response.code.unwrap_or_default())));
        }
        let mut head = Self { size, length: Length::Known(0), stays: true };
        for header in response.headers.iter() {
            let value = std::str::from_utf8(header.value).unwrap_or_default();
            if header.name.eq_ignore_ascii_case("content-length") {
                head.length = Length::Known(value.parse().map_err(Error::other)?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                head.length = Length::Chunked;
            } else if header.name.eq_ignore_ascii_case("connection") {
                head.stays = !value.eq_ignore_ascii_case("close");
            }
        }
        Ok(Some(head))
    }
}

/// What has come of a body.
pub(crate) struct Body {
    length: usize,
    part: Part,
}

/// What comes next.
enum Part {
    /// So many bytes, and nothing after them.
    Rest(usize),
    /// The size of a chunk, read so far; whether its digits are over.
    Size(usize, bool),
    /// So many bytes of a chunk.
    Chunk(usize),
    /// The end of the line after a chunk.
    ChunkEnd,
    /// A line after the last chunk, with the bytes of it so far.
    Trailer(usize),
}

impl Body {
    /// A body of which nothing has come yet.
    pub(crate) fn new(length: &Length) -> Self {
        let part = match length {
            Length::Known(length) => Part::Rest(*length),
            Length::Chunked => Part::Size(0, false),
        };
        Self { length: 0, part }
    }

    /// Takes the next bytes. An answer that goes on after its end is an error, since nothing else was asked for.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.part {
                Part::Rest(0) => return Err(Error::other("the answer goes on after its end")),
                Part::Rest(left) | Part::Chunk(left) if *left > 0 => {
                    let taken = bytes.len().min(*left);
                    *left -= taken;
                    self.length += taken;
                    bytes = bytes.get(taken..).unwrap_or_default();
                    continue;
                }
                Part::Rest(_) | Part::Chunk(_) => self.part = Part::ChunkEnd,
                Part::Size(0, true) if *first == b'\n' => self.part = Part::Trailer(0),
                Part::Size(size, _) if *first == b'\n' => self.part = Part::Chunk(*size),
                Part::Size(size, over) => match char::from(*first).to_digit(16) {
                    Some(digit) if !*over => *size = size.checked_mul(16).ok_or_else(too_large)? + digit as usize,
                    _ => *over = true,
                },
                Part::ChunkEnd if *first == b'\n' => self.part = Part::Size(0, false),
                Part::ChunkEnd => {}
                Part::Trailer(0) if *first == b'\n' => self.part = Part::Rest(0),
                Part::Trailer(line) if *first == b'\n' => *line = 0,
                Part::Trailer(line) => *line += usize::from(*first != b'\r'),
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Whether all of it has come.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.part, Part::Rest(0))
    }

    /// Bytes that have come, without what chunks add.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

fn too_large() -> Error {
    Error::other("the size of a chunk is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the body if it is whole, given in two pieces that are cut at every place.
    fn body(answer: &str) -> Option<usize> {
        let head = Head::parse(answer.as_bytes()).unwrap().unwrap();
        let bytes = &answer.as_bytes()[head.size..];
        let lengths: Vec<_> = (0..=bytes.len())
            .map(|cut| {
                let mut body = Body::new(&head.length);
                body.take(&bytes[..cut]).unwrap();
                body.take(&bytes[cut..]).unwrap();
                body.is_whole().then(|| body.length())
            })
            .collect();
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{answer}: {lengths:?}");
        lengths[0]
    }

    #[test]
    fn answers_are_read_to_their_end_and_not_further() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (answer, whole) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab".to_owned(), None),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_owned(), Some(3)),
            (format!("{chunked}1\r\na\r\n"), None),
            (format!("{chunked}1\r\na\r\n0\r\n\r\n"), Some(1)),
            (format!("{chunked}1;x=1\r\n0\r\n1A\r\n{}\r\n0\r\n\r\n", "\r".repeat(26)), Some(27)),
            (format!("{chunked}0\r\nname: value\r\n"), None),
            (format!("{chunked}0\r\nname: value\r\n\r\n"), Some(0)),
            ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), Some(0)),
        ] {
            assert_eq!(body(&answer), whole, "{answer}");
        }
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap().is_none());
    }

    #[test]
    fn failures_and_answers_that_nobody_asked_for_are_errors() {
        assert!(Head::parse(b"HTTP/1.1 503 Busy\r\n\r\n").is_err());
        assert!(Body::new(&Length::Known(1)).take(b"ab").is_err());
    }

    #[test]
    fn a_server_that_closes_says_so() {
        let head = Head::parse(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap().unwrap();
        assert!(!head.stays);
    }
}
