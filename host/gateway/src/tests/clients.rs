//! Clients with certificates: whose are believed, who they are to services, and what changes while the host runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use patchbay_control::Identities;
use patchbay_model::{Reply, full_body};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use super::client::{Client, no_body, text};
use super::host::{Host, Listening, Script, script};
use crate::{ClientTrust, HttpConfig, TlsConfig};

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// A certificate, and its key.
type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn named(common: Option<&str>, alternative: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(common) = common {
        params.distinguished_name.push(DnType::CommonName, common);
    }
    params.subject_alt_names = alternative;
    params
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = named(Some(name), vec![]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    fn sign(&self, mut params: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> Shown {
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }

    fn client(&self, common: &str) -> Shown {
        self.sign(named(Some(common), vec![]), ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// Answers with who calls, and what is known of them.
fn who() -> Script {
    script(|call| {
        let claims = call.context.caller.user().map(|user| user.claims_text()).unwrap_or_default();
        std::future::ready(Ok(Reply::new(full_body(format!("{} {claims}", call.context.caller)))))
    })
}

/// A host under TLS, and those who sign for it and for its clients.
struct Bench {
    _host: Host,
    http: Listening,
    folder: TempDir,
    server: Authority,
    clients: Authority,
}

fn install(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join("next"), text).unwrap();
    std::fs::rename(folder.join("next"), folder.join(name)).unwrap();
}

impl Bench {
    async fn new(required: bool) -> Self {
        let (host, folder) = (Host::serving(who(), &["/*"]).await, tempfile::tempdir().unwrap());
        host.control.set_identities(Identities::default());
        let (server, clients) = (Authority::new("servers"), Authority::new("clients"));
        let mut params = CertificateParams::new(["orders.test".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        install(folder.path(), "cert.pem", &params.signed_by(&key, &server.issuer).unwrap().pem());
        install(folder.path(), "key.pem", &key.serialize_pem());
        install(folder.path(), "clients.pem", &clients.pem);
        let trust = ClientTrust { authorities: folder.path().join("clients.pem"), required };
        let tls = TlsConfig {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
            clients: Some(trust),
        };
        let http = host.http_with(HttpConfig { tls: Some(tls), ..HttpConfig::default() }).await;
        Self { _host: host, http, folder, server, clients }
    }

    /// What a client configures that shows `shown`.
    fn config(&self, shown: Option<&Shown>, tls: &'static SupportedProtocolVersion) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.server.der.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[tls])
            .unwrap()
            .with_root_certificates(roots);
        match shown {
            Some((certificate, key)) => {
                builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        }
    }

    async fn client(&self, config: Arc<ClientConfig>) -> Option<Client> {
        let is_http2 = !config.alpn_protocols.is_empty();
        let socket = TcpStream::connect(self.http.address).await.unwrap();
        let name = ServerName::try_from("orders.test").unwrap();
        let io = TokioIo::new(TlsConnector::from(config).connect(name, socket).await.ok()?);
        Some(if is_http2 {
            let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.ok()?;
            Client::Http2(sender, tokio::spawn(connection))
        } else {
            let (sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;
            Client::Http1(sender, tokio::spawn(connection))
        })
    }

    /// Who the host says it is that shows this; `None` if there is no connection, or none that answers.
    async fn told(&self, shown: Option<&Shown>) -> Option<String> {
        let mut told = Vec::new();
        for tls in [&version::TLS12, &version::TLS13] {
            for protocol in [None, Some("h2")] {
                let mut config = self.config(shown, tls);
                config.alpn_protocols = protocol.into_iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
                told.push(match self.client(Arc::new(config)).await {
                    Some(mut client) => match client.send("GET", "/", no_body()).await.ok() {
                        Some(reply) => Some(text(reply).await),
                        None => None,
                    },
                    None => None,
                });
            }
        }
        let first = told[0].clone();
        assert!(told.iter().all(|one| *one == first), "{told:?}");
        first
    }
}

/// The first word.
fn name(told: Option<&String>) -> Option<&str> {
    told.and_then(|told| told.split_once(' ')).map(|(name, _)| name)
}

#[tokio::test]
async fn certificates_are_believed_of_one_authority_and_while_they_last() {
    let strangers = Authority::new("clients");
    for required in [false, true] {
        let bench = Bench::new(required).await;
        let ann = bench.clients.client("ann");
        let mut ended = named(Some("ann"), vec![]);
        ended.not_before = date_time_ymd(2020, 1, 1);
        ended.not_after = date_time_ymd(2021, 1, 1);
        let mut early = named(Some("ann"), vec![]);
        early.not_before = date_time_ymd(4000, 1, 1);
        for (what, shown, wanted) in [
            ("a good one", Some(ann), Some("user:certificates/ann")),
            ("none", None, (!required).then_some("outside")),
            ("one of a stranger with the same name", Some(strangers.client("ann")), None),
            ("an old one", Some(bench.clients.sign(ended, ExtendedKeyUsagePurpose::ClientAuth)), None),
            ("one of the future", Some(bench.clients.sign(early, ExtendedKeyUsagePurpose::ClientAuth)), None),
            (
                "one for servers",
                Some(bench.clients.sign(named(Some("ann"), vec![]), ExtendedKeyUsagePurpose::ServerAuth)),
                None,
            ),
            ("one of the authority of the server", Some(bench.server.client("ann")), None),
        ] {
            let told = bench.told(shown.as_ref()).await;
            assert_eq!(name(told.as_ref()), wanted, "{what}, required: {required}");
        }
    }
}

#[tokio::test]
async fn a_certificate_says_who_it_is_and_what_else_it_knows() {
    let bench = Bench::new(true).await;
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let email = |name: &str| SanType::Rfc822Name(name.try_into().unwrap());
    for (common, alternative, wanted) in [
        (Some("ann"), vec![], "ann"),
        (Some("ann"), vec![email("ann@x.test")], "ann@x.test"),
        (Some("ann"), vec![email("ann@x.test"), dns("ann.x.test"), dns("b.x.test")], "ann.x.test"),
        (
            Some("ann"),
            vec![dns("ann.x.test"), uri("spiffe://x.test/ann"), uri("spiffe://x.test/b")],
            "spiffe://x.test/ann",
        ),
        (None, vec![dns("ann.x.test")], "ann.x.test"),
        (Some("ann\u{7}\n"), vec![dns("b.x.test")], "b.x.test"),
    ] {
        let shown = bench.clients.sign(named(common, alternative), ExtendedKeyUsagePurpose::ClientAuth);
        let told = bench.told(Some(&shown)).await;
        assert_eq!(name(told.as_ref()), Some(format!("user:certificates/{wanted}").as_str()));
        let claims: serde_json::Value = serde_json::from_str(told.unwrap().split_once(' ').unwrap().1).unwrap();
        assert_eq!(claims["sha256"], patchbay_model::Digest::of(&shown.0).hex());
        assert_eq!(claims["not_after"], "4096-01-01T00:00:00.000Z");
        assert!(claims["serial"].as_str().unwrap().len() >= 16, "{claims}");
        for kind in ["uri", "dns", "email"] {
            assert!(claims[kind].as_array().unwrap().len() <= 2, "{claims}");
        }
    }
    // What has no name has its fingerprint.
    for common in [None, Some("a\u{0}b")] {
        let nameless = bench.clients.sign(named(common, vec![]), ExtendedKeyUsagePurpose::ClientAuth);
        let told = bench.told(Some(&nameless)).await;
        let fingerprint = patchbay_model::Digest::of(&nameless.0);
        assert_eq!(name(told.as_ref()), Some(format!("user:certificates/{fingerprint}").as_str()));
    }
}

/// Time passes until changed files are taken up. It is stopped for just as long, because whoever waits for a socket under a
/// stopped clock is out of time at once.
async fn taken_up() {
    tokio::time::pause();
    sleep(Duration::from_secs(10)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn authorities_change_without_a_dropped_connection() {
    let bench = Bench::new(true).await;
    let later = Authority::new("later");
    let (old, new) = (bench.clients.client("old"), later.client("new"));
    let config = Arc::new(bench.config(Some(&old), &version::TLS13));
    let mut kept = bench.client(Arc::clone(&config)).await.unwrap();
    assert!(text(kept.get("/").await).await.starts_with("user:certificates/old "));
    assert_eq!(bench.told(Some(&new)).await, None);

    for wrong in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        install(bench.folder.path(), "clients.pem", wrong);
        taken_up().await;
        assert_eq!(name(bench.told(Some(&old)).await.as_ref()), Some("user:certificates/old"), "{wrong}");
    }
    install(bench.folder.path(), "clients.pem", &format!("{}{}", bench.clients.pem, later.pem));
    taken_up().await;
    for (shown, wanted) in [(&old, "user:certificates/old"), (&new, "user:certificates/new")] {
        assert_eq!(name(bench.told(Some(shown)).await.as_ref()), Some(wanted));
    }
    install(bench.folder.path(), "clients.pem", &later.pem);
    taken_up().await;
    assert_eq!(bench.told(Some(&old)).await, None);
    assert_eq!(name(bench.told(Some(&new)).await.as_ref()), Some("user:certificates/new"));
    // Who had a connection goes on with it, and cannot come back with what is left of the handshake.
    assert!(text(kept.get("/").await).await.starts_with("user:certificates/old "));
    let again = match bench.client(config).await {
        Some(mut client) => client.send("GET", "/", no_body()).await.is_ok(),
        None => false,
    };
    assert!(!again);
}

#[tokio::test]
async fn authorities_that_cannot_be_used_are_named_before_anything_listens() {
    let bench = Bench::new(false).await;
    let folder = bench.folder.path();
    for (text, wanted) in [
        ("", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
    ] {
        install(folder, "clients.pem", text);
        let trust = ClientTrust { authorities: folder.join("clients.pem"), required: true };
        let config =
            TlsConfig { certificate: folder.join("cert.pem"), key: folder.join("key.pem"), clients: Some(trust) };
        let problem = config.check().unwrap_err();
        assert_eq!(problem.key, "client_ca");
        assert!(problem.problem.contains(wanted), "{problem}");
    }
}
