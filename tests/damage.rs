//! Every file of the state directory, damaged in every way: the host says which file and what to do, never guesses, and
//! doing what it says repairs it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;
use tokio::process::Command;

use crate::support::{Host, marked, patchbay};

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Empty,
    Half,
    Garbage,
    Flipped,
    Lost,
    WritableByAll,
    ReadableByAll,
    Folder,
}

impl Damage {
    fn inflict(self, path: &Path) {
        let bytes = std::fs::read(path).unwrap();
        let mode = |mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        match self {
            Self::Empty => std::fs::write(path, b"").unwrap(),
            Self::Half => std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
            Self::Garbage => std::fs::write(path, [0xff; 5000]).unwrap(),
            Self::Flipped => {
                let mut bytes = bytes;
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(path, bytes).unwrap();
            }
            Self::Lost => std::fs::remove_file(path).unwrap(),
            Self::WritableByAll => mode(0o666),
            Self::ReadableByAll => mode(0o644),
            Self::Folder => {
                std::fs::remove_file(path).unwrap();
                std::fs::create_dir(path).unwrap();
            }
        }
    }
}

/// A host that was stopped, with two revisions of one service; the second one serves.
async fn stopped_host() -> Host {
    let mut host = Host::start("").await;
    for version in ["1", "2"] {
        let settings = json!({ "config": { "version": version } });
        let deployed = host.deploy_routed("probe", marked("probe", version), settings, json!(["/*"])).await;
        assert_eq!(deployed.0, 200);
    }
    stop(&mut host).await;
    host
}

async fn stop(host: &mut Host) {
    host.signal(Signal::TERM);
    assert!(host.exited().await.success());
}

/// What `patchbay up` says when it does not start, on its last line.
async fn refusal(host: &Host) -> String {
    let up = Command::new(patchbay()).args(["up"]).current_dir(host.folder.path()).kill_on_drop(true).output();
    let output = tokio::time::timeout(crate::support::PATIENCE, up).await.expect("it exits in time").unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_cannot_do_without_is_refused_and_repaired_as_it_says() {
    use Damage::{Empty, Flipped, Folder, Garbage, Half, Lost, ReadableByAll, WritableByAll};
    let mut host = stopped_host().await;
    for (file, damage, says) in [
        ("registry.json", Empty, "is damaged"),
        ("registry.json", Half, "is damaged"),
        ("registry.json", Garbage, "is damaged"),
        ("registry.json", Flipped, "is damaged"),
        ("registry.json", Lost, "it is gone"),
        ("registry.json", Folder, "cannot read"),
        ("registry.json", WritableByAll, "other users can write to it"),
        ("version", Empty, "does not name a format"),
        ("version", Garbage, "does not name a format"),
        ("version", Folder, "cannot read"),
        ("admin.token", Empty, "holds no admin token"),
        ("admin.token", Half, "holds no admin token"),
        ("admin.token", Garbage, "holds no admin token"),
        ("admin.token", ReadableByAll, "other users can read"),
        ("admin.token", WritableByAll, "other users can read"),
        ("lock", Folder, "cannot write to"),
    ] {
        let path = host.state(file);
        let whole = std::fs::read(&path).unwrap();
        damage.inflict(&path);
        let text = refusal(&host).await;
        let named = format!("state/{file}");
        assert!(text.contains(says), "{file} {damage:?}: {text}");
        assert!(text.contains(&named) || file == "lock" && text.contains("state: "), "{file}: {text}");
        // What the message says, or the manual where it is the work of someone else.
        match (file, damage) {
            (_, Folder) => {
                std::fs::remove_dir(&path).unwrap();
                std::fs::write(&path, &whole).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
            (_, ReadableByAll | WritableByAll) => {
                let chmod = format!("chmod 600 {named}");
                assert!(text.contains(&chmod), "{text}");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
            ("registry.json", _) => {
                let repair = format!("mv {named}.previous {named}");
                assert!(text.contains(&repair), "{text}");
                std::fs::rename(host.state("registry.json.previous"), &path).unwrap();
                host.run().await;
                assert_eq!(host.ask("/version").await, (200, "1".to_owned()), "what is lost is the last change");
                let settings = json!({ "config": { "version": "2" } });
                assert_eq!(host.deploy("probe", marked("probe", "2"), settings).await.0, 200);
                stop(&mut host).await;
            }
            ("version", _) => {
                assert!(text.contains("write `1` to it"), "{text}");
                std::fs::write(&path, "1\n").unwrap();
            }
            (_, _) => {
                assert!(text.contains("remove it"), "{text}");
                std::fs::remove_file(&path).unwrap();
            }
        }
        host.run().await;
        assert_eq!(host.ask("/version").await, (200, "2".to_owned()), "{file} after {damage:?}");
        stop(&mut host).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_can_do_without_is_made_anew() {
    use Damage::{Empty, Flipped, Garbage, Half, Lost, WritableByAll};
    let mut host = stopped_host().await;
    std::fs::write(host.state("admin.address"), "http://127.0.0.1:1\n").unwrap();
    let cache = std::fs::read_dir(host.state("cache")).unwrap().map(|entry| entry.unwrap().path());
    let cached: Vec<_> = cache.map(|path| format!("cache/{}", path.file_name().unwrap().to_str().unwrap())).collect();
    assert!(cached.iter().any(|name| name.ends_with(".cwasm")) && cached.iter().any(|name| name.ends_with(".sha256")));
    let others = ["registry.json.previous", "admin.address", "lock"].map(str::to_owned);
    for damage in [Empty, Half, Garbage, Flipped, Lost, WritableByAll] {
        for file in others.iter().chain(&cached) {
            let path = host.state(file);
            if path.exists() {
                damage.inflict(&path);
            }
        }
        host.run().await;
        assert_eq!(host.ask("/version").await, (200, "2".to_owned()), "after {damage:?}");
        let (code, _, stderr) = host.cli(&["ps"]).await;
        assert_eq!(code, 0, "after {damage:?}: {stderr}");
        assert_eq!(host.post("/v1/services/probe/rollback", json!({})).await.0, 200);
        assert_eq!(host.ask("/version").await, (200, "1".to_owned()), "after {damage:?}");
        assert_eq!(host.post("/v1/services/probe/activate", json!({ "revision": 2 })).await.0, 200);
        stop(&mut host).await;
        std::fs::write(host.state("admin.address"), "http://127.0.0.1:1\n").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_component_is_named_and_repaired_by_deploying_it_again() {
    use Damage::{Empty, Flipped, Garbage, Half, Lost};
    let mut host = stopped_host().await;
    for damage in [Empty, Half, Garbage, Flipped, Lost] {
        for entry in std::fs::read_dir(host.state("components")).unwrap() {
            damage.inflict(&entry.unwrap().path());
        }
        host.run().await;
        assert_eq!(host.ask("/version").await.0, 503, "after {damage:?}");
        let (code, stdout, _) = host.cli(&["ps"]).await;
        assert!(code == 0 && (stdout.contains("is damaged") || stdout.contains("not stored")), "{damage:?}: {stdout}");
        for version in ["1", "2"] {
            let settings = json!({ "config": { "version": version } });
            let (status, answer) = host.deploy("probe", marked("probe", version), settings).await;
            assert_eq!(status, 200, "{damage:?}: {answer}");
            assert_eq!(host.ask("/version").await, (200, version.to_owned()));
        }
        stop(&mut host).await;
        host.run().await;
        assert_eq!(host.ask("/version").await, (200, "2".to_owned()), "repaired after {damage:?}");
        stop(&mut host).await;
    }
}
