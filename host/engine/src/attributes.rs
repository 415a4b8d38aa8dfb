//! CloudEvents attributes by their names, as services write and read them.

use patchbay_model::bus::{BusError, Message};
use patchbay_model::ports::Publication;

/// The version of CloudEvents, which is an attribute, too.
const VERSION: &str = "1.0";

/// Gives what is to be published an attribute.
///
/// # Errors
/// [`BusError::Invalid`] if the attribute cannot have this value. Names and texts are for the bus to judge.
pub(crate) fn set(publication: &mut Publication, name: &str, value: String) -> Result<(), BusError> {
    match name {
        "specversion" if value == VERSION => {}
        "specversion" => {
            return Err(BusError::Invalid(format!("the CloudEvents version has to be {VERSION}, and not `{value}`")));
        }
        "id" => publication.id = Some(value),
        "source" => publication.source = Some(value),
        "type" => publication.kind = Some(value),
        "time" => {
            let time = humantime::parse_rfc3339(&value).map_err(|_| {
                BusError::Invalid(format!("`{value}` is no time in UTC; write one such as 2026-01-31T12:00:00Z"))
            })?;
            publication.time = Some(time);
        }
        "subject" => publication.subject = Some(value),
        "datacontenttype" => publication.content_type = Some(value),
        "dataschema" => publication.data_schema = Some(value),
        "partitionkey" => publication.key = Some(value),
        _ => publication.extensions.push((name.to_owned(), value)),
    }
    Ok(())
}

/// The attributes of a message except for the media type of its data, which has a place of its own.
pub(crate) fn of(message: &Message) -> impl Iterator<Item = (&str, String)> {
    let always = [
        ("specversion", VERSION.to_owned()),
        ("id", message.id.clone()),
        ("source", message.source.clone()),
        ("type", message.kind.clone()),
        ("time", humantime::format_rfc3339(message.time).to_string()),
    ];
    let sometimes = [("subject", &message.subject), ("dataschema", &message.data_schema)];
    let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    let extensions = message.extensions.iter().map(|(name, value)| (name.as_str(), value.clone()));
    always.into_iter().chain(sometimes).chain(extensions)
}
