//! `cargo xtask demo`: the example services, running in the host.

use std::process::Command;

use anyhow::Result;

use crate::place::Place;
use crate::progress::say;
use crate::{guests, program};

/// What to try, once it runs. The addresses are those of `runtime.toml`.
const TRY: &str = r#"
Try, in another terminal:

  curl -i  http://127.0.0.1:8080/hello
  curl -iN 'http://127.0.0.1:8080/hello?count=5&interval=500'
  curl -i  http://127.0.0.1:8080/api/orders/123
  curl -i  http://127.0.0.1:8080/api/orders -d '{"items":[{"sku":"tea","quantity":2}]}'
  curl -i  http://127.0.0.1:8080/api/payments -d '{"orderId":123,"amount":4200,"currency":"EUR"}'
  curl -i  'http://127.0.0.1:8080/api/shipping/rates?weight=1200&country=DE'
  curl -i  http://127.0.0.1:8080/api/inventory/tea/reservations -d '{"orderId":123,"quantity":2}'
  curl -i  'http://127.0.0.1:8080/api/pricing/quote?sku=tea&quantity=12&currency=CHF'
  curl -i  'http://127.0.0.1:8080/hello/services?exporting=shop:inventory/stock'

  target/release/patchbay inspect orders
  target/release/patchbay inspect orders --policy
  target/release/patchbay authz explain hello inventory
  target/release/patchbay call inventory 'shop:inventory/stock.reserve({sku: "tea", qty: 2})'

Ctrl-C stops the host.
"#;

/// Builds the examples and the host, and runs `patchbay up` until it is stopped.
pub(crate) fn run(place: &Place) -> Result<()> {
    guests::build_examples(place)?;
    // A person will judge the speed, so it is the real thing, even though it takes longer to build.
    say("Building", "patchbay, optimised; the first time takes minutes");
    let mut build = program::cargo();
    build.args(["build", "--release", "--locked", "--package", "patchbay-cli"]);
    program::foreground(build.current_dir(place.root()))?;
    println!("{TRY}");
    let mut host = Command::new(place.binary("release", "patchbay"));
    become_program(host.arg("up").current_dir(place.root()))
}

/// Runs a program in the place of this one, so that Ctrl-C reaches it alone and the terminal waits until it has ended.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;

    use anyhow::Context;

    Err(command.exec()).with_context(|| format!("cannot start {}", command.get_program().display()))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<()> {
    program::foreground(command)
}
