//! `[metrics]`: who may read them.

use patchbay_gateway::MetricsConfig;

use super::table::Table;
use super::value;

/// Reads `[metrics]`.
pub(super) fn read(table: &mut Table<'_>) -> MetricsConfig {
    let mut metrics = MetricsConfig::default();
    table.set("public", &mut metrics.public, value::boolean);
    metrics
}
