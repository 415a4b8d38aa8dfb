//! What acts are called: the same in every run, whatever digests and random names are in their paths.

use std::path::Path;

use patchbay_model::Act;

/// The name of an act; paths are told from the state directory `state`.
pub(super) fn of(act: Act<'_>, state: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let named = |verb: &str, path: &Path| {
        let path = absolute(path);
        format!("{verb} {}", shown(path.strip_prefix(absolute(state)).unwrap_or(&path)))
    };
    match act {
        Act::CreateFolder(path) => named("create-folder", path),
        Act::CreateFile(path) => named("create", path),
        Act::Write(path, _) => named("write", path),
        Act::Sync(path) => named("sync", path),
        Act::Rename(_, path) => named("rename", path),
        Act::SyncFolder(path) => named("sync-folder", path),
        Act::Remove(path) => named("remove", path),
        Act::Call(port) => format!("call {port}"),
        Act::Return(port) => format!("return {port}"),
    }
}

/// Whether the disk can be too full for an act.
pub(super) const fn needs_room(act: Act<'_>) -> bool {
    matches!(act, Act::CreateFolder(_) | Act::CreateFile(_) | Act::Write(..))
}

/// Whether an act is one on the disk.
pub(super) const fn is_of_disk(act: Act<'_>) -> bool {
    !matches!(act, Act::Call(_) | Act::Return(_))
}

/// A path without what differs from run to run: digests, and the names of unfinished files.
fn shown(path: &Path) -> String {
    const DIGITS: usize = 16;
    if path.as_os_str().is_empty() {
        return ".".to_owned();
    }
    let text = path.display().to_string();
    let text = text.find(".incoming-").map_or(text.as_str(), |at| text.get(..at + ".incoming".len()).unwrap_or(&text));
    let mut name = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let taken = digits.max(first.len_utf8());
        let (piece, behind) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        name.push_str(if digits >= DIGITS { "*" } else { piece });
        rest = behind;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_depend_on_the_run() {
        let state = Path::new("/x/state");
        let digest = "0123456789abcdef".repeat(4);
        let code = format!("/x/state/cache/{digest}-0123456789abcdef.cwasm");
        for (path, name) in [
            ("/x/state/registry.json", "remove registry.json"),
            ("/x/state", "remove ."),
            ("/x/state/components/.incoming-Xy12", "remove components/.incoming"),
            (&code, "remove cache/*-*.cwasm"),
            ("/elsewhere", "remove /elsewhere"),
        ] {
            assert_eq!(of(Act::Remove(Path::new(path)), state), name);
        }
        assert_eq!(of(Act::Call("registry.save"), state), "call registry.save");
    }
}
