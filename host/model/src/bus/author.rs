//! For whom a message was published: the CloudEvents extension "Auth Context", whose attributes are `authtype`, `authid` and
//! `authclaims`. Only the host writes them.

use serde_json::{Map, Value, json};

use super::message::Message;
use crate::{Proof, User};

/// The attributes, which nobody who publishes may set.
pub const AUTHOR_ATTRIBUTES: [&str; 3] = ["authtype", "authid", "authclaims"];

impl Message {
    /// Notes the user for whom it is published.
    pub fn set_author(&mut self, user: &User) {
        let User { proof, issuer, subject, scopes, groups, claims, expires: _ } = user;
        let claims = json!({
            "proof": proof.name(), "issuer": issuer, "subject": subject, "scopes": scopes, "groups": groups, "claims": claims,
        });
        self.set_extension("authtype", "user");
        self.set_extension("authid", format!("{issuer}/{subject}").replace(char::is_control, "?"));
        self.set_extension("authclaims", claims.to_string());
    }

    /// Whether it says anything of for whom it was published.
    pub fn has_author(&self) -> bool {
        AUTHOR_ATTRIBUTES.iter().any(|name| self.extension(name).is_some())
    }

    /// Takes out what it says of for whom it was published: somebody else than a host may have written it.
    pub fn forget_author(&mut self) {
        self.extensions.retain(|(name, _)| !AUTHOR_ATTRIBUTES.contains(&name.as_str()));
    }

    /// The user for whom it was published, as far as its attributes can be believed, which depends on who could write them.
    pub fn author(&self) -> Option<User> {
        if self.extension("authtype") != Some("user") {
            return None;
        }
        let told: Map<String, Value> = serde_json::from_str(self.extension("authclaims")?).ok()?;
        let text = |key: &str| Some(told.get(key)?.as_str()?.to_owned());
        let list = |key: &str| {
            let elements = told.get(key).and_then(Value::as_array).into_iter().flatten();
            elements.filter_map(|element| element.as_str().map(str::to_owned)).collect()
        };
        Some(User {
            proof: Proof::named(told.get("proof")?.as_str()?)?,
            issuer: text("issuer")?,
            subject: text("subject")?,
            scopes: list("scopes"),
            groups: list("groups"),
            claims: told.get("claims")?.as_object()?.clone(),
            // What was begun while the credential was good goes on.
            expires: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::binary::tests::message;

    #[test]
    fn a_message_tells_for_whom_it_was_published() {
        let mut message = message();
        assert_eq!(message.author(), None);
        let ann = User {
            scopes: vec!["read".to_owned()],
            groups: vec!["staff".to_owned()],
            claims: [("tenant".to_owned(), "acme".into())].into_iter().collect(),
            ..User::new(Proof::Certificate, "corp", "ann \"the\" first\n".to_owned())
        };
        message.set_author(&ann);
        assert_eq!(message.author(), Some(ann));
        assert!(message.check_attributes().is_ok());
        assert!(message.has_author());
        let mut anonymous = message.clone();
        anonymous.forget_author();
        assert!(!anonymous.has_author() && anonymous.extensions.len() + 3 == message.extensions.len());
        for (name, value) in [("authtype", "unauthenticated"), ("authclaims", "{}"), ("authclaims", "no JSON")] {
            let mut other = message.clone();
            other.set_extension(name, value);
            assert_eq!(other.author(), None, "{name} {value}");
        }
    }
}
