//! One connection: sends the same request again and again and reads the answers.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

/// Where the body of an answer ends.
enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(host: &str, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
        Ok(Self { stream, request, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends the request and reads the whole answer.
    pub(crate) async fn request(&mut self) -> Result<()> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            self.read().await?;
            if let Some(parsed) = head(&self.buffer)? {
                break parsed;
            }
        };
        while !is_whole(&self.buffer, head, &length) {
            self.read().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        Ok(())
    }
}

/// The size of the head and where the body ends, once the head is there.
fn head(buffer: &[u8]) -> Result<Option<(usize, Length)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(size) = response.parse(buffer).map_err(Error::other)? else {
        return Ok(None);
    };
    if response.code != Some(200) {
        return Err(Error::other(format!("the server answered {:?}", response.code)));
    }
    let length = response.headers.iter().find_map(|header| {
        let value = std::str::from_utf8(header.value).ok()?;
        if header.name.eq_ignore_ascii_case("content-length") {
            value.parse().ok().map(Length::Known)
        } else {
            header.name.eq_ignore_ascii_case("transfer-encoding").then_some(Length::Chunked)
        }
    });
    Ok(Some((size, length.unwrap_or(Length::Known(0)))))
}

fn is_whole(buffer: &[u8], head: usize, length: &Length) -> bool {
    match length {
        Length::Known(length) => buffer.len() >= head + length,
        Length::Chunked => buffer.ends_with(b"0\r\n\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end_and_not_further() {
        for (answer, whole) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\n", true),
        ] {
            let (size, length) = head(answer.as_bytes()).unwrap().unwrap();
            assert_eq!(is_whole(answer.as_bytes(), size, &length), whole, "{answer}");
        }
        assert!(head(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap().is_none());
        assert!(head(b"HTTP/1.1 503 Busy\r\n\r\n").is_err());
    }
}
