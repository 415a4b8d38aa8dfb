//! Files of a front end: which there are, and what is said of them.

use std::fs;
use std::os::unix::fs::symlink;

use super::harness::{Origin, parts, stranger, try_edge};

const SETTINGS: &str = r#"{"files": {"directory": "web", "fallback": "index.html", "immutable": ["/assets/*"]}}"#;

/// A directory with a front end in `web`, and what must not be served beside it.
fn front_end() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for (path, text) in [
        ("web/index.html", "<main>"),
        ("web/assets/app-1a2b.js", "script script script"),
        ("web/assets/app-1a2b.js.br", "BR"),
        ("web/assets/app-1a2b.js.gz", "GZ"),
        ("web/docs/index.html", "<docs>"),
        ("web/.env", "secret"),
        ("web/.git/config", "secret"),
        ("web/.well-known/security.txt", "contact"),
        ("secret.txt", "secret"),
        ("web-other/x.txt", "secret"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    symlink(root.join("secret.txt"), root.join("web/out.txt")).unwrap();
    symlink(root.join("web-other"), root.join("web/other")).unwrap();
    symlink("index.html", root.join("web/in.html")).unwrap();
    symlink("/dev/zero", root.join("web/zero.txt")).unwrap();
    directory
}

#[tokio::test]
async fn files_of_the_directory_are_served_and_no_others() {
    let directory = front_end();
    let edge = try_edge("/app/*", SETTINGS, &parts(directory.path())).unwrap().unwrap();
    for (target, status, body) in [
        ("/app", 200, "<main>"),
        ("/app/", 200, "<main>"),
        ("/app/index.html", 200, "<main>"),
        ("/app/assets/app-1a2b.js?v=1", 200, "script script script"),
        ("/app/docs/", 200, "<docs>"),
        ("/app/in.html", 200, "<main>"),
        ("/app/.well-known/security.txt", 200, "contact"),
        // Pages that the front end may know.
        ("/app/orders/17", 200, "<main>"),
        ("/app/.env.d", 404, ""),
        ("/app/assets/gone.js", 404, ""),
        // What is not for callers is not there.
        ("/app/.env", 404, ""),
        ("/app/%2Eenv", 200, "<main>"),
        ("/app/.git/config", 200, "<main>"),
        ("/app/out.txt", 404, ""),
        ("/app/other/x.txt", 404, ""),
        ("/app/zero.txt", 404, ""),
        ("/app/../secret.txt", 404, ""),
        ("/app/%2e%2e/secret.txt", 404, ""),
        ("/app/..%2fsecret.txt", 404, ""),
        ("/app/../web-other/x.txt", 404, ""),
        ("/app//etc/passwd.txt", 404, ""),
        ("/app/%00.txt", 404, ""),
        ("/app/index.html/", 200, "<main>"),
    ] {
        let got = Origin::new().ask(&edge, &format!("GET {target}"), &stranger(), "500").await;
        assert_eq!(got.status, status, "{target}");
        assert!(!got.text().contains("secret"), "{target}");
        if status == 200 {
            assert_eq!(got.text(), body, "{target}");
        } else {
            assert_eq!(got.problem(), "not-found", "{target}");
        }
    }
}

#[tokio::test]
async fn directories_are_asked_for_with_a_slash() {
    let directory = front_end();
    for (route, target, location) in
        [("/app/*", "/app/docs?x", "/app/docs/?x"), ("/*", "/docs", "/docs/"), ("/*", "//docs", "/docs/")]
    {
        let edge = try_edge(route, SETTINGS, &parts(directory.path())).unwrap().unwrap();
        let got = Origin::new().ask(&edge, &format!("GET {target}"), &stranger(), "500").await;
        assert_eq!((got.status, got.field("location").as_str()), (307, location), "{target}");
    }
}

#[tokio::test]
async fn callers_are_told_how_long_to_keep_a_file() {
    let directory = front_end();
    let edge = try_edge("/app/*", SETTINGS, &parts(directory.path())).unwrap().unwrap();
    let ask = async |text: &str| Origin::new().ask(&edge, text, &stranger(), "500").await;
    let page = ask("GET /app/").await;
    assert_eq!(
        (page.field("cache-control"), page.field("content-type")),
        ("no-cache".to_owned(), "text/html".to_owned())
    );
    assert_eq!(page.field("x-content-type-options"), "nosniff");
    let tag = page.field("etag");
    assert!(tag.starts_with('"') && !page.field("last-modified").is_empty(), "{page:?}");
    let again = ask(&format!("GET /app/\nif-none-match: {tag}")).await;
    assert_eq!((again.status, again.field("cache-control"), again.body.len()), (304, "no-cache".to_owned(), 0));
    let asset = ask("GET /app/assets/app-1a2b.js").await;
    assert_eq!(asset.field("cache-control"), "public, max-age=31536000, immutable");
    let range = ask("GET /app/assets/app-1a2b.js\nrange: bytes=0-5").await;
    assert_eq!((range.status, range.text(), range.field("content-range")), (206, "script", "bytes 0-5/20".to_owned()));
    let beyond = ask("GET /app/assets/app-1a2b.js\nrange: bytes=50-").await;
    assert_eq!((beyond.status, beyond.field("cache-control")), (416, "no-cache".to_owned()));
    for (accepted, encoding, body) in [("br", "br", "BR"), ("gzip", "gzip", "GZ"), ("zstd", "", "script script script")]
    {
        let got = ask(&format!("GET /app/assets/app-1a2b.js\naccept-encoding: {accepted}")).await;
        assert_eq!((got.field("content-encoding").as_str(), got.text()), (encoding, body));
        assert!(got.field("vary").contains("accept-encoding"));
    }
}

#[tokio::test]
async fn files_are_read_and_not_written() {
    let directory = front_end();
    let edge = try_edge("/app/*", SETTINGS, &parts(directory.path())).unwrap().unwrap();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let got = Origin::new().ask(&edge, &format!("{method} /app/"), &stranger(), "500").await;
        assert_eq!(
            (got.status, got.field("allow"), got.problem()),
            (405, "GET, HEAD".to_owned(), "method-not-allowed".to_owned())
        );
    }
    let head = Origin::new().ask(&edge, "HEAD /app/", &stranger(), "500").await;
    assert_eq!((head.status, head.field("content-length"), head.body.len()), (200, "6".to_owned(), 0));
}

#[tokio::test]
async fn only_who_asks_for_a_page_gets_one_in_place_of_a_file() {
    let directory = front_end();
    let edge = try_edge("/*", SETTINGS, &parts(directory.path())).unwrap().unwrap();
    for (accept, status) in [("*/*", 404), ("text/html,application/xhtml+xml,*/*;q=0.8", 200)] {
        let got = Origin::new().ask(&edge, &format!("GET /v1.2\naccept: {accept}"), &stranger(), "500").await;
        assert_eq!(got.status, status, "{accept}");
    }
    let plain = r#"{"files": {"directory": "web", "index": false}}"#;
    let edge = try_edge("/*", plain, &parts(directory.path())).unwrap().unwrap();
    for (target, status) in [("/", 404), ("/index.html", 200), ("/orders", 404)] {
        let got = Origin::new().ask(&edge, &format!("GET {target}"), &stranger(), "500").await;
        assert_eq!(got.status, status, "{target}");
    }
}

#[tokio::test]
async fn a_directory_has_to_be_there_and_may_be_replaced() {
    let directory = front_end();
    let root = directory.path();
    for missing in ["nowhere", "secret.txt"] {
        let settings = format!(r#"{{"files": {{"directory": "{missing}"}}}}"#);
        let error = try_edge("/*", &settings, &parts(root)).err().unwrap().to_string();
        assert!(error.contains(missing) && error.contains("correct the path"), "{error}");
    }
    symlink(root.join("web"), root.join("current")).unwrap();
    let settings = r#"{"files": {"directory": "current"}}"#;
    let edge = try_edge("/*", settings, &parts(root)).unwrap().unwrap();
    let ask = async |target: &str| Origin::new().ask(&edge, &format!("GET {target}"), &stranger(), "500").await;
    assert_eq!(ask("/index.html").await.text(), "<main>");
    fs::remove_file(root.join("current")).unwrap();
    symlink(root.join("web-other"), root.join("current")).unwrap();
    assert_eq!((ask("/index.html").await.status, ask("/x.txt").await.text()), (404, "secret"));
}
