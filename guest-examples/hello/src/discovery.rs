//! Which other services there are: discovery by the client itself, which then calls what it has found by its name.

use serde_json::{Value, json};

use crate::bindings::patchbay::host::discovery::{self, Health, Service};
use crate::problem::Problem;

/// The services that export an interface, as JSON.
pub(crate) fn exporting(interface: &str) -> Value {
    discovery::providers(interface).iter().map(told).collect()
}

/// Whether there is a service of this name that a request can be sent to.
pub(crate) fn resolve(name: &str) -> Result<(), Problem> {
    judge(name, discovery::resolve(name).as_ref())
}

fn judge(name: &str, found: Option<&Service>) -> Result<(), Problem> {
    match found {
        None => Err(Problem::new(404, format!("there is no service `{name}`"))),
        Some(Service { health: Health::Down, .. }) => Err(Problem::later(format!("`{name}` is down"))),
        Some(Service { http: false, .. }) => Err(Problem::new(404, format!("`{name}` handles no requests"))),
        // One that is broken is asked all the same: the host answers at once in its place, or sends the request as the probe
        // without which nobody would find out that it is well again.
        Some(Service { health: Health::Serving | Health::Broken, .. }) => Ok(()),
    }
}

fn told(service: &Service) -> Value {
    let health = match service.health {
        Health::Serving => "serving",
        Health::Broken => "broken",
        Health::Down => "down",
    };
    json!({
        "name": service.name,
        "revision": service.revision,
        "health": health,
        "http": service.http,
        "interfaces": service.interfaces,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(health: Health, http: bool) -> Service {
        let interfaces = vec!["shop:inventory/stock@0.1.0".to_owned()];
        Service { name: "inventory".to_owned(), revision: Some(3), health, http, interfaces }
    }

    #[test]
    fn only_what_can_answer_is_asked() {
        let cases = [
            (None, Some((404, None))),
            (Some(service(Health::Serving, true)), None),
            (Some(service(Health::Serving, false)), Some((404, None))),
            (Some(service(Health::Broken, true)), None),
            (Some(service(Health::Down, false)), Some((503, Some(("retry-after", "1"))))),
        ];
        for (found, expected) in cases {
            let problem = judge("inventory", found.as_ref()).err();
            assert!(problem.iter().all(|problem| problem.detail.contains("`inventory`")), "{problem:?}");
            assert_eq!(problem.map(|problem| (problem.status, problem.header)), expected, "{found:?}");
        }
    }

    #[test]
    fn services_are_told_as_json() {
        let expected = json!({
            "name": "inventory",
            "revision": 3,
            "health": "broken",
            "http": true,
            "interfaces": ["shop:inventory/stock@0.1.0"],
        });
        assert_eq!(told(&service(Health::Broken, true)), expected);
        let down = told(&Service { revision: None, ..service(Health::Down, false) });
        assert_eq!((&down["revision"], &down["health"]), (&Value::Null, &json!("down")));
    }
}
