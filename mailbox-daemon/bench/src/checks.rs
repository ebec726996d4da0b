//! What a server needs to judge mail from outside: a name server that knows one sender, and for Postfix a filter that asks it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::User;

use crate::fault::{Doing, Fault, Outcome};
use crate::process::Tree;

const START_LIMIT: Duration = Duration::from_mins(1);
const KNOT: &str = "/usr/sbin/knotd";
const RSPAMD: &str = "/usr/bin/rspamd";
const RSPAMD_USER: &str = "_rspamd";

/// A running name server. Dropped, it is killed.
#[derive(Debug)]
pub struct NameServer {
    /// Where it answers.
    pub address: SocketAddr,
    _tree: Tree,
}

impl NameServer {
    /// Starts knot with the zone of the signed message's sender.
    pub fn start(folder: &Path) -> Outcome<NameServer> {
        if !Path::new(KNOT).is_file() {
            return Err(Fault::Setup("knot is not installed".into()));
        }
        let address = free_address()?;
        let dir = folder.join("knot");
        fs::create_dir_all(&dir).doing("creating knot's folder")?;
        let config = include_str!("checked/knot.conf")
            .replace("{dir}", &dir.display().to_string())
            .replace("{port}", &address.port().to_string());
        fs::write(dir.join("knot.conf"), config).doing("writing knot.conf")?;
        fs::write(dir.join("root.zone"), include_str!("checked/zone")).doing("writing a zone")?;
        let mut tree = Tree::new("names");
        let mut command = Command::new(KNOT);
        command.arg("-c").arg(dir.join("knot.conf"));
        tree.spawn(command, &dir.join("knot.log"))?;
        wait_for_listener(address, &mut tree)?;
        Ok(NameServer { address, _tree: tree })
    }
}

/// rspamd as Postfix's filter, all its modules as Debian ships them, asking this name server.
#[derive(Debug)]
pub struct Filter {
    dir: PathBuf,
    /// Where it listens as a milter.
    pub address: SocketAddr,
}

impl Filter {
    /// Where rspamd will run; `None` where it is not installed.
    pub fn prepare(folder: &Path, names: SocketAddr) -> Outcome<Option<Filter>> {
        let Ok(Some(user)) = User::from_name(RSPAMD_USER) else { return Ok(None) };
        if !Path::new(RSPAMD).is_file() {
            return Ok(None);
        }
        let filter = Filter { dir: folder.join("rspamd"), address: free_address()? };
        let settings = filter.dir.join("local.d");
        fs::create_dir_all(&settings).doing("creating rspamd's folder")?;
        for (name, text) in filter.settings(names) {
            fs::write(settings.join(&name), text).doing(format!("writing rspamd's {name}"))?;
        }
        let owner = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        chown(&filter.dir, owner.0, owner.1).doing("giving rspamd its folder")?;
        Ok(Some(filter))
    }

    /// Starts it as part of a server's processes.
    pub fn start(&self, tree: &mut Tree) -> Outcome<()> {
        let mut command = Command::new(RSPAMD);
        command.args(["-f", "-u", RSPAMD_USER, "-g", RSPAMD_USER, "-c", "/etc/rspamd/rspamd.conf"]);
        for variable in ["LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR"] {
            command.arg(format!("--var={variable}={}", self.dir.display()));
        }
        tree.spawn(command, &self.dir.join("start.log"))?;
        wait_for_listener(self.address, tree)
    }

    /// Its checks are made for clients on loopback too, and nothing is asked that only the internet could answer.
    fn settings(&self, names: SocketAddr) -> Vec<(String, String)> {
        let check = "check_local = true;\n".to_owned();
        let off = "enabled = false;\n".to_owned();
        let mut files: Vec<(String, String)> =
            ["spf", "dkim", "dmarc", "arc"].map(|name| (format!("{name}.conf"), check.clone())).into();
        for name in ["worker-controller.inc", "worker-normal.inc", "fuzzy_check.conf"] {
            files.push((name.to_owned(), off.clone()));
        }
        let servers = format!("dns {{ nameserver = [\"{names}\"]; }}\nlocal_addrs = [];\n");
        let proxy = format!(
            "bind_socket = \"{}\";\nmilter = yes;\nupstream \"local\" {{ default = yes; self_scan = yes; }}\n",
            self.address
        );
        let log = format!(
            "type = \"file\";\nfilename = \"{}/rspamd.log\";\nlevel = \"warning\";\n",
            self.dir.display()
        );
        files.push(("options.inc".to_owned(), servers));
        files.push(("worker-proxy.inc".to_owned(), proxy));
        files.push(("logging.inc".to_owned(), log));
        files
    }
}

fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("looking for a free port")?;
    listener.local_addr().doing("asking for a free port")
}

fn wait_for_listener(address: SocketAddr, tree: &mut Tree) -> Outcome<()> {
    let deadline = Instant::now() + START_LIMIT;
    while TcpStream::connect(address).is_err() {
        tree.check_alive()?;
        if Instant::now() > deadline {
            return Err(Fault::Late { what: format!("a listener at {address}"), limit: START_LIMIT });
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
