//! A control group with a memory limit, of whichever version the machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A group of the test's own; dropping it removes it, which needs every process in it to have ended.
pub struct ControlGroup {
    dir: PathBuf,
    is_unified: bool,
}

impl ControlGroup {
    /// A group limited to `bytes`; `None` with the reason where this user may not make any.
    pub fn limited_to(bytes: u64) -> Result<ControlGroup, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mailbox-daemon-test-{}-{number}", std::process::id());
        let mount = Path::new("/sys/fs/cgroup");
        let is_unified = !mount.join("memory").is_dir();
        let dir = if is_unified { mount.join(name) } else { mount.join("memory").join(name) };
        fs::create_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let group = ControlGroup { dir, is_unified };
        let limit = if is_unified { "memory.max" } else { "memory.limit_in_bytes" };
        group.write(limit, &bytes.to_string())?;
        if is_unified {
            // Swapped out is not saved: the board has no swap.
            let _ = group.write("memory.swap.max", "0");
        }
        Ok(group)
    }

    /// A program and its arguments that starts what follows them inside the group.
    pub fn entrance(&self) -> Vec<String> {
        let enter = format!("echo $$ > {} && exec \"$@\"", self.dir.join("cgroup.procs").display());
        ["sh", "-c", &enter, "sh"].map(str::to_owned).to_vec()
    }

    /// How often the kernel ended a process for want of memory.
    pub fn killings(&self) -> u64 {
        let file = if self.is_unified { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.dir.join(file)).expect("the group is there");
        let row = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        row.and_then(|count| count.parse().ok()).expect("the kernel counts what it kills")
    }

    /// Most bytes the group ever used, page cache included.
    pub fn peak_bytes(&self) -> u64 {
        let file = if self.is_unified { "memory.peak" } else { "memory.max_usage_in_bytes" };
        fs::read_to_string(self.dir.join(file)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        let path = self.dir.join(file);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Processes of a test that failed, and the last one of any test, may still be on their way out.
        for _ in 0..1000 {
            if fs::remove_dir(&self.dir).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        eprintln!("{} is left over", self.dir.display());
    }
}
