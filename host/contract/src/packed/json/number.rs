//! Numbers in JSON.
//!
//! Many readers of JSON keep every number as a double. Whole numbers that no double has are therefore strings; floats
//! that JSON has no notation for are, too.

use serde_json::Value;

/// The largest whole number up to which a double has all.
const SAFE: i128 = (1 << 53) - 1;

/// Shows a whole number: as a number as long as a double has it and its neighbours.
pub(super) fn show_integer(number: i128) -> Value {
    match i64::try_from(number) {
        Ok(number) if i128::from(number).abs() <= SAFE => Value::from(number),
        _ => Value::from(number.to_string()),
    }
}

/// The whole number that `value` is. One of 64 bits may be a string of digits.
pub(super) fn read_integer(value: &Value, width: usize) -> Option<i128> {
    match value {
        Value::Number(number) => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            whole.or_else(|| number.as_f64().and_then(as_whole))
        }
        Value::String(text) if width == 8 => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let is_plain = (1..=20).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
            if is_plain { text.parse().ok() } else { None }
        }
        _ => None,
    }
}

/// A double such as `1e3` that is a whole number, if no other whole number could have been meant.
fn as_whole(float: f64) -> Option<i128> {
    // The cast is exact: the number is whole and small.
    (float.fract() == 0.0 && float.abs() <= SAFE as f64).then_some(float as i128)
}

/// Shows a float of 64 bits.
pub(super) fn show_float64(float: f64) -> Value {
    if float.is_nan() {
        Value::from("NaN")
    } else if float.is_infinite() {
        Value::from(if float > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        Value::from(float)
    }
}

/// Shows a float of 32 bits, with the digits that it needs: 0.1 and not 0.10000000149011612.
pub(super) fn show_float32(float: f32) -> Value {
    let short: Option<f64> = float.to_string().parse().ok();
    let same = short.filter(|short| (*short as f32).to_bits() == float.to_bits());
    show_float64(same.unwrap_or_else(|| f64::from(float)))
}

/// The float of 64 bits that `value` is.
pub(super) fn read_float64(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// The float of 32 bits that `value` is: the nearest to its number, if there is one in its range.
pub(super) fn read_float32(value: &Value) -> Option<f32> {
    let wide = read_float64(value)?;
    let float = wide as f32;
    (float.is_infinite() == wide.is_infinite()).then_some(float)
}
