//! Tokens that the host signs.

use std::fs;
use std::path::PathBuf;

use patchbay_model::ports::{TokenRequest, TokenSigner};
use tempfile::TempDir;
use tokio::time::sleep;

use super::*;

const HOST: &str = "https://shop.example";

fn bench(folder: &TempDir, key: &str) -> Result<Bench, IdentityProblem> {
    let path = folder.path().join("key.pem");
    fs::write(&path, key).unwrap();
    let (web, outside) = Bench::outside();
    let settings = AuthSettings { signing: Some(SigningSettings::new(HOST, path)), ..Default::default() };
    let identity = open(&settings, &outside, &Identity::default())?;
    Ok(Bench { web, outside, identity })
}

fn request(audience: &str, lifetime: u64) -> TokenRequest {
    TokenRequest {
        subject: "ada".to_owned(),
        audience: audience.to_owned(),
        scopes: vec!["read".to_owned(), "write".to_owned()],
        actor: Some("orders".to_owned()),
        lifetime: Duration::from_secs(lifetime),
    }
}

impl Bench {
    fn signer(&self) -> &KeyFileSigner {
        self.identity.signer.as_ref().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_host_signs_is_accepted_by_it_and_by_whoever_has_its_keys() {
    for (key, algorithm) in
        [(pem!("ed"), "EdDSA"), (pem!("p256"), "ES256"), (pem!("p384"), "ES384"), (pem!("rsa"), "RS256")]
    {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(&folder, key).unwrap();
        let token = bench.signer().sign(&request(HOST, 60)).unwrap();
        let user = bench.check(&token).await.unwrap();
        assert_eq!(user.to_string(), "user:host/ada");
        assert_eq!(user.scopes, ["read", "write"]);
        assert_eq!(user.claims["act"], json!({ "sub": "orders" }));
        assert_eq!(user.claims["exp"], json!(BEGIN + 60));
        assert_eq!(bench.refusal(&bench.signer().sign(&request("other", 60)).unwrap()).await, Some("audience"));
        assert_ne!(bench.signer().sign(&request(HOST, 60)).unwrap(), token, "no two tokens are the same");

        let published: Value = serde_json::from_str(&bench.signer().key_set()).unwrap();
        let [published_key] = published["keys"].as_array().unwrap().as_slice() else { panic!("{published}") };
        assert_eq!((&published_key["alg"], &published_key["use"]), (&json!(algorithm), &json!("sig")));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(published_key.get(private).is_none(), "{published}");
        }
        let elsewhere = Bench::with(&bench.signer().key_set(), |issuer| {
            (issuer.issuer, issuer.audiences) = (HOST.to_owned(), vec!["other".to_owned()]);
        });
        assert_eq!(elsewhere.refusal(&bench.signer().sign(&request("other", 60)).unwrap()).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_lives_no_longer_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder, pem!("ed")).unwrap();
    for (asked, lives) in [(60, 60), (300, 300), (301, 300), (1_000_000, 300), (0, 1)] {
        let user = bench.check(&bench.signer().sign(&request(HOST, asked)).unwrap()).await.unwrap();
        assert_eq!(user.claims["exp"], json!(BEGIN + lives), "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_replaced_is_published_for_as_long_as_its_tokens_live() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(&folder, pem!("ed")).unwrap();
    let n_published = || {
        let published: Value = serde_json::from_str(&bench.signer().key_set()).unwrap();
        published["keys"].as_array().unwrap().len()
    };
    let old = bench.signer().sign(&request(HOST, 300)).unwrap();
    let install = |key: &str| fs::write(folder.path().join("key.pem"), key).unwrap();
    for wrong in [
        "",
        pem!("ed.pub"),
        pem!("rsa.pub"),
        pem!("weak"),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        install(wrong);
        sleep(Duration::from_secs(7)).await;
        assert_eq!(n_published(), 1);
        assert!(bench.signer().sign(&request(HOST, 1)).is_ok(), "{wrong}");
    }
    install(pem!("p256"));
    sleep(Duration::from_secs(7)).await;
    assert_eq!(n_published(), 2);
    let new = bench.signer().sign(&request(HOST, 300)).unwrap();
    assert_eq!((bench.refusal(&old).await, bench.refusal(&new).await), (None, None));
    sleep(Duration::from_secs(350)).await;
    assert_eq!(n_published(), 2);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(n_published(), 1);
    // Those that change all the time do not pile up.
    for turn in 0..12 {
        install([pem!("ed"), pem!("ed2"), pem!("ed3"), pem!("p256b")][turn % 4]);
        sleep(Duration::from_secs(7)).await;
    }
    assert_eq!(n_published(), 9);
    let again = open(&bench_settings(&folder), &bench.outside, &bench.identity).unwrap();
    assert_eq!(again.signer.unwrap().key_set(), bench.signer().key_set(), "a new configuration forgets no key");
}

fn bench_settings(folder: &TempDir) -> AuthSettings {
    let signing = SigningSettings::new(HOST, folder.path().join("key.pem"));
    AuthSettings { signing: Some(signing), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_sign_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for key in ["", pem!("ed.pub"), pem!("rsa.pub"), pem!("p521.pub"), pem!("weak")] {
        let problem = bench(&folder, key).err().unwrap().to_string();
        assert!(problem.contains("key.pem` holds no private key"), "{problem}");
    }
    let twice = AuthSettings {
        issuers: BTreeMap::from([(
            "main".to_owned(),
            IssuerSettings::new(HOST, vec!["shop".to_owned()], KeySource::File(PathBuf::from("none"))),
        )]),
        ..bench_settings(&folder)
    };
    let problem = open(&twice, &Bench::outside().1, &Identity::default()).err().unwrap().to_string();
    assert!(problem.contains("the issuers `main` and `host` both have"), "{problem}");
}
