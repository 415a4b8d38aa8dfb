//! What is told of a reload: to the log and to those who follow events as one line, to the admin API as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use patchbay_control::{ReloadError, ServiceChange};
use patchbay_gateway::{KeyChange, KeyChangeKind, NotReloaded, NotReloadedKind, Reloaded, ServiceNews};
use patchbay_model::ServiceName;

use super::kind_of;
use crate::config::{ConfigError, ConfigFile};

/// Changes that one line tells of; the rest is counted.
const TOLD: usize = 50;

/// A file that cannot be read, or says what cannot be.
pub(super) fn of_config(error: ConfigError) -> NotReloaded {
    NotReloaded { kind: NotReloadedKind::Refused, message: error.to_string() }
}

/// What does not go together, with the places at which the file declares it.
pub(super) fn of_reload(error: &ReloadError, file: &ConfigFile) -> NotReloaded {
    let mut message = String::new();
    for problem in &error.problems {
        let step = problem.error.step.map(|step| format!("at step `{step}`: ")).unwrap_or_default();
        let line = match &problem.service {
            Some(service) => file.placed(service, &format!("{step}{}", problem.error)),
            None => format!("{step}{}", problem.error),
        };
        let _ = write!(message, "{}{line}", if message.is_empty() { "" } else { "\n" });
    }
    NotReloaded { kind: kind_of(error.kind()), message }
}

/// What happens to services, as the admin API tells it.
pub(super) fn services(changes: &BTreeMap<ServiceName, ServiceChange>) -> Vec<ServiceNews> {
    let news = |(service, change): (&ServiceName, &ServiceChange)| {
        let (revision, replaced, problem) = match change {
            ServiceChange::Deployed { revision, replaced } => {
                (Some(revision.to_string()), replaced.as_ref().map(ToString::to_string), None)
            }
            ServiceChange::Removed => (None, None, None),
            ServiceChange::StillFailing(error) => (None, None, Some(error.to_string())),
        };
        ServiceNews { service: service.to_string(), revision, replaced, problem }
    };
    changes.iter().map(news).collect()
}

/// A reload in one line.
pub(super) fn line(reloaded: &Reloaded) -> String {
    let mut parts: Vec<_> = reloaded.keys.iter().map(key).chain(reloaded.services.iter().map(service)).collect();
    if parts.is_empty() {
        return "nothing is different".to_owned();
    }
    let more = parts.len().saturating_sub(TOLD);
    parts.truncate(TOLD);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join("; ")
}

/// One key that is different.
pub(crate) fn key(change: &KeyChange) -> String {
    let KeyChange { key, change, old, new, line, needs_restart } = change;
    let (old, new) = (old.as_deref().unwrap_or("-"), new.as_deref().unwrap_or("-"));
    let restart = if *needs_restart { ", which needs a restart" } else { "" };
    match change {
        KeyChangeKind::Added => format!("{key} is {new} (line {line}){restart}"),
        KeyChangeKind::Removed => format!("{key} is not {old} any more (it was in line {line}){restart}"),
        KeyChangeKind::Changed => format!("{key} is {new} instead of {old} (line {line}){restart}"),
    }
}

/// What happens to one service.
pub(crate) fn service(news: &ServiceNews) -> String {
    let ServiceNews { service, revision, replaced, problem } = news;
    match (revision, replaced, problem) {
        (Some(revision), Some(replaced), _) => format!("{revision} replaces {replaced}"),
        (Some(revision), None, _) => format!("{revision} serves"),
        (None, _, Some(problem)) => format!("{service} still cannot serve what is declared: {problem}"),
        (None, _, None) => format!("{service} is removed"),
    }
}
