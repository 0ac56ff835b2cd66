//! The memory of our cgroup, as the kernel shows it (versions 2 and 1).

use std::fs;
use std::path::{Path, PathBuf};

/// A cgroup with a limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cgroup {
    folder: PathBuf,
    files: &'static Files,
}

#[derive(Debug, PartialEq, Eq)]
struct Files {
    used: &'static str,
    limit: &'static str,
}

static V2: Files = Files { used: "memory.current", limit: "memory.max" };
static V1: Files = Files { used: "memory.usage_in_bytes", limit: "memory.limit_in_bytes" };

/// Version 1 writes a limit near 2^63 where there is none.
const NO_LIMIT: u64 = 1 << 62;

impl Cgroup {
    /// Our own, if memory is limited there.
    pub(super) fn own() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::find(&groups, Path::new("/sys/fs/cgroup"))
    }

    /// `groups` has lines `number:controllers:path`. A container may see its own group as the root.
    fn find(groups: &str, root: &Path) -> Option<Self> {
        groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            let (root, files) = match controllers {
                "" => (root.to_path_buf(), &V2),
                list if list.split(',').any(|one| one == "memory") => (root.join("memory"), &V1),
                _ => return None,
            };
            let own = root.join(path.trim_start_matches('/'));
            let folders = [own, root].into_iter();
            folders.map(|folder| Self { folder, files }).find(|group| group.limit().is_some())
        })
    }

    fn limit(&self) -> Option<u64> {
        number(&self.folder.join(self.files.limit)).filter(|limit| (1..NO_LIMIT).contains(limit))
    }

    /// How much of the limit is used and cannot be reclaimed at once, in percent.
    pub(super) fn used_percent(&self) -> Option<u64> {
        let used = number(&self.folder.join(self.files.used))?;
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        // Pages of files are given back before anybody is killed.
        let cached = |line: &str| {
            let (name, number) = line.split_once(' ')?;
            let file = matches!(name, "inactive_file" | "active_file");
            number.parse::<u64>().ok().filter(|_| file)
        };
        let cache: u64 = stat.lines().filter_map(cached).sum();
        Some(used.saturating_sub(cache).saturating_mul(100) / self.limit()?)
    }
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Cgroup;

    #[test]
    fn the_limit_of_either_version_is_found_and_no_limit_is_none() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let used =
            |groups: &str| Cgroup::find(groups, root.path()).and_then(|group| group.used_percent());
        write("pods/one/memory.max", "1000\n");
        write("pods/one/memory.current", "900\n");
        write("pods/one/memory.stat", "anon 1\ninactive_file 60\nactive_file 40\n");
        write("pods/two/memory.max", "max\n");
        write("pods/two/memory.current", "900\n");
        write("memory/old/memory.limit_in_bytes", "200\n");
        write("memory/old/memory.usage_in_bytes", "100\n");
        write("memory/free/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(used("0::/pods/one\n"), Some(80));
        assert_eq!(used("0::/pods/two\n"), None);
        assert_eq!(used("0::/elsewhere\n"), None);
        assert_eq!(used("3:cpu:/x\n4:hugetlb,memory:/old\n"), Some(50));
        assert_eq!(used("4:memory:/free\n"), None);
        write("memory.max", "500\n");
        write("memory.current", "50\n");
        assert_eq!(used("0::/host/path/that/is/not/seen\n"), Some(10));
    }
}
