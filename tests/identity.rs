//! Who comes in, through the gateway and down a chain of services; and what is said of those who do not.

use serde_json::Value;

use crate::support::{Host, service};

/// What shows that one is the robot.
struct Key {
    key: String,
    line: String,
}

/// Makes an API key with the command for it.
async fn key(host: &Host) -> Key {
    let (code, stdout, stderr) = host.cli(&["keys", "new", "robot", "--json"]).await;
    assert_eq!(code, 0, "{stderr}");
    let made: Value = serde_json::from_str(&stdout).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Key { key: text("key"), line: text("line").replace(" }", ", scopes = [\"read\"] }") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_known_on_every_hop_and_the_others_stay_outside() {
    let routes = r#"
        [services.one.routes."/open/*"]
        anonymous = true
        [services.one.routes."/read/*"]
        callers = ["scope:read GET"]
        [services.one.routes."/write/*"]
        callers = ["scope:write"]
        [services.one.routes."/any/*"]
        rate_per_user = "2/1h burst 2"
    "#;
    let one = service("one", "insider", routes);
    let other = service("other", "insider", "callers = [\"one & scope:read\"]");
    let mut host = Host::stopped("");
    let Key { key, line } = key(&host).await;
    host.configure(&format!("[auth.keys]\n{line}\n{one}{other}"));
    host.run().await;
    let ask = async |path: &str, key: Option<&str>| {
        let request = host.client().get(host.url(path));
        let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
        let reply = request.send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    let robot = "robot of keys, scopes [\"read\"], groups []";
    let damaged = key.replace("pbk_", "pbk_0");
    for (path, key, status, says) in [
        ("/open/user", None, 200, "nobody"),
        ("/open/user", Some(&key), 200, robot),
        ("/open/user", Some(&damaged), 401, "unauthenticated"),
        ("/read/user", None, 401, "unauthenticated"),
        ("/read/user", Some(&key), 200, robot),
        ("/write/user", Some(&key), 403, "denied"),
        // The service that is called on behalf of the user knows the user, and lets nobody else's calls in.
        ("/read/invoke?other;who;[]", Some(&key), 200, "other@1 by service one"),
        ("/open/invoke?other;who;[]", None, 200, "Denied"),
        ("/any/user", Some(&key), 200, robot),
        ("/any/user", Some(&key), 200, robot),
        ("/any/user", Some(&key), 429, "rate-limited"),
    ] {
        let (found, body) = ask(path, key.map(String::as_str)).await;
        assert!(found == status && body.contains(says), "{path}: {found} {body}");
    }
    let log = host.logged("audit").await;
    assert!(!log.contains(&key), "{log}");
    let expectations = "deny outside GET /read/x\nallow user:robot&scope:read GET /read/x\ndeny one other GET\n";
    std::fs::write(host.folder.path().join("access.txt"), expectations).unwrap();
    let (code, stdout, stderr) = host.cli(&["authz", "test", "access.txt"]).await;
    assert!(code == 0 && stdout.contains("3 expectations"), "{stdout}{stderr}");
    let (_, explained, stderr) = host.cli(&["authz", "explain", "user:robot&scope:read", "GET", "/write/x"]).await;
    assert!(explained.contains("denied") && explained.contains("no rule of the route"), "{explained}{stderr}");
}
