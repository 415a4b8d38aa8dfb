//! How often one may come in by a route, and what one is told of it.

use patchbay_control::DeclaredRoute;
use patchbay_model::policy::RouteSettings;

use super::client::raw;
use super::host::{Host, says};

#[tokio::test]
async fn callers_are_told_how_often_they_may_call() {
    let rate = |text: &str| Some(text.parse().unwrap());
    let settings = RouteSettings {
        anonymous: true,
        rate: rate("1000/s"),
        rate_per_address: rate("1/1h burst 2"),
        ..RouteSettings::default()
    };
    let route = |route: &str, settings| DeclaredRoute { route: route.parse().unwrap(), settings };
    let free = RouteSettings { anonymous: true, ..RouteSettings::default() };
    let host = Host::guarded(says("here"), vec![route("/limited", settings), route("/free", free)], false).await;
    let http = host.http().await;
    let ask = async |path: &str| {
        let reply = raw(http.address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        let field = |name: &str| reply.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        (reply[9..12].to_owned(), field("ratelimit: "), field("ratelimit-policy: "), field("retry-after: "))
    };
    for remaining in [1, 0] {
        let (status, limit, policy, wait) = ask("/limited").await;
        assert_eq!((status.as_str(), wait), ("200", None));
        assert!(limit.unwrap().starts_with(&format!("\"address\";r={remaining};t=")));
        assert_eq!(policy.unwrap(), "\"address\";q=2;w=7200, \"route\";q=1000;w=1");
    }
    let (status, limit, policy, wait) = ask("/limited").await;
    assert_eq!((status.as_str(), policy.as_deref()), ("429", Some("\"address\";q=2;w=7200")));
    assert!(limit.unwrap().starts_with("\"address\";r=0;t=7"));
    // Not earlier than the next one may come, and that is no later than an hour after the last.
    let wait: u64 = wait.unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    assert_eq!(ask("/free").await, ("200".to_owned(), None, None, None));
    let counts = host.control.service(&"orders".parse().unwrap()).unwrap().counts;
    assert_eq!(counts.rate_limited, 1);
}
