//! Components that send what they get on to their import, as text.

use std::fmt::Write as _;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::values::Kind;

/// How a guest has its strings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
    Latin1OrUtf16,
}

impl Encoding {
    const fn option(self) -> &'static str {
        match self {
            Self::Utf8 => "string-encoding=utf8",
            Self::Utf16 => "string-encoding=utf16",
            Self::Latin1OrUtf16 => "string-encoding=latin1+utf16",
        }
    }
}

/// Memory that is only ever handed out.
pub(super) const LIBC: &str = r#"
    (core module $libc
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
            (local $at i32) (local $pages i32)
            (local.set $at
                (i32.and
                    (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                    (i32.sub (i32.const 0) (local.get $align))))
            (global.set $next (i32.add (local.get $at) (local.get $size)))
            (local.set $pages
                (i32.sub (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16)) (memory.size)))
            (if (i32.gt_s (local.get $pages) (i32.const 0))
                (then (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (unreachable)))))
            (memory.copy (local.get $at) (local.get $old)
                (select (local.get $had) (local.get $size) (i32.lt_u (local.get $had) (local.get $size))))
            (local.get $at)))
    (core instance $libc (instantiate $libc))"#;

/// The component with `g: func(v: kind) -> kind`, which calls `f` of the same type.
pub(super) fn component(kind: &Kind, encoding: Encoding) -> String {
    let mut types = Types::default();
    let ty = types.text(kind);
    let flat = kind.flat();
    let (params, passed): (Vec<_>, Vec<_>) = if flat.len() > 16 {
        (vec!["i32"], vec!["(local.get 0)".to_owned()])
    } else {
        let passed = (0..flat.len()).map(|index| format!("(local.get {index})")).collect();
        (flat.clone(), passed)
    };
    let (param_list, passed) = (params.join(" "), passed.join(" "));
    let (result, import, body) = match flat.as_slice() {
        [only] => (*only, format!("(param {param_list}) (result {only})"), format!("(call $f {passed})")),
        _ => (
            "i32",
            format!("(param {param_list} i32)"),
            format!(
                "(local $out i32)
                 (local.set $out (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 65536)))
                 (call $f {passed} (local.get $out))
                 (local.get $out)"
            ),
        ),
    };
    let options = format!("(memory $libc \"memory\") (realloc (func $libc \"realloc\")) {}", encoding.option());
    format!(
        r#"(component {LIBC}
    {definitions}
    (import "f" (func $f (param "v" {ty}) (result {ty})))
    (core func $f (canon lower (func $f) {options}))
    (core module $m
        (import "" "f" (func $f {import}))
        (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
        (func (export "g") (param {param_list}) (result {result}) {body}))
    (core instance $m (instantiate $m (with "" (instance
        (export "f" (func $f)) (export "realloc" (func $libc "realloc"))))))
    (func (export "g") (param "v" {ty}) (result {ty})
        (canon lift (core func $m "g") {options})))"#,
        definitions = types.definitions
    )
}

/// The types that need a name, as they are defined.
#[derive(Default)]
pub(super) struct Types {
    pub(super) definitions: String,
    count: u32,
}

impl Types {
    /// The type as text; what needs a name is defined first.
    pub(super) fn text(&mut self, kind: &Kind) -> String {
        let plain = match kind {
            Kind::Bool => "bool",
            Kind::U8 => "u8",
            Kind::S8 => "s8",
            Kind::U16 => "u16",
            Kind::S16 => "s16",
            Kind::U32 => "u32",
            Kind::S32 => "s32",
            Kind::U64 => "u64",
            Kind::S64 => "s64",
            Kind::F32 => "f32",
            Kind::F64 => "f64",
            Kind::Char => "char",
            Kind::String => "string",
            Kind::List(element) => return format!("(list {})", self.text(element)),
            Kind::Fixed(element, count) => return format!("(list {} {count})", self.text(element)),
            Kind::Option(some) => return format!("(option {})", self.text(some)),
            Kind::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.text(part)).collect();
                return format!("(tuple {})", parts.join(" "));
            }
            Kind::Result(ok, err) => {
                let ok = ok.as_ref().map(|ok| self.text(ok)).unwrap_or_default();
                let err = err.as_ref().map(|err| format!("(error {})", self.text(err))).unwrap_or_default();
                return format!("(result {ok} {err})");
            }
            Kind::Record(_) | Kind::Variant(_) | Kind::Enum(_) | Kind::Flags(_) => return self.define(kind),
        };
        plain.to_owned()
    }

    fn define(&mut self, kind: &Kind) -> String {
        let names = |what, count: usize| {
            let names: Vec<_> =
                (0..count).map(|index| format!("\"{}{index}\"", if what == "enum" { 'c' } else { 'f' })).collect();
            format!("({what} {})", names.join(" "))
        };
        let definition = match kind {
            Kind::Record(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .enumerate()
                    .map(|(index, kind)| format!("(field \"f{index}\" {})", self.text(kind)))
                    .collect();
                format!("(record {})", fields.join(" "))
            }
            Kind::Variant(cases) => {
                let cases: Vec<_> = cases
                    .iter()
                    .enumerate()
                    .map(|(index, kind)| {
                        let payload = kind.as_ref().map(|kind| self.text(kind)).unwrap_or_default();
                        format!("(case \"c{index}\" {payload})")
                    })
                    .collect();
                format!("(variant {})", cases.join(" "))
            }
            Kind::Enum(count) => names("enum", *count),
            Kind::Flags(count) => names("flags", *count),
            _ => return self.text(kind),
        };
        let number = self.count;
        self.count += 1;
        write!(
            self.definitions,
            "(type $d{number} {definition}) (import \"t{number}\" (type $t{number} (eq $d{number})))\n    "
        )
        .unwrap();
        format!("$t{number}")
    }
}

/// The component that `text` is.
pub(super) fn compile(engine: &Engine, text: &str) -> Component {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Component::new(engine, bytes).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}
