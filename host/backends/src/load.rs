//! What this process takes of the machine, as Linux tells: `/proc`, and the files of cgroup v2. On other systems nothing
//! is told, and memory is no reason to refuse calls there.

use std::fs;
use std::path::{Path, PathBuf};

use patchbay_model::ports::HostLoad;

/// Of the memory of the machine, where nobody says that it may have less.
const SHARE_OF_MACHINE: u64 = 90;

/// The load of this process.
#[derive(Debug, Clone)]
pub struct SystemLoad {
    root: PathBuf,
}

impl Default for SystemLoad {
    fn default() -> Self {
        Self { root: PathBuf::from("/") }
    }
}

impl SystemLoad {
    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    /// The smallest limit of the groups that the process is in; all of them hold.
    fn limit_of_groups(&self) -> Option<u64> {
        // The line of the unified hierarchy: `0::/path`.
        let groups = self.read("proc/self/cgroup")?;
        let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let limit = |group: &Path| {
            let file = Path::new("sys/fs/cgroup").join(group).join("memory.max");
            // `max` is no number, and no limit.
            self.read(file.to_str()?)?.trim().parse::<u64>().ok()
        };
        Path::new(group).ancestors().filter_map(limit).min()
    }

    fn memory_of_machine(&self) -> Option<u64> {
        kilobytes(&self.read("proc/meminfo")?, "MemTotal:")
    }
}

impl HostLoad for SystemLoad {
    /// Anonymous memory: what is mapped from files, such as machine code, can be dropped by the system when it needs room.
    fn memory(&self) -> Option<u64> {
        kilobytes(&self.read("proc/self/status")?, "RssAnon:")
    }

    fn memory_limit(&self) -> Option<u64> {
        let of_machine = self.memory_of_machine().map(|bytes| bytes / 100 * SHARE_OF_MACHINE);
        self.limit_of_groups().into_iter().chain(of_machine).min()
    }
}

/// The number in the line that begins with `name`, such as `MemTotal:  16384 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with these files.
    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, SystemLoad) {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let load = SystemLoad { root: root.path().to_owned() };
        (root, load)
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        1000 kB\nMemFree:          10 kB\n");
    const GROUP: (&str, &str) = ("proc/self/cgroup", "1:name=systemd:/x\n0::/system.slice/patchbay.service\n");

    #[test]
    fn the_smallest_limit_holds() {
        let of_machine = 1000 * 1024 / 100 * 90;
        let own = "sys/fs/cgroup/system.slice/patchbay.service/memory.max";
        let slice = "sys/fs/cgroup/system.slice/memory.max";
        for (files, limit) in [
            (vec![], None),
            (vec![MEMINFO], Some(of_machine)),
            (vec![MEMINFO, GROUP], Some(of_machine)),
            (vec![MEMINFO, GROUP, (own, "max\n")], Some(of_machine)),
            (vec![MEMINFO, GROUP, (own, "4096\n")], Some(4096)),
            (vec![MEMINFO, GROUP, (own, "max\n"), (slice, "8192\n")], Some(8192)),
            (vec![MEMINFO, GROUP, (own, "4096\n"), (slice, "8192\n")], Some(4096)),
            (vec![MEMINFO, GROUP, (own, "9999999999\n")], Some(of_machine)),
            (vec![GROUP, (own, "4096\n")], Some(4096)),
            (vec![("proc/meminfo", "MemTotal: many kB\n")], None),
            (vec![("proc/meminfo", "MemTotal: 99999999999999999999 kB\n")], None),
            (vec![("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "77\n")], Some(77)),
        ] {
            let (_root, load) = machine(&files);
            assert_eq!(load.memory_limit(), limit, "{files:?}");
        }
    }

    #[test]
    fn what_the_process_has_is_what_it_cannot_give_back() {
        let (_root, load) = machine(&[("proc/self/status", "VmRSS:\t  5000 kB\nRssAnon:\t  3000 kB\n")]);
        assert_eq!(load.memory(), Some(3000 * 1024));
        assert_eq!(machine(&[]).1.memory(), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_may_have_more() {
        let load = SystemLoad::default();
        let (used, limit) = (load.memory().unwrap(), load.memory_limit().unwrap());
        assert!(used > 100 << 10 && used < limit, "{used} of {limit}");
    }
}
