//! Who may publish to a topic, and subscribe to it.

use patchbay_channel::{Asked, Ground, decide};
use patchbay_model::bus::{TopicFilter, Topics};
use patchbay_model::policy::Asker;

/// What the rules say of all topics of a filter: of each declaration that has some of them, and of those that none has,
/// without one. Where a filter has topics that no declaration has, a strict host lets nobody have them.
pub(crate) fn topic_ground<'t>(
    topics: &'t Topics,
    strict: bool,
    asker: Asker<'_>,
    filter: &TopicFilter,
    publishing: bool,
) -> Vec<(Option<&'t TopicFilter>, Ground<'t>)> {
    let touched = topics.iter().filter(|(declared, _)| declared.overlaps(filter));
    let mut grounds: Vec<_> = touched
        .map(|(declared, settings)| {
            let rules = if publishing { &settings.publishers } else { &settings.subscribers };
            (Some(declared), decide(rules.as_deref(), strict, asker, Asked::Topic))
        })
        .collect();
    if !topics.iter().any(|(declared, _)| declared.covers(filter)) {
        grounds.push((None, if strict { Ground::Strict } else { Ground::NoRules }));
    }
    grounds
}
