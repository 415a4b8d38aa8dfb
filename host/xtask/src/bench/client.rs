//! A small HTTP client: one request per connection, in HTTP/1.0, so that an answer is what comes until the end.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// How long an answer may take: a large component is compiled in that time.
const DEADLINE: Duration = Duration::from_secs(300);

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Asks for a path with GET.
pub(super) fn get(address: &str, path: &str) -> Result<Answer> {
    send(address, "GET", path, "", &[])
}

/// Hands a path JSON with POST.
pub(super) fn post(address: &str, path: &str, json: &Value) -> Result<Answer> {
    let body = serde_json::to_vec(json).context("this cannot be JSON")?;
    send(address, "POST", path, "content-type: application/json\r\n", &body)
}

fn send(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
    let host = address.trim_start_matches("http://");
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {length}\r\n{headers}\r\n");
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = exchange().with_context(|| format!("{method} {path} at {host}"))?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").context("an answer without a head")?;
    let (head, body) = bytes.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("an answer without a status")?;
    Ok(Answer { status, body: body.to_vec() })
}

/// The admin API of a host.
pub(super) struct Admin {
    address: String,
    token: String,
}

impl Admin {
    /// Takes the token from the state directory.
    pub(super) fn new(address: &str, state: &Path) -> Result<Self> {
        let path = state.join("admin.token");
        let token = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { address: address.to_owned(), token: token.trim().to_owned() })
    }

    /// Uploads a component; returns its digest.
    pub(super) fn upload(&self, component: &[u8]) -> Result<String> {
        let stored = self.ask("POST", "/v1/components", "application/wasm", component)?;
        stored.get("digest").and_then(Value::as_str).map(str::to_owned).context("a stored component has a digest")
    }

    /// Deploys an uploaded component, and waits until what it replaced is retired.
    pub(super) fn deploy(&self, service: &str, deployment: &Value) -> Result<()> {
        let path = format!("/v1/services/{service}/revisions");
        self.ask("POST", &path, "application/json", &serde_json::to_vec(deployment)?).map(drop)
    }

    /// Removes a service.
    pub(super) fn remove(&self, service: &str) -> Result<()> {
        self.ask("DELETE", &format!("/v1/services/{service}"), "application/json", &[]).map(drop)
    }

    /// Instances that exist.
    pub(super) fn instances(&self) -> Result<u64> {
        self.usage("instances")
    }

    /// Components whose code is in memory.
    pub(super) fn components(&self) -> Result<u64> {
        self.usage("components")
    }

    fn usage(&self, of: &str) -> Result<u64> {
        let host = self.ask("GET", "/v1/host", "application/json", &[])?;
        let count = host.pointer(&format!("/usage/{of}")).and_then(Value::as_u64);
        count.with_context(|| format!("the host does not tell its {of}"))
    }

    /// Asks for something that is told as it happens, until what is returned is dropped.
    pub(super) fn follow(&self, path: &str) -> Result<Following> {
        let host = self.address.trim_start_matches("http://");
        let open = || -> std::io::Result<TcpStream> {
            let mut stream = TcpStream::connect(host)?;
            let token = &self.token;
            let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            Ok(stream)
        };
        let stream = open().with_context(|| format!("GET {path} at {host}"))?;
        let mut read = stream.try_clone().context("a socket cannot be read twice")?;
        let reader = thread::spawn(move || {
            let mut told = Vec::new();
            // That it ends is all there is to know.
            let _ = read.read_to_end(&mut told);
            told.len()
        });
        Ok(Following { stream, reader: Some(reader) })
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Value> {
        let headers = format!("authorization: Bearer {}\r\ncontent-type: {kind}\r\n", self.token);
        let answer = send(&self.address, method, path, &headers, body)?;
        if !(200..300).contains(&answer.status) {
            bail!("{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{method} {path}: no JSON"))
    }
}

/// Somebody who follows a stream of the admin API.
pub(super) struct Following {
    stream: TcpStream,
    reader: Option<JoinHandle<usize>>,
}

impl Following {
    /// Stops, and says how many bytes were told.
    pub(super) fn stop(mut self) -> usize {
        self.end()
    }

    fn end(&mut self) -> usize {
        // It may have ended already.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.reader.take().and_then(|reader| reader.join().ok()).unwrap_or(0)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.end();
    }
}
