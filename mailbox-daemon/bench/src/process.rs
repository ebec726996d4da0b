//! The processes of one server: started together, measured together, stopped together.
//!
//! Where the system lets us, they live in a control group of their own: it knows every process however it was
//! forked, and its CPU time in microseconds, those that ended included. Elsewhere `/proc` has to do.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fault::{Doing, Fault, Outcome};
use crate::leftovers::{self, Guard, Leftover};

/// Clock ticks per second of `/proc/PID/stat`, the same on every Linux.
const TICKS_PER_S: u64 = 100;

/// How long a server may take to stop politely.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// The processes of one server.
#[derive(Debug)]
pub struct Tree {
    roots: Vec<Root>,
    group: Option<(PathBuf, Guard)>,
}

/// A process that the bench started itself.
#[derive(Debug)]
struct Root {
    child: Child,
    log: PathBuf,
    guard: Guard,
}

/// Memory of all processes together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Proportional set size in KiB.
    pub pss_kib: u64,
    /// The anonymous part of it in KiB.
    pub anonymous_kib: u64,
    /// Number of processes.
    pub processes: u64,
}

impl Tree {
    /// No process yet.
    pub fn new(name: &str) -> Tree {
        Tree { roots: Vec::new(), group: new_group(name) }
    }

    /// Starts a command inside the tree; what it prints is added to the log file.
    pub fn spawn(&mut self, command: Command, log: &Path) -> Outcome<()> {
        let mut command = match &self.group {
            Some((path, _)) => inside_group(path, &command),
            None => command,
        };
        let output = fs::OpenOptions::new().create(true).append(true).open(log).doing("opening a log")?;
        command.stdin(Stdio::null()).stderr(output.try_clone().doing("opening a log")?).stdout(output);
        let child = leftovers::spawn_hearing(&mut command)
            .doing(format!("starting {}", command.get_program().display()))?;
        let guard = leftovers::register(Leftover::Process(child.id()));
        self.roots.push(Root { child, log: log.to_owned(), guard });
        Ok(())
    }

    /// Fails when one of the commands given to [`Tree::spawn`] has ended.
    pub fn check_alive(&mut self) -> Outcome<()> {
        for root in &mut self.roots {
            if let Some(status) = root.child.try_wait().doing("looking after a server")? {
                let log = fs::read_to_string(&root.log).unwrap_or_default();
                return Err(Fault::Setup(format!(
                    "a server ended by itself ({status}): {}",
                    last_lines(&log)
                )));
            }
        }
        Ok(())
    }

    /// Every process alive.
    pub fn pids(&self) -> Vec<u32> {
        match &self.group {
            Some((path, _)) => fs::read_to_string(path.join("cgroup.procs"))
                .unwrap_or_default()
                .lines()
                .filter_map(|line| line.parse().ok())
                .collect(),
            None => descendants(&self.roots.iter().map(|root| root.child.id()).collect::<Vec<_>>()),
        }
    }

    /// CPU time used so far, user and system, by all processes that live or lived in the tree.
    pub fn cpu(&self) -> Duration {
        match &self.group {
            Some((path, _)) => group_cpu(path),
            None => self.pids().into_iter().map(process_cpu).sum(),
        }
    }

    /// Memory of all processes now.
    pub fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for pid in self.pids() {
            let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else {
                continue; // ended meanwhile
            };
            memory.pss_kib += rollup_kib(&rollup, "Pss:");
            memory.anonymous_kib += rollup_kib(&rollup, "Pss_Anon:");
            memory.processes += 1;
        }
        memory
    }

    /// Asks all to end, waits, and kills what is left.
    pub fn stop(mut self) -> Outcome<()> {
        for root in &self.roots {
            let _ = kill(Pid::from_raw(root.child.id() as i32), Signal::SIGTERM);
        }
        let deadline = Instant::now() + STOP_LIMIT;
        for Root { mut child, guard, .. } in self.roots.drain(..) {
            while child.try_wait().doing("waiting for a server to stop")?.is_none() {
                if Instant::now() > deadline {
                    child.kill().doing("killing a server that does not stop")?;
                }
                thread::sleep(Duration::from_millis(5));
            }
            guard.forget();
        }
        Ok(())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for Root { mut child, guard, .. } in self.roots.drain(..) {
            drop(guard);
            let _ = child.wait();
        }
    }
}

/// These processes and all their descendants, from `/proc`.
pub fn descendants(roots: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = stat_fields(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found: Vec<u32> =
        roots.iter().copied().filter(|pid| Path::new(&format!("/proc/{pid}")).exists()).collect();
    let mut next = 0;
    while next < found.len() {
        found.extend(children.remove(&found[next]).unwrap_or_default());
        next += 1;
    }
    found
}

fn new_group(name: &str) -> Option<(PathBuf, Guard)> {
    let top = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .map(Path::new)
        .into_iter()
        .find(|top| top.join("cgroup.controllers").exists())?;
    let path = top.join(format!("mailbox-bench-{}-{name}", std::process::id()));
    fs::create_dir(&path).ok()?;
    let guard = leftovers::register(Leftover::Group(path.clone()));
    let usable = path.join("cpu.stat").exists()
        && fs::OpenOptions::new().write(true).open(path.join("cgroup.procs")).is_ok();
    usable.then_some((path, guard))
}

// A shell enters the group and becomes the command: so not even its first page is loaded outside.
fn inside_group(group: &Path, command: &Command) -> Command {
    let mut inside = Command::new("/bin/sh");
    inside.args(["-c", "echo $$ >\"$0\" && exec \"$@\""]).arg(group.join("cgroup.procs"));
    inside.arg(command.get_program()).args(command.get_args());
    inside
}

fn group_cpu(group: &Path) -> Duration {
    let stat = fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
    let usage_us = stat.lines().find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok());
    Duration::from_micros(usage_us.unwrap_or(0))
}

/// Own time and that of children that were waited for.
fn process_cpu(pid: u32) -> Duration {
    let fields = stat_fields(pid).unwrap_or_default();
    let ticks: u64 = (11..15).filter_map(|at| fields.get(at)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_S)
}

/// The fields of `/proc/PID/stat` after the command's name, which may hold spaces itself: state, parent, ...
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

fn rollup_kib(rollup: &str, field: &str) -> u64 {
    rollup
        .lines()
        .find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_sees_its_grandchildren_and_ends_them() {
        let mut tree = Tree::new("test");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 100 & sleep 100 & wait"]);
        tree.spawn(command, Path::new("/dev/null")).unwrap();
        while tree.pids().len() < 3 {
            thread::yield_now();
        }
        assert!(tree.memory().pss_kib > 0);
        let pids = tree.pids();
        drop(tree);
        assert!(pids.iter().all(|pid| stat_fields(*pid).is_none_or(|fields| fields[0] == "Z")));
    }

    #[test]
    fn rollup_fields_are_kib() {
        let rollup = "Rss:     2000 kB\nPss:        1234 kB\nPss_Anon:   17 kB\n";
        assert_eq!(rollup_kib(rollup, "Pss:"), 1234);
        assert_eq!(rollup_kib(rollup, "Pss_Anon:"), 17);
    }
}
