//! From a TOML value to the type of a key: each function says what it expected, what it found, and what to write.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use patchbay_model::policy::Priority;
use patchbay_model::{InstancePolicy, units};
use toml::de::DeValue;

use super::closest;

/// A value as people call it: `the integer 15`.
pub(crate) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {:?}", text.chars().take(80).collect::<String>()),
        DeValue::Integer(number) => format!("the integer {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(truth) => format!("the boolean {truth}"),
        DeValue::Datetime(date) => format!("the date {date}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn expected(what: &str, found: &DeValue<'_>) -> String {
    format!("expected {what}, found {}", describe(found))
}

/// A string.
pub(crate) fn text(value: &DeValue<'_>) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| match value {
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            format!("{}; put it in quotes", expected("a string", value))
        }
        DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_) => expected("a string", value),
    })
}

/// A string that is not empty.
pub(crate) fn path(value: &DeValue<'_>) -> Result<std::path::PathBuf, String> {
    let text = text(value)?;
    if text.is_empty() { Err("expected a path, found an empty string".to_owned()) } else { Ok(text.into()) }
}

/// A string that is the written form of a `T`; its error says what would be right.
pub(crate) fn parsed<T: FromStr<Err: Display>>(value: &DeValue<'_>) -> Result<T, String> {
    text(value)?.parse().map_err(|error: T::Err| error.to_string())
}

/// A priority.
pub(crate) fn priority(value: &DeValue<'_>) -> Result<Priority, String> {
    priority_named(&text(value)?)
}

/// The priority that `name` stands for in configuration and on the command line.
///
/// # Errors
/// A sentence that names the priorities there are.
pub(crate) fn priority_named(name: &str) -> Result<Priority, String> {
    let found = Priority::ALL.into_iter().find(|priority| priority.name() == name);
    let names = Priority::ALL.map(Priority::name);
    found.ok_or_else(|| format!("`{name}` is no priority; {}", closest::suggestion(name, &names)))
}

/// A listening address.
pub(crate) fn address(value: &DeValue<'_>) -> Result<std::net::SocketAddr, String> {
    let text = text(value)?;
    text.parse().map_err(|_| {
        format!("`{text}` is no address; write an IP address and a port, such as `127.0.0.1:8080` or `[::]:8080`")
    })
}

/// A duration such as `15s`.
pub(crate) fn duration(value: &DeValue<'_>) -> Result<Duration, String> {
    match value {
        DeValue::Integer(number) => {
            Err(format!("{}; write `\"{number}s\"` for seconds", expected("a duration such as `\"15s\"`", value)))
        }
        DeValue::String(text) => units::parse_duration(text).map_err(|error| error.to_string()),
        _ => Err(expected("a duration such as `\"15s\"`", value)),
    }
}

/// A size such as `64MiB`.
pub(crate) fn size(value: &DeValue<'_>) -> Result<u64, String> {
    match value {
        DeValue::Integer(number) => {
            Err(format!("{}; write `\"{number}B\"` for bytes", expected("a size such as `\"64MiB\"`", value)))
        }
        DeValue::String(text) => units::parse_size(text).map_err(|error| error.to_string()),
        _ => Err(expected("a size such as `\"64MiB\"`", value)),
    }
}

/// A whole number that fits a `T`.
pub(crate) fn number<T: TryFrom<i128>>(value: &DeValue<'_>) -> Result<T, String> {
    let Some(number) = value.as_integer() else {
        return Err(match value.as_str().map(str::parse::<i128>) {
            Some(Ok(number)) => format!("{}; write {number} without quotes", expected("a whole number", value)),
            _ => expected("a whole number", value),
        });
    };
    let parsed = i128::from_str_radix(number.as_str(), number.radix()).ok().and_then(|number| number.try_into().ok());
    parsed.ok_or_else(|| {
        let largest = match size_of::<T>() {
            2 => u64::from(u16::MAX),
            4 => u64::from(u32::MAX),
            _ => u64::MAX,
        };
        format!("{number} is out of range; write a number from 0 to {largest}")
    })
}

/// A boolean.
pub(crate) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| match value.as_str() {
        Some(text @ ("true" | "false")) => format!("{}; write {text} without quotes", expected("a boolean", value)),
        _ => expected("a boolean", value),
    })
}

/// Any value, as JSON has it.
pub(crate) fn json(value: &DeValue<'_>) -> Result<serde_json::Value, String> {
    use serde_json::Value;
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Integer(_) => match number::<i64>(value) {
            Ok(number) => number.into(),
            Err(_) => number::<u64>(value)?.into(),
        },
        DeValue::Float(text) => {
            let number = text.as_str().replace('_', "").parse().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number).ok_or_else(|| format!("{} has no form in JSON", describe(value)))?
        }
        DeValue::Datetime(_) => return Err(format!("{}; put it in quotes", expected("a value of JSON", value))),
        DeValue::Array(elements) => {
            Value::Array(elements.iter().map(|element| json(element.get_ref())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
    })
}

/// An instance policy; `auto` leaves it to what the component exports.
pub(crate) fn instances(value: &DeValue<'_>) -> Result<Option<InstancePolicy>, String> {
    instance_policy(&text(value)?)
}

/// The names of the instance policies.
pub(crate) const INSTANCE_POLICIES: [&str; 4] = ["auto", "fresh", "reuse", "concurrent"];

/// The instance policy that `name` stands for in configuration and on the command line.
///
/// # Errors
/// A sentence that names the policies there are.
pub(crate) fn instance_policy(name: &str) -> Result<Option<InstancePolicy>, String> {
    match name {
        "auto" => Ok(None),
        "fresh" => Ok(Some(InstancePolicy::Fresh)),
        "reuse" => Ok(Some(InstancePolicy::Reuse)),
        "concurrent" => Ok(Some(InstancePolicy::Concurrent)),
        other => Err(format!("`{other}` is no instance policy; {}", closest::suggestion(other, &INSTANCE_POLICIES))),
    }
}
