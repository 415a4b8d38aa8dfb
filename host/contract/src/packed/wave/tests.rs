//! What WAVE may say, and how mistakes in it are told.

use super::super::tests::{around, field, line, names, option, plain, shape};
use super::*;
use crate::Param;

#[test]
fn other_notations_are_read() {
    let result = plain(Shape::Result { ok: Some(plain(Shape::U8)), err: None });
    for (ty, text, bytes) in [
        (plain(Shape::U8), " 7 // seven\n", &[7][..]),
        (plain(Shape::F64), "-inf", &[0, 0, 0, 0, 0, 0, 0xf0, 0xff]),
        (plain(Shape::F32), "1e0", &[0, 0, 0x80, 0x3f]),
        (plain(Shape::Char), r"'\u{41}'", &[0x41, 0, 0, 0]),
        (plain(Shape::Char), "'\"'", &[0x22, 0, 0, 0]),
        (plain(Shape::String), r#""\\\t\'""#, &[3, 0, 0, 0, b'\\', b'\t', b'\'']),
        (plain(Shape::String), "\"\"\"\n  a\n   b\\n\n  \"\"\"", &[5, 0, 0, 0, b'a', b'\n', b' ', b'b', b'\n']),
        (plain(Shape::String), "\"\"\"\n\"\"\"", &[0, 0, 0, 0]),
        (plain(Shape::List(plain(Shape::U8))), "[1, 2,]", &[2, 0, 0, 0, 1, 2]),
        (plain(Shape::List(plain(Shape::U8))), "[]", &[0, 0, 0, 0]),
        (plain(Shape::Tuple(vec![plain(Shape::U8)])), "(1,)", &[1]),
        (line(), r#"{note: "n", %qty: 1, sku: ""}"#, &[0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, b'n']),
        (plain(Shape::Record(vec![field("none", option(plain(Shape::U8)))])), "{:}", &[0]),
        (plain(Shape::Record(vec![field("none", option(plain(Shape::U8)))])), "{none: 1,}", &[1, 1]),
        (option(plain(Shape::U8)), "3", &[1, 3]),
        (option(plain(Shape::Enum(names(&["none"])))), "%none", &[1, 0]),
        (option(plain(Shape::Enum(names(&["none"])))), "none", &[0]),
        (result.clone(), "3", &[0, 3]),
        (result, "err", &[1]),
        (plain(Shape::Flags(names(&["r", "w"]))), "{w, r}", &[3, 0, 0, 0]),
        (plain(Shape::Flags(names(&["r", "w"]))), "{}", &[0, 0, 0, 0]),
    ] {
        assert_eq!(from_wave(&ty, text).as_deref(), Ok(bytes), "{ty} {text}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (ty, text, wanted) in [
        (
            plain(Shape::List(line())),
            "[{sku: \"a\", qty: 1},\n {sku: \"b\", qty: two}]",
            "line 2, column 18, in `value[1].qty`: expected `u16`, found `two`",
        ),
        (
            line(),
            "{sku: \"a\", qyt: 1}",
            "line 1, column 12, in `value`: expected one of the fields sku, qty, note, found `qyt`",
        ),
        (line(), "{sku: \"a\"}", "in `value.qty`: expected `u16`, which is missing, found `{`"),
        (line(), "{sku: \"a\", qty: 1, qty: 2}", "expected the field `qty` once"),
        (line(), "{sku \"a\"}", "expected `:`, found `\"`"),
        (line(), "{:sku: \"a\"}", "expected one of the fields"),
        (plain(Shape::U8), "", "expected `u8`, found the end of the text"),
        (plain(Shape::U8), "1 2", "column 3, in `value`: expected nothing more, found `2`"),
        (plain(Shape::U8), "300", "`value`: expected `u8`, found 300, which is out of its range"),
        (plain(Shape::U8), "1.0", "expected `u8`, found `1.0`"),
        (plain(Shape::U8), "01", "expected `u8`, found `01`"),
        (plain(Shape::F32), "1e99", "expected `f32`, found `1e99`"),
        (plain(Shape::F32), "NaN", "expected `f32`, found `NaN`"),
        (plain(Shape::Bool), "%true", "expected `bool`, found `%true`"),
        (plain(Shape::Char), "'ab'", "expected `char`, found `'`"),
        (plain(Shape::String), "\"ab", "expected `\"`, which ends the text, found the end of the text"),
        (
            plain(Shape::String),
            "\"a\nb\"",
            "line 1, column 3, in `value`: expected `\"`, which ends the text, found the end of the line",
        ),
        (plain(Shape::String), r#""\x""#, "expected one of the escapes"),
        (plain(Shape::String), r#""\u{110000}""#, "expected one of the escapes"),
        (plain(Shape::String), "\"\"\"a\"\"\"", "expected a new line behind `\"\"\"`"),
        (plain(Shape::String), "\"\"\"\na\"\"\"", "expected `\"\"\"` on a line of its own"),
        (plain(Shape::String), "\"\"\"\n", "expected `\"\"\"` at the end of the text, too"),
        (plain(Shape::List(plain(Shape::U8))), "[1 2]", "expected `,` or `]`, found `2`"),
        (plain(Shape::FixedList(plain(Shape::U8), 2)), "[1]", "`value`: expected `list<u8, 2>`, found 1 elements"),
        (shape(), "circle", "in `value.circle`: expected `(` and `f32`, found the end of the text"),
        (shape(), "dot(1)", "expected nothing more, found `(`"),
        (shape(), "none(true)", "a case of this name is `%none`, found `none`"),
        (option(option(plain(Shape::U8))), "1", "expected `option<option<u8>>`, found `1`"),
        (plain(Shape::Flags(names(&["r"]))), "{x}", "expected `flags { r }`, found `x`"),
    ] {
        let error = from_wave(&ty, text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    // As deep as it may be, and as long as one likes: the type says how deep a text goes.
    assert!(from_wave(&plain(Shape::U8), &"[".repeat(1_000_000)).is_err());
    assert!(from_wave(&plain(Shape::String), &format!("\"{}\"", "\\n".repeat(1_000_000))).is_ok());
}

#[test]
fn calls_are_read_against_their_function() {
    let param = |name: &str, ty: Type| Param { name: name.to_owned(), ty };
    let params = vec![
        param("sku", plain(Shape::String)),
        param("qty", plain(Shape::U8)),
        param("note", option(plain(Shape::Bool))),
    ];
    let reserve = Function { name: "reserve".to_owned(), params, ..around(&line()) };
    let bytes = [1, 0, 0, 0, b'x', 3, 0];
    for call in ["reserve(\"x\", 3)", " reserve ( \"x\" , 3 , ) ", "%reserve(\"x\", 3, none)"] {
        assert_eq!(call_from_wave(&reserve, call).as_deref(), Ok(&bytes[..]), "{call}");
        assert_eq!(called(call), Some("reserve"));
    }
    assert_eq!(call_to_wave(&reserve, &bytes).as_deref(), Ok("reserve(\"x\", 3, none)"));
    for (call, wanted) in [
        (
            "release(1)",
            "column 1, in `reserve`: expected a call of `reserve: func(sku: string, qty: u8, note: option<bool>)",
        ),
        ("reserve", "expected a call of `reserve"),
        ("reserve()", "in `sku`: expected `string`, found `)`"),
        ("reserve(\"x\")", "in `qty`: expected `u8`, found `)`"),
        ("reserve(\"x\" 3)", "in `reserve`: expected `,` or `)`, found `3`"),
        ("reserve(\"x\", 3, true, 4)", "expected `)`, the end of `func(sku"),
        ("reserve(\"x\", 3) x", "expected nothing more, found `x`"),
    ] {
        let error = call_from_wave(&reserve, call).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    let tick = Function { params: Vec::new(), result: None, ..reserve };
    assert_eq!(call_from_wave(&tick, "reserve()"), Ok(Vec::new()));
    assert_eq!(call_to_wave(&tick, &[]).as_deref(), Ok("reserve()"));
    assert!(call_from_wave(&tick, "reserve(1)").is_err());
    assert_eq!((called("f"), called("(1)"), called("")), (None, None, None));
    assert_eq!(result_to_wave(&tick, &[]).as_deref(), Ok(""));
    assert_eq!(result_from_wave(&tick, " "), Ok(Vec::new()));
}
