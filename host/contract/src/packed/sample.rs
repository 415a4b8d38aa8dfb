//! Types and values that are made from noise, for tests. The fuzz targets have this file, too.

use crate::{Case, Field, Shape, Type};

/// Names of fields and cases; some of them are keywords of WAVE.
const NAMES: [&str; 8] = ["qty", "none", "ok", "b-2", "true", "some", "nan", "x"];

/// Noise that decides; when it is used up, all decisions are 0.
pub(crate) struct Noise<'a>(pub(crate) &'a [u8]);

impl Noise<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `end`, which is at least 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (usize::from(self.byte()) | usize::from(if end > 256 { self.byte() } else { 0 }) << 8) % end
    }

    fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    fn names(&mut self) -> Vec<String> {
        let count = [1, 2, 3, 8, 33, 257][self.below(6)];
        (0..count).map(|n| NAMES.get(n).map_or_else(|| format!("n{n}"), |name| (*name).to_owned())).collect()
    }

    /// A type that is nested at most `depth` deep.
    pub(crate) fn ty(&mut self, depth: usize) -> Type {
        use Shape::{Bool, Char, F32, F64, S8, S16, S32, S64, String, U8, U16, U32, U64};
        let simple = [Bool, U8, U16, U32, U64, S8, S16, S32, S64, F32, F64, Char, String];
        let kind = self.below(if depth <= 1 { simple.len() + 2 } else { simple.len() + 10 });
        let shape = match kind.checked_sub(simple.len()) {
            None => simple[kind].clone(),
            Some(0) => Shape::Enum(self.names()),
            Some(1) => Shape::Flags(self.names()),
            Some(2 | 3) => Shape::List(self.ty(depth - 1)),
            Some(4) => Shape::FixedList(self.ty(depth - 1), 1 + u32::from(self.byte() % 4)),
            Some(5) => Shape::Tuple((0..=self.below(3)).map(|_| self.ty(depth - 1)).collect()),
            Some(6) => {
                let names = NAMES[..=self.below(4)].iter();
                Shape::Record(names.map(|name| Field { name: (*name).to_owned(), ty: self.ty(depth - 1) }).collect())
            }
            Some(7) => {
                let names = self.names().into_iter();
                Shape::Variant(names.map(|name| Case { name, ty: self.payload(depth) }).collect())
            }
            Some(8) => Shape::Option(self.ty(depth - 1)),
            Some(_) => Shape::Result { ok: self.payload(depth), err: self.payload(depth) },
        };
        if self.byte() % 4 == 3 { Type::named("named", shape) } else { Type::new(shape) }
    }

    fn payload(&mut self, depth: usize) -> Option<Type> {
        (self.byte() % 2 == 1).then(|| self.ty(depth - 1))
    }

    /// Adds a packed value of type `ty`.
    pub(crate) fn value(&mut self, ty: &Type, bytes: &mut Vec<u8>) {
        let width = match ty.shape() {
            Shape::U8 | Shape::S8 => 1,
            Shape::U16 | Shape::S16 => 2,
            Shape::U32 | Shape::S32 => 4,
            Shape::U64 | Shape::S64 => 8,
            _ => 0,
        };
        match ty.shape() {
            Shape::Bool => bytes.push(self.byte() % 2),
            Shape::F32 => {
                let float = f32::from_bits(self.number() as u32);
                bytes.extend(if float.is_nan() { 0x7fc0_0000 } else { float.to_bits() }.to_le_bytes());
            }
            Shape::F64 => {
                let float = f64::from_bits(self.number());
                bytes.extend(if float.is_nan() { 0x7ff8_0000_0000_0000 } else { float.to_bits() }.to_le_bytes());
            }
            Shape::Char => bytes.extend(u32::from(self.char()).to_le_bytes()),
            Shape::String => {
                let text: String = (0..self.below(6)).map(|_| self.char()).collect();
                bytes.extend((text.len() as u32).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
            Shape::List(element) => {
                let count = self.below(5);
                bytes.extend((count as u32).to_le_bytes());
                (0..count).for_each(|_| self.value(element, bytes));
            }
            Shape::FixedList(element, count) => (0..*count).for_each(|_| self.value(element, bytes)),
            Shape::Tuple(parts) => parts.iter().for_each(|part| self.value(part, bytes)),
            Shape::Record(fields) => fields.iter().for_each(|field| self.value(&field.ty, bytes)),
            Shape::Variant(cases) => {
                let index = self.case(cases.len(), bytes);
                cases[index].ty.iter().for_each(|ty| self.value(ty, bytes));
            }
            Shape::Enum(cases) => {
                self.case(cases.len(), bytes);
            }
            Shape::Flags(names) => {
                let mut words = vec![0u8; names.len().div_ceil(32) * 4];
                (0..names.len()).for_each(|flag| words[flag / 8] |= (self.byte() % 2) << (flag % 8));
                bytes.extend(words);
            }
            Shape::Option(some) => {
                if self.case(2, bytes) == 1 {
                    self.value(some, bytes);
                }
            }
            Shape::Result { ok, err } => {
                let payload = if self.case(2, bytes) == 0 { ok } else { err };
                payload.iter().for_each(|ty| self.value(ty, bytes));
            }
            _ => bytes.extend((0..width).map(|_| self.byte())),
        }
    }

    fn case(&mut self, count: usize, bytes: &mut Vec<u8>) -> usize {
        let index = self.below(count);
        bytes.extend(&index.to_le_bytes()[..if count <= 256 { 1 } else { 2 }]);
        index
    }

    fn char(&mut self) -> char {
        let number = self.number() as u32;
        let wide = if number.is_multiple_of(3) { number % 0x11_0000 } else { number % 0x80 };
        char::from_u32(wide).unwrap_or('\u{fffd}')
    }
}
