//! Decoding, over small components written as text and over broken bytes.

use proptest::prelude::*;

use super::*;
use crate::{Field, HttpHandler, Local, Producer, Shape, Type};

const SHOP: &str = r#"
(component
  (import "shop:types/money@1.0.0" (instance $money
    (type $amount' (record (field "cents" u64)))
    (export "amount" (type $amount (eq $amount')))
    (export "wallet" (type $wallet (sub resource)))
    (export "[constructor]wallet" (func (param "start" $amount) (result (own $wallet))))
    (export "[method]wallet.pay" (func (param "self" (borrow $wallet)) (param "amount" $amount) (result (result (error string)))))
    (export "[static]wallet.merge" (func (param "all" (list (own $wallet))) (result (option (own $wallet)))))))
  (alias export $money "amount" (type $amount))
  (alias export $money "wallet" (type $wallet))
  (import "shop:orders/till@0.1.0" (instance
    (export "price" (type $price (eq $amount)))
    (export "charge" (func (param "wallet" (borrow $wallet)) (param "sums" (list (tuple $price u8 bool)))
      (result (result (tuple string char) (error $price)))))
    (export "reset" (func (result (result))))))
  (import "watch" (func async (param "names" (stream string)) (param "end" (future)) (result (result s32))))
  (core module $code (func (export "run"))
    (@producers (language "Rust" "") (processed-by "rustc" "1.95.0")))
  (core instance $instance (instantiate $code))
  (func $run (canon lift (core func $instance "run")))
  (component $shim (import "run" (func $run)) (export "run" (func $run)))
  (instance $handler (instantiate $shim (with "run" (func $run))))
  (export "shop:orders/job@0.1.0" (instance $handler))
  (export "start" (func $run))
  (@producers (processed-by "wit-component" "0.254.2")))
"#;

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn assert_described(items: &[crate::ContractItem], wanted: &[(&str, Vec<&str>)]) {
    let names: Vec<_> = items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (item, (_, functions)) in items.iter().zip(wanted) {
        assert_eq!(item.functions.iter().map(ToString::to_string).collect::<Vec<_>>(), *functions);
    }
}

#[test]
fn signatures_read_as_their_wit() {
    let contract = decode(&component(SHOP)).unwrap();
    assert_described(
        &contract.imports,
        &[
            (
                "shop:types/money@1.0.0",
                vec![
                    "wallet.constructor: func(start: amount) -> wallet",
                    "wallet.pay: func(amount: amount) -> result<_, string>",
                    "wallet.merge: static func(all: list<wallet>) -> option<wallet>",
                ],
            ),
            (
                "shop:orders/till@0.1.0",
                vec![
                    "charge: func(wallet: borrow<wallet>, sums: list<tuple<price, u8, bool>>) \
                     -> result<tuple<string, char>, price>",
                    "reset: func() -> result",
                ],
            ),
            ("watch", vec!["watch: async func(names: stream<string>, end: future) -> result<s32>"]),
        ],
    );
    assert_described(
        &contract.exports,
        &[("shop:orders/job@0.1.0", vec!["run: func()"]), ("start", vec!["start: func()"])],
    );
}

#[test]
fn producers_of_nested_modules_count() {
    let contract = decode(&component(SHOP)).unwrap();
    let producer = |field: &str, name: &str, version: &str| Producer {
        field: field.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
    };
    assert_eq!(
        contract.producers,
        [
            producer("language", "Rust", ""),
            producer("processed-by", "rustc", "1.95.0"),
            producer("processed-by", "wit-component", "0.254.2")
        ]
    );
    assert_eq!(contract.language, Some(Language::Rust));
}

#[test]
fn linked_libraries_count_as_producers() {
    let contract = decode(&component(
        r#"(component (core module $python) (core module $program (import "libpython3.14.so" "run" (func)))
          (core instance $linked (instantiate $python)))"#,
    ));
    assert_eq!(contract.unwrap().producers, []);
    let contract = decode(&component(
        r#"(component (core module $python (func (export "run"))) (core instance $python (instantiate $python))
          (core module $program (import "libpython3.14.so" "run" (func)))
          (core instance (instantiate $program (with "libpython3.14.so" (instance $python)))))"#,
    ));
    assert_eq!(contract.unwrap().language, Some(Language::Python));
}

#[test]
fn handlers_are_found() {
    for (name, handler) in [
        ("wasi:http/incoming-handler@0.2.3", Some(HttpHandler::V02)),
        ("wasi:http/handler@0.3.0", Some(HttpHandler::V03)),
        ("wasi:cli/run@0.2.3", None),
    ] {
        let text =
            format!(r#"(component (component $c) (instance $i (instantiate $c)) (export "{name}" (instance $i)))"#);
        assert_eq!(decode(&component(&text)).unwrap().http_handler(), handler, "{name}");
    }
}

#[test]
fn what_is_no_component_is_told_apart() {
    let package = r#"(component (type (component (type (component)) (export "a:b/world-of-c" (component (type 0)))))
      (export "c" (type 0)))"#;
    let truncated = component(SHOP).get(..100).unwrap().to_vec();
    let mut malformed = component("(component)");
    malformed.extend([0x7f, 0]);
    for (bytes, wanted) in [
        (b"".to_vec(), "this is not WebAssembly"),
        (b"(component)".to_vec(), "this is not WebAssembly"),
        (b"\0as".to_vec(), "cut off: it goes on after its 3 bytes"),
        (b"\0asm\x01".to_vec(), "cut off: it goes on after its 5 bytes"),
        (b"\0asm\x01\0\0\0".to_vec(), "wasm32-wasip2"),
        (component("(module (func))"), "this is a core WebAssembly module"),
        (b"\0asm\x02\0\0\0".to_vec(), "malformed at byte 4: unknown binary version"),
        (component(package), "this is a WIT package"),
        (truncated, "cut off: it goes on after its 100 bytes"),
        (malformed, "malformed at byte 10: malformed section id: 127"),
        (component(r#"(component (export "a" (func 0)))"#), "unknown function 0"),
    ] {
        let error = decode(&bytes).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}

#[test]
fn work_on_hostile_components_is_bounded() {
    let nested = |depth: usize| component(&format!("{}{}", "(component ".repeat(depth), ")".repeat(depth)));
    assert_eq!(decode(&nested(MAX_DEPTH + 1)).err(), None);
    let error = decode(&nested(MAX_DEPTH + 2)).unwrap_err();
    assert!(error.to_string().contains("nested more than 64 levels"), "{error}");

    let doubled: String = (0..13).map(|level| format!("(type (tuple {level} {level}))")).collect();
    let functions: String = (0..16).map(|n| format!(r#"(import "f{n}" (func (param "p" 13)))"#)).collect();
    let bytes = component(&format!("(component (type (tuple u8 u8)) {doubled} {functions})"));
    assert!(bytes.len() < 1000, "{}", bytes.len());
    assert_eq!(decode(&bytes), Err(DecodeError::TooLarge { limit: 1 << 20 }));

    let instances: String = (0..200).map(|n| format!(r#"(import "i{n}" (instance (type 0)))"#)).collect();
    let function = format!(r#"(type (instance (export "{}" (func))))"#, "a".repeat(10_000));
    let bytes = component(&format!("(component {function} {instances})"));
    assert_eq!(decode(&bytes), Err(DecodeError::TooLarge { limit: 1 << 20 }));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = decode(&bytes);
        let _ = decode(&[b"\0asm\x0d\0\x01\0", bytes.as_slice()].concat());
    }

    #[test]
    fn no_damage_panics(at: prop::sample::Index, bit in 0..8u8, second: prop::sample::Index, byte: u8) {
        let mut bytes = component(SHOP);
        let (at, second) = (at.index(bytes.len()), second.index(bytes.len()));
        bytes[at] ^= 1 << bit;
        let _ = decode(&bytes);
        bytes[second] = byte;
        let _ = decode(&bytes);
    }

    #[test]
    fn a_part_is_never_taken_for_the_whole(length: prop::sample::Index) {
        let bytes = component(SHOP);
        let length = length.index(bytes.len());
        let whole = decode(&bytes).unwrap();
        // What may be missing is a custom section at the end (id 0), which only has names for debuggers.
        prop_assert!(decode(&bytes[..length]).ok() != Some(whole) || bytes[length] == 0);
    }
}

#[test]
fn functions_are_decoded_with_their_types() {
    let contract = decode(&component(SHOP)).unwrap();
    let function = |item: usize, name: &str| contract.imports[item].function(name).unwrap().clone();
    let charge = function(1, "charge");
    assert_eq!(charge.params.iter().map(|param| param.name.as_str()).collect::<Vec<_>>(), ["wallet", "sums"]);
    assert_eq!(charge.params[0].ty.shape(), &Shape::Local(Local::Borrow("wallet".to_owned())));
    // The till has a name of its own for the amount; the record behind it is one.
    let Shape::List(sum) = charge.params[1].ty.shape() else { panic!("{charge}") };
    let Shape::Tuple(parts) = sum.shape() else { panic!("{charge}") };
    assert_eq!(parts[0].name(), Some("price"));
    let cents = Field { name: "cents".to_owned(), ty: Type::new(Shape::U64) };
    assert_eq!(parts[0].shape(), &Shape::Record(vec![cents]));
    assert_eq!(charge.obstacle().unwrap().path, "wallet");
    assert_eq!(function(1, "reset").obstacle(), None);
    let watch = function(2, "watch");
    assert!(watch.is_async);
    assert_eq!(contract.imports[2].obstacles().len(), 1);
    assert_eq!(function(0, "[constructor]wallet").shown_name(), "wallet.constructor");
    assert!(contract.export_for("shop:orders/job@0.1.7").is_some());
    assert!(contract.export_for("shop:orders/job@0.2.0").is_none());
}

#[test]
fn every_type_is_decoded() {
    let text = r#"(component (import "all" (instance
        (type $record' (record (field "a" bool) (field "b" s8))) (export "r" (type $r (eq $record')))
        (type $variant' (variant (case "a" s16) (case "b"))) (export "v" (type $v (eq $variant')))
        (type $enum' (enum "a" "b")) (export "e" (type $e (eq $enum')))
        (type $flags' (flags "a" "b")) (export "f" (type $f (eq $flags')))
        (type $alias' s32) (export "id" (type $id (eq $alias')))
        (export "all" (func (param "r" $r) (param "v" $v) (param "e" $e) (param "f" $f) (param "id" $id)
            (param "fixed" (list u8 4)) (param "wide" (tuple u16 u32 u64 s64 f32 f64 char string))
            (param "map" (map string u8)) (result (result (option u8) (error error-context))))))))"#;
    let contract = decode(&component(text)).unwrap();
    let all = contract.imports[0].function("all").unwrap();
    assert_eq!(
        all.to_string(),
        "all: func(r: r, v: v, e: e, f: f, id: id, fixed: list<u8, 4>, \
         wide: tuple<u16, u32, u64, s64, f32, f64, char, string>, map: map<string, u8>) \
         -> result<option<u8>, error-context>"
    );
    let shapes: Vec<_> = all.params.iter().take(5).map(|param| param.ty.shape().to_string()).collect();
    assert_eq!(
        shapes,
        ["record { a: bool, b: s8 }", "variant { a(s16), b }", "enum { a, b }", "flags { a, b }", "s32"]
    );
}

#[test]
fn types_that_multiply_are_refused() {
    // Each level has a name, so the text stays short; what it comes to does not.
    let doubled = |levels: usize, functions: usize| {
        let levels: String = (1..=levels)
            .map(|n| format!(r#"(type $s{n} (tuple $t{0} $t{0})) (export "t{n}" (type $t{n} (eq $s{n})))"#, n - 1))
            .chain((0..functions).map(|n| format!(r#"(export "f{n}" (func (param "p" $t{levels})))"#)))
            .collect();
        let text =
            format!(r#"(component (import "i" (instance (type $s0 u8) (export "t0" (type $t0 (eq $s0))) {levels})))"#);
        decode(&component(&text))
    };
    assert!(doubled(15, 7).is_ok());
    assert_eq!(doubled(15, 9), Err(DecodeError::TooComplex { limit: 1 << 19 }));
}
