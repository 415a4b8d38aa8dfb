//! Keys over real HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that answers every connection with the same bytes; and what it was asked.
async fn server(answer: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let noting = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).await.is_ok() {
                request.push(byte[0]);
            }
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            noting.lock().unwrap().push(line);
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    (url, asked)
}

fn ok(body: &str, headers: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn keys_are_fetched_over_http_and_nothing_that_is_not_one_answer() {
    let good = jwks(&[&TestKey::ed()]);
    let (elsewhere, strayed) = server(ok(&good, "")).await;
    let large = format!("{}{good}", " ".repeat(256 << 10));
    let fetch = HttpFetch::default();
    for (answer, max_age) in [
        (ok(&good, ""), Ok(None)),
        (ok(&good, "cache-control: public, max-age=60\r\n"), Ok(Some(60))),
        (ok(&large, ""), Err("longer than")),
        (format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{large}"), Err("longer than")),
        ("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".to_owned(), Err("500")),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), Err("204")),
        (format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n"), Err("302")),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_owned(), Err("cannot be fetched")),
        ("noise".to_owned(), Err("cannot be fetched")),
        (String::new(), Err("cannot be fetched")),
    ] {
        let (url, asked) = server(answer.clone()).await;
        let fetched = fetch.get(&format!("{url}/keys?a=b")).await;
        match max_age {
            Ok(max_age) => {
                let fetched = fetched.unwrap();
                assert_eq!(fetched.body, good.as_bytes());
                assert_eq!(fetched.max_age.map(|age| age.as_secs()), max_age);
            }
            Err(wanted) => {
                let problem = fetched.unwrap_err();
                assert!(problem.contains(wanted), "{problem} does not say {wanted}");
            }
        }
        assert_eq!(asked.lock().unwrap().first().map(String::as_str), Some("GET /keys?a=b HTTP/1.1"));
    }
    assert!(strayed.lock().unwrap().is_empty(), "a redirect was followed");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(fetch.get(&format!("http://{nobody}/")).await.is_err());
}

#[tokio::test]
async fn a_token_is_verified_with_keys_from_a_server() {
    let key = TestKey::ed();
    let (url, asked) = server(ok(&jwks(&[&key]), "")).await;
    let (web, outside) = Bench::outside();
    let outside = Outside { fetch: Arc::new(HttpFetch::default()), ..outside };
    let issuer = IssuerSettings::new(ISSUER, vec!["shop".to_owned()], KeySource::Jwks(format!("{url}/keys")));
    assert_eq!(issuer.problems(), []);
    let settings = AuthSettings { issuers: BTreeMap::from([("main".to_owned(), issuer)]), ..Default::default() };
    let identity = open(&settings, &outside, &Identity::default()).unwrap();
    let bench = Bench { web, outside, identity };
    for n in 0..3 {
        assert_eq!(bench.refusal(&key.sign(&with("jti", json!(n)))).await, None);
    }
    assert_eq!(asked.lock().unwrap().len(), 1);
}
