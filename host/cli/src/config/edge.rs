//! What a route does at the edge of the host: `rewrite`, `request_headers`, `response_headers`, `redirect`, `cors`,
//! `compress`, `idempotency`, `cache` and `files`.

use std::collections::BTreeMap;
use std::path::Path;

use patchbay_model::parse_method;
use patchbay_model::policy::{
    CacheSettings, CompressSettings, CorsSettings, EdgeSettings, FilesSettings, HeaderRules, IdempotencySettings,
    RedirectSettings, RewriteSettings,
};
use toml::de::DeValue;

use super::settings::elements;
use super::table::Table;
use super::value;

/// Reads the keys of a route that have to do with the edge, and reports what no route can do. Directories are relative to
/// `directory`.
pub(super) fn read(table: &mut Table<'_>, directory: &Path) -> EdgeSettings {
    let to = ("to", "name a path or a URL, such as `to = \"https://shop.example/new\"`");
    let origins = ("origins", "name the origins, such as `origins = [\"https://shop.example\"]`");
    let files_in = ("directory", "name the directory of the files, such as `directory = \"web/dist\"`");
    let settings = EdgeSettings {
        rewrite: section(table, "rewrite", None, rewrite),
        request_headers: table.section("request_headers", headers),
        response_headers: table.section("response_headers", headers),
        redirect: section(table, "redirect", Some(to), redirect),
        cors: section(table, "cors", Some(origins), cors),
        compress: section(table, "compress", None, compress),
        idempotency: section(table, "idempotency", None, idempotency),
        cache: section(table, "cache", None, cache),
        files: section(table, "files", Some(files_in), |table| files(table, directory)),
    };
    for problem in settings.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    settings
}

/// Reads the table under a key, if there is one. What it cannot do without is reported, if it is not there.
fn section<T>(
    table: &mut Table<'_>,
    key: &'static str,
    needed: Option<(&'static str, &str)>,
    read: impl FnOnce(&mut Table<'_>) -> T,
) -> Option<T> {
    let is_there = table.has(key);
    let settings = table.section(key, |table| {
        if let Some((key, advice)) = needed.filter(|_| is_there)
            && !table.has(key)
        {
            table.report(key, format!("is missing; {advice}"));
        }
        read(table)
    });
    is_there.then_some(settings)
}

fn rewrite(table: &mut Table<'_>) -> RewriteSettings {
    RewriteSettings {
        strip_prefix: table.optional("strip_prefix", value::text),
        prefix: table.optional("prefix", value::text),
        path: table.optional("path", value::text),
        host: table.optional("host", value::text),
    }
}

fn headers(table: &mut Table<'_>) -> HeaderRules {
    let fields = |table: &mut Table<'_>, key| -> BTreeMap<String, String> {
        let entries = table.named(key);
        entries.iter().filter_map(|entry| Some((entry.name.to_owned(), entry.value(value::text)?))).collect()
    };
    HeaderRules {
        remove: elements(table.list("remove", value::text)).into_iter().collect(),
        set: fields(table, "set"),
        add: fields(table, "add"),
    }
}

fn redirect(table: &mut Table<'_>) -> RedirectSettings {
    let mut redirect = RedirectSettings::default();
    table.set("to", &mut redirect.to, value::text);
    table.set("status", &mut redirect.status, value::number);
    table.set("keep_path", &mut redirect.keep_path, value::boolean);
    table.set("keep_query", &mut redirect.keep_query, value::boolean);
    redirect
}

fn cors(table: &mut Table<'_>) -> CorsSettings {
    let mut cors = CorsSettings {
        origins: elements(table.list("origins", value::parsed)),
        methods: elements(table.list("methods", value::text)),
        headers: elements(table.list("headers", value::text)),
        expose: elements(table.list("expose", value::text)),
        ..CorsSettings::default()
    };
    table.set("credentials", &mut cors.credentials, value::boolean);
    table.set("max_age", &mut cors.max_age, value::duration);
    cors
}

fn compress(table: &mut Table<'_>) -> CompressSettings {
    let mut compress = CompressSettings::default();
    table.set("gzip", &mut compress.gzip, value::boolean);
    table.set("br", &mut compress.br, value::boolean);
    table.set("min_size", &mut compress.min_size, value::size);
    table.set("cookies", &mut compress.cookies, value::boolean);
    compress
}

fn idempotency(table: &mut Table<'_>) -> IdempotencySettings {
    let mut idempotency = IdempotencySettings::default();
    if table.has("methods") {
        let method = |value: &DeValue<'_>| parse_method(&value::text(value)?).map_err(|error| error.to_string());
        idempotency.methods = elements(table.list("methods", method));
    }
    table.set("required", &mut idempotency.required, value::boolean);
    table.set("anonymous", &mut idempotency.anonymous, value::boolean);
    table.set("ttl", &mut idempotency.ttl, value::duration);
    table.set("keep_errors", &mut idempotency.keep_errors, value::boolean);
    table.set("max_request", &mut idempotency.max_request, value::size);
    table.set("max_reply", &mut idempotency.max_reply, value::size);
    table.set("keys", &mut idempotency.keys, value::number);
    table.set("keys_per_caller", &mut idempotency.keys_per_caller, value::number);
    table.set("memory", &mut idempotency.memory, value::size);
    idempotency
}

fn cache(table: &mut Table<'_>) -> CacheSettings {
    let mut cache = CacheSettings::default();
    table.set("memory", &mut cache.memory, value::size);
    table.set("max_reply", &mut cache.max_reply, value::size);
    table.set("default_ttl", &mut cache.default_ttl, value::duration);
    table.set("collapse", &mut cache.collapse, value::duration);
    cache
}

fn files(table: &mut Table<'_>, directory: &Path) -> FilesSettings {
    let mut files = FilesSettings::default();
    if let Some(path) = table.optional("directory", value::path) {
        files.directory = directory.join(path);
        if !files.directory.is_dir() {
            let path = files.directory.display();
            table.report(
                "directory",
                format!("there is no directory `{path}`; build the front end first, or correct the path"),
            );
        }
    }
    table.set("index", &mut files.index, value::boolean);
    files.fallback = table.optional("fallback", value::text);
    files.immutable = elements(table.list("immutable", value::parsed));
    files
}

#[cfg(test)]
mod tests;
