//! What a route does at the edge, as it is written in `runtime.toml`.

use std::time::Duration;

use patchbay_model::policy::OriginPattern;
use toml::de::DeTable;

use super::super::problem::Source;
use super::super::table::Reader;
use super::*;

fn read_text(text: &str) -> (EdgeSettings, Vec<String>) {
    let document = DeTable::parse(text).unwrap();
    let reader = Reader::new(Source::new("runtime.toml", text));
    let settings = reader.root(&document, |table| read(table, Path::new(env!("CARGO_MANIFEST_DIR"))));
    let (problems, ..) = reader.finish();
    (settings, problems.iter().map(ToString::to_string).collect())
}

/// Every key, each with a value that is not its default.
const ALL: &str = r#"
request_headers = { remove = ["cookie"], set = { x-a = "1" }, add = { x-b = "2" } }
response_headers = { remove = ["server"], set = { x-frame-options = "DENY" }, add = { x-c = "3" } }
rewrite = { strip_prefix = "/api", prefix = "/v2", host = "inner.example" }

[cors]
origins = ["https://shop.example", "*.partner.example"]
methods = ["PUT"]
headers = ["content-type"]
expose = ["x-total"]
credentials = true
max_age = "5m"

[compress]
gzip = true
br = false
min_size = "2KiB"
cookies = true

[idempotency]
methods = ["PUT"]
required = true
anonymous = true
ttl = "1h"
keep_errors = true
max_request = "2MiB"
max_reply = "2MiB"
keys = 10
keys_per_caller = 5
memory = "4MiB"

[cache]
memory = "4MiB"
max_reply = "2MiB"
default_ttl = "1s"
collapse = "0s"
"#;

#[test]
fn every_key_reaches_its_setting() {
    let (settings, problems) = read_text(ALL);
    assert_eq!(problems, [""; 0]);
    // What was read is told in full, so it shows each key that was lost.
    let json = serde_json::to_value(&settings).unwrap();
    let document: toml::Table = ALL.parse().unwrap();
    let wanted = serde_json::to_value(&document).unwrap();
    for (section, keys) in wanted.as_object().unwrap() {
        for (key, value) in keys.as_object().unwrap() {
            let value = match (section.as_str(), value.as_array()) {
                ("cors", Some(list)) if key == "origins" => {
                    let origins = list.iter().map(|origin| origin.as_str().unwrap().parse::<OriginPattern>().unwrap());
                    origins.map(|origin| origin.to_string()).collect()
                }
                _ => value.clone(),
            };
            assert_eq!(json[section][key], value, "{section}.{key}");
        }
    }
    let idempotency = settings.idempotency.unwrap();
    assert_eq!((idempotency.ttl, idempotency.keys), (Duration::from_secs(3600), 10));
    assert_eq!(read_text("rewrite = { path = \"/x\" }").0.rewrite.unwrap().path.as_deref(), Some("/x"));
}

#[test]
fn redirects_and_files_are_read() {
    let (settings, problems) =
        read_text("[redirect]\nto = \"/new\"\nstatus = 308\nkeep_path = false\nkeep_query = false\n");
    assert_eq!(problems, [""; 0]);
    let redirect = settings.redirect.unwrap();
    assert_eq!(
        (redirect.to.as_str(), redirect.status, redirect.keep_path, redirect.keep_query),
        ("/new", 308, false, false)
    );
    let text = "[files]\ndirectory = \"src\"\nindex = false\nfallback = \"index.html\"\nimmutable = [\"/assets/*\"]\n";
    let (settings, problems) = read_text(text);
    assert_eq!(problems, [""; 0]);
    let files = settings.files.unwrap();
    assert_eq!((files.index, files.fallback.as_deref(), files.immutable.len()), (false, Some("index.html"), 1));
    assert!(files.directory.ends_with("src") && files.directory.is_absolute());
}

#[test]
fn nothing_is_done_unasked() {
    let (settings, problems) = read_text("");
    assert!(settings.is_empty() && problems.is_empty(), "{settings:?} {problems:?}");
}

#[test]
fn what_no_route_can_do_is_reported_where_it_stands() {
    for (text, wanted) in [
        ("[cahce]\n", "runtime.toml:1:2: cahce: unknown key; did you mean `cache`?"),
        ("[cache]\nttl = \"1s\"\n", "runtime.toml:2:1: cache.ttl: unknown key; "),
        ("[redirect]\nstatus = 308\n", "runtime.toml:1:1: redirect.to: is missing; "),
        ("[redirect]\nto = \"//evil.example\"\n", "runtime.toml:2:6: redirect.to: must be a path "),
        ("[cors]\n", "runtime.toml:1:1: cors.origins: is missing; "),
        (
            "[cors]\norigins = [\"*\"]\ncredentials = true\n",
            "runtime.toml:2:11: cors.origins: cannot be `*` with `credentials`; ",
        ),
        ("[files]\n", "runtime.toml:1:1: files.directory: is missing; "),
        ("[files]\ndirectory = \"nowhere\"\n", "runtime.toml:2:13: files.directory: there is no directory `"),
        ("[request_headers]\nset = { host = \"x\" }\n", "runtime.toml:2:7: request_headers.set: names `host`, "),
        ("[idempotency]\nmethods = [\"get\"]\n", "runtime.toml:2:12: idempotency.methods[0]: `get` is no HTTP method"),
        ("cache = true\n", "runtime.toml:1:9: cache: expected a table `[cache]`, found the boolean true"),
    ] {
        let (_, problems) = read_text(text);
        assert!(problems.iter().any(|problem| problem.starts_with(wanted)), "{text}: {problems:#?}");
    }
}
