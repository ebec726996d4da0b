//! Black-box benchmark: starts the release daemon and, where Debian's Postfix and Dovecot are installed, private
//! instances of those, gives both the same work in the same run, and prints what each needed and which targets are met.
//!
//! It speaks SMTP and IMAP from outside, reads CPU and memory from the kernel and counts syncs with `strace`; nothing in
//! the daemon knows of it. Both run on a real disk, one after the other, each work on a fresh instance.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod checks;
mod fault;
mod figures;
mod imap;
mod leftovers;
mod maildir;
mod message;
mod meter;
mod options;
mod ours;
mod peers;
mod process;
mod report;
mod servers;
mod sink;
mod smtp;
mod syscalls;
mod targets;
mod wire;
mod work;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use fault::{Doing, Fault, Outcome};
use options::Options;
use report::Report;
use servers::{Kind, Site};
use work::{Scale, Work};

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(None) => {
            println!("{}\nWorks:", options::HELP);
            for work in work::ALL {
                println!("    {:<10} {}", work.name, work.about);
            }
            ExitCode::SUCCESS
        }
        Ok(Some(options)) => bench(&options).unwrap_or_else(complain),
        Err(fault) => complain(fault),
    }
}

fn complain(fault: Fault) -> ExitCode {
    eprintln!("bench: {fault}");
    ExitCode::FAILURE
}

/// Fails when a work could not be done; a missed target is a result like any other.
fn bench(options: &Options) -> Outcome<ExitCode> {
    leftovers::undo_on_interrupt().doing("blocking signals")?;
    raise_open_files()?;
    check_disk(&options.dir)?;
    let kinds = kinds(options)?;
    let sink = sink::start()?;
    let mut report = Report::default();
    let mut code = ExitCode::SUCCESS;
    for work in work::ALL.iter().filter(|work| options.wants(work.name)) {
        for kind in &kinds {
            if let Err(fault) = one(work, kind, options, sink, &mut report) {
                eprintln!("bench: {} with {}: {fault}", work.name, kind.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    println!("{}", report.table());
    let path = report.write_json(Path::new("bench-results"), options.quick)?;
    println!("written to {}", path.display());
    Ok(code)
}

fn one(work: &Work, kind: &Kind, options: &Options, sink: SocketAddr, report: &mut Report) -> Outcome<()> {
    let start = Instant::now();
    let site = Site::new(kind, &options.dir, sink)?;
    let figures = match kind {
        Kind::Ours(_) => &mut report.ours,
        Kind::Peers(_) => &mut report.peers,
    };
    (work.run)(&site, Scale { quick: options.quick }, figures)?;
    eprintln!("{:<10} {:<16} done in {:.1} s", work.name, kind.name(), start.elapsed().as_secs_f64());
    Ok(())
}

fn kinds(options: &Options) -> Outcome<Vec<Kind>> {
    let mut kinds = Vec::new();
    if options.ours {
        kinds.push(Kind::Ours(ours::Daemon::find(&options.daemon)?));
    }
    if options.peers {
        match peers::Programs::find() {
            Ok(programs) => kinds.push(Kind::Peers(programs)),
            Err(fault) => eprintln!("bench: without Postfix and Dovecot: {fault}"),
        }
    }
    Ok(kinds)
}

/// 500 sessions on our side, and as many for a daemon that inherits the limit.
fn raise_open_files() -> Outcome<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).doing("asking for the limit of open files")?;
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard).doing("raising the limit of open files")
}

/// In memory every sync is free, and the figures would mean nothing.
fn check_disk(folder: &Path) -> Outcome<()> {
    let file_system = statfs(folder).doing(format!("looking at {}", folder.display()))?;
    if file_system.filesystem_type() == TMPFS_MAGIC {
        let folder = folder.display();
        return Err(Fault::Setup(format!("{folder} lies in memory; name a folder on a disk with --dir")));
    }
    Ok(())
}
