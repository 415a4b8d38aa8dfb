//! The command line, with arguments that know what they may be.

use std::any::TypeId;
use std::ffi::OsStr;
use std::sync::Arc;

use clap::{Arg, Command, CommandFactory};
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use patchbay_control::Caller;
use patchbay_model::bus::{Topic, TopicFilter};
use patchbay_model::{LogLevel, RevisionNumber, ServiceName};

use super::candidates;
use super::given::Given;
use super::live;
use crate::args::{Cli, Target, setting_keys};
use crate::config::INSTANCE_POLICIES;

/// What an argument is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Service,
    ServiceOrRevision,
    Revision,
    Function,
    Setting,
    InstancePolicy,
    Level,
    Since,
    Topic,
    TopicFilter,
    DeadLetterTopic,
    DeadLetter,
}

/// The command line, to be completed for someone who has given that much of it.
pub(crate) fn command(given: Given) -> Command {
    attach(Cli::command(), &Arc::new(given))
}

fn attach(command: Command, given: &Arc<Given>) -> Command {
    let command = command.mut_args(|arg| match subject(&arg) {
        Some(subject) => {
            let given = Arc::clone(given);
            arg.add(ArgValueCompleter::new(move |current: &OsStr| complete(subject, &given, current)))
        }
        None => arg,
    });
    command.mut_subcommands(|inner| attach(inner, given))
}

/// Types say what an argument is, so that every service is one; where they do not, its name does.
fn subject(arg: &Arg) -> Option<Subject> {
    let ty = arg.get_value_parser().type_id();
    match arg.get_id().as_str() {
        "call" => Some(Subject::Function),
        "set" => Some(Subject::Setting),
        "instances" => Some(Subject::InstancePolicy),
        "since" => Some(Subject::Since),
        "letters" => Some(Subject::DeadLetterTopic),
        "sequence" => Some(Subject::DeadLetter),
        // Whoever asks and what for are most often services.
        "target" if ty == TypeId::of::<String>() => Some(Subject::Service),
        _ if ty == TypeId::of::<LogLevel>() => Some(Subject::Level),
        _ if ty == TypeId::of::<Caller>() => Some(Subject::Service),
        _ if ty == TypeId::of::<Topic>() => Some(Subject::Topic),
        _ if ty == TypeId::of::<TopicFilter>() => Some(Subject::TopicFilter),
        _ if ty == TypeId::of::<ServiceName>() => Some(Subject::Service),
        _ if ty == TypeId::of::<Target>() => Some(Subject::ServiceOrRevision),
        _ if ty == TypeId::of::<RevisionNumber>() => Some(Subject::Revision),
        _ => None,
    }
}

fn complete(subject: Subject, given: &Given, current: &OsStr) -> Vec<CompletionCandidate> {
    let Given { host, service, letters } = given;
    let Some(current) = current.to_str() else { return Vec::new() };
    match (subject, service) {
        (Subject::Service, _) => candidates::services(&live::services(host), current),
        (Subject::ServiceOrRevision, _) => candidates::targets(&live::services(host), current),
        (Subject::Revision, Some(service)) => candidates::revisions(&live::services(host), service.as_str(), current),
        (Subject::Function, Some(service)) => candidates::functions(&live::exports(host, service), current),
        (Subject::Revision | Subject::Function, None) => Vec::new(),
        (Subject::Topic, _) => candidates::topics(&live::topics(host), current),
        (Subject::TopicFilter, _) => candidates::filters(&live::topics(host), current),
        (Subject::DeadLetterTopic, _) => candidates::topics_of(&live::dead_letters(host), current),
        (Subject::DeadLetter, _) => letters
            .as_ref()
            .map(|topic| candidates::dead_letters(&live::dead_letters(host), topic.as_str(), current))
            .unwrap_or_default(),
        (Subject::Setting, _) => candidates::keys(setting_keys(), current),
        (Subject::Level, _) => candidates::words(&LogLevel::ALL.map(LogLevel::name), current),
        (Subject::Since, _) => candidates::words(&["1m", "5m", "15m", "1h", "1day"], current),
        (Subject::InstancePolicy, _) => candidates::words(&INSTANCE_POLICIES, current),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments of all commands that are about something, as `command argument`.
    fn subjects(command: &Command) -> Vec<(String, Subject)> {
        let own = command
            .get_arguments()
            .filter_map(|arg| Some((format!("{} {}", command.get_name(), arg.get_id()), subject(arg)?)));
        own.chain(command.get_subcommands().flat_map(subjects)).collect()
    }

    #[test]
    fn arguments_are_known_by_what_they_are() {
        let found = subjects(&Cli::command());
        for (argument, subject) in [
            ("deploy name", Subject::Service),
            ("rollback name", Subject::Service),
            ("rollback to", Subject::Revision),
            ("remove name", Subject::Service),
            ("call name", Subject::Service),
            ("call call", Subject::Function),
            ("inspect target", Subject::ServiceOrRevision),
            ("explain caller", Subject::Service),
            ("explain target", Subject::Service),
            ("logs name", Subject::Service),
            ("logs service", Subject::Service),
            ("logs level", Subject::Level),
            ("logs since", Subject::Since),
            ("deploy set", Subject::Setting),
            ("deploy instances", Subject::InstancePolicy),
            ("publish topic", Subject::Topic),
            ("tail filter", Subject::TopicFilter),
            ("list service", Subject::Service),
            ("show letters", Subject::DeadLetterTopic),
            ("show sequence", Subject::DeadLetter),
            ("replay letters", Subject::DeadLetterTopic),
            ("replay sequence", Subject::DeadLetter),
            ("replay service", Subject::Service),
            ("drop letters", Subject::DeadLetterTopic),
            ("drop sequence", Subject::DeadLetter),
            ("drop service", Subject::Service),
        ] {
            assert!(found.contains(&(argument.to_owned(), subject)), "{argument} in {found:?}");
        }
        assert_eq!(found.len(), 34, "{found:?}");
        super::command(Given::read(&[])).debug_assert();
    }
}
