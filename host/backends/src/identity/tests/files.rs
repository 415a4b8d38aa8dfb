//! Keys in files, which change.

use std::fs;

use patchbay_model::Digest;
use tempfile::TempDir;
use tokio::time::sleep;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Longer than it takes to see a change twice.
const SOON: Duration = Duration::from_secs(7);

fn bench(keys: KeySource) -> Result<Bench, IdentityProblem> {
    let (web, outside) = Bench::outside();
    let issuer = IssuerSettings::new(ISSUER, vec!["shop".to_owned()], keys);
    let settings = AuthSettings { issuers: BTreeMap::from([("main".to_owned(), issuer)]), ..Default::default() };
    let identity = open(&settings, &outside, &Identity::default())?;
    Ok(Bench { web, outside, identity })
}

fn install(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test(start_paused = true)]
async fn a_key_file_is_read_again_and_a_wrong_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = install(&folder, "keys.pem", pem!("ed.pub"));
    let bench = bench(KeySource::File(path.clone())).unwrap();
    // The names of keys mean nothing where they have none.
    let (ed, rsa) = (TestKey::ed().named("any"), TestKey::rsa());
    assert_eq!(bench.refusal(&ed.sign(&claims())).await, None);
    assert_eq!(bench.refusal(&rsa.sign(&claims())).await, Some("algorithm"));
    for wrong in ["", pem!("ed"), "{"] {
        install(&folder, "keys.pem", wrong);
        sleep(SOON).await;
        assert_eq!(bench.refusal(&ed.sign(&claims())).await, None, "{wrong}");
    }
    install(&folder, "keys.pem", jwks(&[&rsa]));
    sleep(SOON).await;
    assert_eq!(bench.refusal(&rsa.sign(&claims())).await, None);
    assert_eq!(bench.refusal(&ed.sign(&claims())).await, Some("unknown-key"));
    fs::remove_file(&path).unwrap();
    sleep(SOON).await;
    assert_eq!(bench.refusal(&rsa.sign(&claims())).await, None);
    assert_eq!(bench.web.n_asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_verifies_what_was_signed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = install(&folder, "secret", [SECRET, b"\n"].concat());
    let bench = bench(KeySource::Secret(path)).unwrap();
    assert_eq!(bench.refusal(&TestKey::secret(SECRET).sign(&claims())).await, None);
    assert_eq!(bench.refusal(&TestKey::secret(&SECRET[1..]).sign(&claims())).await, Some("signature"));
    // A secret is as long as the hash, or it is none for it.
    let long = TestKey { algorithm: Algorithm::HS512, ..TestKey::secret(SECRET) };
    assert_eq!(bench.refusal(&long.sign(&claims())).await, Some("algorithm"));
    assert_eq!(bench.refusal(&TestKey::ed().sign(&claims())).await, Some("algorithm"));
    install(&folder, "secret", [7; 64]);
    sleep(SOON).await;
    assert_eq!(bench.refusal(&TestKey::secret(SECRET).sign(&claims())).await, Some("signature"));
    let long = TestKey { algorithm: Algorithm::HS512, ..TestKey::secret(&[7; 64]) };
    assert_eq!(bench.refusal(&long.sign(&claims())).await, None);
}

#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (keys, wanted) in [
        (KeySource::File(install(&folder, "private.pem", pem!("ed"))), "private.pem` holds a private key"),
        (KeySource::File(folder.path().join("none.pem")), "none.pem` cannot be read"),
        (KeySource::File(folder.path().to_owned()), "is no file"),
        (KeySource::File(install(&folder, "large", vec![b' '; (1 << 20) + 1])), "is too large"),
        (KeySource::Secret(install(&folder, "short", "hunter2")), "short` is too short"),
    ] {
        let problem = bench(keys).err().unwrap().to_string();
        assert!(problem.contains(wanted) && !problem.contains("hunter2"), "{problem}");
    }
}

/// A file of keys: names and hashes, with a space between them.
fn read_keys(_: &Path, bytes: &[u8]) -> Result<BTreeMap<String, ApiKeySettings>, String> {
    let lines = std::str::from_utf8(bytes).unwrap().lines();
    let keys = lines.map(|line| {
        let (name, hash) = line.split_once(' ').ok_or("is damaged")?;
        let hash = hash.parse::<Digest>().map_err(|error| error.to_string())?;
        Ok((name.to_owned(), ApiKeySettings { hash, scopes: vec![], groups: vec![], expires: None }))
    });
    keys.collect()
}

#[tokio::test(start_paused = true)]
async fn api_keys_come_from_the_configuration_and_from_a_file_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    let [configured, first, second] = [(); 3].map(|()| new_api_key().unwrap());
    let path = install(&folder, "keys", format!("first {}", first.hash));
    let (web, outside) = Bench::outside();
    let outside = Outside { read_keys, ..outside };
    let settings = ApiKeySettings { hash: configured.hash, scopes: vec![], groups: vec![], expires: None };
    let settings = AuthSettings {
        keys: BTreeMap::from([("configured".to_owned(), settings)]),
        keys_file: Some(path),
        ..Default::default()
    };
    let identity = open(&settings, &outside, &Identity::default()).unwrap();
    let bench = Bench { web, outside, identity };
    let authenticator = bench.identity.authenticator.as_ref().unwrap();
    let who = async |key: &str| {
        let user = authenticator.authenticate(Credential::ApiKey(key)).await;
        user.map(|user| user.subject.clone()).ok()
    };
    assert_eq!(who(&configured.key).await.as_deref(), Some("configured"));
    assert_eq!(who(&first.key).await.as_deref(), Some("first"));
    assert_eq!(who(&second.key).await, None);
    for wrong in ["damaged".to_owned(), format!("configured {}", second.hash)] {
        install(&folder, "keys", wrong);
        sleep(SOON).await;
        assert_eq!(who(&first.key).await.as_deref(), Some("first"));
    }
    install(&folder, "keys", format!("second {}", second.hash));
    sleep(SOON).await;
    assert_eq!(who(&first.key).await, None);
    assert_eq!(who(&second.key).await.as_deref(), Some("second"));
    assert_eq!(who(&configured.key).await.as_deref(), Some("configured"));
    // A key is no token, and a token is no key.
    assert!(authenticator.authenticate(Credential::Token(&second.key)).await.is_err());
    assert!(who(&TestKey::ed().sign(&claims())).await.is_none());
}
