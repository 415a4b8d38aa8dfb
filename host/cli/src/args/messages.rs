//! `patchbay publish`, `tail`, `topics`, `subscriptions` and `dlq`.

use clap::{Args, Subcommand};
use patchbay_model::ServiceName;
use patchbay_model::bus::{Start, Topic, TopicFilter, is_attribute_header, is_extension_name};

use super::HostArgs;

/// `patchbay publish`.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The topic
    pub(crate) topic: Topic,
    /// What the message carries: the data itself, `@` and the name of a file, or `-` for the standard input
    #[arg(value_name = "DATA|@FILE|-")]
    pub(crate) data: Option<String>,
    /// What happened: CloudEvents `type` [default: the topic]
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// CloudEvents `id`; publishing with the same one and the same source again adds nothing [default: a new one]
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Who publishes it: CloudEvents `source`, a URI reference [default: /operator]
    #[arg(long, value_name = "URI")]
    pub(crate) source: Option<String>,
    /// What it is about: CloudEvents `subject`
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Its key: messages with the same one keep their order
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// The media type of the data; with application/cloudevents+json the data is the whole message [default:
    /// application/json if the data is a JSON object or array]
    #[arg(long, value_name = "MEDIA-TYPE")]
    pub(crate) content_type: Option<String>,
    /// Send a header along; its name becomes lower-case
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Give it a further CloudEvents attribute
    #[arg(long = "extension", value_name = "NAME=VALUE", value_parser = extension)]
    pub(crate) extensions: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

fn named(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write `NAME=VALUE`")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = named(text)?;
    if name.is_empty() || is_attribute_header(&name) {
        return Err(format!("`{name}` is no header to send along; attributes have options of their own"));
    }
    Ok((name, value))
}

fn extension(text: &str) -> Result<(String, String), String> {
    let (name, value) = named(text)?;
    if name == "partitionkey" {
        return Err("the key has an option of its own, --key".to_owned());
    }
    if !is_extension_name(&name) {
        return Err(format!("`{name}` is no name for an extension; use lower-case letters and digits"));
    }
    Ok((name, value))
}

/// `patchbay tail`.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The topics: a topic, in which `*` stands for any one token and `>` at the end for one or more
    #[arg(value_name = "TOPIC")]
    pub(crate) filter: TopicFilter,
    /// With which message of durable topics to begin: new, beginning, or a time in UTC
    #[arg(long, value_name = "new|beginning|TIME", default_value = "new")]
    pub(crate) start: Start,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay topics`.
#[derive(Debug, Args)]
pub(crate) struct TopicsArgs {
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay subscriptions`.
#[derive(Debug, Args)]
pub(crate) struct SubscriptionsArgs {
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay dlq`.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// List dead letters, the oldest of each topic first
    #[command(after_help = "Example:\n  patchbay dlq list --service shipping")]
    List(DlqListArgs),
    /// Show a dead letter with all that it carries
    #[command(after_help = "Example:\n  patchbay dlq show dlq.shipping 7")]
    Show(DlqShowArgs),
    /// Have dead letters tried once more, by the subscription that they failed in
    #[command(after_help = "Examples:\n  patchbay dlq replay dlq.shipping 7\n  \
        patchbay dlq replay --all --service shipping")]
    Replay(DlqChoiceArgs),
    /// Drop dead letters for good
    #[command(
        after_help = "Examples:\n  patchbay dlq drop dlq.shipping 7\n  patchbay dlq drop --all --service shipping"
    )]
    Drop(DlqChoiceArgs),
}

/// `patchbay dlq list`.
#[derive(Debug, Args)]
pub(crate) struct DlqListArgs {
    /// Only those of this service
    #[arg(long)]
    pub(crate) service: Option<ServiceName>,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay dlq show`.
#[derive(Debug, Args)]
pub(crate) struct DlqShowArgs {
    /// The topic that it was written to
    #[arg(value_name = "TOPIC")]
    pub(crate) letters: Topic,
    /// Its place in that
    pub(crate) sequence: u64,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay dlq replay` and `patchbay dlq drop`.
#[derive(Debug, Args)]
pub(crate) struct DlqChoiceArgs {
    /// The topic that it was written to
    #[arg(value_name = "TOPIC", required_unless_present = "all", conflicts_with = "all", requires = "sequence")]
    pub(crate) letters: Option<Topic>,
    /// Its place in that
    #[arg(conflicts_with = "all")]
    pub(crate) sequence: Option<u64>,
    /// All that there are when the command begins
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all, only those of this service
    #[arg(long, requires = "all", conflicts_with = "letters")]
    pub(crate) service: Option<ServiceName>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;

    #[test]
    fn arguments_that_make_no_sense_are_refused() {
        for (line, is_right) in [
            ("publish shop.orders", true),
            ("publish shop.orders - --key k --type T --header A=b=c --extension region=eu", true),
            ("publish shop.*", false),
            ("publish", false),
            ("publish a --extension Region=eu", false),
            ("publish a --extension id=1", false),
            ("publish a --extension partitionkey=1", false),
            ("publish a --extension region", false),
            ("publish a --header ce-id=1", false),
            ("publish a --header content-type=a/b", false),
            ("publish a --header =b", false),
            ("tail shop.>", true),
            ("tail shop.* --start 2026-01-31T12:00:00Z", true),
            ("tail shop.>.a", false),
            ("tail shop --start now", false),
            ("topics --json", true),
            ("subscriptions", true),
            ("dlq list --service orders --limit 5", true),
            ("dlq list --limit 0", false),
            ("dlq show dlq.orders 7", true),
            ("dlq show dlq.orders", false),
            ("dlq replay dlq.orders 7", true),
            ("dlq replay --all", true),
            ("dlq drop --all --service orders", true),
            ("dlq drop", false),
            ("dlq drop dlq.orders", false),
            ("dlq drop dlq.orders 7 --all", false),
            ("dlq drop dlq.orders 7 --service orders", false),
            ("dlq replay dlq.orders x", false),
        ] {
            let parsed = Cli::try_parse_from(["patchbay"].into_iter().chain(line.split_whitespace()));
            assert_eq!(parsed.is_ok(), is_right, "{line}: {:?}", parsed.err());
        }
    }
}
