//! The names of WIT interfaces, as they stand in the imports and exports of a component.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use crate::text::serde_as_text;

/// The name of a WIT interface: `wasi:http/types@0.2.12`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName {
    /// Namespace and package: `wasi:http`.
    pub package: String,
    /// The interface within the package: `types`.
    pub interface: String,
    /// The version of the package, if it has one.
    pub version: Option<Version>,
}

/// Why a text is no interface name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no interface name; one reads `namespace:package/interface@1.2.3`")]
pub struct InterfaceNameError(String);

impl InterfaceName {
    /// Whether something that speaks `self` can serve something that asks for `wanted`, going by the
    /// names alone: same package and interface, and versions on the same semver track
    /// (`0.2.x` with `0.2.y`, `1.x` with `1.y`), in either order, as the component model links them.
    pub fn is_on_track_of(&self, wanted: &Self) -> bool {
        self.package == wanted.package
            && self.interface == wanted.interface
            && match (&self.version, &wanted.version) {
                (None, None) => true,
                (Some(have), Some(want)) => have == want || (track(have).is_some() && track(have) == track(want)),
                (Some(_), None) | (None, Some(_)) => false,
            }
    }
}

impl InterfaceName {
    /// Whether the host provides it: it is one of WASI, or of Patchbay itself. What others export is of services.
    pub fn is_of_the_host(&self) -> bool {
        self.package.starts_with("wasi:") || self.package == "patchbay:host"
    }

    /// Whether a rule that names `meant` is about this interface: one without a version is about all versions.
    pub fn is_meant_by(&self, meant: &Self) -> bool {
        match meant.version {
            None => self.package == meant.package && self.interface == meant.interface,
            Some(_) => self.is_on_track_of(meant),
        }
    }
}

/// The part of a version that has to agree; `None` where only the whole version can.
fn track(version: &Version) -> Option<(u64, u64)> {
    match (version.pre.is_empty(), version.major, version.minor) {
        (false, ..) | (true, 0, 0) => None,
        (true, 0, minor) => Some((0, minor)),
        (true, major, _) => Some((major, 0)),
    }
}

impl FromStr for InterfaceName {
    type Err = InterfaceNameError;

    fn from_str(text: &str) -> Result<Self, InterfaceNameError> {
        let wrong = || InterfaceNameError(text.chars().take(160).collect());
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let (package, interface) = name.split_once('/').ok_or_else(wrong)?;
        if package.split(':').any(str::is_empty) || !package.contains(':') || interface.is_empty() {
            return Err(wrong());
        }
        Ok(Self { package: package.to_owned(), interface: interface.to_owned(), version })
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.interface)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

serde_as_text!(InterfaceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_follow_semver() {
        for (have, want, serves) in [
            ("wasi:http/types@0.2.12", "wasi:http/types@0.2.0", true),
            ("wasi:http/types@0.2.0", "wasi:http/types@0.2.12", true),
            ("wasi:http/types@0.3.0", "wasi:http/types@0.2.12", false),
            ("a:b/c@1.4.0", "a:b/c@1.9.0", true),
            ("a:b/c@1.4.0", "a:b/c@2.0.0", false),
            ("a:b/c@0.0.1", "a:b/c@0.0.2", false),
            ("a:b/c@0.2.0-rc.1", "a:b/c@0.2.0-rc.1", true),
            ("a:b/c@0.2.0-rc.1", "a:b/c@0.2.0", false),
            ("a:b/c", "a:b/c", true),
            ("a:b/c", "a:b/d", false),
        ] {
            let parse = |text: &str| text.parse::<InterfaceName>().unwrap();
            assert_eq!(parse(have).is_on_track_of(&parse(want)), serves, "{have} for {want}");
            assert_eq!(parse(have).to_string(), have);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "a", "a/b", ":b/c", "a:/c", "a:b/", "a:b/c@", "a:b/c@1"] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text}");
        }
    }
}
