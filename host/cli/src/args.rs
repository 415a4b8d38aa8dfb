//! The command line: commands, options and their help.

mod canary;
mod deploy;
mod logs;
mod messages;
mod setting;
mod traces;

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use patchbay_control::Caller;
use patchbay_model::{RevisionId, RevisionNumber, ServiceName};

use crate::config::LogFormat;

pub(crate) use canary::{CanaryArgs, CanaryCommand, CanaryStartArgs, CanaryStatusArgs};
pub(crate) use deploy::DeployArgs;
pub(crate) use logs::LogsArgs;
pub(crate) use messages::{
    DlqChoiceArgs, DlqCommand, DlqListArgs, PublishArgs, SubscriptionsArgs, TailArgs, TopicsArgs,
};
pub(crate) use setting::keys as setting_keys;
pub(crate) use traces::{TraceArgs, TracesArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed
  2    the command line is wrong
  3    no host can be reached
  4    refused: a configuration with errors, or a change that cannot be
  130  stopped at once, by a second signal";

/// Runs services that are WebAssembly components, and swaps them while they serve.
#[derive(Debug, Parser)]
#[command(name = "patchbay", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Print JSON instead of text for people: one value, or one per line where there is no end
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a host with the services of runtime.toml, and serve until told to stop
    #[command(
        long_about = "Start a host with the services of runtime.toml, and serve until told to stop.\n\n\
            SIGTERM and Ctrl-C let calls end, for as long as `[host] drain` says; a second signal stops at once. \
            RUST_LOG sets what is logged, such as RUST_LOG=debug or RUST_LOG=warn,guest=info.",
        after_help = "Example:\n  patchbay up --config shop/runtime.toml"
    )]
    Up(UpArgs),
    /// Check runtime.toml and the components that it names, without starting anything
    #[command(after_help = "Example:\n  patchbay check --config shop/runtime.toml")]
    Check(CheckArgs),
    /// Have the running host take runtime.toml as it is now, as a whole or not at all
    #[command(
        long_about = "Have the running host take runtime.toml as it is now, as a whole or not at all.\n\n\
            Everything in it is read, compiled and judged before anything changes; then all of it changes in one step. Calls that \
            are under way end as they began. What is different is shown, and so is what needs a restart. SIGHUP does the same, and \
            so does the host by itself when the file has changed, unless `[host] watch` is false.",
        after_help = "Examples:\n  patchbay reload --dry-run\n  patchbay reload"
    )]
    Reload(ReloadArgs),
    /// Deploy a component as the next revision of a service
    #[command(
        long_about = "Deploy a component as the next revision of a service.\n\n\
            The revision before it serves until the new one is ready, and keeps its calls to their end. If any step \
            fails, nothing changes. What is not given here stays as in the active revision.",
        after_help = "Example:\n  patchbay deploy orders target/guests/orders.wasm --route '/api/orders/*' \
            --set memory=64MiB"
    )]
    Deploy(Box<DeployArgs>),
    /// Try a revision with a share of the calls, and have it promoted if it does well
    #[command(
        subcommand,
        after_help = "Examples:\n  patchbay canary start orders orders.wasm --steps 5%,25%,50% --bake 2m\n  \
            patchbay canary status orders --watch"
    )]
    Canary(CanaryCommand),
    /// Go back to an earlier revision of a service
    #[command(after_help = "Examples:\n  patchbay rollback orders\n  patchbay rollback orders --to 3")]
    Rollback(RollbackArgs),
    /// Remove a service with all its revisions
    #[command(after_help = "Example:\n  patchbay remove orders --yes")]
    Remove(RemoveArgs),
    /// Call a function that a service exports
    #[command(
        long_about = "Call a function that a service exports.\n\n\
            The call is written in WAVE: the function, and its arguments in parentheses. The interface can be left out \
            where only one of the service has such a function. With --arguments they are JSON: an object by their names, \
            or an array by their positions. `patchbay inspect` lists the functions of a service.",
        after_help = "Examples:\n  \
            patchbay call inventory 'shop:inventory/stock.reserve({sku: \"tea\", qty: 2})'\n  \
            patchbay call inventory reserve --arguments '{\"order\": {\"sku\": \"tea\", \"qty\": 2}}'"
    )]
    Call(CallArgs),
    /// List the services
    #[command(after_help = "Example:\n  patchbay ps")]
    Ps(PsArgs),
    /// Show everything about a service or one of its revisions
    #[command(after_help = "Examples:\n  patchbay inspect orders\n  patchbay inspect orders@3\n  \
        patchbay inspect orders --policy")]
    Inspect(InspectArgs),
    /// Ask who may do what
    #[command(subcommand, after_help = "Example:\n  patchbay authz explain orders inventory")]
    Authz(AuthzCommand),
    /// Make API keys
    #[command(subcommand, after_help = "Example:\n  patchbay keys new robot --scope orders.read")]
    Keys(KeysCommand),
    /// Publish a message to a topic
    #[command(
        long_about = "Publish a message to a topic.\n\n\
            The message is a CloudEvent; what is left out of it, the host fills in. It is taken once the command says so: in \
            a durable topic, it is then on the disk.",
        after_help = "Examples:\n  \
            patchbay publish shop.orders.created '{\"sku\": \"tea\"}' --type OrderCreated --key tea\n  \
            patchbay publish shop.photos.added @photo.jpg --content-type image/jpeg"
    )]
    Publish(Box<PublishArgs>),
    /// Watch the messages that go by in topics, until Ctrl-C
    #[command(
        long_about = "Watch the messages that go by in topics, until Ctrl-C.\n\n\
            Watching takes nothing away from subscriptions.",
        after_help = "Examples:\n  patchbay tail 'shop.orders.*'\n  patchbay tail 'shop.>' --start beginning"
    )]
    Tail(TailArgs),
    /// List the declared topics, and what they hold
    #[command(after_help = "Example:\n  patchbay topics")]
    Topics(TopicsArgs),
    /// List the subscriptions of all services, and how far they are
    #[command(after_help = "Example:\n  patchbay subscriptions")]
    Subscriptions(SubscriptionsArgs),
    /// Look after dead letters: messages that could not be handled
    #[command(
        subcommand,
        after_help = "Examples:\n  patchbay dlq list\n  patchbay dlq show dlq.shipping 7\n  \
            patchbay dlq replay dlq.shipping 7"
    )]
    Dlq(DlqCommand),
    /// Show what services print, and what the host says of them and of their calls
    #[command(
        long_about = "Show what services print, and what the host says of them and of their calls.\n\n\
            A record has to meet all conditions that are given. What a service prints to stderr counts as `warn`, to stdout \
            as `info`; what it logs through wasi:logging has the level that it gave. `[logs]` in runtime.toml says how much \
            is kept.",
        after_help = "Examples:\n  patchbay logs orders --follow\n  \
            patchbay logs --level warn --since 5m\n  patchbay logs --call 00000000000000a7"
    )]
    Logs(LogsArgs),
    /// List the traces of which the host keeps spans
    #[command(after_help = "Examples:\n  patchbay traces\n  patchbay traces --service orders --faulted")]
    Traces(TracesArgs),
    /// Show a trace: what happened in the course of one request, service by service
    #[command(after_help = "Example:\n  patchbay trace 0af7651916cd43dd8448eb211c80319c")]
    Trace(TraceArgs),
    /// Show what happened to services
    #[command(after_help = "Example:\n  patchbay events --follow")]
    Events(EventsArgs),
    /// Compile one component, as the host orders it on the standard input; not for people
    #[command(hide = true, after_help = "Example:\n  patchbay compile, started by `patchbay up`")]
    Compile,
    /// Print a completion script for a shell
    #[command(
        long_about = "Print a completion script for a shell.\n\n\
            The script asks `patchbay`, and `patchbay` the running host, so that names of services, revisions and \
            functions complete as they are at that moment. The host is found as by the command that is being written. If \
            it does not answer within half a second, no names are offered. Print the script again after an upgrade.",
        after_help = "Examples:\n  \
        patchbay completions bash > ~/.local/share/bash-completion/completions/patchbay\n  \
        patchbay completions zsh > ~/.zfunc/_patchbay\n  \
        patchbay completions fish > ~/.config/fish/completions/patchbay.fish"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// How a host is found.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct HostArgs {
    /// Where the admin API listens [default: what the host wrote into its state directory]
    #[arg(long, value_name = "URL", env = "PATCHBAY_ADMIN", hide_env_values = true)]
    pub(crate) admin: Option<String>,
    /// A file with the authorities to trust, as PEM, where the admin API speaks TLS [default: the certificate that the
    /// host wrote into its state directory, or with --admin those that this machine trusts]
    #[arg(long, value_name = "FILE", env = "PATCHBAY_CA", hide_env_values = true)]
    pub(crate) ca: Option<PathBuf>,
    /// A file with the admin token [default: $PATCHBAY_TOKEN, or `admin.token` in the state directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The state directory of the host [default: what ./runtime.toml says, or ./state]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// `patchbay up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The configuration [default: runtime.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The state directory, instead of the one in the configuration
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// How log lines are written, on stderr [default: what `[logs] format` says]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Auto => "As text on a terminal, as JSON elsewhere",
            Self::Text => "For people",
            Self::Json => "One JSON object per line",
            Self::Ecs => "One JSON object per line, with the field names of the Elastic Common Schema",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// `patchbay check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = crate::config::FILE)]
    pub(crate) config: PathBuf,
}

/// `patchbay reload`.
#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// Only show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The service
    pub(crate) name: ServiceName,
    /// The revision to go back (or forward) to [default: the newest before the active one]
    #[arg(long, value_name = "REVISION")]
    pub(crate) to: Option<RevisionNumber>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The service
    pub(crate) name: ServiceName,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The service
    pub(crate) name: ServiceName,
    /// The call, in WAVE; with --arguments only the function
    #[arg(value_name = "CALL")]
    pub(crate) call: String,
    /// The arguments, in JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) arguments: Option<String>,
    /// How long to wait for the result, if not as long as the service allows
    #[arg(long, value_name = "DURATION")]
    pub(crate) deadline: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay ps`.
#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The service, or one of its revisions
    #[arg(value_name = "NAME[@REVISION]")]
    pub(crate) target: Target,
    /// Show the policies that hold for the calls of the service, and where each value came from
    #[arg(long)]
    pub(crate) policy: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make an API key, and show it once
    #[command(
        long_about = "Make an API key, and show it once. No host is needed, and none is told.\n\n\
            The host keeps the SHA-256 of a key alone, in `[auth.keys]` of runtime.toml or in the file that `auth.keys_file` \
            names. The command prints the line for it.",
        after_help = "Examples:\n  patchbay keys new robot --scope orders.read\n  \
            patchbay --json keys new robot --expires 2027-01-31T12:00:00Z"
    )]
    New(NewKeyArgs),
}

/// `patchbay keys new`.
#[derive(Debug, Args)]
pub(crate) struct NewKeyArgs {
    /// Whom the key is for
    #[arg(value_parser = crate::config::key_name)]
    pub(crate) name: String,
    /// What whoever has it may do; can be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// What whoever has it belongs to; can be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// When it ends, in UTC, such as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) expires: Option<String>,
}

/// A time, as it is written.
fn time(text: &str) -> Result<String, String> {
    let time = patchbay_model::units::parse_timestamp(text);
    time.map(|_| text.to_owned()).ok_or_else(|| "write a time in UTC such as 2027-01-31T12:00:00Z".to_owned())
}

/// `patchbay authz`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthzCommand {
    /// Explain who may do what in a running host, and which rule decides
    #[command(
        long_about = "Explain who may do what in a running host, and which rule decides.\n\n\
            CALLER is a service (orders), a user (issuer:corp&user:ann&scope:orders.read), a service that acts for one \
            (orders&user:ann), or `outside`: somebody without a credential. TARGET is a service (inventory), what it offers \
            (inventory POST, inventory shop:inventory/stock.reserve), a request from outside (GET /api/orders/1), or a topic \
            (publish shop.orders.created, subscribe 'shop.orders.>').",
        after_help = "Examples:\n  patchbay authz explain orders inventory\n  \
            patchbay authz explain 'user:ann&scope:orders.read' GET /api/orders/1"
    )]
    Explain(Box<ExplainArgs>),
    /// Hold a configuration against a table of who may do what and who may not
    #[command(
        long_about = "Hold a configuration against a table of who may do what and who may not; no host is needed.\n\n\
            FILE has one expectation in each line: `allow` or `deny`, who, and what for, as in `authz explain`. Lines that \
            begin with `#` say nothing.\n\n\
            allow  orders                    inventory shop:inventory/stock.reserve\n\
            deny   outside                   POST /api/orders\n\
            allow  user:ann&scope:write      POST /api/orders",
        after_help = "Example:\n  patchbay authz test access.txt --config runtime.toml"
    )]
    Test(AuthzTestArgs),
}

/// `patchbay authz explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Who asks
    pub(crate) caller: Caller,
    /// What for
    #[arg(required = true, num_args = 1..)]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay authz test`.
#[derive(Debug, Args)]
pub(crate) struct AuthzTestArgs {
    /// The table
    pub(crate) file: PathBuf,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = crate::config::FILE)]
    pub(crate) config: PathBuf,
}

/// A service, or one of its revisions.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The service.
    pub(crate) service: ServiceName,
    /// The revision; `None` is the one that serves.
    pub(crate) revision: Option<RevisionNumber>,
}

impl std::str::FromStr for Target {
    type Err = patchbay_model::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            let RevisionId { service, number } = text.parse()?;
            return Ok(Self { service, revision: Some(number) });
        }
        Ok(Self { service: text.parse()?, revision: None })
    }
}

/// `patchbay events`.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Go on with what comes, until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// Shells with completion scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains(&format!("  patchbay {}", command.get_name())), "{help}");
        }
    }

    #[test]
    fn targets_are_services_and_revisions() {
        let target = |text: &str| {
            let cli = Cli::try_parse_from(["patchbay", "inspect", text]).ok()?;
            match cli.command {
                Command::Inspect(args) => {
                    Some((args.target.service.to_string(), args.target.revision.map(|n| n.get())))
                }
                _ => None,
            }
        };
        assert_eq!(target("orders"), Some(("orders".to_owned(), None)));
        assert_eq!(target("orders@3"), Some(("orders".to_owned(), Some(3))));
        for wrong in ["", "Orders", "orders@", "orders@0", "@1"] {
            assert_eq!(target(wrong), None, "{wrong}");
        }
    }
}
