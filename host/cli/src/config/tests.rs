//! The shipped `runtime.toml`, files with everything wrong, and files that are noise.

use std::time::Duration;

use patchbay_control::Places;
use patchbay_model::bus::Topics;
use patchbay_model::{InstancePolicy, Limits};
use proptest::prelude::*;

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
                shared.contains(&key) || services.iter().any(|service| find(service, &key_of(service, key)))
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
                "runtime.toml:4:1: http.tls.ca: unknown key; known here are `certificate`, `key`",
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

/// Files with the errors they have, all at once and in the order of their lines.
const BROKEN: &[(&str, &[&str])] = &[
    (
        r#"
[services.a]
component = "Cargo.toml"
[services.a.routes."GET /x"]
anonymous = true
callers = ["user"]
timeout = "0s"
[services.a.routes."/y"]
callers = ["orders", "user a:b/c", "scope:x GET"]
per_user = "1/s"
[services.a.routes.z]
"#,
        &[
            "runtime.toml:6:11: services.a.routes.\"GET /x\".callers: says who may come in, and `anonymous` that everybody may; \
             leave one of them out",
            "runtime.toml:7:11: services.a.routes.\"GET /x\".timeout: must lie between 1ms and 24h",
            "runtime.toml:9:11: services.a.routes.\"/y\".callers: has the rule `orders`, and no service comes in by a route",
            "runtime.toml:9:11: services.a.routes.\"/y\".callers: has the rule `user a:b/c`, and a route leads to no function",
            "runtime.toml:10:1: services.a.routes.\"/y\".per_user: unknown key; did you mean `rate_per_user`?",
            "runtime.toml:11:20: services.a.routes.z: `z` is no path; write `/exact/path`, or `/prefix/*` for everything below it",
        ],
    ),
    (
        "[hosts]\nstate = \"x\"\n[host]\nstat = \"x\"\ncolour = \"red\"\n",
        &[
            "runtime.toml:1:2: hosts: unknown key; did you mean `host`?",
            "runtime.toml:4:1: host.stat: unknown key; did you mean `state`?",
            "runtime.toml:5:1: host.colour: unknown key; known here are `drain`, `state`, `strict`",
        ],
    ),
    (
        "[host]\nstate = 1\ndrain = 30\n[deploy]\nretained = \"3\"\ndrain = \"soon\"\n",
        &[
            "runtime.toml:2:9: host.state: expected a string, found the integer 1; put it in quotes",
            "runtime.toml:3:9: host.drain: expected a duration such as `\"15s\"`, found the integer 30; write \
            `\"30s\"` \
             for seconds",
            "runtime.toml:5:12: deploy.retained: expected a whole number, found the string \"3\"; write 3 without \
            quotes",
            "runtime.toml:6:9: deploy.drain: `soon` is no duration; write a number and a unit, such as `250ms`, `15s` \
            or \
             `2m`",
        ],
    ),
    (
        "[defaults]\nmemory = \"1KiB\"\nqueue = -1\nconcurrency = 0\ntimeout = \"0s\"\nrequest_body = 12\n\
         instances = \"reused\"\n[engine]\ninstances = 0\ncache_size = true\nepoch_tick = \"1h\"\n",
        &[
            "runtime.toml:2:10: defaults.memory: must lie between 64KiB and 4GiB",
            "runtime.toml:3:9: defaults.queue: -1 is out of range; write a number from 0 to 4294967295",
            "runtime.toml:4:15: defaults.concurrency: must lie between 1 and 1000000",
            "runtime.toml:5:11: defaults.timeout: must lie between 1ms and 24h",
            "runtime.toml:6:16: defaults.request_body: expected a size such as `\"64MiB\"`, found the integer 12; \
            write \
             `\"12B\"` for bytes",
            "runtime.toml:7:13: defaults.instances: `reused` is no instance policy; did you mean `reuse`?",
            "runtime.toml:9:13: engine.instances: must lie between 1 and 10000",
            "runtime.toml:10:14: engine.cache_size: expected a size such as `\"64MiB\"`, found the boolean true",
            "runtime.toml:11:14: engine.epoch_tick: must lie between 100us and 100ms",
        ],
    ),
    (
        "[services.orders]\ncomponent = \"Cargo.toml\"\ntimeot = \"5s\"\nroutes = [\"/x\", \"nowhere\", 7]\n\
         [services.payments]\nroutes = \"/y\"\n[services.Shipping]\ncomponent = \"\"\n\
         [services.\"hello world\"]\nconfig = { a = 1 }\n",
        &[
            "runtime.toml:3:1: services.orders.timeot: unknown key; did you mean `timeout`?",
            "runtime.toml:4:17: services.orders.routes[1]: `nowhere` is no path; write `/exact/path`, or `/prefix/*` \
            for \
             everything below it",
            "runtime.toml:4:28: services.orders.routes[2]: expected a string, found the integer 7; put it in quotes",
            "runtime.toml:5:11: services.payments.component: is missing; name the file of the component, such as \
             `component = \"orders.wasm\"`",
            "runtime.toml:6:10: services.payments.routes: expected a list, found the string \"/y\"",
            "runtime.toml:7:11: services.Shipping: `Shipping` is no service name; use 1 to 63 lower-case letters, \
            digits \
             and inner hyphens, starting with a letter",
            "runtime.toml:8:13: services.Shipping.component: expected a path, found an empty string",
            "runtime.toml:9:11: services.\"hello world\": `hello world` is no service name; use 1 to 63 lower-case \
             letters, digits and inner hyphens, starting with a letter",
            "runtime.toml:9:11: services.\"hello world\".component: is missing; name the file of the component, such \
            as \
             `component = \"orders.wasm\"`",
            "runtime.toml:10:16: services.\"hello world\".config.a: expected a string, found the integer 1; put it in \
             quotes",
        ],
    ),
    (
        "[services.b]\ncomponent = \"Cargo.toml\"\nroutes = [\"/x\", \"GET /y\", \"/z/*\"]\n\
         [services.a]\ncomponent = \"Cargo.toml\"\nroutes = [\"/z/*\", \"/x\", \"GET,POST /y\", \"/free\"]\n",
        &[
            "runtime.toml:6:11: services.a.routes: the route `/z/*` of service `a` is taken by service `b`; give one \
            of \
             them another path, host or method",
            "runtime.toml:6:19: services.a.routes: the route `/x` of service `a` is taken by service `b`; give one of \
             them another path, host or method",
            "runtime.toml:6:25: services.a.routes: the route `GET,POST /y` of service `a` is taken by service `b`; \
            give \
             one of them another path, host or method",
        ],
    ),
    (
        "[http]\nlisten = \"localhost:8080\"\nmax_head = \"2MiB\"\ndrain = \"1s\"\n[admin]\nlisten = 9090\n\
         max_upload = \"0B\"\nmax_connections = \"many\"\n",
        &[
            "runtime.toml:2:10: http.listen: `localhost:8080` is no address; write an IP address and a port, such as \
             `127.0.0.1:8080` or `[::]:8080`",
            "runtime.toml:3:12: http.max_head: must lie between 8KiB and 1MiB",
            "runtime.toml:4:1: http.drain: unknown key; known here are `body_timeout`, `connection_rate_per_address`, \
             `header_timeout`, `idle_timeout`, `listen`, `max_connections`, `max_connections_per_address`, `max_head`, `max_headers`, `max_streams`, `stall_timeout`, `tls`",
            "runtime.toml:6:10: admin.listen: expected a string, found the integer 9090; put it in quotes",
            "runtime.toml:7:14: admin.max_upload: must lie between 1B and 4GiB",
            "runtime.toml:8:19: admin.max_connections: expected a whole number, found the string \"many\"",
        ],
    ),
    (
        "[defaults]\noutbound = [\"api.example.com\", \"*:443\", 7]\ncallers = \"orders\"\noutbound_connections = 0\n\
         [services.a]\ncomponent = \"Cargo.toml\"\noutbound = [\"10.0.0.5/8:80\", \"b.internal:80\"]\ncallers = [\"B\"]\n",
        &[
            "runtime.toml:2:13: defaults.outbound[0]: `api.example.com` has no port; write one, such as \
             `api.example.com:443`, or `api.example.com:*` for every port",
            "runtime.toml:2:41: defaults.outbound[2]: expected a string, found the integer 7; put it in quotes",
            "runtime.toml:3:11: defaults.callers: expected a list, found the string \"orders\"",
            "runtime.toml:4:24: defaults.outbound_connections: must lie between 1 and 1000000",
            "runtime.toml:7:13: services.a.outbound[0]: `10.0.0.5/8` is no network; bits beyond its length are set; did \
             you mean `10.0.0.0/8`?",
            "runtime.toml:7:30: services.a.outbound[1]: `b.internal` is below `internal`, where the services of this host \
             are, which needs no entry here; a service says in its `callers` who may call it",
            "runtime.toml:8:12: services.a.callers[0]: `B` is no rule: a service has a name of lower-case letters, digits and \
             hyphens; write who, such as `orders` (a service), `*` (anybody whom the host knows), `user`, `user:ann`, \
             `issuer:corp`, `scope:orders.write`, `group:staff` or `claim:tenant=acme`, or several with `&` between them; then \
             what they may do, where that is not everything: `http`, methods such as `POST,PUT`, an interface such as \
             `shop:inventory/stock`, or one of its functions such as `shop:inventory/stock.reserve`",
        ],
    ),
    (
        "services = 1\nhost = [1]\n[defaults]\nconfig = {}\n[defaults.health]\npath = \"/\"\n",
        &[
            "runtime.toml:1:12: services: expected a table `[services]`, found the integer 1",
            "runtime.toml:2:8: host: expected a table `[host]`, found a list",
            "runtime.toml:4:1: defaults.config: unknown key; known here are `breaker`, `callers`, `concurrency`, \
             `core_instances`, `cpu_time`, `handles`, `instance_calls`, `instance_idle`, `instance_uses`, `instances`, \
             `links`, `log_rate`, `memory`, `outbound`, `outbound_body`, `outbound_connections`, `queue`, \
             `queue_wait`, `rate`, `request_body`, `response_body`, `retry`, `table_elements`, `timeout`",
            "runtime.toml:5:11: defaults.health: unknown key; known here are `breaker`, `callers`, `concurrency`, \
             `core_instances`, `cpu_time`, `handles`, `instance_calls`, `instance_idle`, `instance_uses`, `instances`, \
             `links`, `log_rate`, `memory`, `outbound`, `outbound_body`, `outbound_connections`, `queue`, \
             `queue_wait`, `rate`, `request_body`, `response_body`, `retry`, `table_elements`, `timeout`",
        ],
    ),
    (
        "[defaults]\nrate = 5\nretry = { attempts = 0, budget = 0.2 }\n[defaults.breaker]\nsuccess_rate = \"101%\"\nopen = \"2m\"\n\
         [services.a]\ncomponent = \"Cargo.toml\"\nfallback = {}\nlinks = { \"a:b/c@1.0.0\" = \"b\", \"a:b/d\" = { timeot = 1 } }\n\
         [services.b]\ncomponent = \"Cargo.toml\"\nretry.idempotent = [\"reserve\"]\n\
         links = { \"a:b/e\" = { required = \"no\", rate = \"x\", fallback = { results = { f = 1 } } } }\n",
        &[
            "runtime.toml:2:8: defaults.rate: expected a string, found the integer 5; put it in quotes",
            "runtime.toml:3:22: defaults.retry.attempts: must lie between 1 and 10",
            "runtime.toml:3:34: defaults.retry.budget: expected a string, found the number 0.2; put it in quotes",
            "runtime.toml:5:16: defaults.breaker.success_rate: `101%` is no share; write whole percent from 0 to 100, such as \
             `20%`",
            "runtime.toml:6:8: defaults.breaker.open: must not be longer than `max_open`",
            "runtime.toml:9:12: services.a.fallback: says nothing; name a `service`, or the `results` of functions",
            "runtime.toml:10:9: services.a.links: must name interfaces without their versions, such as \
             `shop:inventory/stock`",
            "runtime.toml:10:44: services.a.links.\"a:b/d\".timeot: unknown key; did you mean `timeout`?",
            "runtime.toml:13:21: services.b.retry.idempotent[0]: `reserve` is no function and no HTTP method; write a \
             function such as `shop:inventory/stock.available`, or a method such as `GET`",
            "runtime.toml:14:34: services.b.links.\"a:b/e\".required: expected a boolean, found the string \"no\"",
            "runtime.toml:14:47: services.b.links.\"a:b/e\".rate: `x` is no rate; write calls per time, such as `100/s` or \
             `600/1m`, and how many may come at once where that is not a second's worth: `100/s burst 20`",
            "runtime.toml:14:77: services.b.links.\"a:b/e\".fallback.results.f: `f` is no name of a function; one reads \
             `namespace:package/interface.function`, where a version may follow the interface: \
             `namespace:package/interface@1.2.3.function`",
        ],
    ),
    (
        "[services]\na = 1\n[services.b]\ncomponent = \"Cargo.toml\"\nconfig = \"x\"\nhealth = { timeout = \"0s\" }\n\
         [services.c]\ncomponent = \"Cargo.toml\"\nhealth = { path = \"x\", timeout = \"25h\", status = 200 }\n",
        &[
            "runtime.toml:2:5: services.a: expected a table `[services.a]`, found the integer 1",
            "runtime.toml:5:10: services.b.config: expected a table `[services.b.config]`, found the string \"x\"",
            "runtime.toml:6:10: services.b.health.path: is missing; write the path to ask for, such as `path = \
             \"/healthz\"`",
            "runtime.toml:9:19: services.c.health.path: must be a path that starts with `/`, such as `/healthz`",
            "runtime.toml:9:34: services.c.health.timeout: must lie between 1ms and 24h",
            "runtime.toml:9:41: services.c.health.status: unknown key; known here are `path`, `timeout`",
        ],
    ),
];

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    for (text, wanted) in BROKEN {
        let problems = parse(text).unwrap_err();
        assert_eq!(problems, *wanted, "in:\n{text}");
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
