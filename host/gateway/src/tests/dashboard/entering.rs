//! Logging in, what a session opens and what not, and logging out.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::browser::{ask, get, login, of_page, serving, session};
use crate::tests::admin::problem;
use crate::tests::host::TOKEN;

#[tokio::test]
async fn the_token_opens_and_nothing_else_does() {
    let (_host, admin) = serving().await;
    for path in ["/", "/dashboard"] {
        let reply = get(&admin, path).await;
        assert_eq!((reply.status().as_u16(), &reply.headers()["location"]), (303, &"/dashboard/".parse().unwrap()));
    }
    let reply = get(&admin, "/dashboard/").await;
    assert_eq!((reply.status().as_u16(), &reply.headers()["location"]), (303, &"/dashboard/login".parse().unwrap()));

    for wrong in ["", "wrong", &TOKEN[1..], &TOKEN.to_uppercase()] {
        let reply = login(&admin, wrong).await;
        assert_eq!((reply.status().as_u16(), reply.headers().get("set-cookie")), (403, None), "{wrong}");
        assert!(reply.text().await.unwrap().contains("role=\"alert\">This is not the token"));
    }
    let reply = login(&admin, TOKEN).await;
    assert_eq!((reply.status().as_u16(), &reply.headers()["location"]), (303, &"/dashboard/".parse().unwrap()));
    let cookie = reply.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (pair, attributes) = cookie.split_once(';').unwrap();
    assert!(pair.starts_with(&format!("patchbay-session-{}=", admin.address.port())), "{pair}");
    assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Strict");

    let page = ask(&admin, Method::GET, "/dashboard/").header("cookie", pair).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    let form = ask(&admin, Method::GET, "/dashboard/login").header("cookie", pair).send().await.unwrap();
    assert_eq!(form.status(), 303, "who is in needs no form");
}

#[tokio::test]
async fn wrong_tokens_have_a_rate_and_the_right_one_waits_with_them() {
    let (_host, admin) = serving().await;
    for _ in 0..5 {
        assert_eq!(login(&admin, "wrong").await.status(), 403);
    }
    for token in ["wrong", TOKEN] {
        let reply = login(&admin, token).await;
        assert_eq!(reply.status(), 429);
        let wait: u64 = reply.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=11).contains(&wait), "{wait}");
    }
    // Only the form has a rate; whoever has the token is not locked out of the API.
    assert_eq!(ask(&admin, Method::GET, "/v1/services").bearer_auth(TOKEN).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_the_form_sends_is_checked() {
    let (_host, admin) = serving().await;
    let form = |media: &str| ask(&admin, Method::POST, "/dashboard/session").header("content-type", media);
    const MEDIA: &str = "application/x-www-form-urlencoded";
    let reply = form("application/json").body(json!({"token": TOKEN}).to_string()).send().await.unwrap();
    assert_eq!(problem(reply).await.0, 415);
    let reply = form(MEDIA).body("token=".to_owned() + &"x".repeat(5000)).send().await.unwrap();
    assert_eq!(problem(reply).await.0, 413);
    for site in ["cross-site", "same-site"] {
        let request = form(MEDIA).header("sec-fetch-site", site).body(format!("token={TOKEN}"));
        assert_eq!(problem(request.send().await.unwrap()).await.0, 403, "{site}");
    }
    assert_eq!(problem(ask(&admin, Method::PUT, "/dashboard/session").send().await.unwrap()).await.0, 405);
}

#[tokio::test]
async fn a_session_reads_and_changes_only_for_the_page() {
    let (_host, admin) = serving().await;
    let cookie = session(&admin).await;
    let read = || ask(&admin, Method::GET, "/v1/services").header("cookie", &cookie);
    let own = admin.url("");
    let change = |path: &str| ask(&admin, Method::POST, path).header("cookie", &cookie).json(&json!({}));
    let rollback = "/v1/services/orders/rollback";
    for (what, request, status) in [
        ("reads", read(), 200),
        ("reads, as browsers say it", read().header("sec-fetch-site", "same-origin"), 200),
        ("reads for another page of the machine", read().header("sec-fetch-site", "same-site"), 403),
        ("reads for another site", read().header("sec-fetch-site", "cross-site"), 403),
        ("a wrong token beside it", read().bearer_auth("wrong"), 401),
        ("the token beside it", read().bearer_auth(TOKEN).header("sec-fetch-site", "cross-site"), 200),
        ("another session", ask(&admin, Method::GET, "/v1/services").header("cookie", cookie.replace('=', "=0")), 401),
        ("changes without a proof", change(rollback).header("origin", &own), 403),
        ("changes with a proof and no origin", change(rollback).header("x-patchbay-dashboard", "1"), 403),
        (
            "changes for another origin",
            change(rollback).header("x-patchbay-dashboard", "1").header("origin", "http://127.0.0.1:1"),
            403,
        ),
        ("changes for the page", of_page(&admin, &cookie, Method::POST, rollback).json(&json!({})), 404),
        ("unknown paths", of_page(&admin, &cookie, Method::GET, "/nothing"), 404),
    ] {
        assert_eq!(request.send().await.unwrap().status(), status, "{what}");
    }
    let foreign = problem(change(rollback).send().await.unwrap()).await;
    assert_eq!((foreign.0, foreign.1.as_str()), (403, "foreign"));
}

#[tokio::test]
async fn logging_out_ends_the_session_and_its_streams() {
    let (_host, admin) = serving().await;
    let cookie = session(&admin).await;
    let mut events = of_page(&admin, &cookie, Method::GET, "/v1/events?follow=true").send().await.unwrap();
    assert_eq!(events.status(), 200);
    while events.chunk().await.unwrap().is_some_and(|chunk| !chunk.windows(9).any(|bytes| bytes == b"published")) {}

    let bare = ask(&admin, Method::DELETE, "/dashboard/session").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(bare.status(), 403, "no page of others logs anybody out");
    let reply = of_page(&admin, &cookie, Method::DELETE, "/dashboard/session").send().await.unwrap();
    assert_eq!(reply.status(), 204);
    assert!(reply.headers()["set-cookie"].to_str().unwrap().ends_with("Max-Age=0"));
    // The stream comes to its end, which it otherwise has only when the host stops.
    let end = async { while events.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(60), end).await.expect("a session that is over streams nothing");
    assert_eq!(problem(of_page(&admin, &cookie, Method::GET, "/v1/services").send().await.unwrap()).await.0, 401);
    assert_eq!(get(&admin, "/dashboard/").await.status(), 303);
}

#[tokio::test]
async fn services_do_not_get_the_cookie() {
    use patchbay_model::{Reply, full_body};
    let script = crate::tests::host::script(|call| {
        let cookies: Vec<_> = call.request.headers().get_all("cookie").iter().cloned().collect();
        let told: Value = cookies.iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect();
        std::future::ready(Ok(Reply::new(full_body(told.to_string()))))
    });
    let host = crate::tests::host::Host::serving(script, &["/*"]).await;
    let http = host.http().await;
    let request = reqwest::Client::new().get(http.url("/")).header("cookie", "a=1; patchbay-session-9090=secret; b=2");
    assert_eq!(request.send().await.unwrap().json::<Value>().await.unwrap(), json!(["a=1; b=2"]));
}
