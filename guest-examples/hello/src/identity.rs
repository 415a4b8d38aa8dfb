//! What the host knows of the call that the service works on. No header has a say in it.

use serde_json::{Value, json};

use crate::bindings::patchbay::host::identity::{self, Call, Principal, Revision};

/// Who is asked, who asks, and how, as JSON.
pub(crate) fn whoami() -> Value {
    told(&identity::myself(), identity::current_call().as_ref())
}

fn told(own: &Revision, call: Option<&Call>) -> Value {
    let call = call.map(|call| {
        json!({
            "id": call.id,
            "caller": caller(&call.caller),
            "attempt": call.attempt,
            "hops": call.hops,
            "timeLeftMs": call.time_left / 1_000_000,
            "idempotencyKey": call.idempotency_key,
        })
    });
    json!({ "service": own.service, "revision": own.number, "call": call })
}

fn caller(caller: &Principal) -> Value {
    match caller {
        Principal::Outside => json!("outside"),
        Principal::Operator => json!("operator"),
        Principal::Host => json!("host"),
        Principal::Service(name) => json!({ "service": name }),
        Principal::User(user) => json!({ "user": { "issuer": user.issuer, "subject": user.subject } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::patchbay::host::identity::User;

    #[test]
    fn a_call_is_told_with_its_caller() {
        let own = Revision { service: "hello".to_owned(), number: 2 };
        assert_eq!(told(&own, None), json!({ "service": "hello", "revision": 2, "call": null }));
        let call = Call {
            id: "7".to_owned(),
            caller: Principal::Service("orders".to_owned()),
            user: None,
            attempt: 3,
            hops: 1,
            time_left: 2_999_999_999,
            idempotency_key: None,
        };
        let expected = json!({
            "id": "7",
            "caller": { "service": "orders" },
            "attempt": 3,
            "hops": 1,
            "timeLeftMs": 2999,
            "idempotencyKey": null,
        });
        assert_eq!(told(&own, Some(&call))["call"], expected);
    }

    #[test]
    fn what_a_user_claims_is_not_passed_on() {
        let told = caller(&Principal::User(User {
            issuer: "https://id.example".to_owned(),
            subject: "ada".to_owned(),
            scopes: vec!["orders:write".to_owned()],
            groups: vec!["staff".to_owned()],
            claims: "{}".to_owned(),
        }));
        assert_eq!(told, json!({ "user": { "issuer": "https://id.example", "subject": "ada" } }));
    }
}
