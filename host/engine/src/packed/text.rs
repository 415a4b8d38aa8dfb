//! Strings in the encodings that guests may have (Component Model, canonical ABI, `string-encoding`).

use std::borrow::Cow;
use std::str::Utf8Error;

use wasmtime::Result;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::error::Context as _;

/// Marks the length of a string that may be Latin-1 or UTF-16 as that of UTF-16.
const UTF16_TAG: usize = 1 << 31;

/// What is wrong with packed values that have a string which is none.
const NOT_UTF8: &str = "a string of the call is not UTF-8";

/// A string in guest memory: its bytes, and how they are to be read.
pub(super) enum Units {
    Utf8,
    Utf16,
    Latin1,
}

/// How a string of this length lies in memory: what its units are, how many bytes it has, and how it is aligned.
pub(super) fn extent(encoding: StringEncoding, length: usize) -> Option<(Units, usize, usize)> {
    Some(match encoding {
        StringEncoding::Utf8 => (Units::Utf8, length, 1),
        StringEncoding::Utf16 => (Units::Utf16, length.checked_mul(2)?, 2),
        StringEncoding::CompactUtf16 if length & UTF16_TAG == 0 => (Units::Latin1, length, 2),
        StringEncoding::CompactUtf16 => (Units::Utf16, (length ^ UTF16_TAG).checked_mul(2)?, 2),
    })
}

/// Appends the string that `bytes` are to `out`, in UTF-8.
///
/// # Errors
/// If they are no string.
pub(super) fn decode(units: &Units, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match units {
        Units::Utf8 => {
            check_utf8(bytes).context("a string of the guest is not UTF-8")?;
            out.extend_from_slice(bytes);
        }
        Units::Utf16 => {
            let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
            for character in char::decode_utf16(units) {
                push(character.context("a string of the guest is not UTF-16")?, out);
            }
        }
        Units::Latin1 => bytes.iter().for_each(|byte| push(char::from(*byte), out)),
    }
    Ok(())
}

/// Whether `bytes` are UTF-8. Most strings of calls are short and nothing but ASCII, which is seen in a third of the time that it takes to
/// look for characters.
///
/// # Errors
/// If they are not, and where.
fn check_utf8(bytes: &[u8]) -> std::result::Result<(), Utf8Error> {
    if bytes.is_ascii() { Ok(()) } else { std::str::from_utf8(bytes).map(drop) }
}

fn push(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A string as a guest wants it: its bytes, how they are aligned, and the length that the guest is told.
///
/// # Errors
/// If `bytes` are no string.
pub(super) fn encode(encoding: StringEncoding, bytes: &[u8]) -> Result<(Cow<'_, [u8]>, u32, usize)> {
    Ok(match encoding {
        StringEncoding::Utf8 => {
            check_utf8(bytes).context(NOT_UTF8)?;
            (bytes.into(), 1, bytes.len())
        }
        StringEncoding::Utf16 => {
            let units = utf16(string(bytes)?);
            let length = units.len() / 2;
            (units.into(), 2, length)
        }
        StringEncoding::CompactUtf16 => {
            let string = string(bytes)?;
            let latin1: Option<Vec<u8>> = string.chars().map(|character| u8::try_from(character).ok()).collect();
            match latin1 {
                Some(latin1) => {
                    let length = latin1.len();
                    (latin1.into(), 2, length)
                }
                None => {
                    let units = utf16(string);
                    let length = (units.len() / 2) | UTF16_TAG;
                    (units.into(), 2, length)
                }
            }
        }
    })
}

fn string(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).context(NOT_UTF8)
}

fn utf16(string: &str) -> Vec<u8> {
    string.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_belongs_to_no_character_is_found_wherever_it_stands() {
        for length in 0..40 {
            let ascii = vec![b'a'; length];
            assert!(decode(&Units::Utf8, &ascii, &mut Vec::new()).is_ok(), "{length}");
            for place in 0..length {
                let mut bytes = ascii.clone();
                bytes[place] = 0xff;
                assert!(decode(&Units::Utf8, &bytes, &mut Vec::new()).is_err(), "{place} of {length}");
                assert!(encode(StringEncoding::Utf8, &bytes).is_err(), "{place} of {length}");
                bytes.splice(place..=place, "ä".bytes());
                let mut out = Vec::new();
                decode(&Units::Utf8, &bytes, &mut out).unwrap();
                assert_eq!(
                    encode(StringEncoding::Utf8, &out).unwrap(),
                    (Cow::Borrowed(bytes.as_slice()), 1, length + 1)
                );
            }
        }
    }
}
