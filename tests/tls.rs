//! TLS on both listeners, seen from a client, from a service and from the command line.

use std::path::Path;

use reqwest::{Certificate, Client, Method};
use serde_json::Value;

use crate::support::{Host, PATIENCE, eventually, service};

/// Writes a new certificate and its key into `folder`, and returns the certificate.
fn renew(folder: &Path) -> Certificate {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    for (name, content) in [("cert.pem", made.cert.pem()), ("key.pem", made.signing_key.serialize_pem())] {
        std::fs::write(folder.join("next"), content).unwrap();
        std::fs::rename(folder.join("next"), folder.join(name)).unwrap();
    }
    Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

/// A client that trusts this certificate and no other.
fn trusting(certificate: Certificate) -> Client {
    Client::builder().timeout(PATIENCE).tls_certs_only([certificate]).build().unwrap()
}

const BOTH: &str = "[http.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
                    [admin.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn callers_and_operators_speak_tls_and_certificates_are_renewed() {
    let guests = [("probe", Method::GET), ("probe3", Method::PUT)];
    let services = guests.clone().map(|(guest, method)| service(guest, guest, &format!("routes = [\"{method} /*\"]")));
    let mut host = Host::stopped(&format!("{BOTH}{}", services.concat()));
    let first = renew(host.folder.path());
    host.run().await;
    assert!(host.url("/").starts_with("https://") && host.admin_url("/").starts_with("https://"));

    let client = trusting(first);
    for (_, method) in guests {
        let request = client.request(method, host.url("/headers")).header("traceparent", PARENT);
        let reply = request.send().await.unwrap();
        assert_eq!(reply.version(), reqwest::Version::HTTP_2);
        let report: Value = reply.json().await.unwrap();
        assert_eq!((&report["scheme"], &report["authority"]), (&"https".into(), &host.address().into()), "{report}");
    }
    // One that comes to no service.
    let request = client.delete(host.url("/headers")).header("traceparent", PARENT);
    assert!(request.send().await.unwrap().status().is_client_error());
    let spans = eventually("all three are traced", async || {
        let (_, trace, _) = host.cli(&["trace", TRACE, "--json"]).await;
        let trace: Value = serde_json::from_str(&trace).ok()?;
        trace["spans"].as_array().filter(|spans| spans.len() == 3).cloned()
    });
    for span in spans.await {
        assert_eq!(span["attributes"]["url.scheme"], "https", "{span}");
    }
    // The command line trusts what the host has left in the state directory.
    let (code, stdout, stderr) = host.cli(&["ps"]).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("probe3"), "{stdout}");
    // Elsewhere it has to be told whom to trust.
    let admin = host.admin_url("");
    let (code, _, stderr) = host.cli(&["ps", "--admin", &admin]).await;
    assert!(code == 3 && stderr.contains("--ca"), "{code}: {stderr}");
    let (code, _, stderr) = host.cli(&["ps", "--admin", &admin, "--ca", "cert.pem"]).await;
    assert_eq!(code, 0, "{stderr}");
    // Whoever speaks no TLS is told so.
    let plain = reqwest::get(host.url("/").replace("https", "http")).await.unwrap();
    assert_eq!(plain.status(), 400);
    assert!(plain.text().await.unwrap().contains("this port speaks TLS"));

    let second = trusting(renew(host.folder.path()));
    let url = host.url("/version");
    eventually("the new certificate is shown", || async { second.get(&url).send().await.ok() }).await;
    eventually("commands trust the new certificate", || async {
        let (code, ..) = host.cli(&["ps"]).await;
        (code == 0).then_some(())
    })
    .await;

    std::fs::write(host.folder.path().join("cert.pem"), "no certificate").unwrap();
    eventually("the wrong certificate is told", || async {
        host.log().contains("keeps its certificates, because the new ones cannot be used").then_some(())
    })
    .await;
    let again = Client::builder().timeout(PATIENCE).tls_danger_accept_invalid_certs(true).build().unwrap();
    assert!(again.get(&url).send().await.is_ok(), "the old certificate serves on");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_looks_into_the_certificates() {
    let host = Host::stopped(BOTH);
    let (code, _, stderr) = host.cli(&["check"]).await;
    assert_eq!(code, 4, "{stderr}");
    for key in ["http.tls.certificate", "admin.tls.certificate"] {
        assert!(stderr.contains(&format!("{key}: the file `")), "{stderr}");
    }
    renew(host.folder.path());
    let (code, stdout, stderr) = host.cli(&["check"]).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    let key = std::fs::read(host.folder.path().join("key.pem")).unwrap();
    renew(host.folder.path());
    std::fs::write(host.folder.path().join("key.pem"), key).unwrap();
    for command in ["check", "up"] {
        let (code, _, stderr) = host.cli(&[command]).await;
        assert_eq!(code, 4, "{stderr}");
        assert!(stderr.contains("http.tls.key: the file `") && stderr.contains("is not the key of"), "{stderr}");
    }
}
