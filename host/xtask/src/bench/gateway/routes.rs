//! What is measured: routes that ask for something, and those beside them that do not.

use std::fmt::Write;

use crate::place::Place;

use super::GUEST;
use super::pairs;

/// Routes of the host that is compared with, and of the one with many.
pub(super) const FEW: u32 = 10;
pub(super) const MANY: u32 = 1000;

/// Two routes that differ in one thing.
pub(super) struct Subject {
    pub(super) what: pairs::Subject,
    pub(super) without: Route,
    pub(super) with: Route,
}

/// A route, as it is asked for.
pub(super) struct Route {
    pub(super) path: &'static str,
    /// Whether its callers show a token.
    pub(super) token: bool,
    /// Whether it is one of the host with many routes.
    pub(super) of_many: bool,
}

const fn open(path: &'static str) -> Route {
    Route { path, token: false, of_many: false }
}

const fn known(path: &'static str) -> Route {
    Route { path, token: true, of_many: false }
}

const fn price(name: &'static str, without: Route, with: Route) -> Subject {
    Subject { what: pairs::Subject::new(name), without, with }
}

const fn all(name: &'static str, without: Route, with: Route) -> Subject {
    Subject { what: pairs::Subject { least_requests: Some(0.85), ..pairs::Subject::new(name) }, without, with }
}

const MANY_ROUTES: Subject = Subject {
    what: pairs::Subject { most_p99: Some(1.1), ..pairs::Subject::new("routes: 1000 over 10") },
    without: open("/few/9/x"),
    with: Route { path: "/many/999/x", token: false, of_many: true },
};

/// Under `reuse` an instance is there already, so that little else is done for a request; under `fresh`, the default for this
/// guest, each has its own.
pub(super) const SUBJECTS: [Subject; 6] = [
    price("token", open("/reuse/open"), known("/reuse/token")),
    price("rates", open("/reuse/open"), open("/reuse/rates")),
    price("rules, over token", known("/reuse/token"), known("/reuse/rules")),
    all("all, reuse", open("/reuse/open"), known("/reuse/all")),
    all("all, fresh", open("/fresh/open"), known("/fresh/all")),
    MANY_ROUTES,
];

/// Rates that nobody comes up to, so that they are asked and never refuse.
const RATES: &str = "rate = \"100000000/s\"\nrate_per_address = \"100000000/s\"\n";
const RATE_PER_USER: &str = "rate_per_user = \"100000000/s\"\n";

/// A rule of each kind; the last one lets in.
const RULES: &str = "callers = [\"issuer:other\", \"group:office POST\", \"group:staff & scope:orders.read GET\"]\n";

/// The sections of `runtime.toml`, with so many routes beside those that are asked for in the other subjects.
pub(super) fn sections(place: &Place, n_routes: u32) -> String {
    let component = place.guests().join(GUEST).with_extension("wasm");
    let mut text =
        "[auth.issuers.bench]\nissuer = \"https://id.example\"\naudiences = [\"bench\"]\nkey_file = \"bench.pem\"\n"
            .to_owned();
    for instances in ["reuse", "fresh"] {
        text += &format!("[services.{instances}]\ncomponent = {component:?}\ninstances = \"{instances}\"\n");
        for (name, keys) in [
            ("open", "anonymous = true\n".to_owned()),
            ("token", String::new()),
            ("rates", format!("anonymous = true\n{RATES}")),
            ("rules", RULES.to_owned()),
            ("all", format!("{RULES}{RATES}{RATE_PER_USER}")),
        ] {
            text += &format!("[services.{instances}.routes.\"/{instances}/{name}\"]\n{keys}");
        }
    }
    text += &format!("[services.routed]\ncomponent = {component:?}\ninstances = \"reuse\"\n");
    let prefix = if n_routes == MANY { "many" } else { "few" };
    for number in 0..n_routes {
        // A string takes it all.
        let _ = write!(text, "[services.routed.routes.\"/{prefix}/{number}/*\"]\nanonymous = true\n");
    }
    text
}
