//! Packed values, and JSON that is to become one: whatever the type, the bytes and the text, nothing but a value of the
//! type is let through, and it stays the same value on the way through JSON and back.
//!
//! An input is a byte, as much noise as it says, of which the type is made, and then the bytes, or the JSON.
#![no_main]

#[path = "../../../host/contract/src/packed/sample.rs"]
#[allow(dead_code, reason = "the tests look at all of it")]
mod sample;

use libfuzzer_sys::fuzz_target;
use patchbay_contract::{Case, Field, Shape, Type, packed};
use sample::Noise;

fuzz_target!(|bytes: &[u8]| {
    let Some((count, rest)) = bytes.split_first() else { return };
    let (noise, value) = rest.split_at(usize::from(*count).min(rest.len()));
    let ty = Noise(noise).ty(5);

    match packed::validate([&ty], value) {
        Ok(()) => there_and_back(&ty, value),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(packed::to_json(&ty, value).is_err() && packed::to_wave(&ty, value).is_err());
        }
    }
    if let Ok(json) = serde_json::from_slice(value) {
        match packed::from_json(&ty, &json) {
            Ok(value) => there_and_back(&ty, &value),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    // Noise that is made to fit says more than noise that is refused.
    let mut fitting = Vec::new();
    Noise(value).value(&ty, &mut fitting);
    there_and_back(&ty, &fitting);
});

fn there_and_back(ty: &Type, value: &[u8]) {
    packed::validate([ty], value).expect("what was let through is valid");
    // What is valid and huge as JSON may be refused for that, and for nothing else.
    match packed::to_json(ty, value) {
        Ok(json) => assert_eq!(packed::from_json(ty, &json).as_deref(), Ok(value), "{ty}: {json}"),
        Err(error) => assert!(matches!(error, packed::PackedError::TooLarge { .. }), "{ty}: {error}"),
    }
}
