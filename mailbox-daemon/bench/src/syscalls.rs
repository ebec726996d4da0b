//! Syncs and file writes of a server, counted by `strace` in a pass of its own (it slows everything down).

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fault::{Doing, Fault, Outcome};
use crate::leftovers::{self, Leftover};
use crate::process::Tree;

const SYNCS: [&str; 6] = ["fsync", "fdatasync", "syncfs", "sync_file_range", "sync", "msync"];
const WRITES: [&str; 8] =
    ["write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice"];
const ATTACH_LIMIT: Duration = Duration::from_secs(20);

/// What a server asked of the file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that force data to the device.
    pub syncs: u64,
    /// Bytes written to files (not to sockets, pipes or devices).
    pub file_bytes: u64,
    /// Calls that wrote them.
    pub file_writes: u64,
}

/// Does the work under `strace`. `None` where there is no `strace`, or the system does not let it look.
pub fn count<T>(tree: &Tree, folder: &Path, work: impl FnOnce() -> T) -> Outcome<(T, Option<Counts>)> {
    let trace = folder.join("strace.out");
    let Some(mut strace) = attach(&tree.pids(), &trace)? else {
        return Ok((work(), None));
    };
    let guard = leftovers::register(Leftover::Process(strace.id()));
    let result = work();
    kill(Pid::from_raw(strace.id() as i32), Signal::SIGINT).doing("detaching strace")?;
    strace.wait().doing("waiting for strace")?;
    guard.forget();
    let counts = read(&trace)?;
    fs::remove_file(&trace).doing("removing the trace")?;
    Ok((result, Some(counts)))
}

fn attach(pids: &[u32], trace: &Path) -> Outcome<Option<Child>> {
    let notes = trace.with_extension("err");
    let calls = SYNCS.iter().chain(&WRITES).copied().collect::<Vec<_>>().join(",");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "0", "-e", "signal=none", "-e", &format!("trace={calls}"), "-o"]);
    command.arg(trace).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(File::create(&notes).doing("opening strace's notes")?);
    for pid in pids {
        command.args(["-p", &pid.to_string()]);
    }
    let Ok(mut strace) = leftovers::spawn_hearing(&mut command) else {
        return Ok(None);
    };
    let deadline = Instant::now() + ATTACH_LIMIT;
    loop {
        let noted = fs::read_to_string(&notes).unwrap_or_default();
        let attached = |pid: &u32| noted.contains(&format!("Process {pid} attached")) || gone(*pid);
        if pids.iter().all(attached) {
            return Ok(Some(strace));
        }
        if strace.try_wait().doing("looking after strace")?.is_some() {
            return Ok(None);
        }
        if Instant::now() > deadline {
            let _ = strace.kill();
            return Err(Fault::Late { what: "strace attaching".into(), limit: ATTACH_LIMIT });
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

fn read(trace: &Path) -> Outcome<Counts> {
    let mut counts = Counts::default();
    let mut unfinished = HashMap::new();
    let lines = BufReader::new(File::open(trace).doing("opening the trace")?).lines();
    for line in lines {
        count_line(&line.doing("reading the trace")?, &mut unfinished, &mut counts);
    }
    Ok(counts)
}

/// One line is `PID call(FD</path>, ...) = result`, or its two halves when another process came between.
fn count_line(line: &str, unfinished: &mut HashMap<String, String>, counts: &mut Counts) {
    let Some((pid, rest)) = line.split_once(char::is_whitespace) else { return };
    let rest = rest.trim_start();
    if let Some(start) = rest.strip_suffix("<unfinished ...>") {
        unfinished.insert(pid.to_owned(), start.to_owned());
    } else if rest.starts_with("<... ") {
        if let Some(start) = unfinished.remove(pid) {
            count_call(&start, rest, counts);
        }
    } else {
        count_call(rest, rest, counts);
    }
}

fn count_call(start: &str, end: &str, counts: &mut Counts) {
    let Some((call, arguments)) = start.split_once('(') else { return };
    let result =
        end.rsplit_once(" = ").and_then(|(_, result)| result.split_whitespace().next()?.parse::<i64>().ok());
    if SYNCS.contains(&call) {
        counts.syncs += 1;
    } else if let Some(bytes) = result.filter(|bytes| *bytes > 0)
        && is_file(written_to(call, arguments))
    {
        counts.file_writes += 1;
        counts.file_bytes += bytes as u64;
    }
}

/// The argument that names the descriptor written to.
fn written_to<'a>(call: &str, arguments: &'a str) -> &'a str {
    let at = match call {
        "copy_file_range" | "splice" => 2,
        _ => 0,
    };
    arguments.split(", ").nth(at).unwrap_or_default()
}

/// `-y` shows `FD<path>`; sockets, pipes and the like have a name without a slash in front.
fn is_file(descriptor: &str) -> bool {
    let path = descriptor.split_once('<').map_or("", |(_, path)| path);
    path.starts_with('/') && !["/dev/", "/proc/", "/sys/"].iter().any(|other| path.starts_with(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(trace: &str) -> Counts {
        let mut counts = Counts::default();
        let mut unfinished = HashMap::new();
        for line in trace.lines() {
            count_line(line, &mut unfinished, &mut counts);
        }
        counts
    }

    #[test]
    fn files_count_and_sockets_do_not() {
        let counts = counted(
            "10 write(5</var/tmp/a>, \"\"..., 100) = 100\n\
             10 write(6<socket:[77]>, \"\"..., 50) = 50\n\
             10 write(2</dev/null>, \"\"..., 9) = 9\n\
             10 pwritev2(7</var/tmp/#12 (deleted)>, [{iov_base=\"\"..., iov_len=8}], 1, 0, 0) = 8\n\
             10 write(5</var/tmp/a>, \"\"..., 100) = -1 ENOSPC (No space left on device)\n\
             10 copy_file_range(5</a>, NULL, 6</b>, NULL, 40, 0) = 40\n",
        );
        assert_eq!(counts, Counts { syncs: 0, file_bytes: 148, file_writes: 3 });
    }

    #[test]
    fn calls_in_two_halves_count_once() {
        let counts = counted(
            "10 fsync(5</a> <unfinished ...>\n\
             11 write(6</b>, \"\"..., 7 <unfinished ...>\n\
             10 <... fsync resumed>) = 0\n\
             11 <... write resumed>) = 7\n\
             12 syncfs(8</>) = 0\n",
        );
        assert_eq!(counts, Counts { syncs: 2, file_bytes: 7, file_writes: 1 });
    }
}
