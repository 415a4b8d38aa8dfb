//! One connection: sends the same request again and again and reads the answers.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::try_join;

use crate::answer::{Body, Head};

/// A request longer than this is sent while its answer is read: a server that echoes may answer before it has read all,
/// and neither side could go on if both only wrote.
const AT_ONCE: usize = 16 << 10;

/// A request, ready to be sent.
#[derive(Clone)]
pub(crate) struct Request {
    /// Host and port.
    host: String,
    bytes: Arc<[u8]>,
    /// The size that the body of its answer has to have.
    echo: Option<usize>,
}

impl Request {
    /// GET for this address, or POST with a body of so many bytes; with a further field in its header.
    pub(crate) fn new(url: &str, echo: Option<usize>, field: Option<&str>) -> Result<Self> {
        let rest = url.strip_prefix("http://").ok_or_else(|| Error::other("the address has to begin with http://"))?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let field = field.map(|field| format!("{field}\r\n")).unwrap_or_default();
        let bytes = match echo {
            None => format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{field}\r\n"),
            Some(size) => {
                let body = "x".repeat(size);
                format!("POST {path} HTTP/1.1\r\nhost: {host}\r\n{field}content-length: {size}\r\n\r\n{body}")
            }
        };
        Ok(Self { host: host.to_owned(), bytes: bytes.into_bytes().into(), echo })
    }
}

/// An open connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

impl Connection {
    /// Connects to where the request goes.
    pub(crate) async fn open(request: &Request) -> Result<Self> {
        let stream = TcpStream::connect(&request.host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 << 10].into_boxed_slice() })
    }

    /// Sends the request and reads the whole answer. Returns whether the connection can be used again. Anything but
    /// success is an error: a benchmark of failures is none.
    pub(crate) async fn exchange(&mut self, request: &Request) -> Result<bool> {
        let (mut reader, mut writer) = self.stream.split();
        let (length, stays) = if request.bytes.len() <= AT_ONCE {
            writer.write_all(&request.bytes).await?;
            answer(&mut reader, &mut self.buffer).await?
        } else {
            try_join!(writer.write_all(&request.bytes), answer(&mut reader, &mut self.buffer))?.1
        };
        match request.echo {
            Some(size) if size != length => Err(Error::other(format!("{length} bytes came back, not {size}"))),
            _ => Ok(stays),
        }
    }
}

/// Reads an answer to its end. Returns the size of its body, and whether the connection stays.
async fn answer(stream: &mut ReadHalf<'_>, buffer: &mut [u8]) -> Result<(usize, bool)> {
    let mut filled = 0;
    let head = loop {
        filled += read(stream, buffer.get_mut(filled..).unwrap_or_default()).await?;
        if let Some(head) = Head::parse(buffer.get(..filled).unwrap_or_default())? {
            break head;
        }
    };
    let mut body = Body::new(&head.length);
    body.take(buffer.get(head.size..filled).unwrap_or_default())?;
    while !body.is_whole() {
        let length = read(stream, buffer).await?;
        body.take(buffer.get(..length).unwrap_or_default())?;
    }
    Ok((body.length(), head.stays))
}

async fn read(stream: &mut ReadHalf<'_>, buffer: &mut [u8]) -> Result<usize> {
    match stream.read(buffer).await? {
        0 => Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
        length => Ok(length),
    }
}
