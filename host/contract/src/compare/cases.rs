//! Comparing cases and flags: both sides number them from the first, so what is appended leaves the others as they are.

use super::change::ChangeKind;
use super::members::Member;
use super::walk::{Flow, Place, Walk};
use crate::packed::layout;
use crate::path::Step;
use crate::{Shape, Type};

impl Walk {
    /// Compares two variants or enums, or two sets of flags. A variant without payloads is the same as an enum.
    pub(super) fn cases(&mut self, before: &Type, after: &Type, place: &Place<'_>) {
        let (first, second) = (members(before), members(after));
        if width(before) != width(after) {
            let texts = (Some(of_bytes(before)), Some(of_bytes(after)));
            self.note_at(place, ChangeKind::Changed, true, texts, "so many cases or flags are packed in another width");
            return;
        }
        let shared = first.len().min(second.len());
        if !first.iter().zip(&second).all(|(old, new)| old.name == new.name) {
            let rule = "cases and flags are numbered in their order: new ones have to be the last";
            return self.named(&first, &second, place, rule);
        }
        for (old, new) in first.iter().zip(&second) {
            self.payloads(old.ty, new.ty, &place.then(Step::Name(old.name)));
        }
        for gone in first.iter().skip(shared) {
            let (breaking, note) = match place.flow {
                Flow::Argument => (true, "callers may pass it"),
                Flow::Result => (false, "it is not returned any more"),
            };
            let texts = (gone.shown(), None);
            self.note_at(&place.then(Step::Name(gone.name)), ChangeKind::Narrowed, breaking, texts, note);
        }
        for new in second.iter().skip(shared) {
            let (breaking, note) = match place.flow {
                Flow::Argument => (false, "callers need not pass it"),
                Flow::Result => (true, "callers do not know it"),
            };
            let texts = (None, new.shown());
            self.note_at(&place.then(Step::Name(new.name)), ChangeKind::Widened, breaking, texts, note);
        }
    }
}

fn members(ty: &Type) -> Vec<Member<'_>> {
    match ty.shape() {
        Shape::Variant(cases) => Member::cases(cases),
        Shape::Enum(names) | Shape::Flags(names) => Member::names(names),
        _ => Vec::new(),
    }
}

/// How wide it is packed, in bytes: the number of the case, or the flags.
fn width(ty: &Type) -> usize {
    match ty.shape() {
        Shape::Variant(cases) => layout::discriminant_width(cases.len()),
        Shape::Enum(names) => layout::discriminant_width(names.len()),
        Shape::Flags(names) => layout::flags_width(names.len()),
        _ => 0,
    }
}

fn of_bytes(ty: &Type) -> String {
    format!("{} in {} bytes", members(ty).len(), width(ty))
}
