//! Requests that services send to the outside: denied unless allowed, and bound by time and size however the other
//! side behaves.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::{Host, PATIENCE, Server, service};

const GUESTS: [&str; 2] = ["probe", "probe3"];

/// One service of each guest, whose routes are for `LABEL.GUEST.example`.
fn services(label: &str, settings: &str) -> String {
    let one = |guest| {
        let name = format!("{label}-{guest}");
        service(&name, guest, &format!("routes = [\"{label}.{guest}.example/*\"]\n{settings}"))
    };
    GUESTS.map(one).concat()
}

/// What the service of `guest` gets from an address, by `/outgoing` or another path that takes one.
async fn send(host: &Host, label: &str, guest: &str, query: &str) -> String {
    host.ask_of(&format!("{label}.{guest}.example"), &format!("/outgoing?url={query}")).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_listed_is_denied() {
    let (server, other) = (Server::start().await, Server::start().await);
    let (port, other) = (server.port(), other.port());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let all = [
        services("open", &format!("outbound = [\"127.0.0.1:{port}\", \"localhost:{port}\", \"127.0.0.1:{closed}\"]")),
        services("named", &format!("outbound = [\"localhost:{port}\", \"*:*\", \"nothing.invalid:80\"]")),
        services("shut", ""),
    ];
    let host = Host::start(&all.concat()).await;
    for guest in GUESTS {
        for (label, url, expected) in [
            ("open", format!("http://127.0.0.1:{port}/hello"), "status 200: hello"),
            ("open", format!("http://localhost:{port}/hello"), "status 200: hello"),
            ("open", format!("http://LOCALHOST.:{port}/hello"), "status 200: hello"),
            ("open", format!("http://[::ffff:127.0.0.1]:{port}/hello"), "status 200: hello"),
            ("open", format!("http://127.0.0.1:{port}/redirect"), "status 302: "),
            ("open", format!("http://127.0.0.1:{other}/hello"), "HttpRequestDenied"),
            ("open", format!("http://127.0.0.2:{port}/hello"), "HttpRequestDenied"),
            ("open", format!("http://[::1]:{port}/hello"), "HttpRequestDenied"),
            ("open", format!("http://other.example:{port}/hello"), "HttpRequestDenied"),
            ("open", format!("http://127.0.0.1:{closed}/"), "ConnectionRefused"),
            // A listed name, and any name, lead to public addresses only.
            ("named", format!("http://localhost:{port}/hello"), "DestinationIpProhibited"),
            ("named", format!("http://127.0.0.1:{port}/hello"), "HttpRequestDenied"),
            ("named", format!("http://2130706433:{port}/hello"), "DestinationIpProhibited"),
            ("named", format!("http://0x7f.1:{port}/hello"), "DestinationIpProhibited"),
            ("named", "http://[::ffff:169.254.169.254]/latest".to_owned(), "HttpRequestDenied"),
            ("named", "http://[64:ff9b::7f00:1]/".to_owned(), "HttpRequestDenied"),
            ("named", "http://nothing.invalid/&connect=5000".to_owned(), "Dns"),
            ("shut", format!("http://127.0.0.1:{port}/hello"), "HttpRequestDenied"),
            ("shut", format!("http://localhost:{port}/hello"), "HttpRequestDenied"),
        ] {
            let answer = send(&host, label, guest, &url).await;
            assert!(answer.contains(expected), "{guest} {label} {url}: {answer}");
        }
        // Credentials in the address are taken for no part of it.
        let answer = send(&host, "open", guest, &format!("http://user@127.0.0.1:{port}/head")).await;
        assert!(answer.contains("HttpRequestUriInvalid") || !answer.contains("user"), "{guest}: {answer}");
    }
    host.logged("add the host and port to `outbound`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_misbehaves_costs_no_more_than_its_request() {
    let server = Server::start().await;
    let port = server.port();
    let list = format!("outbound = [\"127.0.0.1:{port}\"]\noutbound_body = \"1MiB\"\ntimeout = \"20s\"");
    let host = Host::start(&services("open", &list)).await;
    for guest in GUESTS {
        for (query, expected) in [
            // As a code, or as the text that WASI 0.2 has for errors in the middle of a body.
            ("/hang&first=200", ["ConnectionReadTimeout", "-"]),
            ("/stall&between=200", ["status 200, 5 bytes, then", "-"]),
            ("/stall&between=200", ["ConnectionReadTimeout", "connection read timeout"]),
            ("/half", ["status 200, 5 bytes, then", "-"]),
            ("/half", ["HttpResponseIncomplete", "incomplete HTTP response"]),
            ("/endless", ["HttpResponseBodySize", "HTTP response body size exceeds limit"]),
            ("/noise", ["HttpProtocolError", "-"]),
            ("/swollen", ["HttpResponseHeaderSectionSize", "-"]),
            ("/hello", ["status 200: hello", "-"]),
        ] {
            let begun = Instant::now();
            let answer = send(&host, "open", guest, &format!("http://127.0.0.1:{port}{query}")).await;
            assert!(expected.iter().any(|text| answer.contains(text)), "{guest} {query}: {answer}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{guest} {query} took {:?}", begun.elapsed());
        }
    }
    // None of them is left but those that wait for their next request.
    let begun = Instant::now();
    while server.open() > GUESTS.len() {
        assert!(begun.elapsed() < PATIENCE, "{} connections are open", server.open());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_ends_with_the_deadline_of_its_call() {
    let server = Server::start().await;
    let port = server.port();
    let host = Host::start(&services("open", &format!("outbound = [\"127.0.0.1:{port}\"]\ntimeout = \"1s\""))).await;
    for guest in GUESTS {
        for path in ["/hang", "/stall"] {
            let begun = Instant::now();
            let path = format!("/outgoing?url=http://127.0.0.1:{port}{path}&first=60000");
            let answer = host.try_ask_of(&format!("open.{guest}.example"), &path).await;
            let told = ["urn:patchbay:fault:deadline", "HttpResponseTimeout", "HTTP response timeout"];
            // A guest that begins to answer just before the deadline is cut off there, which is an end in time, too.
            let late = answer.as_ref().map_or(true, |(_, text)| told.iter().any(|told| text.contains(told)));
            assert!(late, "{guest} {path}: {answer:?}");
            assert!(begun.elapsed() >= Duration::from_millis(900), "{guest} {path} ended after {:?}", begun.elapsed());
            assert!(begun.elapsed() < Duration::from_secs(10), "{guest} {path} took {:?}", begun.elapsed());
        }
    }
    let begun = Instant::now();
    while server.open() > 0 {
        assert!(begun.elapsed() < PATIENCE, "{} connections outlive their calls", server.open());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_bounded() {
    for guest in GUESTS {
        let (server, second) = (Server::start().await, Server::start().await);
        let (port, other) = (server.port(), second.port());
        let settings = format!(
            "routes = [\"/*\"]\noutbound = [\"127.0.0.1:{port}\", \"127.0.0.1:{other}\"]\noutbound_connections = 1"
        );
        let host = Host::start(&service("probe", guest, &settings)).await;
        for _ in 0..5 {
            let (_, answer) = host.ask(&format!("/outgoing?url=http://127.0.0.1:{port}/hello")).await;
            assert_eq!(answer, "status 200: hello", "{guest}");
        }
        assert_eq!(server.connections(), 1, "{guest}");
        // A connection that waits gives way to one that is needed.
        let (_, answer) = host.ask(&format!("/outgoing?url=http://127.0.0.1:{other}/hello")).await;
        assert_eq!(answer, "status 200: hello", "{guest}");
        // One that is in use does not, and the wait for it has an end.
        let hung = format!("/outgoing?url=http://127.0.0.1:{port}/hang&first=5000");
        let (hung, refused) = tokio::join!(host.ask(&hung), async {
            while server.connections() < 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            host.ask(&format!("/outgoing?url=http://127.0.0.1:{port}/hello")).await
        });
        assert!(refused.1.contains("ConnectionLimitReached"), "{guest}: {}", refused.1);
        assert!(hung.1.contains("ConnectionReadTimeout"), "{guest}: {}", hung.1);
        let (_, answer) = host.ask(&format!("/outgoing?url=http://127.0.0.1:{port}/hello")).await;
        assert_eq!(answer, "status 200: hello", "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_have_to_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    let server = Server::start_tls(&trusted).await;
    let stranger = Server::start_tls(&folder.path().join("stranger.pem")).await;
    let plain = Server::start().await;
    let mut host = Host::stopped(&services("open", "outbound = [\"localhost:*\", \"127.0.0.0/8:*\"]"));
    host.environ("SSL_CERT_FILE", &trusted);
    host.run().await;
    for guest in GUESTS {
        for (url, expected) in [
            (format!("https://localhost:{}/hello", server.port()), "status 200: hello"),
            (format!("https://127.0.0.1:{}/hello", server.port()), "TlsCertificateError"),
            (format!("https://localhost:{}/hello", stranger.port()), "TlsCertificateError"),
            (format!("https://localhost:{}/hello&connect=500", plain.port()), "ConnectionTimeout"),
        ] {
            let answer = send(&host, "open", guest, &url).await;
            assert!(answer.contains(expected), "{guest} {url}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_broken_off_does_not_arrive_as_a_whole_one() {
    let server = Server::start().await;
    let port = server.port();
    let host = Host::start(&services("open", &format!("outbound = [\"127.0.0.1:{port}\"]"))).await;
    for (index, guest) in GUESTS.into_iter().enumerate() {
        let path = format!("/abandon?url=http://127.0.0.1:{port}/collect");
        let (status, answer) = host.ask_of(&format!("open.{guest}.example"), &path).await;
        assert_eq!(status, 500, "{guest}: {answer}");
        let begun = Instant::now();
        while server.received().len() <= index {
            assert!(begun.elapsed() < PATIENCE, "{guest}: the connection stays");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let received = &server.received()[index];
        assert!(received.contains("half") && !received.contains("0\r\n\r\n"), "{guest}: {received:?}");
    }
}
