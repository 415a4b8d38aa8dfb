//! `patchbay inspect --policy`: the policies that hold, each value with where it came from.

use patchbay_model::ServiceName;
use serde::Deserialize;

use crate::client::{Client, service_path};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::screen::{DIM, NAME, Screen, styled};

/// One value, as the admin API tells it.
#[derive(Debug, Deserialize)]
struct Policy {
    link: Option<String>,
    key: String,
    value: String,
    source: String,
    line: Option<u32>,
    revision: Option<u32>,
    service: Option<String>,
}

impl Policy {
    /// Where the value came from, in words.
    fn origin(&self, service: &str) -> String {
        let line = self.line.map(|line| format!("runtime.toml:{line}")).unwrap_or_default();
        match self.source.as_str() {
            "defaults" => format!("{line} [defaults]"),
            "service" => format!("{line} [services.{service}]"),
            "deployment" => format!("deployment of {service}@{}", self.revision.unwrap_or_default()),
            "callee" => format!("{}, which is called", self.service.as_deref().unwrap_or_default()),
            _ => styled(DIM, "built in"),
        }
    }
}

/// Shows the policies of a service and of its links.
///
/// # Errors
/// If there is no such service, or the host cannot be reached.
pub(super) async fn run(client: &Client, service: &ServiceName, screen: Screen) -> Result<(), Failure> {
    let policies = client.get(&format!("{}/policy", service_path(service))).await?;
    if screen.json {
        return screen.value(&policies);
    }
    for line in page(service.as_str(), &serde_json::from_value::<Vec<Policy>>(policies)?) {
        screen.line(line)?;
    }
    Ok(())
}

fn page(service: &str, policies: &[Policy]) -> Vec<String> {
    let mut lines = Vec::new();
    for of_one in policies.chunk_by(|one, next| one.link == next.link) {
        if let Some(first) = of_one.first() {
            lines.push(match &first.link {
                None => format!("{}  every call of it", styled(NAME, service)),
                Some(link) => format!("\n{}  its calls of {link}", styled(NAME, service)),
            });
        }
        let mut columns = Columns::new(["POLICY", "VALUE", "FROM"]);
        for policy in of_one {
            columns.add([policy.key.clone(), policy.value.clone(), policy.origin(service)]);
        }
        lines.extend(columns.lines());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_beside_where_they_came_from() {
        let policies = r#"[
            {"key":"timeout","value":"15s","source":"built-in"},
            {"key":"rate","value":"10/s burst 10","source":"defaults","line":7},
            {"key":"concurrency","value":"8","source":"deployment","revision":3},
            {"link":"a:b/c@1.0.0","key":"timeout","value":"1s","source":"service","line":12},
            {"link":"a:b/c@1.0.0","key":"rate","value":"-","source":"callee","service":"inventory"}
        ]"#;
        let policies: Vec<Policy> = serde_json::from_str(policies).unwrap();
        let plain: Vec<_> =
            page("orders", &policies).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "orders  every call of it",
                "POLICY       VALUE          FROM",
                "timeout      15s            built in",
                "rate         10/s burst 10  runtime.toml:7 [defaults]",
                "concurrency  8              deployment of orders@3",
                "\norders  its calls of a:b/c@1.0.0",
                "POLICY   VALUE  FROM",
                "timeout  1s     runtime.toml:12 [services.orders]",
                "rate     -      inventory, which is called",
            ]
        );
    }
}
