//! A new `runtime.toml` while the host runs: on SIGHUP, by itself, and with `patchbay reload`; as a whole, or not at all.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Host, Load, PATIENT, eventually, guest, service};

/// Puts a file in the place of another one in one step, as editors do.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

impl Host {
    /// Another configuration, in the place of the one before.
    fn reconfigure(&self, text: &str) {
        let base = "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";
        put(&self.folder.path().join("runtime.toml"), &format!("{base}{text}"));
    }

    /// Waits until this version answers.
    async fn answers(&self, version: &str) {
        let wanted = (200, version.to_owned());
        eventually(version, async || (self.ask("/version").await == wanted).then_some(())).await;
    }
}

/// A service that answers with its version.
fn versioned(name: &str, version: &str, routes: &[&str]) -> String {
    let rest = format!("routes = {routes:?}\n[services.{name}.config]\nversion = {version:?}");
    service(name, "probe", &rest)
}

const UNWATCHED: &str = "[host]\nwatch = false\n";

/// The file of one generation: two services that trade their routes, and a third one that comes and goes.
fn generation(number: u32) -> String {
    let (x, y) = if number.is_multiple_of(2) { ("a", "b") } else { ("b", "a") };
    let of = |name: &str, route: &str| versioned(name, &format!("{name}{number}"), &[route]);
    let guest = if number.is_multiple_of(3) { of("guest", "/echo") } else { String::new() };
    format!("{PATIENT}watch = false\n{}{}{guest}", of(x, "/version"), of(y, "/config/*"))
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_drop_nothing_and_no_answer_is_of_two_files() {
    let host = Host::start(&generation(0)).await;
    let (x, y) = (host.url("/version"), host.url("/config/version"));
    let load = Load::start(8, move |client| {
        let (x, y) = (x.clone(), y.clone());
        async move {
            let mut answers = Vec::new();
            for (url, even) in [(x, "a"), (y, "b")] {
                let reply = client.get(url).send().await.map_err(|error| format!("{error:?}"))?;
                let status = reply.status();
                let answer = reply.text().await.map_err(|error| format!("{error:?}"))?;
                let number = answer.get(1..).and_then(|number| number.parse::<u32>().ok());
                let number = number.filter(|_| status == 200).ok_or_else(|| format!("{status}: {answer}"))?;
                if answer.starts_with(even) != number.is_multiple_of(2) {
                    return Err(format!("{answer} is of two files"));
                }
                answers.push(number);
            }
            Ok(answers)
        }
    });
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    for number in 1..=60 {
        ticks.tick().await;
        host.reconfigure(&generation(number));
        let (status, answer) = host.post("/v1/reload", json!({})).await;
        assert_eq!((status, &answer["applied"]), (200, &json!(true)), "{answer}");
        // From now on nobody is answered by the file before.
        let even = if number.is_multiple_of(2) { "a" } else { "b" };
        assert_eq!(host.ask("/version").await, (200, format!("{even}{number}")));
    }
    let outcome = load.stop().await;
    let n_calls = outcome.answers.len();
    assert!(
        outcome.lost.is_empty(),
        "{} of {n_calls} calls went wrong, the first: {}",
        outcome.lost.len(),
        outcome.lost[0]
    );
    let mut seen: Vec<_> = outcome.answers.into_iter().flatten().collect();
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 30, "only {} files answered in {n_calls} calls", seen.len());
    assert!(!host.log().contains("took longer"), "no call was cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_shows_what_is_different_and_takes_it() {
    let host = Host::start(&format!("{UNWATCHED}{}", versioned("one", "1", &["/*"]))).await;
    let (code, stdout, stderr) = host.cli(&["reload"]).await;
    assert_eq!((code, stdout.trim()), (0, "Nothing is different."), "{stderr}");
    let changed = format!(
        "[host]\nwatch = false\nstrict = true\n[engine]\ninstances = 77\n{}{}",
        versioned("one", "2", &["/*"]),
        versioned("two", "1", &["/config/*"]),
    );
    // A strict host lets nobody in where nothing is said.
    let open = |text: String, route: &str| {
        text.replace(&format!("[\"{route}\"]"), &format!("{{ \"{route}\" = {{ anonymous = true }} }}"))
    };
    let changed = open(open(changed, "/*"), "/config/*");
    host.reconfigure(&changed);
    for (arguments, end, answer) in
        [(&["reload", "--dry-run"][..], "Nothing was changed", "1"), (&["reload"], "The host has taken", "2")]
    {
        let (code, stdout, stderr) = host.cli(arguments).await;
        assert_eq!(code, 0, "{stderr}");
        for said in [
            "+ host.strict is true (line 7)",
            "+ engine.instances is 77 (line 9), which needs a restart",
            "~ services.one.config.version is \"2\" instead of \"1\" (line 14)",
            "+ services.two.config.version is \"1\"",
            "* one@2 replaces one@1",
            "* two@1 serves",
            "! needs a restart: engine.instances",
            end,
        ] {
            assert!(stdout.contains(said), "{said} in {stdout}");
        }
        assert_eq!(host.ask("/version").await, (200, answer.to_owned()));
    }
    assert_eq!(host.ask("/config/version").await, (200, "1".to_owned()));
    let (_, stdout, _) = host.cli(&["ps"]).await;
    assert!(stdout.contains("the values of engine.instances in runtime.toml hold after a restart"), "{stdout}");
    let facts = host.admin_get("/v1/host").await;
    assert_eq!(facts["needs_restart"], json!(["engine.instances"]));
    assert_eq!(
        (&facts["config"]["host.strict"], &facts["config"]["engine.instances"]),
        (&json!("true"), &json!("1000"))
    );
    let (_, stdout, _) = host.cli(&["events"]).await;
    assert!(stdout.contains("one@2 replaces one@1"), "{stdout}");
    host.logged("services.one.config.version is \"2\" instead of \"1\"").await;
    // Without the service, and as the engine is.
    host.reconfigure(&format!("{UNWATCHED}{}", versioned("one", "2", &["/*"])));
    let (code, stdout, _) = host.cli(&["reload"]).await;
    assert_eq!(code, 0);
    assert!(stdout.contains("* two is removed") && !stdout.contains("restart"), "{stdout}");
    assert_eq!(host.admin_get("/v1/host").await["needs_restart"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_right_changes_nothing_and_is_told_in_full() {
    let good = format!("{UNWATCHED}{}", versioned("one", "1", &["/*"]));
    let host = Host::start(&good).await;
    let before = host.admin_get("/v1/services").await;
    let missing = service("two", "probe", "[services.two.secrets]\nkey = { file = \"lost\" }");
    let unlinked = service("three", "caller", "");
    for (text, said) in [
        (
            good.replace("[services.one.config]\nversion = \"1\"\n", "timeout = 5\nrouts = []\n"),
            vec!["runtime.toml:10:11: services.one.timeout: expected a duration", "services.one.routs: unknown key"],
        ),
        (good.replace("watch = false", "watch = "), vec!["runtime.toml:6:9: this is no TOML"]),
        (
            format!("{}{missing}", good.replace("\"1\"", "\"2\"")),
            vec![
                "runtime.toml:13:13: services.two: at step `inspect`: its secret `key`: secret(file:lost) cannot be used",
            ],
        ),
        (format!("{}{unlinked}{missing}", good.replace("\"1\"", "\"2\"")), vec!["services.two: at step `inspect`"]),
        (
            format!("{}{unlinked}", good.replace("\"1\"", "\"2\"")),
            vec!["services.three: it imports", "no service exports it"],
        ),
    ] {
        host.reconfigure(&text);
        let (code, _, stderr) = host.cli(&["reload"]).await;
        assert_eq!(code, 4, "{stderr}");
        for said in &said {
            assert!(stderr.contains(said), "{said} in {stderr}");
            host.logged(said).await;
        }
        assert_eq!(host.admin_get("/v1/services").await, before, "{stderr}");
        assert_eq!(host.ask("/version").await, (200, "1".to_owned()));
    }
    let (_, stdout, _) = host.cli(&["events"]).await;
    assert!(stdout.contains("is not taken"), "{stdout}");
    std::fs::remove_file(host.folder.path().join("runtime.toml")).unwrap();
    let (status, problem) = host.post("/v1/reload", json!({})).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("cannot read `runtime.toml`"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads() {
    let host = Host::start(&format!("{UNWATCHED}{}", versioned("one", "1", &["/*"]))).await;
    host.reconfigure(&format!("{UNWATCHED}{}", versioned("one", "2", &["/*"])));
    // With `watch` off it does nothing by itself, however often it looks.
    sleep(Duration::from_secs(4)).await;
    assert_eq!(host.ask("/version").await, (200, "1".to_owned()));
    host.signal(Signal::HUP);
    host.answers("2").await;
    host.logged("SIGHUP: ").await;
    host.reconfigure("services = 1\n");
    host.signal(Signal::HUP);
    eventually("it is refused", async || {
        host.log().contains("SIGHUP: the new configuration is not taken").then_some(())
    })
    .await;
    assert_eq!(host.ask("/version").await, (200, "2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_taken_up_by_itself() {
    let host = Host::start(&versioned("one", "1", &["/*"])).await;
    // Written over, and renamed.
    host.configure(&versioned("one", "2", &["/*"]));
    host.answers("2").await;
    host.reconfigure(&versioned("one", "3", &["/*"]));
    host.answers("3").await;
    // A symbolic link to a folder that is turned, as Kubernetes does.
    let path = |name: &str| host.folder.path().join(name);
    for version in ["4", "5"] {
        std::fs::create_dir(path(version)).unwrap();
        host.reconfigure(&versioned("one", version, &["/*"]));
        if version == "4" {
            std::fs::copy(path("runtime.toml"), path("4/runtime.toml")).unwrap();
            std::os::unix::fs::symlink("4", path("data")).unwrap();
            std::fs::remove_file(path("runtime.toml")).unwrap();
            std::os::unix::fs::symlink("data/runtime.toml", path("runtime.toml")).unwrap();
        } else {
            std::fs::rename(path("runtime.toml"), path("5/runtime.toml")).unwrap();
            std::os::unix::fs::symlink("data/runtime.toml", path("runtime.toml")).unwrap();
            std::os::unix::fs::symlink("5", path("turned")).unwrap();
            std::fs::rename(path("turned"), path("data")).unwrap();
        }
        host.answers(version).await;
    }
    // What is wrong is told once, and what is right is taken then.
    host.reconfigure("services = 1\n");
    eventually("it is refused", async || host.log().contains("is not taken").then_some(())).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(host.log().matches("is not taken").count(), 1, "{}", host.log());
    host.reconfigure(&versioned("one", "6", &["/*"]));
    host.answers("6").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_component_in_the_same_file_is_taken_at_the_next_reload() {
    let host = Host::stopped("");
    let component = host.folder.path().join("one.wasm");
    std::fs::copy(guest("probe"), &component).unwrap();
    host.configure(&format!("{UNWATCHED}[services.one]\ncomponent = {component:?}\nroutes = [\"/*\"]\n"));
    let mut host = host;
    host.run().await;
    std::fs::copy(guest("insider"), &component).unwrap();
    let (_, stdout, _) = host.cli(&["reload"]).await;
    assert!(stdout.contains("* one@2 replaces one@1"), "{stdout}");
    assert_eq!(host.ask("/who").await.1.split(' ').next(), Some("one@2"));
    // A start finds what was reloaded, and nothing to do.
    host.signal(Signal::TERM);
    host.exited().await;
    host.run().await;
    assert_eq!(host.ask("/who").await.1.split(' ').next(), Some("one@2"));
}

/// The values of the secrets of these tests, which must be found nowhere.
const VALUES: [&str; 3] = ["hunter-one-5f2c", "hunter-two-91ab", "hunter-env-77d0"];

/// Every file below a folder that has one of the values in it.
fn leaks(folder: &Path, but: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == but {
            continue;
        }
        if path.is_dir() {
            found.extend(leaks(&path, but));
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        found.extend(
            VALUES.iter().filter(|value| text.contains(**value)).map(|value| format!("{value} in {}", path.display())),
        );
    }
    found
}

/// A service that reads secrets at `/NAME/secret?SECRET`, granted as the text says.
fn reader(name: &str, granted: &str) -> String {
    let granted = if granted.is_empty() { String::new() } else { format!("[services.{name}.secrets]\n{granted}\n") };
    service(name, "insider", &format!("routes = [\"/{name}/*\"]\n{granted}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_reads_what_it_is_granted_and_sees_it_change_and_nobody_else_does() {
    let granted = "key = { file = \"secrets/key\" }\ntoken = { env = \"PATCHBAY_TEST_TOKEN\" }";
    let file = |granted: &str| format!("{}{}", reader("one", granted), reader("other", ""));
    let mut host = Host::stopped(&file(granted));
    let folder = host.folder.path().join("secrets");
    std::fs::create_dir(&folder).unwrap();
    put(&folder.join("key"), &format!("{}\n", VALUES[0]));
    host.environ("PATCHBAY_TEST_TOKEN", VALUES[2]);
    host.run().await;
    for (path, value) in [
        ("/one/secret?key", VALUES[0]),
        ("/one/secret?token", VALUES[2]),
        ("/one/secret?other", "none"),
        ("/other/secret?key", "none"),
        ("/other/secret?token", "none"),
    ] {
        assert_eq!(host.ask(path).await, (200, value.to_owned()), "{path}");
    }
    // Another value in its place is seen by the same revision.
    put(&folder.join("key"), VALUES[1]);
    let rotated = (200, VALUES[1].to_owned());
    eventually("the new value is seen", async || (host.ask("/one/secret?key").await == rotated).then_some(())).await;
    assert_eq!(host.admin_get("/v1/services/one").await["active"], 1);
    // One that vanishes is warned of, and the last value holds.
    std::fs::remove_file(folder.join("key")).unwrap();
    eventually("it is warned of", async || host.log().contains("keeps its last value").then_some(())).await;
    assert_eq!(host.ask("/one/secret?key").await, rotated);
    // But nothing new can be deployed without it.
    let (status, problem) = host
        .post(
            "/v1/services/one/revisions",
            json!({"component": host.upload(crate::support::marked("insider", "2")).await}),
        )
        .await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("secret(file:secrets/key) cannot be used"), "{problem}");
    put(&folder.join("key"), VALUES[1]);
    // Only the file grants, not the admin API.
    for (service, secrets) in [
        ("other", json!({"key": {"file": "secrets/key"}})),
        ("one", json!({"key": {"file": "state/admin.token"}})),
        ("one", json!({"key": VALUES[0]})),
    ] {
        let (status, problem) =
            host.deploy(service, crate::support::marked("insider", "3"), json!({"secrets": secrets})).await;
        assert!(matches!(status, 400 | 422), "{status} {problem}");
        assert!(!problem.to_string().contains(VALUES[0]), "{problem}");
    }
    // What is not granted any more is gone, also with an older revision.
    host.reconfigure(&file("token = { env = \"PATCHBAY_TEST_TOKEN\" }"));
    let gone = (200, "none".to_owned());
    eventually("it is not granted any more", async || (host.ask("/one/secret?key").await == gone).then_some(())).await;
    let (status, problem) = host.post("/v1/services/one/rollback", json!({})).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("is not granted to it"), "{problem}");
    host.reconfigure(&file(granted));
    eventually("it is granted again", async || (host.ask("/one/secret?key").await == rotated).then_some(())).await;
    nothing_leaks(&host, &folder).await;
}

/// Looks for the values in all that the host tells and writes.
async fn nothing_leaks(host: &Host, folder: &Path) {
    let (_, page, _) = host.cli(&["inspect", "one"]).await;
    assert!(
        page.contains("key = secret(file:secrets/key)") && page.contains("token = secret(env:PATCHBAY_TEST_TOKEN)"),
        "{page}"
    );
    let mut told = vec![page, host.log()];
    for path in [
        "/v1/host",
        "/v1/services",
        "/v1/services/one",
        "/v1/services/one/revisions/3",
        "/v1/services/one/policies",
        "/readyz",
    ] {
        let reply = host.admin(reqwest::Method::GET, path).send().await.unwrap();
        told.push(reply.text().await.unwrap());
    }
    for command in [&["events"][..], &["logs"], &["ps"], &["reload"], &["reload", "--dry-run"], &["check"]] {
        let (_, stdout, stderr) = host.cli(command).await;
        told.push(stdout + &stderr);
    }
    let events = told.iter().find(|text| text.contains("services.one.secrets.key")).expect("the diff names the key");
    assert!(events.contains("secret(file:secrets/key)"), "{events}");
    for text in &told {
        assert!(!VALUES.iter().any(|value| text.contains(value)), "{text}");
    }
    assert_eq!(leaks(host.folder.path(), folder), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_written_down_is_refused_or_warned_of_and_never_shown() {
    let inline = service("one", "insider", "[services.one.secrets]\nkey = \"hunter-one-5f2c\"\n");
    let host = Host::stopped(&inline);
    for command in ["check", "up"] {
        let (code, stdout, stderr) = host.cli(&[command]).await;
        assert_eq!(code, 4);
        assert!(stderr.contains("runtime.toml:8:1: services.one.secrets.key: is written here"), "{stderr}");
        assert!(!(stdout + &stderr).contains(VALUES[0]));
    }
    let named =
        "[services.one.config]\ndb_password = \"hunter-one-5f2c\"\n[services.one.secrets]\nkey = { file = \"key\" }\n";
    host.configure(&service("one", "insider", named));
    let check = async |says: &str| {
        let (code, stdout, stderr) = host.cli(&["check"]).await;
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.contains("services.one.config.db_password: is named like a secret"), "{stderr}");
        assert!(stderr.contains(says), "{says} in {stderr}");
        assert!(!(stdout + &stderr).contains(VALUES[0]));
    };
    check("services.one.secrets.key: secret(file:key) cannot be used").await;
    let key = host.folder.path().join("key");
    std::fs::write(&key, VALUES[1]).unwrap();
    let allow = |mode| std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    allow(0o644);
    check("every user of this machine can read").await;
    let (_, stdout, _) = host.cli(&["--json", "check"]).await;
    let checked: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(checked["warnings"].as_array().unwrap().len(), 2, "{checked}");
}
