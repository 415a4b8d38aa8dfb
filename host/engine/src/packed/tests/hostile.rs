//! Guests that hand over what is no value: each costs its own call, and says what was wrong.

use wasmtime::component::Linker;
use wasmtime::{Engine, Store};

use super::super::Arity;
use super::echo::{Encoding, LIBC, Types, compile};
use super::values::Kind;
use super::{ImportPacked, Seen, engine};

/// Has a guest call `f: func(v: kind)` with these flat values, after it wrote these bytes at 2048; the error.
fn hands_over(engine: &Engine, kind: &Kind, encoding: &str, flat: &str, memory: &str) -> String {
    let mut types = Types::default();
    let ty = types.text(kind);
    let params = kind.flat().join(" ");
    let text = format!(
        r#"(component {LIBC}
    {definitions}
    (import "f" (func $f (param "v" {ty})))
    (core func $f (canon lower (func $f) (memory $libc "memory") (realloc (func $libc "realloc")) {encoding}))
    (core module $m
        (import "" "f" (func $f (param {params})))
        (import "" "memory" (memory 1))
        (data (i32.const 2048) "{memory}")
        (func (export "g") (call $f {flat})))
    (core instance $m (instantiate $m (with "" (instance
        (export "f" (func $f)) (export "memory" (memory $libc "memory"))))))
    (func (export "g") (canon lift (core func $m "g"))))"#,
        definitions = types.definitions
    );
    let component = compile(engine, &text);
    let wasmtime::component::types::ComponentItem::ComponentFunc(function) =
        component.component_type().get_import(engine, "f").unwrap().ty
    else {
        panic!("`f` is a function");
    };
    let (mut linker, seen) = (Linker::new(engine), Seen::default());
    Arity::of(&function).choose(ImportPacked { linker: &mut linker, seen: seen.clone() });
    let mut store = Store::new(engine, ());
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let error = instance.get_func(&mut store, "g").unwrap().call(&mut store, &[], &mut []).unwrap_err();
    assert_eq!(seen.lock().unwrap().take(), None, "what is no value does not get through");
    format!("{error:#}")
}

#[test]
fn what_is_no_value_ends_the_call_of_its_guest() {
    let engine = engine();
    let list = |kind| Kind::List(Box::new(kind));
    let (outside, aligned) = ("points outside of its memory", "is not aligned to");
    let utf8 = "string-encoding=utf8";
    for (kind, encoding, flat, memory, wanted) in [
        (Kind::Char, utf8, "(i32.const 0xd800)", "", "is no character"),
        (Kind::Char, utf8, "(i32.const 0x110000)", "", "is no character"),
        (Kind::Enum(3), utf8, "(i32.const 3)", "", "is in case 3"),
        (Kind::Enum(3), utf8, "(i32.const -1)", "", "is in case 4294967295"),
        (Kind::Option(Box::new(Kind::U8)), utf8, "(i32.const 2) (i32.const 0)", "", "is in case 2"),
        (Kind::String, utf8, "(i32.const 65530) (i32.const 7)", "", outside),
        (Kind::String, utf8, "(i32.const -1) (i32.const -1)", "", outside),
        (Kind::String, utf8, "(i32.const 2048) (i32.const 2)", "\\c3\\28", "is not UTF-8"),
        (Kind::String, "string-encoding=utf16", "(i32.const 2049) (i32.const 1)", "", aligned),
        (Kind::String, "string-encoding=utf16", "(i32.const 2048) (i32.const -1)", "", outside),
        (Kind::String, "string-encoding=utf16", "(i32.const 2048) (i32.const 1)", "\\00\\d8", "is not UTF-16"),
        (
            Kind::String,
            "string-encoding=latin1+utf16",
            "(i32.const 2048) (i32.const 0x80000001)",
            "\\00\\dc",
            "is not UTF-16",
        ),
        (list(Kind::U64), utf8, "(i32.const 2052) (i32.const 1)", "", aligned),
        (list(Kind::U64), utf8, "(i32.const 2048) (i32.const 0x20000000)", "", outside),
        (list(Kind::U64), utf8, "(i32.const 2048) (i32.const -1)", "", outside),
        (list(Kind::String), utf8, "(i32.const 2048) (i32.const 1)", "\\ff\\ff\\ff\\7f\\01\\00\\00\\00", outside),
        (list(Kind::Enum(2)), utf8, "(i32.const 2048) (i32.const 2)", "\\01\\02", "is in case 2"),
        (list(Kind::Char), utf8, "(i32.const 2048) (i32.const 1)", "\\00\\00\\11\\00", "is no character"),
    ] {
        let error = hands_over(&engine, &kind, encoding, flat, memory);
        assert!(error.contains(wanted), "{kind:?} {flat}: {error}");
    }
}

#[test]
fn one_call_makes_the_host_keep_a_bounded_number_of_bytes() {
    let engine = engine();
    // A list of a million lists that are all the same 64 KiB: 61 GiB, if it were written out.
    let nested = Kind::List(Box::new(Kind::List(Box::new(Kind::U8))));
    let memory = "\\00\\00\\00\\00\\00\\00\\01\\00".repeat(4096);
    let error = hands_over(&engine, &nested, "string-encoding=utf8", "(i32.const 2048) (i32.const 4096)", &memory);
    assert!(error.contains("are larger than"), "{error}");
}

#[test]
fn what_is_lowered_has_to_fit_the_type() {
    let engine = engine();
    let bench = super::Bench::new(&engine, &Kind::List(Box::new(Kind::Option(Box::new(Kind::String)))), Encoding::Utf8);
    for (bytes, wanted) in [
        (&[][..], "end too early"),
        (&[1, 0, 0, 0], "end too early"),
        (&[0xff, 0xff, 0xff, 0xff], "end too early"),
        (&[1, 0, 0, 0, 2], "is in case 2"),
        (&[1, 0, 0, 0, 1, 2, 0, 0, 0, b'a'], "end too early"),
        (&[1, 0, 0, 0, 1, 1, 0, 0, 0, 0xff], "is not UTF-8"),
        (&[0, 0, 0, 0, 0], "go on after their end"),
    ] {
        let error = bench.send_packed(&engine, bytes.to_vec()).unwrap_err();
        assert!(format!("{error:#}").contains(wanted), "{bytes:?}: {error:?}");
    }
}
