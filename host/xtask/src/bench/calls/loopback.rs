//! A request over HTTP/1.1 between two native processes, on a connection that stays open: what a call costs where services
//! are processes.

use std::process::Command;

use anyhow::Result;

use crate::place::Place;

use super::super::load::Load;
use super::super::server::{Says, Server};
use super::kinds::Kind;
use super::results::Rate;

/// Starts the server.
pub(super) fn start(place: &Place) -> Result<Server> {
    let mut command = Command::new(place.binary("release", "native-axum"));
    Server::start(&mut command, Says::OnStdout, &place.logs().join("bench-native.log"))
}

/// Measures for so many milliseconds; `None` if there is nothing that compares.
pub(super) fn measure(place: &Place, server: &Server, kind: &Kind, millis: u32) -> Result<Option<Rate>> {
    let Some(size) = kind.body else { return Ok(None) };
    let load = Load {
        url: &format!("{}/hello", server.first_line()),
        connections: 1,
        seconds: f64::from(millis) / 1000.0,
        echo: (size > 0).then_some(size),
        fields: &[],
        timeline: None,
    };
    let measured = load.run(place, server)?;
    Ok(Some(Rate { us: 1e6 / measured.per_second, per_second: measured.per_second }))
}
