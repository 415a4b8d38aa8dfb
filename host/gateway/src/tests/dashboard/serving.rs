//! The files of the page: all there, small, named by their content, and with the headers that keep others out.

use std::collections::BTreeSet;
use std::path::Path;

use http::Method;
use http::header::HeaderMap;

use super::browser::{ask, get, of_page, serving, session};
use crate::dashboard::{BUILD, FILES};

/// All files below a directory, as paths in it.
fn files_in(directory: &Path, below: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .flat_map(|entry| {
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() { files_in(&entry.path(), &format!("{name}/")) } else { BTreeSet::from([name]) }
        })
        .collect()
}

#[test]
fn every_file_of_the_page_is_in_the_program() {
    let page = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/dashboard/page"));
    let is_served = |path: &String| !path.ends_with(".html") && path != "package.json";
    let found: BTreeSet<_> = files_in(page, "").into_iter().filter(is_served).collect();
    let listed: BTreeSet<_> = FILES.iter().map(|file| file.path.to_owned()).collect();
    assert_eq!(found, listed);
    let size: u64 = found.iter().map(|path| page.join(path).metadata().unwrap().len()).sum();
    assert!(size < 200 << 10, "the page is to be small, and is {size} bytes");
}

#[test]
fn documents_have_nothing_inline_and_nothing_from_elsewhere() {
    for document in [include_str!("../../dashboard/page/index.html"), include_str!("../../dashboard/page/login.html")] {
        for bad in ["style=", "<style", "onclick", "onload", "javascript:", "http:", "https:", "src=\"//", "href=\"//"]
        {
            assert!(!document.contains(bad), "{bad}");
        }
        let scripts = document.matches("<script").count();
        assert_eq!(
            document.matches("<script src=\"/dashboard/").count()
                + document.matches("<script type=\"module\" src=\"/dashboard/").count(),
            scripts
        );
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn pages_and_files_carry_what_keeps_others_out() {
    let (_host, admin) = serving().await;
    let cookie = session(&admin).await;
    let file = format!("/dashboard/{}/main.js", *BUILD);
    for path in ["/dashboard/login", "/dashboard/", &file, "/"] {
        let reply = of_page(&admin, &cookie, Method::GET, path).send().await.unwrap();
        let headers = reply.headers();
        let policy = header(headers, "content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.split("; ").any(|found| found == part), "{path}: {part} in {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(header(headers, name), value, "{path}: {name}");
        }
    }
    let reply = of_page(&admin, &cookie, Method::GET, "/v1/services").send().await.unwrap();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(header(reply.headers(), name), value, "{name}");
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_since_their_address_changes() {
    let (_host, admin) = serving().await;
    for file in FILES {
        let path = format!("/dashboard/{}/{}", *BUILD, file.path);
        let reply = get(&admin, &path).await;
        assert_eq!(reply.status(), 200, "{path}");
        let media = match file.path.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(header(reply.headers(), "content-type"), media, "{path}");
        assert_eq!(header(reply.headers(), "cache-control"), "public, max-age=31536000, immutable");
        let tag = header(reply.headers(), "etag").to_owned();
        for (known, status) in [(tag.as_str(), 304), (&format!("\"x\", {tag}"), 304), ("W/\"x\"", 200)] {
            let again = ask(&admin, Method::GET, &path).header("if-none-match", known).send().await.unwrap();
            assert_eq!(again.status(), status, "{known}");
        }
    }
    let old = get(&admin, "/dashboard/0123456789abcdef/main.js").await;
    assert_eq!(old.status(), 404, "the file of another program is not this one");
    assert_eq!(get(&admin, &format!("/dashboard/{}/../../../Cargo.toml", *BUILD)).await.status(), 401);
}

#[tokio::test]
async fn the_page_names_its_files_and_they_come_compressed() {
    let (_host, admin) = serving().await;
    let cookie = session(&admin).await;
    let page = of_page(&admin, &cookie, Method::GET, "/dashboard/").send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("{{"), "everything is filled in");
    for file in FILES.iter().filter(|file| file.path.ends_with(".js") && file.path != "early.js") {
        let preload = format!("<link rel=\"modulepreload\" href=\"/dashboard/{}/{}\">", *BUILD, file.path);
        assert!(page.contains(&preload), "{}", file.path);
    }
    let main = format!("/dashboard/{}/style.css", *BUILD);
    assert!(page.contains(&format!("<link rel=\"stylesheet\" href=\"{main}\">")));
    let style = get(&admin, &main).await;
    assert_eq!(header(style.headers(), "content-type"), "text/css; charset=utf-8");
    let (style, sheets) = (style.text().await.unwrap(), FILES.iter().filter(|file| file.path.ends_with(".css")));
    for sheet in sheets {
        let sheet = get(&admin, &format!("/dashboard/{}/{}", *BUILD, sheet.path)).await.text().await.unwrap();
        assert!(style.contains(&sheet), "every sheet is in the one that is loaded");
    }
    for coding in ["gzip", "br"] {
        let reply = ask(&admin, Method::GET, &main).header("accept-encoding", coding).send().await.unwrap();
        assert_eq!(header(reply.headers(), "content-encoding"), coding);
        assert!(header(reply.headers(), "vary").contains("accept-encoding"));
        let plain = get(&admin, &main).await.bytes().await.unwrap().len();
        assert!(reply.bytes().await.unwrap().len() * 2 < plain);
    }
}
