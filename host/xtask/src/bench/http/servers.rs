//! The servers of a workload, started and ready.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place::Place;

use super::super::host::Host as Patchbay;
use super::super::server::{Says, Server};
use super::rival::Rival;
use super::subjects::{Host, Subject, Workload};

/// Which part of a URL comes before its path.
type Running = (Server, String);

/// What runs, by the name of its subject. All of Patchbay's subjects are services of one host.
pub(super) struct Servers {
    patchbay: Option<Running>,
    others: BTreeMap<&'static str, Running>,
    urls: BTreeMap<&'static str, String>,
}

impl Servers {
    /// Starts what answers these subjects' requests.
    pub(super) fn start(
        place: &Place,
        workload: &Workload,
        subjects: &[&'static Subject],
        rival: Option<&Rival>,
    ) -> Result<Self> {
        let mut servers = Self { patchbay: None, others: BTreeMap::new(), urls: BTreeMap::new() };
        for subject in subjects {
            match (&subject.host, subject.guest) {
                (Host::Patchbay(_), _) => {
                    if servers.patchbay.is_none() {
                        servers.patchbay = Some(patchbay(place, workload, subjects)?);
                    }
                }
                (Host::Wasmtime(flags), Some(guest)) => {
                    let rival = rival.context("wasmtime is not installed")?;
                    let server = rival.serve(place, subject.name, guest, flags)?;
                    let (says, log) = (server.first_line(), place.logs());
                    let address = says.rsplit(' ').next().unwrap_or_default().trim_end_matches('/').to_owned();
                    ensure!(address.starts_with("http://"), "{} says `{says}`; see {}", subject.name, log.display());
                    servers.others.insert(subject.name, (server, address));
                }
                (Host::Native | Host::Wasmtime(_), _) => {
                    let mut command = Command::new(place.binary("release", "native-axum"));
                    let server = Server::start(&mut command, Says::OnStdout, &place.logs().join("bench-native.log"))?;
                    let address = server.first_line().to_owned();
                    servers.others.insert(subject.name, (server, address));
                }
            }
            let (_, address) = servers.running(subject)?;
            servers.urls.insert(subject.name, format!("{address}{}", path(workload, subject)));
        }
        Ok(servers)
    }

    /// The server of a subject, and the address to ask.
    pub(super) fn get(&self, subject: &Subject) -> Result<(&Server, &str)> {
        let url = self.urls.get(subject.name).context("a subject that was not started")?;
        Ok((&self.running(subject)?.0, url))
    }

    fn running(&self, subject: &Subject) -> Result<&Running> {
        let running = match subject.host {
            Host::Patchbay(_) => self.patchbay.as_ref(),
            Host::Native | Host::Wasmtime(_) => self.others.get(subject.name),
        };
        running.context("a subject that was not started")
    }
}

fn path(workload: &Workload, subject: &Subject) -> String {
    workload.path.map_or_else(|| format!("/{}", subject.name), str::to_owned)
}

/// A host with one service per subject, on a state directory that the last run may have left: code is compiled once.
fn patchbay(place: &Place, workload: &Workload, subjects: &[&'static Subject]) -> Result<Running> {
    let services = services(place, workload, subjects);
    let host = Patchbay::start(place, &place.folder("target/bench/http"), &services)?;
    Ok((host.server, host.http))
}

/// The services as `runtime.toml` has them.
fn services(place: &Place, workload: &Workload, subjects: &[&'static Subject]) -> String {
    let mut text = String::new();
    for subject in subjects {
        let (Host::Patchbay(policy), Some(guest)) = (&subject.host, subject.guest) else { continue };
        let key = subject.name.replace('.', "-");
        let component: PathBuf = place.guests().join(guest).with_extension("wasm");
        let path = path(workload, subject);
        let route = path.split('?').next().unwrap_or_default();
        text +=
            &format!("[services.{key}]\ncomponent = {component:?}\nroutes = [\"{route}\"]\ninstances = \"{policy}\"\n");
    }
    text
}
