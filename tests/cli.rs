//! The command line, used as a person uses it, against a running host.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use crate::support::{Host, PATIENCE, eventually, guest, patchbay, service};

fn path(name: &str) -> String {
    guest(name).to_str().unwrap().to_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_from_its_first_deployment_to_its_removal() {
    let host = Host::start("").await;
    let (code, stdout, stderr) = host.cli(&["deploy", "probe", &path("probe"), "--route", "/*"]).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    let told = format!("{stdout}{stderr}");
    for part in ["inspect", "compile", "warm", "publish", "probe@1"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(host.ask("/version").await.1, "none");

    let change = ["deploy", "probe", &path("probe"), "--config", "version=2", "--set", "memory=64MiB"];
    let (code, _, stderr) = host.cli(&change).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(host.ask("/version").await.1, "2");

    let (code, stdout, _) = host.cli(&["ps"]).await;
    assert!(code == 0 && stdout.contains("probe") && stdout.contains("/*"), "{stdout}");
    let (code, stdout, _) = host.cli(&["inspect", "probe"]).await;
    for part in ["wasi:http/incoming-handler@0.2", "wasi:http/types@0.2", "64MiB", "fresh", "sha256:"] {
        assert!(code == 0 && stdout.contains(part), "{part} in {stdout}");
    }

    let (code, _, stderr) = host.cli(&["rollback", "probe"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(host.ask("/version").await.1, "none");
    let (code, _, stderr) = host.cli(&["rollback", "probe", "--to", "2"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(host.ask("/version").await.1, "2");

    let (code, _, stderr) = host.cli(&["remove", "probe", "--yes"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(host.ask("/version").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_the_step_and_the_reason_and_have_their_exit_code() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let (code, stdout, stderr) = host.cli(&["deploy", "probe", &path("stranger")]).await;
    assert_eq!(code, 4, "{stdout}{stderr}");
    assert!(format!("{stdout}{stderr}").contains("acme:weather/forecast@1.0.0"), "{stdout}{stderr}");
    let (code, _, stderr) = host.cli(&["deploy", "probe", "no-such-file.wasm"]).await;
    assert!(code != 0 && stderr.contains("no-such-file.wasm"), "{stderr}");
    let (code, _, stderr) = host.cli(&["rollback", "nobody"]).await;
    assert!(code != 0 && stderr.contains("nobody"), "{stderr}");
    let (code, _, _) = host.cli(&["frobnicate"]).await;
    assert_eq!(code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_it_says_so() {
    let host = Host::stopped("");
    for command in [&["ps"][..], &["logs"], &["events"], &["inspect", "probe"], &["rollback", "probe"]] {
        let (code, _, stderr) = host.cli(command).await;
        assert_eq!(code, 3, "{command:?}: {stderr}");
        assert!(stderr.contains("patchbay up"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_get_json() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let (code, stdout, _) = host.cli(&["ps", "--json"]).await;
    assert!(code == 0 && json(&stdout).to_string().contains("\"probe\""), "{stdout}");
    let (code, stdout, _) = host.cli(&["inspect", "probe", "--json"]).await;
    assert!(code == 0 && json(&stdout).to_string().contains("wasi:http/types@0.2"), "{stdout}");
    let (code, stdout, _) = host.cli(&["deploy", "probe", &path("probe"), "--config", "version=2", "--json"]).await;
    let last = stdout.lines().last().unwrap();
    assert!(code == 0 && json(last).to_string().contains("probe@2"), "{stdout}");
    let (code, stdout, _) = host.cli(&["check", "--json"]).await;
    assert_eq!(code, 0, "{stdout}");
    json(&stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_events_can_be_followed() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    for (arguments, mark) in [(&["logs", "probe", "-f"][..], "marked-line"), (&["events", "-f"], "published")] {
        let mut process = Command::new(patchbay())
            .args(arguments)
            .current_dir(host.folder.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        if arguments[0] == "logs" {
            host.ask("/log?out=marked-line").await;
        } else {
            let settings = serde_json::json!({ "config": { "version": "2" } });
            host.deploy("probe", std::fs::read(guest("probe")).unwrap(), settings).await;
        }
        let found = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains(mark) {
                    return true;
                }
            }
            false
        });
        assert!(found.await.expect("the line comes"), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn help_has_examples_and_shells_have_completions() {
    let host = Host::stopped("");
    for command in ["up", "check", "deploy", "rollback", "remove", "ps", "inspect", "logs", "events", "completions"] {
        let (code, stdout, _) = host.cli(&[command, "--help"]).await;
        assert!(code == 0 && stdout.contains(&format!("patchbay {command}")), "{stdout}");
        assert!(stdout.contains("Example"), "{command} has no example:\n{stdout}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let (code, stdout, _) = host.cli(&["completions", shell]).await;
        assert!(code == 0 && stdout.contains("PATCHBAY_COMPLETE"), "{shell}");
    }
}

/// What the script for bash gets when it asks for candidates: exit code, stdout, stderr. To bash the word at the cursor
/// is `replaced`.
async fn candidates(host: &Host, line: &str, replaced: &str) -> (Option<i32>, String, String) {
    let output = Command::new(patchbay())
        .args(["--", replaced, line])
        .env("PATCHBAY_COMPLETE", "bash")
        .current_dir(host.folder.path())
        .stdin(Stdio::null())
        .output();
    let output = timeout(PATIENCE, output).await.expect("it answers in time").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn names_complete_from_the_running_host() {
    let host = Host::start(&(service("callee", "callee", "") + &service("probe", "probe", "routes = [\"/*\"]"))).await;
    let settings = serde_json::json!({ "config": { "version": "2" } });
    host.deploy("probe", std::fs::read(guest("probe")).unwrap(), settings).await;
    let functions = "add reserve echo widen count break-off try-break-off spin try-spin read-break-off say";
    let state = format!("patchbay call --state={} callee ad", host.state("").display());
    for (line, replaced, wanted) in [
        ("patchbay inspect ", "", "callee probe"),
        ("patchbay inspect probe@", "", "1 2"),
        ("patchbay rollback probe --to ", "", "1"),
        ("patchbay authz explain probe c", "c", "callee"),
        ("patchbay call callee ", "", functions),
        ("patchbay call callee test:typed/calc.wi", "typed/calc.wi", "typed/calc.widen"),
        ("patchbay call callee 'test:typed/calc.wi", "test:typed/calc.wi", "test:typed/calc.widen"),
        (&state, "ad", "add"),
        ("patchbay call nobody ", "", ""),
        ("patchbay deploy callee x.wasm --set mem", "mem", "memory="),
    ] {
        // On a busy machine the host may take longer than someone at a keyboard would wait.
        eventually(line, async || {
            let (code, stdout, stderr) = candidates(&host, line, replaced).await;
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{line}");
            (stdout.lines().collect::<Vec<_>>().join(" ") == wanted).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_nothing_completes_and_nobody_waits() {
    let host = Host::stopped("");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("patchbay inspect --admin {} ", silent.local_addr().unwrap());
    for line in ["patchbay inspect ", "patchbay call callee ", "patchbay call callee --ca nowhere ", &silent] {
        let begun = Instant::now();
        assert_eq!(candidates(&host, line, "").await, (Some(0), String::new(), String::new()), "{line}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{line}: {:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_completes_with_the_printed_script() {
    let host = Host::start(&service("callee", "callee", "")).await;
    let script = r#"
        source <("$0" completions bash)
        complete -p patchbay
        COMP_LINE="patchbay call callee test:typed/calc.wi" COMP_POINT=${#COMP_LINE}
        COMP_WORDS=(patchbay call callee test : typed/calc.wi) COMP_CWORD=5
        _patchbay patchbay typed/calc.wi :
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let bash = || {
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(script).arg(patchbay()).current_dir(host.folder.path()).stdin(Stdio::null());
        bash
    };
    if bash().output().await.is_err() {
        eprintln!("there is no bash on this machine, so nothing was checked");
        return;
    }
    eventually("bash has completed", async || {
        let output = timeout(PATIENCE, bash().output()).await.expect("bash ends in time").unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.contains("-F _patchbay patchbay"), "{stdout}");
        (stdout.lines().last() == Some("typed/calc.widen")).then_some(())
    })
    .await;
}
