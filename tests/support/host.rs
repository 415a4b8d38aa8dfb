//! A running host: the real binary in a folder of its own, on ports of its own, killed when the test is over.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::Hazards;

/// How long anything may take before the test fails. Generous: a cold compiler on a busy machine is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// The binary under test, beside the test binary.
pub(crate) fn patchbay() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join("patchbay");
    assert!(binary.is_file(), "{} is missing: run `cargo xtask test`", binary.display());
    binary
}

/// The component of a guest.
pub(crate) fn guest(name: &str) -> PathBuf {
    let path = root().join("target/guests").join(name).with_extension("wasm");
    assert!(path.is_file(), "{} is missing: run `cargo xtask guests`", path.display());
    path
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The bytes of a guest with a mark that makes them another component.
pub(crate) fn marked(name: &str, mark: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(guest(name)).unwrap();
    let section = [&[4u8][..], b"mark", mark.as_bytes()].concat();
    bytes.push(0);
    bytes.push(u8::try_from(section.len()).unwrap());
    bytes.extend(section);
    bytes
}

/// A host that can be stopped and started again on the same state.
pub(crate) struct Host {
    pub(crate) folder: TempDir,
    process: Option<Child>,
    http: String,
    admin: String,
    client: Client,
    /// What the host finds in its environment.
    environment: Vec<(&'static str, PathBuf)>,
    /// How the host writes its log.
    log_format: &'static str,
}

/// The section of a host that takes its machine for as fast as it is, which every host of a test has that has no other one: what is
/// asked is never what a host refuses because another program keeps the machine busy.
pub(crate) const PATIENT: &str = "[host]\nshed_delay = \"10s\"\n";

/// One service in `runtime.toml`, from a guest.
pub(crate) fn service(name: &str, component: &str, rest: &str) -> String {
    format!("[services.{name}]\ncomponent = {:?}\n{rest}\n", guest(component))
}

/// `orders` and the services that it calls, as `runtime.toml` has them.
pub(crate) fn shop() -> String {
    let settings = [
        ("inventory", "instances = \"reuse\""),
        ("pricing", ""),
        ("payments", ""),
        ("shipping", "instances = \"reuse\""),
    ];
    let called = settings.map(|(name, settings)| service(name, name, &format!("callers = [\"orders\"]\n{settings}")));
    called.concat() + &service("orders", "orders", "routes = [\"/api/orders/*\"]")
}

impl Host {
    /// Starts a host with these services.
    pub(crate) async fn start(services: &str) -> Self {
        let mut host = Self::stopped(services);
        host.run().await;
        host
    }

    /// A folder with a configuration, and no host yet.
    pub(crate) fn stopped(services: &str) -> Self {
        // Clients ask for it even where they speak no TLS; only the first one counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        // Connections are not kept for long, so that those of a host at rest are gone.
        let client = Client::builder().timeout(PATIENCE).pool_idle_timeout(Duration::from_secs(5)).build().unwrap();
        let (http, admin) = (String::new(), String::new());
        let host = Self { folder, process: None, http, admin, client, environment: Vec::new(), log_format: "text" };
        host.configure(services);
        host
    }

    /// Sets a variable in the environment of the host, for the next start.
    pub(crate) fn environ(&mut self, name: &'static str, value: impl Into<PathBuf>) {
        self.environment.push((name, value.into()));
    }

    /// Has the log of the host written in another form than text, from the next start on.
    pub(crate) fn log_as(&mut self, format: &'static str) {
        self.log_format = format;
    }

    /// Writes another configuration, for the next start.
    pub(crate) fn configure(&self, services: &str) {
        // Ends in the section of the admin API, so that a test can add keys to it.
        let base = "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";
        // Behind all else, so that lines have the numbers that they have in a test.
        let patient = if services.contains("[host]") { "" } else { PATIENT };
        let text = format!("{base}{services}\n{patient}");
        std::fs::write(self.folder.path().join("runtime.toml"), text).unwrap();
    }

    /// Starts the host and waits until it serves.
    pub(crate) async fn run(&mut self) {
        let process = self.spawn();
        self.serves(process).await;
    }

    /// Waits until a host that was started from [`Host::command`] serves.
    pub(crate) async fn serves(&mut self, mut process: Child) {
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("the host starts in time").unwrap();
        let Some(line) = line else { panic!("the host did not start:\n{}", self.log()) };
        let ready: Value = serde_json::from_str(&line).unwrap();
        self.http = ready["http"].as_str().unwrap().to_owned();
        self.admin = ready["admin"].as_str().unwrap().to_owned();
        self.process = Some(process);
    }

    /// Starts a host that is not expected to serve; waits until it has exited.
    pub(crate) async fn run_in_vain(&self) -> ExitStatus {
        let mut process = self.spawn();
        timeout(PATIENCE, process.wait()).await.expect("the host exits in time").unwrap()
    }

    fn spawn(&self) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(self.log_path()).unwrap();
        self.command(self.log_format).stderr(log).spawn().unwrap()
    }

    /// The command that starts the host, whose log nobody reads yet.
    pub(crate) fn command(&self, log_format: &str) -> Command {
        let mut command = Command::new(patchbay());
        command
            .args(["up", "--json", "--log-format", log_format])
            .current_dir(self.folder.path())
            .env("RUST_LOG", "info")
            .env("PATCHBAY_HAZARDS", self.hazards().folder())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// What goes wrong with this host.
    pub(crate) fn hazards(&self) -> Hazards {
        Hazards::new(self.folder.path().join("hazards"))
    }

    /// A path in the state directory.
    pub(crate) fn state(&self, path: &str) -> PathBuf {
        self.folder.path().join("state").join(path)
    }

    /// The process id of the running host.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id().unwrap()
    }

    /// Sends a signal to the host.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until the host has exited.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        timeout(PATIENCE, process.wait()).await.expect("the host exits in time").unwrap()
    }

    /// What the host has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Waits until the log says this: it is written a moment after what it tells of. The log, as it is then.
    pub(crate) async fn logged(&self, said: &str) -> String {
        let (what, end) = (format!("the log says {said:?}"), Instant::now() + PATIENCE);
        loop {
            let log = self.log();
            if log.contains(said) {
                return log;
            }
            assert!(Instant::now() < end, "{what}: {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("host.log")
    }

    /// The address of a path on the HTTP listener.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.http)
    }

    /// Host and port of the HTTP listener.
    pub(crate) fn address(&self) -> &str {
        self.http.split_once("://").unwrap().1
    }

    /// The address of a path on the admin listener.
    pub(crate) fn admin_url(&self, path: &str) -> String {
        format!("{}{path}", self.admin)
    }

    /// The client of the test.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Asks with GET.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// Asks with GET; status and body.
    pub(crate) async fn ask(&self, path: &str) -> (u16, String) {
        let reply = self.get(path).await;
        (reply.status().as_u16(), reply.text().await.unwrap())
    }

    /// Asks the service whose routes are for this host name; status and body.
    pub(crate) async fn ask_of(&self, name: &str, path: &str) -> (u16, String) {
        self.try_ask_of(name, path).await.unwrap()
    }

    /// [`Host::ask_of`], where the answer may be cut off.
    pub(crate) async fn try_ask_of(&self, name: &str, path: &str) -> reqwest::Result<(u16, String)> {
        let reply = self.client.get(self.url(path)).header("host", name).send().await?;
        Ok((reply.status().as_u16(), reply.text().await?))
    }

    /// The admin token.
    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("state/admin.token")).unwrap().trim().to_owned()
    }

    /// A request to the admin API.
    pub(crate) fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.admin_url(path)).bearer_auth(self.token())
    }

    /// Asks the admin API; the answer has to be a success.
    pub(crate) async fn admin_get(&self, path: &str) -> Value {
        let reply = self.admin(Method::GET, path).send().await.unwrap();
        assert!(reply.status().is_success(), "{path}: {}", reply.status());
        reply.json().await.unwrap()
    }

    /// Uploads a component; its digest.
    pub(crate) async fn upload(&self, bytes: Vec<u8>) -> String {
        let reply = self
            .admin(Method::POST, "/v1/components")
            .header("content-type", "application/wasm")
            .body(bytes)
            .send()
            .await
            .unwrap();
        let answer: Value = reply.json().await.unwrap();
        answer["digest"].as_str().unwrap_or_else(|| panic!("no digest: {answer}")).to_owned()
    }

    /// Deploys a revision; status and answer.
    pub(crate) async fn deploy(&self, service: &str, bytes: Vec<u8>, settings: Value) -> (u16, Value) {
        self.deploy_routed(service, bytes, settings, Value::Null).await
    }

    /// Deploys a revision with routes; status and answer.
    pub(crate) async fn deploy_routed(
        &self,
        service: &str,
        bytes: Vec<u8>,
        settings: Value,
        routes: Value,
    ) -> (u16, Value) {
        let component = self.upload(bytes).await;
        let mut request = json!({ "component": component, "settings": settings });
        if !routes.is_null() {
            request["routes"] = routes;
        }
        self.post(&format!("/v1/services/{service}/revisions"), request).await
    }

    /// Posts to the admin API; status and answer.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let reply = self.admin(Method::POST, path).json(&body).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    /// Runs `patchbay` as a user of this host would; exit code, stdout, stderr.
    pub(crate) async fn cli(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(patchbay())
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output();
        let output = timeout(PATIENCE, output).await.expect("the command ends in time").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }
}
