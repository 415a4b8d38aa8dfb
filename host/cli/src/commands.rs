//! The commands, one file each.

mod authz;
mod call;
mod canary;
mod change;
mod check;
mod completions;
mod deploy;
mod dlq;
mod inspect;
mod journals;
mod keys;
mod message_data;
mod ps;
mod publish;
mod reload;
mod steps;
mod subscriptions;
mod tail;
mod topics;
mod traces;
mod up;

use crate::args::{AuthzCommand, Cli, Command, KeysCommand};
use crate::failure::Failure;
use crate::screen::Screen;

/// Does what the command line asks for.
///
/// # Errors
/// If it cannot be done.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let screen = Screen { json: cli.json };
    match cli.command {
        Command::Up(args) => up::run(&args, screen).await,
        Command::Check(args) => check::run(&args, screen).await,
        Command::Deploy(args) => deploy::run(&args, screen).await,
        Command::Canary(command) => canary::run(&command, screen).await,
        Command::Rollback(args) => change::rollback(&args, screen).await,
        Command::Remove(args) => change::remove(&args, screen).await,
        Command::Call(args) => call::run(&args, screen).await,
        Command::Reload(args) => reload::run(&args, screen).await,
        Command::Ps(args) => ps::run(&args, screen).await,
        Command::Inspect(args) => inspect::run(&args, screen).await,
        Command::Authz(AuthzCommand::Explain(args)) => authz::explain(&args, screen).await,
        Command::Authz(AuthzCommand::Test(args)) => authz::test(&args, screen),
        Command::Keys(KeysCommand::New(args)) => keys::new(&args, screen),
        Command::Publish(args) => publish::run(&args, screen).await,
        Command::Tail(args) => tail::run(&args, screen).await,
        Command::Topics(args) => topics::run(&args, screen).await,
        Command::Subscriptions(args) => subscriptions::run(&args, screen).await,
        Command::Dlq(command) => dlq::run(&command, screen).await,
        Command::Traces(args) => traces::list(&args, screen).await,
        Command::Trace(args) => traces::show(&args, screen).await,
        Command::Logs(args) => journals::logs(&args, screen).await,
        Command::Events(args) => journals::events(&args, screen).await,
        // Dealt with before there is anything asynchronous.
        Command::Compile => Ok(()),
        Command::Completions { shell } => Ok(completions::print(shell)?),
    }
}
