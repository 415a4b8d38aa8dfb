//! A server outside of the host, good or bad by the path that it is asked for; in the clear or over TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    open: AtomicUsize,
    received: Mutex<Vec<String>>,
    /// Requests for `/meet/N` that arrived.
    arrived: watch::Sender<usize>,
}

impl Server {
    /// A server in the clear.
    pub(crate) async fn start() -> Self {
        Self::serve(None).await
    }

    /// A server over TLS whose certificate is for `localhost`. Whoever trusts it is in the file `trusted`.
    pub(crate) async fn start_tls(trusted: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(rcgen::DnType::CommonName, format!("root of {}", trusted.display()));
        let authority = root.self_signed(&key).unwrap();
        std::fs::write(trusted, authority.pem()).unwrap();
        let issuer = Issuer::new(root, key);
        let own = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)
            .unwrap();
        Self::serve(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, seen) = (tls.clone(), Arc::clone(&all));
                seen.connections.fetch_add(1, Ordering::SeqCst);
                seen.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    // How a connection ends is what the tests look at, not this.
                    let _ = match tls {
                        None => answer(stream, &seen).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer(stream, &seen).await,
                            Err(error) => Err(error),
                        },
                    };
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// Requests that arrived for `/meet/N`, of which each is answered when N have arrived, or another N.
    pub(crate) fn arrived(&self) -> usize {
        *self.seen.arrived.borrow()
    }

    /// What arrived over connections of `/collect`, of which each is one text.
    pub(crate) fn received(&self) -> Vec<String> {
        self.seen.received.lock().unwrap().clone()
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, seen: &Seen) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes.drain(..end);
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        match path.as_str() {
            "/head" => send(&mut stream, &head).await?,
            "/hang" => while stream.read_buf(&mut bytes).await? > 0 {},
            "/stall" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun").await?;
                while stream.read_buf(&mut bytes).await? > 0 {}
            }
            "/half" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun").await?;
                return stream.shutdown().await;
            }
            "/endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                loop {
                    stream.write_all(format!("1000\r\n{}\r\n", "x".repeat(0x1000)).as_bytes()).await?;
                }
            }
            "/noise" => {
                stream.write_all(b"this is no HTTP at all\r\n\r\n").await?;
                return stream.shutdown().await;
            }
            "/swollen" => {
                let head = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(100 << 10));
                stream.write_all(head.as_bytes()).await?;
            }
            "/redirect" => {
                stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /hello\r\ncontent-length: 0\r\n\r\n").await?;
            }
            "/collect" => {
                while matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {}
                let all = String::from_utf8_lossy(&bytes).into_owned();
                seen.received.lock().unwrap().push(all);
                return Ok(());
            }
            path => {
                if let Some(size) = path.strip_prefix("/meet/").and_then(|size| size.parse().ok()) {
                    meet(&seen.arrived, size).await;
                }
                send(&mut stream, "hello").await?;
            }
        }
    }
}

/// Waits until so many requests have arrived, of which this is one.
async fn meet(arrived: &watch::Sender<usize>, size: usize) {
    let mut all = 0;
    arrived.send_modify(|arrived| {
        *arrived += 1;
        all = arrived.next_multiple_of(size);
    });
    arrived.subscribe().wait_for(|arrived| *arrived >= all).await.unwrap();
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()).as_bytes()).await
}
