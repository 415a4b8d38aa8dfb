//! Services that `runtime.toml` declares, and how they live together with those deployed over the admin API.
//!
//! The rules, in the order in which they are asked:
//! 1. A service that nobody knows yet is deployed from the file.
//! 2. A declaration that changed since it was last applied is deployed: the file was edited last, the file wins.
//! 3. A declaration that did not change leaves the service as it was last deployed, be it over the API.
//! 4. A service whose declaration is gone from the file is removed, unless it was deployed over the API since.
//! 5. A service that was only ever deployed over the API is restored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use patchbay_model::ports::StoredComponent;
use patchbay_model::{Declaration, Origin, RegistryRecord, ServiceName, ServiceRecord, Settings};

use crate::routes::DeclaredRoute;

/// A service as `runtime.toml` declares it. Its component is stored already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredService {
    /// Its name.
    pub name: ServiceName,
    /// The component the file names.
    pub component: StoredComponent,
    /// Its configuration, with the host's defaults filled in.
    pub settings: Settings,
    /// Its routes.
    pub routes: Vec<DeclaredRoute>,
    /// Where the file says what of it.
    pub places: Places,
}

/// The lines of `runtime.toml` at which settings stand, by their keys with dots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(pub BTreeMap<String, u32>);

impl DeclaredService {
    pub(crate) fn declaration(&self) -> Declaration {
        Declaration { component: self.component.digest, settings: self.settings.clone() }
    }
}

/// What a start does with one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartAction {
    /// Bring up the revision that was active.
    Restore,
    /// Deploy what the file declares.
    Deploy,
    /// Forget it.
    Remove,
}

/// What a start does with each service, by the rules above.
pub(crate) fn plan(
    registry: &RegistryRecord,
    declared: &BTreeMap<ServiceName, Arc<DeclaredService>>,
) -> BTreeMap<ServiceName, StartAction> {
    let names: BTreeSet<_> = registry.services.keys().chain(declared.keys()).collect();
    names
        .into_iter()
        .map(|name| {
            let action = match (registry.services.get(name), declared.get(name)) {
                (None, _) => StartAction::Deploy,
                (Some(record), Some(declared)) if record.declaration.as_ref() == Some(&declared.declaration()) => {
                    StartAction::Restore
                }
                (Some(_), Some(_)) => StartAction::Deploy,
                (Some(record), None) if is_of_file(record) => StartAction::Remove,
                (Some(_), None) => StartAction::Restore,
            };
            (name.clone(), action)
        })
        .collect()
}

/// Whether the service is as the file once declared it.
fn is_of_file(record: &ServiceRecord) -> bool {
    let active = record.revisions.iter().find(|revision| revision.number == record.active);
    record.declaration.is_some() && active.is_some_and(|revision| revision.origin == Origin::File)
}

/// How a service differs from its declaration, as a sentence; `None` if it does not.
pub(crate) fn drift(name: &ServiceName, record: &ServiceRecord, declared: Option<&DeclaredService>) -> Option<String> {
    let active = record.revisions.iter().find(|revision| revision.number == record.active)?;
    let Some(declared) = declared else {
        return record.declaration.as_ref().map(|_| format!("runtime.toml no longer declares `{name}`"));
    };
    let what = match (active.component == declared.component.digest, active.settings == declared.settings) {
        (true, true) => return None,
        (false, _) => "another component",
        (true, false) => "other settings",
    };
    let how = match active.origin {
        Origin::Api => "was deployed over the admin API",
        Origin::File => "was activated again",
    };
    Some(format!("runtime.toml declares {what}; `{name}@{}` {how}", active.number))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use patchbay_model::{Digest, RevisionNumber, RevisionRecord};

    use super::*;

    fn settings(version: &str) -> Settings {
        Settings { config: [("version".to_owned(), version.to_owned())].into(), ..Settings::default() }
    }

    fn declared(version: &str) -> DeclaredService {
        DeclaredService {
            name: "orders".parse().unwrap(),
            component: StoredComponent { digest: Digest::of(b"a"), size: 1 },
            settings: settings(version),
            routes: Vec::new(),
            places: Places::default(),
        }
    }

    fn record(active: &str, origin: Origin, declaration: Option<&str>) -> ServiceRecord {
        ServiceRecord {
            next: RevisionNumber::FIRST.next(),
            active: RevisionNumber::FIRST,
            revisions: vec![RevisionRecord {
                number: RevisionNumber::FIRST,
                component: Digest::of(b"a"),
                size: 1,
                settings: settings(active),
                origin,
                created: UNIX_EPOCH,
            }],
            routes: Vec::new(),
            anonymous: false,
            declaration: declaration.map(|version| declared(version).declaration()),
            canary: None,
        }
    }

    #[test]
    fn file_and_api_live_together_by_the_rules() {
        use Origin::{Api, File};
        use StartAction::{Deploy, Remove, Restore};
        for (known, in_file, action, drifts) in [
            (None, Some("1"), Deploy, false),
            (Some(record("1", File, Some("1"))), Some("1"), Restore, false),
            (Some(record("1", File, Some("1"))), Some("2"), Deploy, true),
            (Some(record("9", Api, Some("1"))), Some("1"), Restore, true),
            (Some(record("9", Api, Some("1"))), Some("2"), Deploy, true),
            (Some(record("9", Api, None)), Some("1"), Deploy, true),
            (Some(record("1", File, Some("1"))), None, Remove, true),
            (Some(record("9", Api, Some("1"))), None, Restore, true),
            (Some(record("9", Api, None)), None, Restore, false),
        ] {
            let name: ServiceName = "orders".parse().unwrap();
            let in_file = in_file.map(declared);
            if let Some(record) = &known {
                assert_eq!(drift(&name, record, in_file.as_ref()).is_some(), drifts, "{known:?} {in_file:?}");
            }
            let registry =
                RegistryRecord { services: known.iter().map(|record| (name.clone(), record.clone())).collect() };
            let file = in_file.iter().map(|declared| (name.clone(), Arc::new(declared.clone()))).collect();
            assert_eq!(plan(&registry, &file), [(name, action)].into(), "{known:?} {in_file:?}");
        }
    }
}
