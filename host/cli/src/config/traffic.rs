//! Traffic between two revisions of a service: `traffic` and `mirror`.

use patchbay_model::traffic::{MirrorSettings, TrafficSettings};

use super::settings::elements;
use super::table::Table;
use super::value;

/// Reads whose calls a candidate gets, beside its share.
pub(super) fn traffic(table: &mut Table<'_>) -> TrafficSettings {
    table.section("traffic", |table| TrafficSettings {
        pins: elements(table.list("pins", value::parsed)),
        sticky: table.optional("sticky", value::parsed),
    })
}

/// Reads what is mirrored of the requests of a service.
pub(super) fn mirror(table: &mut Table<'_>) -> MirrorSettings {
    table.section("mirror", |table| {
        let mut mirror = MirrorSettings::default();
        table.set("share", &mut mirror.share, value::parsed);
        mirror.to = table.optional("to", value::parsed);
        table.set("max_body", &mut mirror.max_body, value::size);
        table.set("timeout", &mut mirror.timeout, value::duration);
        table.set("concurrency", &mut mirror.concurrency, value::number);
        table.set("show_bodies", &mut mirror.show_bodies, value::boolean);
        mirror
    })
}
