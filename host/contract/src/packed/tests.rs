//! Packed values of every type, by hand and from noise.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::sample::Noise;
use super::*;
use crate::{Case, ContractItem, Diff, Field, Function, Local, Param, Shape, Type, can_serve};

pub(super) fn plain(shape: Shape) -> Type {
    Type::new(shape)
}

pub(super) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn field(name: &str, ty: Type) -> Field {
    Field { name: name.to_owned(), ty }
}

pub(super) fn option(ty: Type) -> Type {
    plain(Shape::Option(ty))
}

pub(super) fn shape() -> Type {
    let case = |name: &str, ty: Option<Type>| Case { name: name.to_owned(), ty };
    let cases =
        vec![case("dot", None), case("circle", Some(plain(Shape::F32))), case("none", Some(plain(Shape::Bool)))];
    Type::named("shape", Shape::Variant(cases))
}

pub(super) fn line() -> Type {
    Type::named(
        "line",
        Shape::Record(vec![
            field("sku", plain(Shape::String)),
            field("qty", plain(Shape::U16)),
            field("note", option(plain(Shape::String))),
        ]),
    )
}

#[test]
fn every_type_has_its_encoding() {
    let result =
        |ok: Option<Shape>, err: Option<Shape>| plain(Shape::Result { ok: ok.map(Type::new), err: err.map(Type::new) });
    let many = Type::new(Shape::Enum((0..300).map(|n| format!("c{n}")).collect()));
    let flags = Type::new(Shape::Flags((0..34).map(|n| format!("f{n}")).collect()));
    let maybe = option(option(plain(Shape::U8)));
    let table: &[(Type, &[u8], Value, &str)] = &[
        (plain(Shape::Bool), &[1], json!(true), "true"),
        (plain(Shape::U8), &[200], json!(200), "200"),
        (plain(Shape::S8), &[0xff], json!(-1), "-1"),
        (plain(Shape::U16), &[1, 2], json!(513), "513"),
        (plain(Shape::S32), &[0xfe, 0xff, 0xff, 0xff], json!(-2), "-2"),
        (plain(Shape::U64), &[0xff; 8], json!("18446744073709551615"), "18446744073709551615"),
        (
            plain(Shape::U64),
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0],
            json!(9007199254740991u64),
            "9007199254740991",
        ),
        (plain(Shape::S64), &[0, 0, 0, 0, 0, 0, 0xe0, 0xff], json!("-9007199254740992"), "-9007199254740992"),
        (plain(Shape::F32), &0.1f32.to_le_bytes(), json!(0.1), "0.1"),
        (plain(Shape::F32), &[0, 0, 0xc0, 0x7f], json!("NaN"), "nan"),
        (plain(Shape::F64), &[0, 0, 0, 0, 0, 0, 0xf8, 0x7f], json!("NaN"), "nan"),
        (plain(Shape::F64), &f64::NEG_INFINITY.to_le_bytes(), json!("-Infinity"), "-inf"),
        (plain(Shape::F64), &1e300f64.to_le_bytes(), json!(1e300), "1e300"),
        (plain(Shape::F64), &(-0.0f64).to_le_bytes(), json!(-0.0), "-0"),
        (plain(Shape::Char), &[0x03, 0x26, 0, 0], json!("\u{2603}"), "'\u{2603}'"),
        (plain(Shape::Char), &[0x27, 0, 0, 0], json!("'"), r"'\''"),
        (plain(Shape::String), &[3, 0, 0, 0, b'a', b'"', 7], json!("a\"\u{7}"), r#""a\"\u{7}""#),
        (plain(Shape::List(plain(Shape::U8))), &[3, 0, 0, 0, 1, 2, 3], json!("AQID"), "[1, 2, 3]"),
        (plain(Shape::List(plain(Shape::U16))), &[1, 0, 0, 0, 1, 0], json!([1]), "[1]"),
        (plain(Shape::FixedList(plain(Shape::Bool), 2)), &[1, 0], json!([true, false]), "[true, false]"),
        (plain(Shape::FixedList(plain(Shape::U8), 2)), &[1, 2], json!("AQI="), "[1, 2]"),
        (plain(Shape::Tuple(vec![plain(Shape::U8), plain(Shape::Bool)])), &[7, 1], json!([7, true]), "(7, true)"),
        (
            line(),
            &[1, 0, 0, 0, b'x', 3, 0, 1, 2, 0, 0, 0, b'h', b'i'],
            json!({"sku": "x", "qty": 3, "note": "hi"}),
            r#"{sku: "x", qty: 3, note: some("hi")}"#,
        ),
        (line(), &[0, 0, 0, 0, 3, 0, 0], json!({"sku": "", "qty": 3, "note": null}), r#"{sku: "", qty: 3}"#),
        (shape(), &[0], json!("dot"), "dot"),
        (shape(), &[1, 0, 0, 0x80, 0x3f], json!({"circle": 1.0}), "circle(1)"),
        (shape(), &[2, 1], json!({"none": true}), "%none(true)"),
        (plain(Shape::Enum(names(&["red", "ok"]))), &[0], json!("red"), "red"),
        (plain(Shape::Enum(names(&["red", "ok"]))), &[1], json!("ok"), "%ok"),
        (many, &[43, 1], json!("c299"), "c299"),
        (plain(Shape::Flags(names(&["r", "w", "x"]))), &[5, 0, 0, 0], json!(["r", "x"]), "{r, x}"),
        (flags, &[1, 0, 0, 0, 2, 0, 0, 0], json!(["f0", "f33"]), "{f0, f33}"),
        (option(plain(Shape::U8)), &[0], json!(null), "none"),
        (option(plain(Shape::U8)), &[1, 5], json!(5), "some(5)"),
        (maybe.clone(), &[0], json!(null), "none"),
        (maybe.clone(), &[1, 0], json!({"some": null}), "some(none)"),
        (maybe, &[1, 1, 5], json!({"some": 5}), "some(some(5))"),
        (result(Some(Shape::U8), None), &[0, 9], json!({"ok": 9}), "ok(9)"),
        (result(Some(Shape::U8), None), &[1], json!({"err": null}), "err"),
        (result(None, Some(Shape::String)), &[1, 0, 0, 0, 0], json!({"err": ""}), r#"err("")"#),
    ];
    for (ty, bytes, json, wave) in table {
        assert_eq!(validate([ty], bytes), Ok(()), "{ty} {bytes:?}");
        assert_eq!(to_json(ty, bytes).as_ref(), Ok(json), "{ty}");
        assert_eq!(from_json(ty, json).as_deref(), Ok(*bytes), "{ty} {json}");
        assert_eq!(to_wave(ty, bytes).as_deref(), Ok(*wave), "{ty}");
        assert_eq!(from_wave(ty, wave).as_deref(), Ok(*bytes), "{ty} {wave}");
    }
}

#[test]
fn what_is_no_value_is_told() {
    let local = plain(Shape::Local(Local::Stream(None)));
    for (ty, bytes, wanted) in [
        (plain(Shape::Bool), &[2][..], "`0`: expected `bool`, found the byte 2, which is neither 0 nor 1"),
        (plain(Shape::U32), &[1, 2, 3], "`0`: expected `u32`, found the end of the bytes"),
        (plain(Shape::U8), &[1, 2, 3], "2 bytes are left over behind the last value"),
        (plain(Shape::Char), &[0, 0xd8, 0, 0], "`0`: expected `char`, found 0xd800, which is no Unicode scalar value"),
        (plain(Shape::F32), &[1, 0, 0xc0, 0x7f], "0x7fc00001, a NaN that is not the one of packed values"),
        (plain(Shape::F64), &[0, 0, 0, 0, 0, 0, 0xf8, 0xff], "a NaN that is not the one"),
        (plain(Shape::String), &[2, 0, 0, 0, b'a', 0xff], "found no UTF-8, from byte 1 on"),
        (plain(Shape::String), &[0xff, 0xff, 0xff, 0xff, b'a'], "found the end of the bytes"),
        (plain(Shape::List(plain(Shape::U64))), &[0xff, 0xff, 0xff, 0xff, 1], "found the end of the bytes"),
        (plain(Shape::List(line())), &[0xff, 0xff, 0xff, 0xff], "`0[0].sku`: expected `string`, found the end"),
        (shape(), &[3], "`shape` (variant { dot, circle(f32), none(bool) }), found case 3, where only 3 are known"),
        (plain(Shape::Enum(names(&["a"]))), &[1], "found case 1, where only 1 are known"),
        (option(plain(Shape::U8)), &[2, 0], "found case 2, where only 2 are known"),
        (option(plain(Shape::U8)), &[1], "`0?`: expected `u8`, found the end of the bytes"),
        (plain(Shape::Flags(names(&["a", "b"]))), &[4, 0, 0, 0], "found bit 2, where only 2 flags are known"),
        (plain(Shape::List(local)), &[1, 0, 0, 0], "`0[0]` is `stream`, which has no packed values: a stream ends"),
        // These do not exist in WIT. Four bytes must not stand for four billion of them.
        (plain(Shape::List(plain(Shape::Tuple(Vec::new())))), &[0xff; 4], "a type has at least one part"),
        (plain(Shape::List(plain(Shape::Record(Vec::new())))), &[0xff; 4], "a type has at least one part"),
        (plain(Shape::List(plain(Shape::FixedList(line(), 0)))), &[0xff; 4], "a type has at least one part"),
    ] {
        let error = validate([&ty], bytes).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
        assert!(to_json(&ty, bytes).is_err() && to_wave(&ty, bytes).is_err(), "{ty}");
    }
    let deep = (0..200).fold(plain(Shape::U8), |ty, _| option(ty));
    let error = validate([&deep], &[1; 201]).unwrap_err().to_string();
    assert!(error.contains("values are nested too deep"), "{error}");
}

#[test]
fn what_is_made_has_a_limit() {
    let name = "n".repeat(100_000);
    let loud = plain(Shape::List(plain(Shape::Enum(vec![name]))));
    let mut bytes = 4000u32.to_le_bytes().to_vec();
    bytes.resize(4004, 0);
    assert_eq!(validate([&loud], &bytes), Ok(()));
    assert_eq!(to_json(&loud, &bytes), Err(PackedError::TooLarge { limit: 4 * MAX_BYTES }));
    assert_eq!(to_wave(&loud, &bytes), Err(PackedError::TooLarge { limit: 4 * MAX_BYTES }));

    // Two bytes of text for 1,252 of flags.
    let wide = plain(Shape::List(plain(Shape::Flags((0..10_000).map(|n| format!("f{n}")).collect()))));
    let text = format!("[{}]", "{},".repeat(60_000));
    assert_eq!(from_wave(&wide, &text), Err(PackedError::TooLarge { limit: MAX_BYTES }));
    let json = Value::Array(vec![json!([]); 60_000]);
    assert_eq!(from_json(&wide, &json), Err(PackedError::TooLarge { limit: MAX_BYTES }));
}

/// A function that takes and returns `ty`.
pub(super) fn around(ty: &Type) -> Function {
    let params = vec![Param { name: "p".to_owned(), ty: ty.clone() }];
    Function { name: "f".to_owned(), is_async: false, params, result: Some(ty.clone()) }
}

/// The type with some noise: cases appended or taken away, fields renamed, numbers exchanged.
fn evolved(ty: &Type, noise: &mut Noise<'_>) -> Type {
    if noise.byte() % 8 == 7 {
        return noise.ty(2);
    }
    let shape = match ty.shape() {
        Shape::List(element) => Shape::List(evolved(element, noise)),
        Shape::FixedList(element, length) => Shape::FixedList(evolved(element, noise), *length),
        Shape::Option(some) => Shape::Option(evolved(some, noise)),
        Shape::Tuple(parts) => Shape::Tuple(parts.iter().map(|part| evolved(part, noise)).collect()),
        Shape::Record(fields) => {
            let field = |field: &Field| Field { ty: evolved(&field.ty, noise), ..field.clone() };
            let mut fields: Vec<_> = fields.iter().map(field).collect();
            if noise.byte() % 8 == 1 {
                fields.rotate_left(1);
            }
            Shape::Record(fields)
        }
        Shape::Variant(cases) => {
            let case = |case: &Case| Case { ty: case.ty.as_ref().map(|ty| evolved(ty, noise)), ..case.clone() };
            let mut cases: Vec<_> = cases.iter().map(case).collect();
            match noise.byte() % 3 {
                1 => cases.push(Case { name: "new".to_owned(), ty: None }),
                2 if cases.len() > 1 => cases.truncate(cases.len() - 1),
                _ => {}
            }
            Shape::Variant(cases)
        }
        Shape::Enum(names) if noise.byte() % 2 == 1 => Shape::Enum([names.as_slice(), &["new".to_owned()]].concat()),
        Shape::Flags(names) if noise.byte() % 2 == 1 => Shape::Flags([names.as_slice(), &["new".to_owned()]].concat()),
        Shape::Result { ok, err } => {
            let mut payload = |ty: &Option<Type>| ty.as_ref().map(|ty| evolved(ty, noise));
            Shape::Result { ok: payload(ok), err: payload(err) }
        }
        other => other.clone(),
    };
    Type::new(shape)
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

fn typed(noise: &[u8]) -> Type {
    Noise(noise).ty(4)
}

fn valued(ty: &Type, noise: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Noise(noise).value(ty, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn values_go_through_json_and_wave_and_back(ty in noise(), value in noise()) {
        let ty = typed(&ty);
        let bytes = valued(&ty, &value);
        prop_assert_eq!(validate([&ty], &bytes), Ok(()));
        let json = to_json(&ty, &bytes).unwrap();
        let text: Value = serde_json::from_str(&json.to_string()).unwrap();
        prop_assert_eq!(from_json(&ty, &text), Ok(bytes.clone()), "{} {}", ty, text);
        let wave = to_wave(&ty, &bytes).unwrap();
        prop_assert_eq!(from_wave(&ty, &wave), Ok(bytes.clone()), "{} {}", ty, wave);
        let function = around(&ty);
        let call = call_to_wave(&function, &bytes).unwrap();
        prop_assert_eq!(called(&call), Some("f"));
        prop_assert_eq!(call_from_wave(&function, &call), Ok(bytes.clone()));
        let arguments = arguments_to_json(&function, &bytes).unwrap();
        prop_assert_eq!(arguments_from_json(&function, &arguments), Ok(bytes));
    }

    #[test]
    fn damaged_bytes_are_refused_or_another_value(
        ty in noise(), value in noise(), at: prop::sample::Index, byte: u8, cut: Option<prop::sample::Index>,
    ) {
        let ty = typed(&ty);
        let mut bytes = valued(&ty, &value);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        match validate([&ty], &bytes) {
            Ok(()) => {
                let json = to_json(&ty, &bytes).unwrap();
                prop_assert_eq!(from_json(&ty, &json), Ok(bytes.clone()), "{} {}", ty, json);
                let wave = to_wave(&ty, &bytes).unwrap();
                prop_assert_eq!(from_wave(&ty, &wave), Ok(bytes), "{} {}", ty, wave);
            }
            Err(error) => {
                prop_assert!(!error.to_string().is_empty());
                prop_assert!(to_json(&ty, &bytes).is_err() && to_wave(&ty, &bytes).is_err());
            }
        }
    }

    #[test]
    fn what_is_read_is_valid(ty in noise(), other in noise(), value in noise(), at: prop::sample::Index, char: char) {
        let (ty, other) = (typed(&ty), typed(&other));
        let bytes = valued(&other, &value);
        if let Ok(read) = from_json(&ty, &to_json(&other, &bytes).unwrap()) {
            prop_assert_eq!(validate([&ty], &read), Ok(()));
        }
        let wave = to_wave(&other, &bytes).unwrap();
        let mut damaged: Vec<char> = wave.chars().collect();
        let at = at.index(damaged.len());
        damaged[at] = char;
        for text in [wave, damaged.into_iter().collect()] {
            for ty in [&ty, &other] {
                if let Ok(read) = from_wave(ty, &text) {
                    prop_assert_eq!(validate([ty], &read), Ok(()));
                }
            }
        }
    }

    #[test]
    fn what_can_serve_reads_what_is_written(ty in noise(), change in noise(), value in noise()) {
        let before = typed(&ty);
        let after = evolved(&before, &mut Noise(&change));
        let item = |function: Function| ContractItem { name: "a:b/c@0.1.0".to_owned(), functions: [function].into() };
        let (import, export) = (item(around(&before)), item(around(&after)));
        prop_assert_eq!(can_serve(&import, &import.clone()), Diff::default());
        prop_assert_eq!(can_serve(&export, &export.clone()), Diff::default());
        let arguments = |before: &Type, after: &Type| {
            let only = |ty: &Type| item(Function { result: None, ..around(ty) });
            can_serve(&only(after), &only(before))
        };
        let results = |before: &Type, after: &Type| {
            let only = |ty: &Type| item(Function { params: Vec::new(), ..around(ty) });
            can_serve(&only(after), &only(before))
        };
        for (diff, writer, reader) in [
            (arguments(&before, &after), &before, &after),
            (results(&before, &after), &after, &before),
        ] {
            let bytes = valued(writer, &value);
            if !diff.breaks() {
                prop_assert_eq!(validate([reader], &bytes), Ok(()), "{} {} {}", writer, reader, diff);
                prop_assert_eq!(to_json(reader, &bytes), to_json(writer, &bytes));
            }
        }
        let both = can_serve(&export, &import);
        prop_assert_eq!(both.breaks(), arguments(&before, &after).breaks() || results(&before, &after).breaks());
    }
}
