//! `[auth]`: what is read, and what is wrong with it.

use patchbay_backends::identity::{KeySource, SignatureAlgorithm};

use super::*;

#[test]
fn everybody_who_vouches_is_read() {
    let config = parse(
        r#"
            [http.tls]
            [auth]
        "#,
    );
    assert!(config.is_err(), "a section of TLS needs its files");
    let config = parse(
        r#"
            [auth]
            api_key_header = "X-Robot"
            keys_file = "Cargo.toml"
            [auth.issuers.corp]
            issuer = "https://id.example"
            audiences = ["shop"]
            discovery = true
            algorithms = ["ES256", "EdDSA"]
            types = ["at+jwt"]
            required_claims = ["email"]
            leeway = "5s"
            scopes_claims = ["permissions"]
            groups_claim = "/realm_access/roles"
            [auth.issuers.lab]
            issuer = "lab"
            audiences = ["a", "b"]
            key_file = "Cargo.toml"
            [auth.issuers.near]
            issuer = "near"
            audiences = ["a"]
            jwks_uri = "http://10.0.0.1/keys"
            allow_http = true
            [auth.issuers.old]
            issuer = "old"
            audiences = ["a"]
            secret_file = "Cargo.toml"
            [auth.keys]
            robot = { hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000", scopes = ["read"] }
            other = { hash = "sha256:1111111111111111111111111111111111111111111111111111111111111111", expires = 2030-01-31T12:00:00Z }
            [auth.signing]
            key = "Cargo.toml"
            issuer = "https://shop.example"
            max_lifetime = "1m"
        "#,
    );
    let AuthConfig { api_key_header, settings } = config.unwrap().auth;
    assert_eq!(api_key_header, "x-robot");
    let corp = &settings.issuers["corp"];
    assert_eq!((&corp.keys, corp.leeway), (&KeySource::Discovery, Duration::from_secs(5)));
    assert_eq!(corp.algorithms, [SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa]);
    assert_eq!((corp.types[0].as_str(), corp.groups_claim.as_str()), ("at+jwt", "/realm_access/roles"));
    assert_eq!((corp.required_claims[0].as_str(), corp.scopes_claims[0].as_str()), ("email", "permissions"));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lab = &settings.issuers["lab"];
    assert_eq!(lab.keys, KeySource::File(directory.join("Cargo.toml")));
    assert_eq!((lab.leeway, lab.types.len(), lab.groups_claim.as_str()), (Duration::from_secs(30), 3, "groups"));
    assert_eq!(settings.issuers["near"].keys, KeySource::Jwks("http://10.0.0.1/keys".to_owned()));
    assert_eq!(settings.issuers["old"].keys, KeySource::Secret(directory.join("Cargo.toml")));
    assert_eq!(settings.keys["robot"].scopes, ["read"]);
    assert!(settings.keys["other"].expires.is_some());
    assert_eq!(settings.keys_file, Some(directory.join("Cargo.toml")));
    assert_eq!(settings.signing.unwrap().max_lifetime, Duration::from_secs(60));
}

#[test]
fn a_host_that_knows_somebody_is_not_open_to_everybody() {
    let key = "hash = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"";
    for (text, open) in [
        (String::new(), true),
        ("[auth]\napi_key_header = \"x-robot\"\n".to_owned(), true),
        ("[auth]\nkeys_file = \"Cargo.toml\"\n".to_owned(), false),
        (format!("[auth.keys.robot]\n{key}\n"), false),
        ("[auth.signing]\nkey = \"Cargo.toml\"\nissuer = \"x\"\n".to_owned(), false),
        ("[auth.issuers.a]\nissuer = \"x\"\naudiences = [\"a\"]\nkey_file = \"Cargo.toml\"\n".to_owned(), false),
    ] {
        assert_eq!(parse(&text).unwrap().control.open, open, "{text}");
    }
    let mut config = Config::default();
    let clients = patchbay_gateway::ClientTrust { authorities: "ca".into(), required: false };
    let tls = patchbay_gateway::TlsConfig { certificate: "a".into(), key: "b".into(), clients: Some(clients) };
    config.http.tls = Some(tls);
    assert!(!config.is_open());
}

/// Files with the errors they have.
const BROKEN: &[(&str, &[&str])] = &[
    (
        "[auth]\napi_key_header = \"Cookie\"\nkeys_file = \"no\"\nkey = 1\n[auth.issuers.host]\n",
        &[
            "2:18: auth.api_key_header: `cookie` has a meaning of its own; write another one, such as `x-api-key`",
            "3:13: auth.keys_file: the file `",
            "4:1: auth.key: unknown key; did you mean `keys`?",
            "5:15: auth.issuers.host: `host` stands for others who vouch; choose another name",
            "5:15: auth.issuers.host.issuer: is missing; ",
            "5:15: auth.issuers.host.jwks_uri: is missing; say where the keys",
            "5:15: auth.issuers.host.audiences: is missing; ",
        ],
    ),
    (
        "[auth.issuers.a]\nissuer = \"x\"\naudiences = []\njwks_uri = \"http://id.example/\"\n\
         [auth.issuers.b]\nissuer = \"x\"\naudiences = [\"a\"]\nkey_file = \"Cargo.toml\"\nalgorithms = [\"HS256\", \"none\"]\n\
         [auth.issuers.c]\nissuer = \"y\"\naudiences = [\"a\"]\nkey_file = \"Cargo.toml\"\ndiscovery = true\n\
         [auth.issuers.d]\nissuer = \"z\"\naudiences = [\"a\"]\ndiscovery = false\n",
        &[
            "3:13: auth.issuers.a.audiences: must name what tokens for this host have",
            "4:12: auth.issuers.a.jwks_uri: `http://id.example/` is not protected",
            "5:15: auth.issuers.b: has the same `issuer` as `a`",
            "9:14: auth.issuers.b.algorithms: HS256 needs a `secret_file`",
            "9:24: auth.issuers.b.algorithms[1]: `none` is no algorithm",
            "13:12: auth.issuers.c.key_file: is one way too many",
            "18:13: auth.issuers.d.discovery: must be `true`",
        ],
    ),
    (
        "[auth.keys.\"a b\"]\nhash = \"x\"\n[auth.keys.c]\nkey = \"pbk_secret\"\n[auth.signing]\nissuer = \"\"\nmax_lifetime = \"2d\"\n\
         [auth.issuers.\"\"]\n",
        &[
            "1:12: auth.keys.\"a b\": must be 1 to 63 letters",
            "2:8: auth.keys.\"a b\".hash: `x` is no digest",
            "3:12: auth.keys.c.hash: is missing; `patchbay keys new NAME`",
            "4:1: auth.keys.c.key: unknown key; ",
            "5:1: auth.signing.key: is missing; ",
            "6:10: auth.signing.issuer: must not be empty",
            "7:16: auth.signing.max_lifetime: must lie between 1s and 24h",
            "8:15: auth.issuers.\"\": must be 1 to 63 letters",
            "8:15: auth.issuers.\"\".issuer: is missing; ",
            "8:15: auth.issuers.\"\".jwks_uri: is missing; ",
            "8:15: auth.issuers.\"\".audiences: is missing; ",
        ],
    ),
    (
        "[http.tls]\ncertificate = \"no\"\nkey = \"no\"\nclient_auth = \"maybe\"\n[admin.tls]\ncertificate = \"no\"\nkey = \"no\"\nclient_ca = \"no\"\n",
        &[
            "1:1: http.tls.client_ca: is missing; ",
            "2:15: http.tls.certificate: the file `",
            "4:15: http.tls.client_auth: `maybe` is not known here; ",
            "6:15: admin.tls.certificate: the file `",
            "8:1: admin.tls.client_ca: unknown key; ",
        ],
    ),
];

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    for (text, wanted) in BROKEN {
        let problems = parse(text).unwrap_err();
        let is_told = problems.iter().zip(*wanted).all(|(problem, wanted)| {
            let place_and_words = problem.strip_prefix("runtime.toml:");
            place_and_words.is_some_and(|said| said.starts_with(wanted))
        });
        assert!(is_told && problems.len() == wanted.len(), "{text}\n{problems:#?}");
    }
}
