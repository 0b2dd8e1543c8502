//! How much memory this process may use, as far as the system tells: the machine's, its control groups' (both
//! versions, and every group on the way up) and its own limits. The least of them counts.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Bytes that may be used unasked where the system tells nothing.
const UNKNOWN: u64 = 4 << 30;
/// From here on a limit is none: the first version writes the largest number of pages.
const NO_LIMIT: u64 = 1 << 60;

/// Half of what this process may use.
pub(crate) fn default_memory() -> u64 {
    let tree = usable(Path::new("/")).unwrap_or(UNKNOWN);
    (tree.min(own_limit()) / 2).max(1 << 20)
}

/// Bytes that a process may still use, from the files of a system whose root is `root`; `None` where they tell nothing.
fn usable(root: &Path) -> Option<u64> {
    let machine = available(&fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default());
    groups(root).into_iter().filter_map(|group| left(&group)).chain(machine).min()
}

/// `MemAvailable` of /proc/meminfo.
fn available(text: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The folders of the process's memory control groups, each with those above it.
fn groups(root: &Path) -> Vec<PathBuf> {
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let unified = controllers.is_empty();
        if !unified && !controllers.split(',').any(|name| name == "memory") {
            continue;
        }
        for (above, point) in mounts.lines().filter_map(|line| mount(line, unified)) {
            // In a container the mount may show a part of the tree only, and the name of the group all of it.
            let below = Path::new(group).strip_prefix(&above).unwrap_or(Path::new(""));
            let mut at = root.join(point.strip_prefix("/").unwrap_or(&point));
            groups.push(at.clone());
            for name in below.components().filter(|name| matches!(name, Component::Normal(_))) {
                at.push(name);
                groups.push(at.clone());
            }
        }
    }
    groups
}

/// The group that is mounted and where, if a line of /proc/self/mountinfo is of a tree of memory groups.
fn mount(line: &str, unified: bool) -> Option<(PathBuf, PathBuf)> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let is_tree = match (kind.next()?, unified) {
        ("cgroup2", true) => true,
        ("cgroup", false) => kind.nth(1)?.split(',').any(|name| name == "memory"),
        _ => false,
    };
    let mut fields = mount.split(' ').skip(3);
    let (above, point) = (fields.next()?, fields.next()?);
    is_tree.then(|| (PathBuf::from(unescaped(above)), PathBuf::from(unescaped(point))))
}

/// A name in /proc/self/mountinfo, where spaces are written as octal numbers.
fn unescaped(name: &str) -> String {
    name.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

/// What a group's limit leaves beside what its processes use; files that are cached do not count as used, since they
/// make room.
fn left(group: &Path) -> Option<u64> {
    let number = |name: &str| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
    let (limit, used) = match number("memory.max") {
        Some(limit) => (limit, number("memory.current")),
        None => (number("memory.limit_in_bytes")?, number("memory.usage_in_bytes")),
    };
    let limit = number("memory.high").map_or(limit, |high| high.min(limit));
    if limit >= NO_LIMIT {
        return None;
    }
    let cached = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let field = |name: &str| {
        let line = cached.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse::<u64>().ok()
    };
    let cached = field("total_inactive_file").or_else(|| field("inactive_file")).unwrap_or(0);
    Some(limit.saturating_sub(used.unwrap_or(0).saturating_sub(cached)))
}

/// The process's own limits of address space and data.
#[cfg(unix)]
fn own_limit() -> u64 {
    use rustix::process::{Resource, getrlimit};
    let limits = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    limits.into_iter().flatten().min().unwrap_or(u64::MAX)
}

#[cfg(not(unix))]
fn own_limit() -> u64 {
    u64::MAX
}

/// The most bytes that this process had in memory so far, where the system tells.
pub(super) fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       24000000 kB\nMemFree: 1 kB\nMemAvailable:   16777216 kB\n";
    const GIB: u64 = 1 << 30;

    /// A system's files.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_machine_without_groups_tells_what_is_available() {
        let root = system(&[("proc/meminfo", MEMINFO)]);
        assert_eq!(usable(root.path()), Some(16 * GIB));
        assert_eq!(usable(system(&[]).path()), None);
    }

    #[test]
    fn the_smallest_group_on_the_way_up_counts() {
        let own = "0::/work.slice/job/step\n";
        let mounts = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", own),
            ("proc/self/mountinfo", mounts),
            ("sys/fs/cgroup/work.slice/memory.max", "4294967296\n"),
            ("sys/fs/cgroup/work.slice/memory.current", "2147483648\n"),
            ("sys/fs/cgroup/work.slice/memory.stat", "anon 1\nfile 1610612736\ninactive_file 1073741824\n"),
            ("sys/fs/cgroup/work.slice/job/memory.max", "max\n"),
            ("sys/fs/cgroup/work.slice/job/step/memory.max", "8589934592\n"),
            ("sys/fs/cgroup/work.slice/job/step/memory.current", "1073741824\n"),
        ];
        assert_eq!(usable(system(&files).path()), Some(3 * GIB), "4 GiB, of which 1 GiB is used for good");
        assert_eq!(usable(system(&files[..3]).path()), Some(16 * GIB));
    }

    #[test]
    fn groups_of_the_first_version_count_too() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "5:cpu,cpuacct:/other\n4:memory:/docker/abc\n0::/\n"),
            // A container sees its own group as the top.
            ("proc/self/mountinfo", "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "268435456\n"),
        ];
        assert_eq!(usable(system(&files).path()), Some(GIB / 4 * 3));
        let mut unlimited = files;
        unlimited[3].1 = "9223372036854771712\n";
        assert_eq!(usable(system(&unlimited).path()), Some(16 * GIB));
    }

    #[test]
    fn what_is_used_up_leaves_nothing() {
        let files = [
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", "30 24 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n"),
            ("my groups/memory.max", "1000\n"),
            ("my groups/memory.current", "2000\n"),
        ];
        assert_eq!(usable(system(&files).path()), Some(0));
    }
}
