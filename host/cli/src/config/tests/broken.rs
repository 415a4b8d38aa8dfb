//! Files with errors in them, and what is said of each.

/// Files with the errors they have, all at once and in the order of their lines.
pub(super) const BROKEN: &[(&str, &[&str])] = &[
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
        "[metrics]\npublic = \"yes\"\nlisten = \"127.0.0.1:9100\"\n",
        &[
            "runtime.toml:2:10: metrics.public: expected a boolean, found the string \"yes\"",
            "runtime.toml:3:1: metrics.listen: unknown key; known here are `public`",
        ],
    ),
    (
        "[hosts]\nstate = \"x\"\n[host]\nstat = \"x\"\ncolour = \"red\"\n",
        &[
            "runtime.toml:1:2: hosts: unknown key; did you mean `host`?",
            "runtime.toml:4:1: host.stat: unknown key; did you mean `state`?",
            "runtime.toml:5:1: host.colour: unknown key; known here are `drain`, `memory_limit`, `shed_delay`, `state`, \
             `strict`, `watch`",
        ],
    ),
    (
        "[traces]\nsample = \"1/s\"\nat_least = \"often\"\nparent = \"trust\"\nfaults = true\nkeep = 1000001\n\
         keep_size = 1\nratio = 1\n",
        &[
            "runtime.toml:2:10: traces.sample: `1/s` is no share of calls; write percent from 0 to 100 with at most three \
             decimals, such as `10%` or `0.1%`",
            "runtime.toml:3:12: traces.at_least: `often` is no rate; write calls per time, such as `100/s` or `600/1m`, and how \
             many may come at once where that is not a second's worth: `100/s burst 20`",
            "runtime.toml:4:10: traces.parent: `trust` is not known here; known here are `decide`, `follow`, `restart`",
            "runtime.toml:5:10: traces.faults: expected a string, found the boolean true; put it in quotes",
            "runtime.toml:6:8: traces.keep: must be at most 1000000",
            "runtime.toml:7:13: traces.keep_size: expected a size such as `\"64MiB\"`, found the integer 1; write `\"1B\"` for \
             bytes",
            "runtime.toml:8:1: traces.ratio: unknown key; known here are `at_least`, `faults`, `keep`, `keep_size`, `parent`, \
             `sample`",
        ],
    ),
    (
        "[logs]\nformat = \"jsn\"\nkeep = 0\nkeep_size = \"1KiB\"\nkeep_level = \"loud\"\nredact = [\"a b\", 7]\n\
         access = \"yes\"\nlevel = 1\n",
        &[
            "runtime.toml:2:10: logs.format: `jsn` is no form of a log; did you mean `json`?",
            "runtime.toml:3:8: logs.keep: must lie between 1 and 1000000",
            "runtime.toml:4:13: logs.keep_size: must lie between 64KiB and 1GiB",
            "runtime.toml:5:14: logs.keep_level: `loud` is no level; write `trace`, `debug`, `info`, `warn`, `error` or \
             `critical`",
            "runtime.toml:6:11: logs.redact[0]: `a b` is no name of a field; use letters, digits, `-`, `_` and `.`",
            "runtime.toml:6:18: logs.redact[1]: expected a string, found the integer 7; put it in quotes",
            "runtime.toml:7:10: logs.access: expected a boolean, found the string \"yes\"",
            "runtime.toml:8:1: logs.level: unknown key; known here are `access`, `access_query`, `format`, `keep`, `keep_level`, \
             `keep_size`, `redact`",
        ],
    ),
    (
        "[otlp]\nendpoint = \"collector:4317\"\nprotocol = \"http/json\"\ntimeout = 10\ntraces = \"on\"\nmetrics = 1\nmetrics_interval = \"1ms\"\nlogs = 0\nqueue = 0\nbatch = 10001\n\
         interval = \"1ms\"\nname = 7\nheader = 1\n[otlp.headers]\nauthorization = \"Bearer sesame\"\n[otlp.attributes]\na = 1\n",
        &[
            "runtime.toml:2:12: otlp.endpoint: `collector:4317` is no address of a collector; write one such as \
             `http://127.0.0.1:4317`",
            "runtime.toml:3:12: otlp.protocol: `http/json` is not known here; known here are `grpc`, `http/protobuf`",
            "runtime.toml:4:11: otlp.timeout: expected a duration such as `\"15s\"`, found the integer 10; write `\"10s\"` for \
             seconds",
            "runtime.toml:5:10: otlp.traces: expected a boolean, found the string \"on\"",
            "runtime.toml:6:11: otlp.metrics: expected a boolean, found the integer 1",
            "runtime.toml:7:20: otlp.metrics_interval: must lie between 1s and 1h",
            "runtime.toml:8:8: otlp.logs: expected a boolean, found the integer 0",
            "runtime.toml:9:9: otlp.queue: must lie between 1 and 1000000",
            "runtime.toml:10:9: otlp.batch: must lie between 1 and 10000",
            "runtime.toml:11:12: otlp.interval: must lie between 10ms and 1m",
            "runtime.toml:12:8: otlp.name: expected a string, found the integer 7; put it in quotes",
            "runtime.toml:13:1: otlp.header: unknown key; did you mean `headers`?",
            "runtime.toml:15:1: otlp.headers.authorization: is written here, where everybody reads it who reads this file: put \
             it into a file or into the environment of the host, and say where it is: `{ file = \"secrets/api-key\" }` or \
             `{ env = \"API_KEY\" }`",
            "runtime.toml:17:5: otlp.attributes.a: expected a string, found the integer 1; put it in quotes",
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
             `links`, `log_rate`, `memory`, `outbound`, `outbound_body`, `outbound_connections`, `priority`, `queue`, \
             `queue_wait`, `rate`, `request_body`, `response_body`, `retry`, `table_elements`, `timeout`, `tokens`",
            "runtime.toml:5:11: defaults.health: unknown key; known here are `breaker`, `callers`, `concurrency`, \
             `core_instances`, `cpu_time`, `handles`, `instance_calls`, `instance_idle`, `instance_uses`, `instances`, \
             `links`, `log_rate`, `memory`, `outbound`, `outbound_body`, `outbound_connections`, `priority`, `queue`, \
             `queue_wait`, `rate`, `request_body`, `response_body`, `retry`, `table_elements`, `timeout`, `tokens`",
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
        "[host]\nwatch = \"yes\"\n[services.a]\ncomponent = \"Cargo.toml\"\n[services.a.secrets]\nkey = \"hunter2\"\nother = 7\n\
         both = { file = \"a\", env = \"B\" }\nnone = {}\nwrong = { file = \"\", value = \"hunter2\" }\n\"a b\" = { env = \"A=B\" }\n",
        &[
            "runtime.toml:2:9: host.watch: expected a boolean, found the string \"yes\"",
            "runtime.toml:6:1: services.a.secrets.key: is written here, where everybody reads it who reads this \
             file: put it into a file or into the environment of the host, and say where it is: `{ file = \
             \"secrets/api-key\" }` or `{ env = \"API_KEY\" }`",
            "runtime.toml:7:1: services.a.secrets.other: is written here, where everybody reads it who reads \
             this file: put it into a file or into the environment of the host, and say where it is: `{ file = \
             \"secrets/api-key\" }` or `{ env = \"API_KEY\" }`",
            "runtime.toml:8:1: services.a.secrets.both.env: is one place too many; a secret is in a `file` or in `env`",
            "runtime.toml:9:1: services.a.secrets.none.file: is missing; say where the secret is, with `file = \
             \"PATH\"` or `env = \"NAME\"`",
            "runtime.toml:10:1: services.a.secrets.wrong.file: expected a path, found an empty string",
            "runtime.toml:10:1: services.a.secrets.wrong.value: unknown key; known here are `env`, `file`",
            "runtime.toml:11:1: services.a.secrets.\"a b\": is no name for a secret; write 1 to 63 letters, \
             digits, `-`, `_` and `.`",
            "runtime.toml:11:1: services.a.secrets.\"a b\".env: must be the name of a variable, such as `API_KEY`",
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
