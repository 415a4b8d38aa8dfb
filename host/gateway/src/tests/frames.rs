//! A client of HTTP/2 that sends what it is told, right or wrong: frames as bytes (RFC 9113, 4.1), and header blocks that
//! compress nothing (RFC 7541, 6.2.2).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// Flags of DATA and HEADERS; ACK has the bit of END_STREAM.
pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;
pub(super) const WITH_PRIORITY: u8 = 32;

/// How long the host may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A frame as it goes onto the wire.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals that are not indexed.
pub(super) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            text_of(&mut block, text.as_bytes());
        }
    }
    block
}

/// A string without Huffman coding (RFC 7541, 5.1 and 5.2).
pub(super) fn text_of(block: &mut Vec<u8>, text: &[u8]) {
    match u8::try_from(text.len()) {
        Ok(length @ ..127) => block.push(length),
        _ => {
            block.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                block.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap());
        }
    }
    block.extend_from_slice(text);
}

/// The fields that every request has, and more.
pub(super) fn request<'a>(method: &'a str, more: &[(&'a str, &'a str)]) -> Vec<u8> {
    let fields = [(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "orders.test")];
    block(&[&fields[..], more].concat())
}

/// A whole GET.
pub(super) fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &request("GET", &[]))
}

/// The head of a POST, whose body is to follow.
pub(super) fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &request("POST", &[]))
}

/// A frame of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// The code in an RST_STREAM or GOAWAY.
    pub(super) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status in a HEADERS, if it is one that has a number of its own (RFC 7541, appendix A).
    pub(super) fn status(&self) -> Option<u16> {
        let statuses = [200, 204, 206, 304, 400, 404, 500];
        // The encoder may announce the size of its table first.
        let first = self.payload.iter().find(|byte| *byte & 0xe0 != 0x20)?;
        statuses.get(usize::from(first.checked_sub(0x88)?)).copied()
    }
}

/// A connection.
pub(super) struct Raw {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    unread: Vec<u8>,
}

impl Raw {
    /// Connects and says nothing.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (reader, writer) = socket.into_split();
        Self { reader, writer, unread: Vec::new() }
    }

    /// Connects, and exchanges the settings.
    pub(super) async fn open(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        raw.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        let first = raw.next().await.unwrap();
        assert_eq!((first.kind, first.flags), (SETTINGS, 0), "the host begins with its settings");
        raw.send(&frame(SETTINGS, ACK, 0, &[])).await;
        raw.until(|frame| frame.kind == SETTINGS && frame.flags == ACK).await.unwrap();
        raw
    }

    /// Writes, unless the host has ended the connection.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        timeout(PATIENCE, self.writer.write_all(bytes)).await.unwrap().is_ok()
    }

    /// The next frame; `None` when the connection has ended.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let [a, b, c, kind, flags, d, e, f, g, ..] = self.unread[..] {
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                if self.unread.len() >= 9 + length {
                    let rest = self.unread.split_off(9 + length);
                    let payload = std::mem::replace(&mut self.unread, rest).split_off(9);
                    return Some(Frame { kind, flags, stream: u32::from_be_bytes([d, e, f, g]), payload });
                }
            }
            let read =
                timeout(PATIENCE, self.reader.read_buf(&mut self.unread)).await.expect("the host says something");
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    /// The next frame that is `wanted`; `None` when the connection ends before.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Sends a PING and waits for its answer: the host has seen all that was sent before. `false` when the connection
    /// ends instead.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.send(&frame(PING, 0, 0, b"alive???")).await;
        self.until(|frame| frame.kind == PING && frame.flags == ACK && frame.payload == b"alive???").await.is_some()
    }

    /// The two directions, for a flood.
    pub(super) fn split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        (self.reader, self.writer)
    }
}
