//! The NATS server that messages go over: as tests have it, with every message on the disk before it is acknowledged.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::super::server::{Says, Server};
use crate::place::Place;
use crate::provision;

/// How often the server is looked for, and the pause between.
const ATTEMPTS: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(20);

/// A running server; killed when dropped.
pub(super) struct Nats {
    port: u16,
    _server: Server,
}

impl Nats {
    /// Fetches the server if it is not there, and starts it on an empty folder.
    pub(super) fn start(place: &Place) -> Result<Self> {
        let program = provision::nats::install(place)?;
        let folder = place.folder("target/bench/nats");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = format!(
            "listen: 127.0.0.1:{port}\njetstream {{ store_dir: '{}', max_file: 100GB, sync_interval: always }}\n",
            folder.join("store").display()
        );
        fs::write(folder.join("server.conf"), config)?;
        let mut command = Command::new(program);
        command.arg("--config").arg(folder.join("server.conf"));
        let server = Server::start(&mut command, Says::OnStderr, &folder.join("server.log"))?;
        let mut left = ATTEMPTS;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(left > 0, "the NATS server does not listen on port {port}");
            left -= 1;
            sleep(PAUSE);
        }
        Ok(Self { port, _server: server })
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}
