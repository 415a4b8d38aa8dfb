//! `patchbay check`: what `patchbay up` would refuse, without starting anything.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use patchbay_backends::MachineSecrets;
use patchbay_contract::Contract;
use patchbay_control::ControlConfig;
use patchbay_model::ports::{Executor, PrepareRequest};
use patchbay_model::{Digest, RevisionId, RevisionNumber};
use serde_json::json;
use tokio::time::Instant;

use super::steps::{self, Spinner};
use crate::app;
use crate::args::CheckArgs;
use crate::brief;
use crate::config::{Config, ConfigError, ConfigFile, ServiceConfig, directory_of};
use crate::failure::Failure;
use crate::screen::{GOOD, NAME, Screen, WARN, styled};

/// A component that can run.
struct Checked {
    size: u64,
    contract: Contract,
    policy: &'static str,
}

/// Checks the configuration and the components that it names.
///
/// # Errors
/// Everything that is wrong.
pub(crate) async fn run(args: &CheckArgs, screen: Screen) -> Result<(), Failure> {
    let mut file = ConfigFile::open(&args.config)?;
    let services = file.config.services.clone();
    let width = services.iter().map(|service| service.name.as_str().len()).max().unwrap_or(0);
    let mut checked = Vec::new();
    if services.iter().any(|service| service.component.is_file()) {
        let executor = app::trial_executor(&file.config.engine, &file.config.host.state)?;
        for service in services.iter().filter(|service| service.component.is_file()) {
            match show(&*executor, &file.config.control, service, width, screen).await? {
                Ok(about) => checked.push((service, about)),
                Err(problem) => {
                    file.report(&service.component_at, &format!("services.{}.component", service.name), &problem);
                }
            }
        }
    }
    // What one service needs of another is checked as far as all of them are known.
    if checked.len() == services.len() {
        let all: Vec<_> =
            checked.iter().map(|(service, about)| (&service.name, &about.contract, &service.settings)).collect();
        for (name, problem) in patchbay_control::unlinked(&all) {
            let place = services.iter().find(|service| service.name == *name).map(|service| &service.component_at);
            if let Some(place) = place {
                file.report(place, &format!("services.{name}.component"), &problem);
            }
        }
    }
    let warnings: Vec<_> =
        file.warnings.iter().map(ToString::to_string).chain(secrets(&file.config, &args.config)).collect();
    for warning in &warnings {
        screen.note(format!("{}: {warning}", styled(WARN, "warning")))?;
    }
    let config = file.finish().map_err(ConfigError::from)?;
    if screen.json {
        let services = checked.iter().map(|(service, about)| {
            json!({
                "name": service.name, "component": service.component, "size": about.size, "language": about.contract.language,
                "instances": about.policy, "routes": service.routes.iter().map(|declared| declared.route.to_string()).collect::<Vec<_>>(),
            })
        });
        return screen.value(&json!({ "ok": true, "services": services.collect::<Vec<_>>(), "warnings": warnings }));
    }
    let services = brief::count(config.services.len() as u64, "service");
    Ok(screen.line(format!("{}: {} with {services}", styled(GOOD, "ok"), args.config.display()))?)
}

/// What should be looked at of the secrets that are granted. They may well be on another machine than this one, so that one is
/// not found is no error.
fn secrets(config: &Config, file: &Path) -> Vec<String> {
    let machine = MachineSecrets::new(directory_of(file).to_owned());
    let granted =
        config.services.iter().flat_map(|service| service.settings.secrets.iter().map(move |own| (service, own)));
    granted
        .filter_map(|(service, (name, reference))| {
            let warning = match machine.check(reference) {
                Ok(warning) => warning?,
                Err(error) => format!("{error}; the service cannot be deployed without it"),
            };
            Some(format!("services.{}.secrets.{name}: {warning}", service.name))
        })
        .collect()
}

/// Checks one component, and shows how it went; the name takes `width` columns.
async fn show(
    executor: &dyn Executor,
    control: &ControlConfig,
    service: &ServiceConfig,
    width: usize,
    screen: Screen,
) -> Result<Result<Checked, String>, Failure> {
    let begun = Instant::now();
    let spinner = Spinner::new(screen);
    spinner.show(format!("{}: check {}", service.name, service.component.display()));
    let result = check(executor, control, service).await;
    spinner.hide();
    let took = brief::duration(begun.elapsed());
    let name = styled(NAME, format!("{:<width$}", service.name.as_str()));
    let line = |mark: &str, note: &str| screen.line(format!("  {mark} {name}  {took:>6}  {note}"));
    match &result {
        Ok(Checked { size, contract, policy }) => {
            let language = contract.language.as_ref().map(|language| format!(" of {language}")).unwrap_or_default();
            line(&steps::good(), &format!("{}{language}, instances = {policy}", brief::size(*size)))?;
        }
        Err(_) => line(&steps::bad(), "cannot run")?,
    }
    Ok(result)
}

/// Whether the component can run here; if not, why, and what to do.
async fn check(executor: &dyn Executor, control: &ControlConfig, service: &ServiceConfig) -> Result<Checked, String> {
    let bytes = tokio::fs::read(&service.component)
        .await
        .map(Bytes::from)
        .map_err(|error| format!("`{}` cannot be read: {error}", service.component.display()))?;
    let contract = patchbay_contract::decode(&bytes).map_err(|error| error.to_string())?;
    let instances = service.settings.instances.unwrap_or_else(|| contract.default_policy());
    if let Some(problem) = patchbay_control::subscription_problem(
        (&service.name, &contract),
        &service.settings,
        &control.topics,
        control.strict,
    ) {
        return Err(problem);
    }
    let size = bytes.len() as u64;
    let request = PrepareRequest {
        revision: RevisionId { service: service.name.clone(), number: RevisionNumber::FIRST },
        component: Digest::of(&bytes),
        bytes,
        instances,
        settings: service.settings.clone(),
        // Nothing of it runs, so nothing is asked for.
        secrets: BTreeMap::new(),
    };
    executor.prepare(request).await.map_err(|error| error.to_string())?;
    Ok(Checked { size, contract, policy: instances.name() })
}
