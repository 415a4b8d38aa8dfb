//! `[auth]`: who may vouch for users, and the host's own key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use patchbay_backends::identity::{
    ApiKeySettings, AuthSettings, HOST_ISSUER, IssuerSettings, KeySource, RESERVED_NAMES, SigningSettings,
};
use patchbay_model::units;
use toml::de::DeValue;

use super::settings::elements;
use super::table::Table;
use super::value;

/// What `[auth]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthConfig {
    /// The header that API keys come in, in lower case.
    pub(crate) api_key_header: String,
    /// Everything else.
    pub(crate) settings: AuthSettings,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { api_key_header: "x-api-key".to_owned(), settings: AuthSettings::default() }
    }
}

/// Reads `[auth]`. Paths are relative to `directory`.
pub(super) fn read(table: &mut Table<'_>, directory: &Path) -> AuthConfig {
    let mut auth = AuthConfig::default();
    table.set("api_key_header", &mut auth.api_key_header, header);
    auth.settings.keys_file = file(table, "keys_file", directory);
    auth.settings.signing = signing(table, directory);
    auth.settings.keys = keys(table);
    auth.settings.issuers = issuers(table, auth.settings.signing.as_ref(), directory);
    auth
}

/// The issuers. Each has a name and an `iss` of its own, so that it can be told who vouches.
fn issuers(
    table: &mut Table<'_>,
    signing: Option<&SigningSettings>,
    directory: &Path,
) -> BTreeMap<String, IssuerSettings> {
    let mut issuers = BTreeMap::<String, IssuerSettings>::new();
    for entry in table.named("issuers") {
        let is_name = name(entry.name).and_then(|_| {
            let reserved = || format!("`{}` stands for others who vouch; choose another name", entry.name);
            if RESERVED_NAMES.contains(&entry.name) { Err(reserved()) } else { Ok(()) }
        });
        if let Err(problem) = &is_name {
            entry.report(problem.as_str());
        }
        let settings = entry.table(|table| issuer(table, directory)).flatten().filter(|_| is_name.is_ok());
        let Some(settings) = settings else { continue };
        let own = signing.map(|signing| (HOST_ISSUER, &signing.issuer));
        let mut known = issuers.iter().map(|(name, issuer)| (name.as_str(), &issuer.issuer)).chain(own);
        if let Some((other, _)) = known.find(|(_, issuer)| **issuer == settings.issuer) {
            entry.report(format!("has the same `issuer` as `{other}`; nobody could tell whose tokens are whose"));
        } else {
            issuers.insert(entry.name.to_owned(), settings);
        }
    }
    issuers
}

fn issuer(table: &mut Table<'_>, directory: &Path) -> Option<IssuerSettings> {
    let iss =
        required(table, "issuer", "write what its tokens have in `iss`, such as `issuer = \"https://id.example\"`");
    let keys = key_source(table, directory);
    // Where it is not said, nothing that depends on it can be judged.
    let source = keys.clone().unwrap_or_else(|| KeySource::File(PathBuf::new()));
    let mut issuer = IssuerSettings::new(iss.clone().unwrap_or_default(), Vec::new(), source);
    let has_audiences = table.has("audiences");
    if has_audiences {
        issuer.audiences = elements(table.list("audiences", value::text));
    } else {
        table.report("audiences", "is missing; name what tokens for this host have in `aud`, such as `[\"shop\"]`");
    }
    issuer.algorithms = elements(table.list("algorithms", value::parsed));
    table.set("allow_http", &mut issuer.allow_http, value::boolean);
    if table.has("types") {
        issuer.types = elements(table.list("types", value::text));
    }
    issuer.required_claims = elements(table.list("required_claims", value::text));
    table.set("leeway", &mut issuer.leeway, value::duration);
    if table.has("scopes_claims") {
        issuer.scopes_claims = elements(table.list("scopes_claims", value::text));
    }
    table.set("groups_claim", &mut issuer.groups_claim, value::text);
    for problem in issuer.problems().into_iter().filter(|problem| keys.is_some() || problem.key != "algorithms") {
        table.report_own(problem.key, &problem.problem);
    }
    (iss.is_some() && keys.is_some() && has_audiences).then_some(issuer)
}

/// Where the keys of an issuer are: one of the ways to say so.
fn key_source(table: &mut Table<'_>, directory: &Path) -> Option<KeySource> {
    const WAYS: [&str; 4] = ["jwks_uri", "discovery", "key_file", "secret_file"];
    let discovery = table.optional("discovery", value::boolean).unwrap_or(false);
    let jwks = table.optional("jwks_uri", value::text).map(KeySource::Jwks);
    let key_file = file(table, "key_file", directory).map(KeySource::File);
    let secret_file = file(table, "secret_file", directory).map(KeySource::Secret);
    let n_said = WAYS.into_iter().filter(|way| table.has(way)).count();
    if n_said == 0 {
        table.report(
            "jwks_uri",
            "is missing; say where the keys of the issuer are, with one of `jwks_uri`, `discovery = true`, `key_file` \
             and `secret_file`",
        );
    }
    if n_said > 1 {
        let at = WAYS.into_iter().rfind(|way| table.has(way)).unwrap_or("jwks_uri");
        table.report(
            at,
            "is one way too many to say where the keys of the issuer are; choose one of `jwks_uri`, `discovery`, \
             `key_file` and `secret_file`",
        );
        return None;
    }
    if n_said == 1 && table.has("discovery") && !discovery {
        table.report("discovery", "must be `true`, or be left out for `jwks_uri`, `key_file` or `secret_file`");
    }
    jwks.or_else(|| discovery.then_some(KeySource::Discovery)).or(key_file).or(secret_file)
}

/// The API keys, by name.
fn keys(table: &mut Table<'_>) -> BTreeMap<String, ApiKeySettings> {
    let mut keys = BTreeMap::new();
    for entry in table.named("keys") {
        if let Err(problem) = name(entry.name) {
            entry.report(problem);
        }
        if let Some(key) = entry.table(key).flatten() {
            keys.insert(entry.name.to_owned(), key);
        }
    }
    keys
}

fn key(table: &mut Table<'_>) -> Option<ApiKeySettings> {
    if !table.has("hash") {
        table.report("hash", "is missing; `patchbay keys new NAME` makes a key, and says what to write here");
    }
    let hash = table.optional("hash", value::parsed);
    let scopes = elements(table.list("scopes", value::text));
    let groups = elements(table.list("groups", value::text));
    let expires = table.optional("expires", time);
    Some(ApiKeySettings { hash: hash?, scopes, groups, expires })
}

fn time(value: &DeValue<'_>) -> Result<SystemTime, String> {
    let text = match value {
        DeValue::Datetime(time) => time.to_string(),
        _ => value::text(value)?,
    };
    units::parse_timestamp(&text)
        .ok_or_else(|| format!("`{text}` is no time; write one in UTC such as `\"2027-01-31T12:00:00Z\"`"))
}

/// The key of the host, if it has one.
fn signing(table: &mut Table<'_>, directory: &Path) -> Option<SigningSettings> {
    let configured = table.has("signing");
    table.section("signing", |table| {
        if configured && !table.has("key") {
            table.report("key", "is missing; name the file of a private key, such as `key = \"tls/signing.pem\"`");
        }
        let key = file(table, "key", directory);
        let issuer = if configured {
            required(
                table,
                "issuer",
                "write what tokens of the host have in `iss`, such as `issuer = \"https://shop.example\"`",
            )
        } else {
            table.optional("issuer", value::text)
        };
        let mut signing = SigningSettings::new(issuer.clone().unwrap_or_default(), key.clone().unwrap_or_default());
        signing.audiences = elements(table.list("audiences", value::text));
        table.set("max_lifetime", &mut signing.max_lifetime, value::duration);
        for problem in signing.problems() {
            table.report_own(problem.key, &problem.problem);
        }
        (key.is_some() && issuer.is_some()).then_some(signing)
    })
}

fn required(table: &mut Table<'_>, key: &'static str, what_to_do: &str) -> Option<String> {
    if !table.has(key) {
        table.report(key, format!("is missing; {what_to_do}"));
    }
    table.optional(key, value::text)
}

/// A file that has to be there. What is in it is looked at when it is used.
fn file(table: &mut Table<'_>, key: &'static str, directory: &Path) -> Option<PathBuf> {
    let path = directory.join(table.optional(key, value::path)?);
    if path.is_file() {
        return Some(path);
    }
    table.report(key, format!("the file `{}` does not exist", path.display()));
    None
}

/// A name of an issuer or of an API key.
///
/// # Errors
/// What a name may be.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let is_one =
        (1..=63).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    if is_one { Ok(text.to_owned()) } else { Err("must be 1 to 63 letters, digits, `-` and `_`".to_owned()) }
}

/// Headers that have a meaning of their own.
const TAKEN: [&str; 8] =
    ["authorization", "connection", "content-length", "content-type", "cookie", "host", "te", "transfer-encoding"];

fn header(value: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(value)?.to_ascii_lowercase();
    // RFC 9110, 5.6.2.
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_token) {
        return Err(format!("`{text}` is no name of a header; write one such as `x-api-key`"));
    }
    if TAKEN.contains(&text.as_str()) {
        return Err(format!("`{text}` has a meaning of its own; write another one, such as `x-api-key`"));
    }
    Ok(text)
}
