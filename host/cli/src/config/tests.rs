//! The shipped `runtime.toml`, files with everything wrong, and files that are noise.

mod auth;
mod broken;

use std::time::Duration;

use patchbay_control::Places;
use patchbay_model::bus::Topics;
use patchbay_model::{InstancePolicy, Limits};
use proptest::prelude::*;

use broken::BROKEN;

use super::*;

const SHIPPED: &str = include_str!("../../../../runtime.toml");

/// The shipped file with what is off in it turned on.
fn everything() -> String {
    let on = |line: &'static str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
    SHIPPED.lines().map(on).collect::<Vec<_>>().join("\n")
}

/// Reads `text`, whose components are taken to be in the directory of this crate.
fn parse(text: &str) -> Result<Config, Vec<String>> {
    let Read { config, problems, .. } = read(FILE, text, Path::new(env!("CARGO_MANIFEST_DIR")));
    if problems.is_empty() { Ok(config) } else { Err(problems.iter().map(ToString::to_string).collect()) }
}

/// What is wrong with the shipped file, other than that the examples may not be built.
fn shipped() -> (Config, Vec<Problem>, BTreeSet<String>) {
    let Read { config, mut problems, warnings, asked } = read(FILE, SHIPPED, Path::new(""));
    assert_eq!(warnings, []);
    problems.retain(|problem| !problem.message.contains("build the component first"));
    (config, problems, asked)
}

#[test]
fn the_shipped_file_is_the_defaults_and_the_examples() {
    let (config, problems, _) = shipped();
    assert_eq!(problems, []);
    let names: Vec<_> = config.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["orders", "payments", "shipping", "notifications", "inventory", "pricing", "hello"]);
    for service in &config.services {
        assert_eq!(service.component, Path::new(&format!("target/guests/{}.wasm", service.name)));
        assert!(!service.routes.is_empty(), "{}", service.name);
        let Limits { timeout, concurrency, .. } = service.settings.limits;
        assert_eq!(service.settings.limits, Limits { timeout, concurrency, ..Limits::default() }, "{}", service.name);
    }
    let policies: Vec<_> = config.services.iter().map(|service| service.settings.instances).collect();
    let reuse = Some(InstancePolicy::Reuse);
    assert_eq!(policies, [None, Some(InstancePolicy::Fresh), reuse, reuse, reuse, None, None]);
    let lines = config.control.default_places.0.clone();
    assert!(lines.contains_key("timeout") && lines.contains_key("retry.attempts"), "{lines:?}");
    let mut config = Config { services: Vec::new(), ..config };
    config.control.default_places = Places::default();
    config.control.topics = Topics::default();
    assert_eq!(config, Config::default());
}

#[test]
fn the_shipped_file_has_every_key() {
    let (_, _, asked) = shipped();
    let shared: Vec<_> = asked.iter().filter_map(|path| path.strip_prefix("defaults.")).collect();
    assert!(shared.contains(&"timeout"), "{shared:?}");
    let document: toml::Table = everything().parse().unwrap();
    let services: Vec<_> = document["services"].as_table().unwrap().values().collect();
    for path in &asked {
        let there = match path.strip_prefix("services.").and_then(|rest| rest.split_once('.')) {
            // What `[defaults]` has is documented there; anything else has to stand in one of the examples.
            Some((_, key)) => {
                // What answers in place of a service belongs to routes of the host, and is refused elsewhere.
                let of_host =
                    key.starts_with("routes.") && [".files", ".redirect"].iter().any(|answer| key.contains(answer));
                of_host || shared.contains(&key) || services.iter().any(|service| find(service, &key_of(service, key)))
            }
            None => path.split_once('.').is_none_or(|_| find(&document.clone().into(), path)),
        };
        assert!(there, "`{path}` can be configured and is not documented in runtime.toml");
    }
}

/// What a key of one route is for another one, since one example is enough for all routes.
fn key_of(service: &toml::Value, key: &str) -> String {
    let of_route = key.strip_prefix("routes.\"").and_then(|rest| rest.split_once("\"."));
    let first = service.get("routes").and_then(toml::Value::as_table).and_then(|routes| {
        routes.values().find_map(|route| {
            let (_, key) = of_route?;
            find(route, key).then_some(key)
        })
    });
    match (of_route, first) {
        (Some(_), Some(_)) => "routes".to_owned(),
        _ => key.to_owned(),
    }
}

fn find(value: &toml::Value, path: &str) -> bool {
    // Dots within quotes are part of a key.
    let mut quoted = false;
    let mut keys = path.split(|c| {
        quoted ^= c == '"';
        c == '.' && !quoted
    });
    keys.try_fold(value, |value, key| value.get(key.trim_matches('"'))).is_some()
}

#[test]
fn every_key_of_the_shipped_file_has_a_comment() {
    let everything = everything();
    let (mut section, mut commented, mut explained) = ("", false, BTreeSet::new());
    for line in everything.lines() {
        if line.starts_with('[') {
            // The examples explain a key where it comes first, and not again.
            section = if line.starts_with("[services.") { "[services]" } else { line };
        }
        match line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            Some((key, _)) => {
                let again = ["[services]", "[admin.tls]"].contains(&section)
                    && (explained.contains(key) || SHARED.contains(&key));
                assert!(commented || again, "`{line}` in {section} has no comment");
                explained.insert(key);
                commented = false;
            }
            None => commented = line.starts_with('#') || (commented && line.starts_with('[')),
        }
    }
}

/// Explained in `[defaults]` or `[http.tls]`, or a name that the example chooses under an explained section.
const SHARED: [&str; 4] = ["instances", "greeting", "certificate", "key"];

#[test]
fn certificates_have_to_be_there_and_right() {
    for (text, wanted) in [
        ("[http.tls]\n", &[" http.tls.certificate: is missing; ", " http.tls.key: is missing; "][..]),
        (
            "[http.tls]\ncertificate = \"no.pem\"\nkey = \"Cargo.toml\"\n",
            &["runtime.toml:2:15: http.tls.certificate: the file `"],
        ),
        ("[http.tls]\ncertificate = \"Cargo.toml\"\nkey = \"src\"\n", &["runtime.toml:3:7: http.tls.key: the file `"]),
        (
            "[http.tls]\ncertificate = \"Cargo.toml\"\nkey = \"Cargo.toml\"\nca = 1\n",
            &[
                "runtime.toml:2:15: http.tls.certificate: the file `",
                "runtime.toml:4:1: http.tls.ca: unknown key; known here are `certificate`, `client_auth`, `client_ca`, `key`",
            ],
        ),
    ] {
        let problems = parse(text).unwrap_err();
        assert_eq!(problems.len(), wanted.len(), "{problems:?}");
        for (problem, wanted) in problems.iter().zip(wanted) {
            assert!(problem.contains(wanted), "{problem} does not have {wanted}");
        }
    }
}

#[test]
fn services_inherit_the_defaults() {
    let config = parse(
        r#"
            defaults = { timeout = "2s", instances = "reuse", memory = "64MiB" }
            [services.a]
            component = "Cargo.toml"
            routes = ["/a/*", "GET,POST shop.example/a"]
            timeout = "3s"
            instances = "auto"
            queue = 0x10
            config = { "a key" = "a value" }
            health.path = "/healthz"
        "#,
    )
    .unwrap();
    let [service] = config.services.as_slice() else { panic!("{:?}", config.services) };
    let settings = &service.settings;
    assert_eq!(config.control.defaults.instances, Some(InstancePolicy::Reuse));
    assert_eq!((settings.limits.timeout, settings.limits.memory), (Duration::from_secs(3), 64 << 20));
    assert_eq!((settings.instances, settings.limits.queue), (None, 16));
    assert_eq!(settings.config["a key"], "a value");
    assert_eq!(settings.health.as_ref().map(|health| health.timeout), Some(Duration::from_secs(5)));
    assert_eq!(
        service.routes.iter().map(|declared| declared.route.to_string()).collect::<Vec<_>>(),
        ["/a/*", "GET,POST shop.example/a"]
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    for (text, wanted) in BROKEN {
        let problems = parse(text).unwrap_err();
        assert_eq!(problems, *wanted, "in:\n{text}");
    }
}

#[test]
fn secrets_are_read_as_references_and_shown_nowhere() {
    let text = "[services.a]\ncomponent = \"Cargo.toml\"\n[services.a.config]\napi_token = \"hunter2\"\ngreeting = \"hi\"\n\
                [services.a.secrets]\nkey = { file = \"secrets/key\" }\ntoken = { env = \"TOKEN\" }\n";
    let Read { config, problems, warnings, .. } = read(FILE, text, Path::new(env!("CARGO_MANIFEST_DIR")));
    assert_eq!(problems, []);
    let shown: Vec<_> =
        config.services[0].settings.secrets.iter().map(|(name, reference)| format!("{name} = {reference}")).collect();
    assert_eq!(shown, ["key = secret(file:secrets/key)", "token = secret(env:TOKEN)"]);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.to_string().starts_with("runtime.toml:4:1: services.a.config.api_token: is named like a secret"));
    for (text, _) in BROKEN.iter().filter(|(text, _)| text.contains("hunter2")) {
        let Read { problems, .. } = read(FILE, text, Path::new(env!("CARGO_MANIFEST_DIR")));
        for problem in problems.iter().chain(&warnings) {
            assert!(!format!("{problem}{}", problem.excerpt()).contains("hunter2"), "{problem}");
        }
    }
}

#[test]
fn components_have_to_be_there() {
    let text = "[services.a]\ncomponent = \"no/such.wasm\"\n[services.b]\ncomponent = \"src\"\n";
    let problems = parse(text).unwrap_err();
    let [missing, directory] = problems.as_slice() else { panic!("{problems:?}") };
    assert!(missing.starts_with("runtime.toml:2:13: services.a.component: the file `"), "{missing}");
    assert!(missing.ends_with("no/such.wasm` does not exist; build the component first, or correct the path"));
    assert!(directory.starts_with("runtime.toml:4:13: ") && directory.contains("is a directory"), "{directory}");
}

#[test]
fn syntax_errors_have_their_lines() {
    for (text, places) in [
        ("[host\n", &["1:6"][..]),
        ("[host]\nstate = \n", &["2:9"]),
        ("a = 1\na = 2\n", &["2:1"]),
        ("[host]\nstate = \"x\n[http]\nlisten == 1\n", &["2:11", "4:9"]),
    ] {
        let problems = parse(text).unwrap_err();
        let wanted: Vec<_> = places.iter().map(|place| format!("runtime.toml:{place}: this is no TOML: ")).collect();
        assert_eq!(problems.len(), wanted.len(), "{problems:?}");
        for (problem, wanted) in problems.iter().zip(wanted) {
            assert!(problem.starts_with(&wanted), "{problem} does not start with {wanted}");
        }
    }
}

/// Pieces of files, so that noise gets further than the parser.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "[host]\n",
        "[services.a]\n",
        "[services.\"é\"]\n",
        "[[services]]\n",
        "[defaults]\n",
        "[services.a.config]\n",
        "[services.a.health]\n",
        "state",
        "drain",
        "memory",
        "timeout",
        "routes",
        "component",
        "instances",
        "path",
        " = ",
        ".",
        "\n",
        "1",
        "-9223372036854775808",
        "0xff",
        "1e400",
        "nan",
        "\"15s\"",
        "\"999999999999999h\"",
        "\"/x/*\"",
        "true",
        "[",
        "]",
        "{",
        "}",
        ",",
        "2026-01-01",
        "'''",
        "# é\n",
        "\u{feff}",
        "\r\n",
        "\0",
    ];
    prop_oneof![4 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn no_text_panics(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        let Read { problems, .. } = read("x.toml", &text, Path::new("nowhere"));
        for problem in problems {
            prop_assert!(problem.line >= 1 && problem.line <= text.matches('\n').count() + 1);
            prop_assert!(!problem.message.is_empty() && !problem.excerpt().is_empty());
        }
    }
}
