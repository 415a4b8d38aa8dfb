//! The same thing measured in several rounds.

/// One value per round.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    /// The least of them.
    pub(super) fn min(&self) -> f64 {
        self.0.iter().copied().reduce(f64::min).unwrap_or(f64::NAN)
    }

    /// The greatest of them.
    pub(super) fn max(&self) -> f64 {
        self.0.iter().copied().reduce(f64::max).unwrap_or(f64::NAN)
    }

    /// The middle one; of an even number, the lower middle one.
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get((sorted.len().max(1) - 1) / 2).copied().unwrap_or(f64::NAN)
    }

    /// Each of them divided by the other's of the same round: what slowed one round down slowed both.
    pub(super) fn over(&self, other: &Self) -> Self {
        self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect()
    }

    /// These less those of the same round of `other`.
    pub(super) fn less(&self, other: &Self) -> Self {
        self.0.iter().zip(&other.0).map(|(one, other)| one - other).collect()
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_measured_value() {
        for (values, expected) in [(vec![3.0], 3.0), (vec![9.0, 1.0, 5.0], 5.0), (vec![4.0, 1.0, 2.0, 3.0], 2.0)] {
            let samples = Samples(values);
            assert!((samples.median() - expected).abs() < f64::EPSILON, "{samples:?}");
        }
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let ratios = Samples(vec![10.0, 2.0]).over(&Samples(vec![20.0, 4.0]));
        assert!((ratios.min() - 0.5).abs() < f64::EPSILON && (ratios.max() - 0.5).abs() < f64::EPSILON);
    }
}
