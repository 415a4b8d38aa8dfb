//! A service that asks the host about its calls and about other services. Over HTTP the path says what: `/WHAT?ARGUMENTS`,
//! the arguments separated by `;`.

use std::time::{Duration, Instant};

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "test:inside/insider", path: ["../../../wit/host.wit", "wit"], generate_all });
}

use bindings::exports::test::inside::calls::Guest;
use bindings::patchbay::host::discovery::{self, Service};
use bindings::patchbay::host::identity::{self, Principal};
use bindings::patchbay::host::invoke::{self, Options};
use bindings::patchbay::host::tokens;
use bindings::patchbay::host::secrets;

bindings::export!(Insider with_types_in bindings);
wasip2::http::proxy::export!(Insider);

struct Insider;

impl Guest for Insider {
    fn who() -> String {
        who()
    }

    fn flaky(attempts: u32) -> u32 {
        let attempt = identity::current_call().expect("it is called").attempt;
        assert!(attempt >= attempts, "this is attempt {attempt}");
        attempt
    }

    fn slow_first(millis: u32) -> u32 {
        let attempt = identity::current_call().expect("it is called").attempt;
        let begun = Instant::now();
        while attempt == 1 && begun.elapsed() < Duration::from_millis(millis.into()) {
            std::hint::spin_loop();
        }
        attempt
    }
}

impl wasip2::exports::http::incoming_handler::Guest for Insider {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let text = asked(path.rsplit('/').next().unwrap_or_default(), &query.split(';').collect::<Vec<_>>());
        text_answer::send(answer, 200, &text);
    }
}

fn asked(what: &str, arguments: &[&str]) -> String {
    let text = |index: usize| arguments.get(index).copied().unwrap_or_default();
    match what {
        "who" => who(),
        "version" => discovery::version().to_string(),
        "resolve" => discovery::resolve(text(0)).map_or_else(|| "none".to_owned(), |service| told(&service)),
        "providers" => discovery::providers(text(0)).iter().map(told).collect::<Vec<_>>().join(", "),
        "verify" => match tokens::verify(text(0)) {
            Ok(user) => described(&user),
            Err(error) => format!("{:?}: {}", error.kind, error.message),
        },
        "mint" => match tokens::mint(text(0), &text(1).split_whitespace().map(str::to_owned).collect::<Vec<_>>(), None)
        {
            Ok(token) => token,
            Err(error) => format!("{:?}: {}", error.kind, error.message),
        },
        "user" => identity::current_call()
            .and_then(|call| call.user)
            .map_or_else(|| "nobody".to_owned(), |user| described(&user)),
        "secret" => secrets::get(text(0)).unwrap_or_else(|| "none".to_owned()),
        "invoke" => invoked(text(0), text(1), text(2), text(3), text(4)),
        _ => "up".to_owned(),
    }
}

fn who() -> String {
    let own = identity::myself();
    let Some(call) = identity::current_call() else { return format!("{}@{} of nobody", own.service, own.number) };
    let caller = match call.caller {
        Principal::Outside => "outside".to_owned(),
        Principal::Operator => "operator".to_owned(),
        Principal::Host => "host".to_owned(),
        Principal::Service(name) => format!("service {name}"),
        Principal::User(user) => format!("user {} of {}", user.subject, user.issuer),
    };
    let left = Duration::from_nanos(call.time_left).as_secs();
    let key = call.idempotency_key.unwrap_or_else(|| "-".to_owned());
    format!(
        "{}@{} by {caller}, attempt {}, hops {}, {left} s left, key {key}",
        own.service, own.number, call.attempt, call.hops
    )
}

fn described(user: &identity::User) -> String {
    let identity::User { issuer, subject, scopes, groups, claims } = user;
    format!("{subject} of {issuer}, scopes {scopes:?}, groups {groups:?}, claims {claims}")
}

fn told(service: &Service) -> String {
    let revision = service.revision.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let http = if service.http { " http" } else { "" };
    format!("{}@{revision} {:?}{http} {}", service.name, service.health, service.interfaces.join(" "))
}

fn invoked(service: &str, function: &str, arguments: &str, key: &str, millis: &str) -> String {
    let options = Options {
        deadline: millis.parse::<u64>().ok().map(|millis| millis * 1_000_000),
        idempotency_key: (!key.is_empty()).then(|| key.to_owned()),
    };
    match invoke::call(service, function, arguments, &options) {
        Ok(result) => result,
        Err(fault) => format!("{:?}: {}", fault.kind, fault.message),
    }
}
