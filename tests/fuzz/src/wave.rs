//! WAVE text and calls: whatever the type and the text, what is read is a value of the type, and what is written of it
//! is read as the same value.
//!
//! An input is a byte, as much noise as it says, of which the type is made, and then the text.
#![no_main]

#[path = "../../../host/contract/src/packed/sample.rs"]
#[allow(dead_code, reason = "the tests look at all of it")]
mod sample;

use libfuzzer_sys::fuzz_target;
use patchbay_contract::{Case, Field, Function, Param, Shape, Type, packed};
use sample::Noise;

fuzz_target!(|bytes: &[u8]| {
    let Some((count, rest)) = bytes.split_first() else { return };
    let (noise, text) = rest.split_at(usize::from(*count).min(rest.len()));
    let Ok(text) = str::from_utf8(text) else { return };
    let mut noise = Noise(noise);
    let ty = noise.ty(5);

    match packed::from_wave(&ty, text) {
        Ok(value) => {
            packed::validate([&ty], &value).expect("what was read is valid");
            match packed::to_wave(&ty, &value) {
                Ok(text) => assert_eq!(packed::from_wave(&ty, &text), Ok(value), "{ty}: {text}"),
                Err(error) => assert!(matches!(error, packed::PackedError::TooLarge { .. }), "{ty}: {error}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }

    let params = vec![Param { name: "a".to_owned(), ty }, Param { name: "b".to_owned(), ty: noise.ty(2) }];
    let name = packed::called(text).unwrap_or("f").to_owned();
    let function = Function { name, is_async: false, params, result: None };
    match packed::call_from_wave(&function, text) {
        Ok(arguments) => packed::validate_arguments(&function, &arguments).expect("what was read is valid"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
