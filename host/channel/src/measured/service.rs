//! What is measured of the calls of one service, by who calls.

use std::sync::OnceLock;

use patchbay_model::metrics::{MEASURED, OTHER};
use patchbay_model::{Principal, ServiceName};

use super::link::Measures;
use super::table::{Key, Table};

/// Services whose calls of one service are told apart; the calls of all others count together.
const MOST_CALLERS: usize = 128;

/// The calls of a service, by who calls. It lives as long as the service, across its revisions.
#[derive(Debug)]
pub struct ServiceMeasured {
    outside: Measures,
    operator: Measures,
    host: Measures,
    services: Table<ServiceName, Measures>,
    other: OnceLock<Measures>,
}

/// Who calls, as labels have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerLabel<'a> {
    /// Anybody who comes in from outside, known or not.
    Outside,
    /// An operator.
    Operator,
    /// The host itself, when it hands over a message.
    Host,
    /// A service.
    Service(&'a ServiceName),
    /// Services of which there are too many to tell them apart.
    Other,
}

impl CallerLabel<'_> {
    /// The value of the label. No service can have the name of one of the others, or it is told as that one.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Outside => "outside",
            Self::Operator => "operator",
            Self::Host => "host",
            Self::Service(name) => name.as_str(),
            Self::Other => OTHER,
        }
    }
}

/// The name of a service, with its letters beside it, and not where those are that count themselves in at the name.
#[derive(Debug)]
pub(super) struct KeptName {
    name: ServiceName,
    letters: [u8; ServiceName::MOST_LETTERS],
}

impl Key for ServiceName {
    type Kept = KeptName;

    fn chain(&self) -> usize {
        let bytes = self.as_str().as_bytes();
        let ends = (bytes.first().copied().unwrap_or_default(), bytes.last().copied().unwrap_or_default());
        usize::from(ends.0) + 3 * usize::from(ends.1) + 5 * bytes.len()
    }

    fn kept(&self) -> KeptName {
        let mut letters = [0; Self::MOST_LETTERS];
        letters.iter_mut().zip(self.as_str().bytes()).for_each(|(place, letter)| *place = letter);
        KeptName { name: self.clone(), letters }
    }

    fn is(&self, kept: &KeptName) -> bool {
        // No name has the letter that follows the last one in a name that is shorter than the longest.
        let own = self.as_str().as_bytes();
        kept.letters.starts_with(own) && kept.letters.get(own.len()).is_none_or(|next| *next == 0)
    }
}

impl Default for ServiceMeasured {
    fn default() -> Self {
        Self {
            outside: Measures::default(),
            operator: Measures::default(),
            host: Measures::default(),
            services: Table::new(MOST_CALLERS),
            other: OnceLock::new(),
        }
    }
}

impl ServiceMeasured {
    /// Where the calls of this caller are counted. Allocates when a service calls for the first time, and never again.
    pub(crate) fn of(&self, caller: &Principal) -> &Measures {
        match caller {
            _ if !MEASURED => &self.outside,
            Principal::Outside | Principal::User(_) => &self.outside,
            Principal::Operator => &self.operator,
            Principal::Host => &self.host,
            Principal::Service(name) => match self.services.get(name, Measures::default) {
                Some(measures) => measures,
                None => self.other.get_or_init(Measures::default),
            },
        }
    }

    /// Everybody who ever called, in no order.
    pub fn callers(&self) -> impl Iterator<Item = (CallerLabel<'_>, &Measures)> {
        let own = [
            (CallerLabel::Outside, &self.outside),
            (CallerLabel::Operator, &self.operator),
            (CallerLabel::Host, &self.host),
        ];
        let services = self.services.iter().map(|(kept, measures)| (CallerLabel::Service(&kept.name), measures));
        own.into_iter().chain(services).chain(self.other.get().map(|measures| (CallerLabel::Other, measures)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use patchbay_model::{Proof, User};

    use super::*;

    #[test]
    fn callers_are_told_apart_and_too_many_are_not() {
        let measured = ServiceMeasured::default();
        let user = User::new(Proof::Token, "corp", "ann");
        let services =
            (0..MOST_CALLERS + 20).map(|number| Principal::Service(format!("service-{number}").parse().unwrap()));
        let others = [Principal::Outside, Principal::User(Arc::new(user)), Principal::Operator, Principal::Host];
        let callers: Vec<_> = services.chain(others).collect();
        for caller in callers.iter().chain(&callers) {
            measured.of(caller).ended(Duration::ZERO, Ok(None));
        }
        let counts: BTreeMap<_, _> = measured
            .callers()
            .map(|(caller, measures)| (caller.as_str().to_owned(), measures.read().durations.count()))
            .collect();
        assert_eq!(counts.len(), MOST_CALLERS + 4);
        for (caller, count) in [("outside", 4), ("operator", 2), ("host", 2), ("_other", 40), ("service-7", 2)] {
            assert_eq!(counts.get(caller), Some(&count), "{caller}");
        }
    }

    #[test]
    fn a_name_is_no_other_one_that_begins_like_it() {
        let name = |text: &str| text.parse::<ServiceName>().unwrap();
        let longest = "a".repeat(ServiceName::MOST_LETTERS);
        let names = ["a", "order", "orders", longest.as_str()];
        for kept in names {
            for asked in names {
                assert_eq!(name(asked).is(&name(kept).kept()), asked == kept, "{asked}, {kept}");
            }
        }
    }
}
