//! `patchbay up`: a host, from its configuration to its end.

use std::sync::Arc;

use patchbay_control::{Control, EventKind, Started};
use patchbay_model::{ServiceName, units};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::steps::{self, Spinner};
use crate::app::App;
use crate::args::UpArgs;
use crate::brief;
use crate::columns::Columns;
use crate::config::{self, Config, ConfigFile, Document, ServiceConfig};
use crate::failure::Failure;
use crate::open_files;
use crate::reload::Source;
use crate::running::Running;
use crate::screen::{BAD, DIM, GOOD, NAME, Screen, WARN, styled};
use crate::signals::Signals;
use crate::telemetry;

/// Where the host can be reached.
struct Reach {
    http: String,
    admin: String,
    state: String,
}

/// Runs a host until it is told to stop.
///
/// # Errors
/// If it cannot start.
pub(crate) async fn run(args: &UpArgs, screen: Screen) -> Result<(), Failure> {
    let begun = Instant::now();
    let source = Source { file: args.config.clone().unwrap_or_else(|| config::FILE.into()), state: args.state.clone() };
    let (config, document, warnings) = configuration(args, &source, screen)?;
    let telemetry = telemetry::begin(args.log_format, &config)?;
    // Programs that read the log get all of it.
    telemetry.hush.set(!screen.json && telemetry.is_text());
    let mut signals = Signals::listen()?;
    let hangup = signal(SignalKind::hangup())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    open_files::allow(config.http.max_connections);
    let app = App::assemble(&config, source, document, telemetry.clone()).await?;
    let reach = Reach {
        http: app.facts.http_url.clone(),
        admin: app.facts.admin_url.clone(),
        state: app.facts.state_dir.display().to_string(),
    };
    let mut running = Running::begin(app);
    let stopped = tokio::select! {
        // Whoever needs the configuration has it by now.
        started = start(&running, config.services, screen) => {
            started?;
            None
        }
        signal = signals.next() => Some(signal),
    };
    let signal = match stopped {
        Some(signal) => signal,
        None => {
            running.follow_file(hangup);
            welcome(&running.control, &reach, begun, screen)?;
            telemetry.hush.set(false);
            signals.next().await
        }
    };
    signals.end_at_the_next();
    let drain = running.drain();
    let news = format!("{signal}: stopping; calls may end within {}", units::format_duration(drain));
    if screen.json {
        tracing::info!("{news}");
    } else {
        screen.line(news)?;
    }
    let n_cut = running.stop(drain).await;
    let cut = if n_cut == 0 { String::new() } else { format!("; {} cut", brief::count(n_cut, "call")) };
    screen.line(format!("Stopped{cut}."))?;
    Ok(())
}

/// The configuration that is meant, what the file says, and what should be looked at; the defaults if there is no file and none
/// was asked for.
fn configuration(
    args: &UpArgs,
    source: &Source,
    screen: Screen,
) -> Result<(Config, Document, Vec<config::Problem>), Failure> {
    if args.config.is_none() && !source.file.exists() {
        screen.note(format!(
            "{}: there is no runtime.toml here; starting with the defaults and no services of a file",
            styled(WARN, "note")
        ))?;
        return Ok((source.applied_to(Config::default()), Document::default(), Vec::new()));
    }
    let mut file = ConfigFile::open(&source.file)?;
    let (document, warnings) = (file.document(), std::mem::take(&mut file.warnings));
    let config = file.finish().map_err(config::ConfigError::from)?;
    Ok((source.applied_to(config), document, warnings))
}

/// Brings up the services, and shows how each came up and what is going on meanwhile.
async fn start(running: &Running, services: Vec<ServiceConfig>, screen: Screen) -> Result<(), Failure> {
    let spinner = Spinner::new(screen);
    let watcher = watch(&running.control, &spinner);
    let width = services.iter().map(|service| service.name.as_str().len() + "@1".len()).max().unwrap_or(0);
    let mut since = Instant::now();
    let mut told = Ok(());
    let started = running
        .start(services, |service, started| {
            spinner.hide();
            let line = started_line(service, started, &brief::duration(since.elapsed()), width);
            since = Instant::now();
            if told.is_ok() {
                told = screen.line(line);
            }
        })
        .await;
    watcher.abort();
    spinner.hide();
    started?;
    Ok(told?)
}

/// Shows on the moving line what is being compiled, which is what can take long.
fn watch(control: &Arc<Control>, spinner: &Spinner) -> JoinHandle<()> {
    let mut following = control.events().read(0).following;
    let spinner = spinner.clone();
    tokio::spawn(async move {
        while let Ok(entry) = following.recv().await {
            let event = &entry.record;
            let inspected = event.message.strip_prefix("inspect: ").filter(|_| event.kind == EventKind::StepDone);
            if let (Some(service), Some(about)) = (&event.service, inspected) {
                spinner.show(format!("{service}: compile {about}"));
            }
        }
    })
}

/// How one service came up; its name takes `width` columns.
fn started_line(service: &ServiceName, started: &Started, took: &str, width: usize) -> String {
    let name = |name: &dyn std::fmt::Display| styled(NAME, format!("{:<width$}", name.to_string()));
    let line = |mark: &str, name: &str, note: &str| format!("  {mark} {name}  {took:>6}  {note}");
    match started {
        Started::Restored(id) => line(&steps::good(), &name(id), "serves again"),
        Started::Deployed(id) => line(&steps::good(), &name(id), "is deployed"),
        Started::Removed => line(&steps::good(), &name(service), "is removed: runtime.toml no longer declares it"),
        Started::Failed { error, serving } => {
            let step = error.step.map(|step| format!(" at step `{step}`")).unwrap_or_default();
            let instead = match serving {
                Some(id) => format!("\n    {id} serves instead"),
                None => "\n    nothing of it serves".to_owned(),
            };
            line(&steps::bad(), &name(service), &format!("failed{step}: {error}{instead}"))
        }
    }
}

/// Says what there is and where.
fn welcome(control: &Control, reach: &Reach, begun: Instant, screen: Screen) -> Result<(), Failure> {
    if screen.json {
        return screen.value(&json!({ "http": reach.http, "admin": reach.admin, "pid": std::process::id() }));
    }
    let services = control.services();
    let took = brief::duration(begun.elapsed());
    let failed = services.iter().filter(|service| service.active.is_none()).count() as u64;
    let state = match failed {
        0 => styled(GOOD, format!("Patchbay is up ({took}).")),
        n => styled(BAD, format!("Patchbay is up ({took}), but {} cannot serve.", brief::count(n, "service"))),
    };
    screen.line(format!("\n{state}\n"))?;
    screen.line(format!("  callers    {}", styled(NAME, &reach.http)))?;
    screen.line(format!("  operators  {}  (token in {}/admin.token)\n", styled(NAME, &reach.admin), reach.state))?;
    let mut columns = Columns::new(["  SERVICE", "REVISION", "ROUTES"]);
    for service in &services {
        let routes: Vec<_> =
            service.declared_routes.iter().chain(&service.deployed_routes).map(ToString::to_string).collect();
        columns.add([
            format!("  {}", styled(NAME, &service.name)),
            service.active.map_or_else(|| styled(BAD, "failed"), |number| number.to_string()),
            if routes.is_empty() { styled(WARN, "none") } else { routes.join(", ") },
        ]);
    }
    if services.is_empty() {
        screen.line("  No services yet. Deploy one with `patchbay deploy NAME COMPONENT.wasm --route '/*'`.")?;
    } else {
        for line in columns.lines() {
            screen.line(line)?;
        }
    }
    Ok(screen.line(format!("\n{}", styled(DIM, "Ctrl-C stops the host.")))?)
}
