//! Memory as the kernel counts it for this process: control groups of version 2, or of version 1 where that is what there is.

use std::fs;
use std::path::{Path, PathBuf};

const PROCESS_GROUPS: &str = "/proc/self/cgroup";
const MOUNT: &str = "/sys/fs/cgroup";
/// "No limit" in version 1 is a number near the end of 64 bits; no board has this much memory.
const LIMIT_BYTES_MAX: u64 = 1 << 50;

/// The narrowest limit this process lives under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ControlGroup {
    /// The limit, in bytes.
    pub(super) limit_bytes: u64,
    /// Bytes in use that only ending something gives back.
    pub(super) used_bytes: u64,
    /// Microseconds in which all work waited for memory since the group was made; version 1 does not tell.
    pub(super) stalled_us: u64,
}

/// What the files of a version are called.
struct Names {
    limit: &'static str,
    used: Used,
}

/// How to tell what only ending something gives back: neither page cache nor what the kernel remembers of files.
enum Used {
    /// The file with all of it, without these rows of `memory.stat`.
    AllBut(&'static str, [&'static str; 3]),
    /// These rows of `memory.stat` together.
    Rows([&'static str; 2]),
}

const VERSION_1: Names =
    Names { limit: "memory.limit_in_bytes", used: Used::Rows(["total_rss", "total_shmem"]) };
const VERSION_2: Names = Names {
    limit: "memory.max",
    used: Used::AllBut("memory.current", ["active_file", "inactive_file", "slab_reclaimable"]),
};

impl ControlGroup {
    /// The group with the smallest limit on the way up from this process's own; `None` where nothing limits it.
    pub(super) fn narrowest() -> Option<ControlGroup> {
        let groups = fs::read_to_string(PROCESS_GROUPS).ok()?;
        let (mount, path, names) = place(&groups)?;
        let own = mount.join(path.trim_start_matches('/'));
        // Inside a container the path may be the host's, and the mount itself is our group.
        let own = if own.is_dir() { own } else { mount.clone() };
        let limited = own.ancestors().take_while(|dir| dir.starts_with(&mount)).filter_map(|dir| {
            let limit = number(&dir.join(names.limit)).filter(|bytes| *bytes < LIMIT_BYTES_MAX)?;
            Some((limit, dir))
        });
        let (limit_bytes, dir) = limited.min()?;
        let stat = fs::read_to_string(dir.join("memory.stat")).ok()?;
        let sum = |rows: &[&str]| rows.iter().filter_map(|name| row(&stat, name)).sum::<u64>();
        let used_bytes = match &names.used {
            Used::AllBut(all, rows) => number(&dir.join(all))?.saturating_sub(sum(rows)),
            Used::Rows(rows) => sum(rows),
        };
        let stalls = fs::read_to_string(dir.join("memory.pressure")).unwrap_or_default();
        Some(ControlGroup { limit_bytes, used_bytes, stalled_us: stalled_us(&stalls).unwrap_or(0) })
    }
}

/// Where the group that counts memory lies: version 1 where the memory controller is there, else version 2.
fn place(groups: &str) -> Option<(PathBuf, &str, &'static Names)> {
    let fields = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let mut unified = None;
    for (_, controllers, path) in fields {
        if controllers.split(',').any(|name| name == "memory") {
            return Some((Path::new(MOUNT).join("memory"), path, &VERSION_1));
        }
        if controllers.is_empty() {
            unified = Some((PathBuf::from(MOUNT), path, &VERSION_2));
        }
    }
    unified
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number behind a name in `memory.stat`.
fn row(stat: &str, name: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The total of the `full` line of a PSI file.
fn stalled_us(pressure: &str) -> Option<u64> {
    let full = pressure.lines().find(|line| line.starts_with("full "))?;
    full.split(' ').find_map(|field| field.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_in_both_versions() {
        let found = |groups| place(groups).map(|(mount, path, names)| (mount, path, names.limit));
        let one = "9:name=systemd:/\n4:cpu,memory:/mail.service\n0::/unused\n";
        assert_eq!(
            found(one),
            Some((PathBuf::from("/sys/fs/cgroup/memory"), "/mail.service", "memory.limit_in_bytes"))
        );
        let two = "0::/system.slice/mail.service\n";
        let expected = (PathBuf::from("/sys/fs/cgroup"), "/system.slice/mail.service", "memory.max");
        assert_eq!(found(two), Some(expected));
        assert_eq!(found("garbage\n"), None);
    }

    #[test]
    fn rows_and_stalls_are_read() {
        let stat = "anon 4096\nactive_file 8192\nactive_file_more 1\n";
        assert_eq!((row(stat, "active_file"), row(stat, "file")), (Some(8192), None));
        let pressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\n\
                        full avg10=0.00 avg60=0.00 avg300=0.00 total=55\n";
        assert_eq!(stalled_us(pressure), Some(55));
    }
}
