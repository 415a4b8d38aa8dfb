//! The folder and its entries.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use patchbay_backends::power_loss::Recorder;
use patchbay_model::NoHazard;

use super::*;

fn open(folder: PathBuf, limit: u64) -> Result<Cache, String> {
    Cache::open(folder, limit, Arc::new(NoHazard))
}

fn engine() -> Engine {
    Engine::default()
}

#[test]
fn an_entry_is_whole_only_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path().join("cache"), 1 << 20).unwrap();
    let entry = cache.entry(&Digest::of(b"component"), &engine());
    assert_eq!(entry.check(), Found::Nothing);
    entry.write(b"code").unwrap();
    assert_eq!(entry.check(), Found::Whole);
    let spoil: [(&str, &dyn Fn()); 4] = [
        ("it is not what was written", &|| fs::write(entry.code(), b"cope").unwrap()),
        ("its digest cannot be read", &|| fs::remove_file(entry.code().with_extension("sha256")).unwrap()),
        ("it is not what was written", &|| fs::write(entry.code().with_extension("sha256"), b"").unwrap()),
        ("other users can write to it", &|| {
            fs::set_permissions(entry.code(), fs::Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    for (expected, spoil) in spoil {
        spoil();
        assert!(matches!(entry.check(), Found::Damaged(problem) if problem.contains(expected)), "{expected}");
        entry.write(b"code").unwrap();
        assert_eq!(entry.check(), Found::Whole);
    }
    entry.remove().unwrap();
    entry.remove().unwrap();
    assert_eq!(entry.check(), Found::Nothing);
}

#[test]
fn whatever_a_power_failure_leaves_only_what_was_written_is_loaded() {
    let home = tempfile::tempdir().unwrap();
    let recorder = Arc::<Recorder>::default();
    let cache = Cache::open(home.path().join("cache"), 1 << 20, recorder.clone()).unwrap();
    let codes = [&b"code"[..], b"other code"];
    let entry = cache.entry(&Digest::of(b"component"), &engine());
    for code in codes {
        entry.write(code).unwrap();
        recorder.mark();
    }
    entry.remove().unwrap();
    let (mut n_whole, mut n_damaged) = (0, 0);
    let n_outcomes = recorder.outcomes(home.path(), |found, _| {
        let cache = open(found.join("cache"), 1 << 20).unwrap();
        let entry = cache.entry(&Digest::of(b"component"), &engine());
        match entry.check() {
            Found::Nothing => {}
            Found::Whole => {
                assert!(codes.contains(&&fs::read(entry.code()).unwrap()[..]));
                n_whole += 1;
            }
            Found::Damaged(_) => n_damaged += 1,
        }
        // Whatever is there can be replaced.
        entry.write(b"new code").unwrap();
        assert_eq!(entry.check(), Found::Whole);
    });
    assert!(n_outcomes.unwrap() > 50 && n_whole > 5 && n_damaged > 5, "{n_whole} whole, {n_damaged} damaged");
}

#[test]
fn a_folder_of_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let private = folder.path().join("private");
    open(private.clone(), 1).unwrap();
    assert_eq!(fs::metadata(&private).unwrap().mode() & 0o777, 0o700);
    fs::set_permissions(&private, fs::Permissions::from_mode(0o770)).unwrap();
    let error = open(private, 1).unwrap_err();
    assert!(error.contains("can be written by other users; run `chmod 700"), "{error}");
    let error = open(PathBuf::from("/proc/nowhere/cache"), 1).unwrap_err();
    assert!(error.contains("cannot be made"), "{error}");
}

#[test]
fn the_least_recently_used_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path().to_owned(), 250).unwrap();
    let entries: Vec<_> = (0..4_u8).map(|number| cache.entry(&Digest::of(&[number]), &engine())).collect();
    for (age, entry) in [300, 100, 200, 400].into_iter().zip(&entries) {
        entry.write(&[0; 100]).unwrap();
        entry.touch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age)).unwrap();
    }
    cache.shrink(entries.last().unwrap()).unwrap();
    let found: Vec<_> = entries.iter().map(Entry::check).collect();
    assert_eq!(found, [Found::Nothing, Found::Whole, Found::Nothing, Found::Whole]);
}
