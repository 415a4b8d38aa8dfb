//! `patchbay logs`: which records are wanted.

use clap::Args;
use patchbay_model::{LogLevel, ServiceName, units};

use super::HostArgs;

/// `patchbay logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Only what this service prints, and what the host says of it
    pub(crate) name: Option<ServiceName>,
    /// The same as NAME
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    pub(crate) service: Option<ServiceName>,
    /// Go on with what comes, until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only this level, and those that matter more: trace, debug, info, warn, error, critical
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<LogLevel>,
    /// Only this trace, 32 hexadecimal digits
    #[arg(long, value_name = "ID", value_parser = trace)]
    pub(crate) trace: Option<String>,
    /// Only this call, 16 hexadecimal digits, as in the header `patchbay-call` of its reply
    #[arg(long = "call", id = "of_call", value_name = "ID", value_parser = call)]
    pub(crate) call: Option<String>,
    /// Only what is not older: a duration such as 5m, or a time in UTC such as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<String>,
    /// Of what is kept, only so many of the newest
    #[arg(long, short = 'n', value_name = "COUNT")]
    pub(crate) lines: Option<u32>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

fn trace(text: &str) -> Result<String, String> {
    digits(text, 32)
}

fn call(text: &str) -> Result<String, String> {
    digits(text, 16)
}

fn digits(text: &str, length: usize) -> Result<String, String> {
    let fits = text.len() == length && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err(format!("write {length} hexadecimal digits")) }
}

fn since(text: &str) -> Result<String, String> {
    let fits = units::parse_duration(text).is_ok() || units::parse_timestamp(text).is_some();
    let message = "write a duration such as 5m, or a time in UTC such as 2027-01-31T12:00:00Z";
    // A duration may have spaces in it, which a URL may not.
    if fits { Ok(text.split_whitespace().collect()) } else { Err(message.to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::{Cli, Command};

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (arguments, fits) in [
            (&["--level", "warn", "--since", "5m", "-n", "7"][..], true),
            (&["--since", "2027-01-31T12:00:00Z", "--service", "orders", "-f"], true),
            (&["--call", "00000000000000A7", "--trace", "4bf92f3577b34da6a3ce929d0e0e4736"], true),
            (&["orders", "--service", "orders"], false),
            (&["--level", "loud"], false),
            (&["--call", "a7"], false),
            (&["--trace", "4bf92f3577b34da6a3ce929d0e0e473g"], false),
            (&["--since", "soon"], false),
        ] {
            let cli = Cli::try_parse_from(["patchbay", "logs"].iter().chain(arguments));
            assert_eq!(cli.is_ok_and(|cli| matches!(cli.command, Command::Logs(_))), fits, "{arguments:?}");
        }
    }
}
