//! The text format of Prometheus, read as far as tests need it.

use std::collections::BTreeMap;

/// What a host shows.
pub(super) struct Exposition {
    /// Kind and help by name.
    pub(super) families: BTreeMap<String, (String, String)>,
    /// Values by name and labels, in their order.
    series: BTreeMap<(String, Vec<(String, String)>), f64>,
}

impl Exposition {
    pub(super) fn read(text: &str) -> Self {
        let (mut families, mut series) = (BTreeMap::<_, (String, String)>::new(), BTreeMap::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                families.entry(name.to_owned()).or_default().1 = help.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                families.entry(name.to_owned()).or_default().0 = kind.to_owned();
            } else {
                let (key, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = key.split_once('{').unwrap_or((key, "}"));
                let before = series.insert((name.to_owned(), labels_of(labels)), value.parse().unwrap());
                assert_eq!(before, None, "there are two of {key}");
            }
        }
        Self { families, series }
    }

    /// All series: name and names of labels.
    pub(super) fn series(&self) -> impl Iterator<Item = (String, Vec<&str>)> {
        self.series.keys().map(|(name, labels)| {
            let names = labels.iter().map(|(label, _)| label.as_str()).filter(|label| *label != "le");
            (name.clone(), names.collect())
        })
    }

    /// The sum of all series of this name that have these labels.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |own: &[(String, String)]| {
            labels.iter().all(|wanted| own.iter().any(|(label, value)| (label.as_str(), value.as_str()) == *wanted))
        };
        self.series.iter().filter(|((own, labels), _)| own == name && fits(labels)).map(|(_, value)| value).sum()
    }

    /// Fails if a count of this one is smaller in a later one, or gone.
    pub(super) fn assert_grown_into(&self, later: &Self) {
        let mut count = 0;
        for (key, value) in &self.series {
            let (name, _) = key;
            let counts = ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
            if counts {
                let then = later.series.get(key).unwrap_or_else(|| panic!("{key:?} is gone"));
                assert!(then >= value, "{key:?} was {value}, and is {then}");
                count += 1;
            }
        }
        assert!(count > 100, "only {count} counts");
    }
}

/// The labels in `a="1",b="2"}`. Values in these tests have no quotes in them.
fn labels_of(text: &str) -> Vec<(String, String)> {
    let inner = text.strip_suffix('}').unwrap();
    let mut labels = Vec::new();
    let mut rest = inner;
    while let Some((label, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap();
        labels.push((label.trim_start_matches(',').to_owned(), value.to_owned()));
        rest = after;
    }
    labels
}
