//! Tokens of an issuer that the host knows, signed with a key that is made for the occasion.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program;

/// How many users there are.
const USERS: u32 = 16;

/// Makes a key and signs (ES256) a token for each of as many users as it is told, with what a token usually has in it.
const SCRIPT: &str = r#"
const { generateKeyPairSync, sign } = require("node:crypto");
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = Math.floor(Date.now() / 1000);
const token = (_, user) => {
  const claims = {
    iss: "https://id.example", aud: "bench", sub: `user-${user}`, iat: now, exp: now + 86400, jti: `token-${user}`,
    scope: "openid orders.read orders.write", groups: ["everybody", "staff"], name: `User ${user}`,
  };
  const signed = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${sign("sha256", signed, { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
};
const key = publicKey.export({ type: "spki", format: "pem" });
console.log(JSON.stringify({ key, tokens: Array.from({ length: Number(process.argv[1]) }, token) }));
"#;

/// Tokens, as callers show them.
pub(super) struct Tokens(Vec<String>);

impl Tokens {
    /// Makes them, and writes the key that they are verified with where the hosts that run in these folders look for it.
    pub(super) fn make(folders: &[PathBuf]) -> Result<Self> {
        let made = program::output(Command::new("node").args(["-e", SCRIPT, &USERS.to_string()]))
            .context("Node.js, as `node` on the PATH, has to sign tokens")?;
        let made: Value = serde_json::from_str(&made).context("Node.js makes no JSON")?;
        let key = made.get("key").and_then(Value::as_str).context("no key was made")?;
        for folder in folders {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            let path = folder.join("bench.pem");
            fs::write(&path, key).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let tokens = made.get("tokens").and_then(Value::as_array).context("no tokens were made")?;
        let field = |token: &Value| token.as_str().map(|token| format!("authorization: Bearer {token}"));
        Ok(Self(tokens.iter().filter_map(field).collect()))
    }

    /// The fields of the header that show them.
    pub(super) fn fields(&self) -> &[String] {
        &self.0
    }
}
