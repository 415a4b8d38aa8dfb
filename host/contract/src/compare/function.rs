//! Comparing two functions of one name.

use super::change::ChangeKind;
use super::walk::{Flow, Place, Walk, shown};
use crate::path::Path;
use crate::{Function, Type};

impl Walk {
    /// Compares two functions of one name.
    pub(super) fn function(&mut self, before: &Function, after: &Function) {
        if before.is_async != after.is_async {
            let kind = |function: &Function| Some(if function.is_async { "async func" } else { "func" }.to_owned());
            let texts = (kind(before), kind(after));
            self.note_function(before, ChangeKind::Changed, false, texts, "the host stands between");
        }
        self.params(before, after);
        let place = Place { function: before, flow: Flow::Result, path: Path::root(Path::RESULT) };
        match (&before.result, &after.result) {
            (None, None) => {}
            (Some(first), Some(second)) => self.types(first, second, &place),
            (first, second) => {
                let shown = |ty: &Option<Type>| Some(ty.as_ref().map_or_else(|| "no result".to_owned(), shown));
                self.note_at(&place, ChangeKind::Changed, true, (shown(first), shown(second)), "another result");
            }
        }
    }
}
