//! The HTTP gateway under TLS: what is offered, what services see, new certificates, and clients that do not get that far.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use patchbay_model::{Reply, full_body};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::{Client, raw, text};
use super::host::{Host, Listening, Script, says, script};
use crate::{HttpConfig, TlsConfig};

/// A certificate for `orders.test` and its key, as PEM.
struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let made = rcgen::generate_simple_self_signed(["orders.test".to_owned()]).unwrap();
    Pair { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

impl Pair {
    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    /// Writes both files into `folder`, each in one step.
    fn install(&self, folder: &Path) {
        for (name, content) in [("cert.pem", &self.certificate), ("key.pem", &self.key)] {
            std::fs::write(folder.join("next"), content).unwrap();
            std::fs::rename(folder.join("next"), folder.join(name)).unwrap();
        }
    }
}

fn config(folder: &Path) -> HttpConfig {
    let tls = TlsConfig { certificate: folder.join("cert.pem"), key: folder.join("key.pem"), clients: None };
    HttpConfig { tls: Some(tls), ..HttpConfig::default() }
}

/// Shakes hands, trusting the certificates of `pairs` and no others.
async fn connect(
    http: &Listening,
    pairs: &[&Pair],
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    pairs.iter().for_each(|pair| roots.add(pair.der()).unwrap());
    let mut client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(http.address).await.unwrap();
    TlsConnector::from(Arc::new(client)).connect(ServerName::try_from("orders.test").unwrap(), socket).await
}

/// The certificate that is shown now.
async fn shown(http: &Listening, pairs: &[&Pair]) -> CertificateDer<'static> {
    let stream = connect(http, pairs, &[&version::TLS13], &[]).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Answers with the address that the service sees.
fn mirror() -> Script {
    script(|call| std::future::ready(Ok(Reply::new(full_body(call.request.uri().to_string())))))
}

async fn serving() -> (Host, Pair, TempDir, Listening) {
    let (host, pair, folder) = (Host::serving(mirror(), &["/*"]).await, pair(), tempfile::tempdir().unwrap());
    pair.install(folder.path());
    let http = host.http_with(config(folder.path())).await;
    (host, pair, folder, http)
}

#[tokio::test]
async fn both_versions_of_http_run_under_both_of_tls() {
    let (_host, pair, _folder, http) = serving().await;
    for tls in [&version::TLS12, &version::TLS13] {
        for (offered, chosen) in [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
        {
            let stream = connect(&http, &[&pair], &[tls], offered).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes));
            let io = TokioIo::new(stream);
            let mut client = if chosen == Some("h2") {
                let (sender, connection) =
                    hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
                Client::Http2(sender, tokio::spawn(connection))
            } else {
                let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
                Client::Http1(sender, tokio::spawn(connection))
            };
            for _ in 0..2 {
                assert_eq!(text(client.get("/a?b=c").await).await, "https://orders.test/a?b=c", "{tls:?} {offered:?}");
            }
        }
        assert!(connect(&http, &[&pair], &[tls], &["spdy/3"]).await.is_err(), "no protocol in common");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_taken_up_and_a_wrong_one_is_not() {
    let (_host, first, folder, http) = serving().await;
    let (second, third, fourth) = (pair(), pair(), pair());
    let all = [&first, &second, &third, &fourth];
    let mut kept = connect(&http, &all, &[&version::TLS13], &[]).await.unwrap();
    assert_eq!(shown(&http, &all).await, first.der());

    // Files that cannot be used, whatever is wrong with them.
    let spoil = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    for damage in [
        &(|| spoil("cert.pem", "no certificate")) as &dyn Fn(),
        &|| spoil("cert.pem", &second.certificate),
        &|| spoil("key.pem", ""),
        &|| spoil("key.pem", &second.key),
        &|| std::fs::remove_file(folder.path().join("key.pem")).unwrap(),
    ] {
        first.install(folder.path());
        damage();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(shown(&http, &all).await, first.der());
    }

    // Two files that are renamed, as certbot and others do.
    second.install(folder.path());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(shown(&http, &all).await, second.der());

    // A symbolic link to a folder that is turned, as Kubernetes does.
    for (name, pair) in [("one", &third), ("two", &fourth)] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        pair.install(&folder.path().join(name));
        std::os::unix::fs::symlink(name, folder.path().join("next")).unwrap();
        std::fs::rename(folder.path().join("next"), folder.path().join("data")).unwrap();
        for file in ["cert.pem", "key.pem"] {
            let _ = std::fs::remove_file(folder.path().join(file));
            std::os::unix::fs::symlink(PathBuf::from("data").join(file), folder.path().join(file)).unwrap();
        }
        sleep(Duration::from_secs(10)).await;
        assert_eq!(shown(&http, &all).await, pair.der(), "{name}");
    }

    // Connections that were there are not concerned.
    kept.write_all(b"GET /a HTTP/1.1\r\nhost: orders.test\r\n\r\n").await.unwrap_or_default();
    let mut reply = [0; 12];
    // An idle one may have ended by now, in peace.
    if kept.read_exact(&mut reply).await.is_ok() {
        assert_eq!(&reply, b"HTTP/1.1 200");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_its_time() {
    let (_host, pair, _folder, http) = serving().await;
    let second = Duration::from_secs(1);
    // The second is the head of a record that announces more than comes.
    for begin in [&b""[..], &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]] {
        let (mut reader, mut writer) = TcpStream::connect(http.address).await.unwrap().into_split();
        let begun = Instant::now();
        let dripping = tokio::spawn(async move {
            writer.write_all(begin).await.unwrap();
            while !begin.is_empty() && writer.write_all(&[0]).await.is_ok() {
                sleep(second).await;
            }
            // The other side has to be the one that ends it.
            sleep(100 * second).await;
        });
        let mut said = Vec::new();
        let _ = reader.read_to_end(&mut said).await;
        let elapsed = begun.elapsed();
        dripping.abort();
        assert!(elapsed >= 9 * second && elapsed <= 12 * second, "{begin:?}: {elapsed:?}");
    }
    assert_eq!(shown(&http, &[&pair]).await, pair.der());
}

#[tokio::test]
async fn a_handshake_takes_a_place() {
    let (host, pair, folder, _http) = serving().await;
    let http = host.http_with(HttpConfig { max_connections: 1, ..config(folder.path()) }).await;
    let silent = TcpStream::connect(http.address).await.unwrap();
    assert!(connect(&http, &[&pair], &[&version::TLS13], &[]).await.is_err(), "there is one place");
    drop(silent);
    while connect(&http, &[&pair], &[&version::TLS13], &[]).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn clients_without_tls_are_told_or_left() {
    let (_host, pair, _folder, http) = serving().await;
    for plain in ["GET / HTTP/1.1\r\nhost: orders.test\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let reply = raw(http.address, plain).await;
        assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("this port speaks TLS"), "{reply}");
    }
    for noise in ["\0\0\0\0", "\x16\x03\x01\0\x05hello", "\x15\x03\x03\0\x02\x01\0"] {
        let mut socket = TcpStream::connect(http.address).await.unwrap();
        socket.write_all(noise.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let _ = socket.read_to_end(&mut said).await;
        assert!(!said.starts_with(b"HTTP"), "{noise:?}: {said:?}");
    }
    assert_eq!(shown(&http, &[&pair]).await, pair.der());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_does_not_hold_up_the_stop() {
    let (_host, _pair, _folder, mut http) = serving().await;
    let _silent = TcpStream::connect(http.address).await.unwrap();
    // The connection is accepted before the stop, or with it; either way it gets no more than a moment.
    let begun = Instant::now();
    http.stopped().await;
    assert!(begun.elapsed() <= Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_before_anything_listens() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (pair(), pair());
    let check = |certificate: &str, key: &str| {
        std::fs::write(folder.path().join("cert.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
        config(folder.path()).tls.unwrap().check().map_err(|problem| problem.to_string())
    };
    assert_eq!(check(&first.certificate, &first.key), Ok(()));
    let chain = format!("{}{}", first.certificate, second.certificate);
    assert_eq!(check(&chain, &first.key), Ok(()));
    for (certificate, key, wanted) in [
        ("", first.key.as_str(), "certificate: the file `"),
        (&first.certificate, "", "key: the file `"),
        (&first.certificate, &second.key, "is not the key of the first certificate"),
        (&first.key, &first.key, "holds no certificate"),
        (&first.certificate, &first.certificate, "holds no private key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &first.key, "certificate: the file `"),
        ("-----BEGIN CERTIFICATE-----\n!!!\n", &first.key, "certificate: the file `"),
        (&first.certificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no key that can"),
    ] {
        let problem = check(certificate, key).unwrap_err();
        assert!(problem.contains(wanted), "{problem} does not say {wanted}");
    }
    std::fs::remove_file(folder.path().join("cert.pem")).unwrap();
    let host = Host::serving(says("here"), &["/*"]).await;
    let listened = crate::HttpGateway::bind(config(folder.path())).await;
    let problem = listened.err().unwrap().to_string();
    assert!(problem.starts_with("the HTTP gateway cannot speak TLS: certificate: the file `"), "{problem}");
    drop(host);
}
