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
    use std::time::SystemTime;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_message_tells_for_whom_it_was_published() {
        let mut message = Message {
            topic: "shop.orders.created".parse().unwrap(),
            id: "1".to_owned(),
            source: "/services/orders".to_owned(),
            kind: "OrderCreated".to_owned(),
            time: SystemTime::UNIX_EPOCH,
            subject: None,
            content_type: None,
            data_schema: None,
            extensions: Vec::new(),
            headers: Vec::new(),
            reply_to: None,
            data: Bytes::new(),
        };
        assert_eq!(message.author(), None);
        let ann = User {
            proof: Proof::Certificate,
            issuer: "corp".to_owned(),
            subject: "ann \"the\" first\n".to_owned(),
            scopes: vec!["read".to_owned()],
            groups: vec!["staff".to_owned()],
            claims: [("tenant".to_owned(), "acme".into())].into_iter().collect(),
            expires: None,
        };
        message.set_author(&ann);
        assert_eq!(message.author(), Some(ann));
        assert!(message.check_attributes().is_ok());
        for (name, value) in [("authtype", "unauthenticated"), ("authclaims", "{}"), ("authclaims", "no JSON")] {
            let mut other = message.clone();
            other.set_extension(name, value);
            assert_eq!(other.author(), None, "{name} {value}");
        }
    }
}
