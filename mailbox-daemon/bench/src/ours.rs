//! The daemon of this repository, started as `mailbox-daemon demo`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::{Doing, Fault, Outcome};
use crate::maildir::{self, Form};
use crate::process::Tree;
use crate::servers::{ANA, Doors, FAST_DOMAIN, PASSWORD, SLOW_DOMAIN, Server, Setup};
use crate::smtp::Submission;

const START_LIMIT: Duration = Duration::from_mins(1);
/// Listeners of the demo box, as offsets to its port base.
const OFFSETS: [u16; 8] = [25, 80, 143, 190, 443, 465, 587, 993];

/// The daemon's binary.
#[derive(Debug)]
pub struct Daemon {
    program: PathBuf,
}

impl Daemon {
    /// The binary must be there.
    pub fn find(program: &Path) -> Outcome<Daemon> {
        if program.is_file() {
            Ok(Daemon { program: program.to_owned() })
        } else {
            Err(Fault::Setup(format!(
                "no daemon at {}; build it or name it with --daemon",
                program.display()
            )))
        }
    }

    /// The binary.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Starts a demo box and waits for its `demo.json`.
    pub fn start(&self, folder: &Path, sink: SocketAddr, setup: Setup) -> Outcome<Server> {
        let base = free_port_base()?;
        let state = folder.join("box");
        let ready = state.join("demo.json");
        if ready.exists() {
            fs::remove_file(&ready).doing("removing the demo.json of the last start")?;
        }
        let mut command = Command::new(&self.program);
        command.arg("demo").arg("--dir").arg(&state).args(["--port-base", &base.to_string()]);
        for domain in [SLOW_DOMAIN, FAST_DOMAIN] {
            command.args(["--set", &format!("outbound.route.{domain}={sink}")]);
        }
        if let Some(names) = setup.names {
            command.args(["--set", &format!("dns.resolver={names}")]);
        }
        for setting in setup.ours {
            command.args(["--set", setting]);
        }
        let mut tree = Tree::new("ours");
        tree.spawn(command, &folder.join("daemon.log"))?;
        wait_for(&ready, &mut tree)?;
        let at = |offset| SocketAddr::from((Ipv4Addr::LOCALHOST, base + offset));
        let submission = Submission { address: at(587), login: Some((ANA, PASSWORD)) };
        Ok(Server { tree, doors: Doors { smtp: at(25), submission, imap: at(143), imaps: at(993) } })
    }
}

/// Fills an INBOX of the demo box.
pub fn fill_inbox(folder: &Path, local_part: &str, messages: u64) -> Outcome<()> {
    let maildir = folder.join("box/mail/home.test").join(local_part);
    maildir::fill(&maildir, messages, Form { crlf: true, owner: None })
}

fn wait_for(ready: &Path, tree: &mut Tree) -> Outcome<()> {
    let deadline = Instant::now() + START_LIMIT;
    while !ready.exists() {
        tree.check_alive()?;
        if Instant::now() > deadline {
            return Err(Fault::Late { what: format!("{} appearing", ready.display()), limit: START_LIMIT });
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn free_port_base() -> Outcome<u16> {
    let free = |base: &u16| {
        OFFSETS.iter().all(|offset| TcpListener::bind((Ipv4Addr::LOCALHOST, base + offset)).is_ok())
    };
    (21_000..60_000)
        .step_by(1000)
        .find(free)
        .ok_or_else(|| Fault::Setup("no thousand ports with room for the demo box".into()))
}
