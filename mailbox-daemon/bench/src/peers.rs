//! Debian's Postfix and Dovecot as private instances: own configuration, queue, mail and ports, nothing of the system's touched.
//!
//! Postfix receives and queues, and delivers to Dovecot by LMTP, which stores in Maildir and serves IMAP. All settings
//! that the work does not force are the defaults. Both need root to start.

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};

use crate::checks::Filter;
use crate::fault::{Doing, Fault, Outcome};
use crate::leftovers::{self, Guard, Leftover};
use crate::maildir::{self, Form};
use crate::process::Tree;
use crate::servers::{ANA, BEN, Doors, FAST_DOMAIN, PASSWORD, SLOW_DOMAIN, Server, Setup};
use crate::smtp::Submission;

const START_LIMIT: Duration = Duration::from_secs(30);
const INOTIFY_INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";
/// One for every idle session, and room.
const INOTIFY_INSTANCES_MIN: u64 = 4096;

/// Numbers of a user and of its group.
type Owner = (u32, u32);

/// What is installed, and who must own what.
#[derive(Debug)]
pub struct Programs {
    postfix: PathBuf,
    postfix_daemons: PathBuf,
    dovecot: PathBuf,
    postfix_user: Owner,
    mail_user: Owner,
    _inotify: Option<Guard>,
}

impl Programs {
    /// Looks for both; the error says what is missing.
    pub fn find() -> Outcome<Programs> {
        if !Uid::effective().is_root() {
            return Err(Fault::Setup("Postfix and Dovecot need root to start".into()));
        }
        let postfix = program("postfix")?;
        let dovecot = program("dovecot")?;
        let output = Command::new(program("postconf")?).args(["-h", "daemon_directory"]).output();
        let postfix_daemons =
            String::from_utf8_lossy(&output.doing("running postconf")?.stdout).trim().into();
        Ok(Programs {
            postfix,
            postfix_daemons,
            dovecot,
            postfix_user: user("postfix")?,
            mail_user: user("mail")?,
            _inotify: raise_inotify_instances(),
        })
    }

    /// Starts both and waits for their greetings.
    pub fn start(&self, folder: &Path, sink: SocketAddr, setup: Setup) -> Outcome<Server> {
        let ports = free_ports()?;
        let [smtp, imap, imaps, lmtp] = ports;
        let filter = match setup.names {
            Some(names) => Filter::prepare(folder, names)?,
            None => None,
        };
        self.configure(folder, sink, ports, setup, filter.as_ref())?;
        let mut tree = Tree::new("peers");
        match &filter {
            Some(filter) => filter.start(&mut tree)?,
            None if setup.names.is_some() => {
                eprintln!("bench: rspamd is not installed, Postfix judges nothing");
            }
            None => {}
        }
        let mut dovecot = Command::new(&self.dovecot);
        dovecot.arg("-F").arg("-c").arg(folder.join("etc/dovecot.conf"));
        tree.spawn(dovecot, &folder.join("dovecot.log"))?;
        let mut postfix = Command::new(self.postfix_daemons.join("master"));
        postfix.arg("-s").arg("-c").arg(folder.join("etc"));
        tree.spawn(postfix, &folder.join("postfix.log"))?;
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        for port in [lmtp, imap, smtp] {
            wait_for_greeting(at(port), &mut tree)?;
        }
        let submission = Submission { address: at(smtp), login: None };
        Ok(Server { tree, doors: Doors { smtp: at(smtp), submission, imap: at(imap), imaps: at(imaps) } })
    }

    /// Fills an INBOX of Dovecot's.
    pub fn fill_inbox(&self, folder: &Path, local_part: &str, messages: u64) -> Outcome<()> {
        let maildir = folder.join("mail/home.test").join(local_part);
        maildir::fill(&maildir, messages, Form { crlf: false, owner: Some(self.mail_user) })
    }

    fn configure(
        &self,
        folder: &Path,
        sink: SocketAddr,
        ports: [u16; 4],
        setup: Setup,
        filter: Option<&Filter>,
    ) -> Outcome<()> {
        for part in
            ["etc", "spool", "data", "mail", "mail/home.test", "mail/home.test/ana", "mail/home.test/ben"]
        {
            fs::create_dir_all(folder.join(part)).doing("creating the peers' folders")?;
        }
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder, permissions).doing("opening the folder to the peers' users")?;
        let (mail_uid, mail_gid) = self.mail_user;
        chown(folder.join("data"), Some(self.postfix_user.0), None).doing("giving Postfix its folder")?;
        for local_part in ["ana", "ben"] {
            let home = folder.join("mail/home.test").join(local_part);
            chown(home, Some(mail_uid), Some(mail_gid)).doing("giving Dovecot its folders")?;
        }
        let users = [ANA, BEN].map(|user| {
            format!("{user}:{PASSWORD}:{mail_uid}:{mail_gid}::{}/mail/home.test::\n", folder.display())
        });
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .map_err(io::Error::other)
            .doing("making a certificate")?;
        let milter = filter.map_or_else(String::new, |filter| {
            format!("smtpd_milters = inet:{}\nmilter_default_action = tempfail\n", filter.address)
        });
        let files = [
            ("main.cf", filled(include_str!("peers/main.cf"), folder, ports) + &milter),
            ("master.cf", filled(include_str!("peers/master.cf"), folder, ports)),
            ("dovecot.conf", filled(include_str!("peers/dovecot.conf"), folder, ports) + setup.dovecot),
            ("mailboxes", format!("{ANA} .\n{BEN} .\n")),
            (
                "transport",
                [SLOW_DOMAIN, FAST_DOMAIN]
                    .map(|domain| format!("{domain} smtp:[{}]:{}\n", sink.ip(), sink.port()))
                    .concat(),
            ),
            ("users", users.concat()),
            ("cert.pem", certificate.cert.pem()),
            ("key.pem", certificate.signing_key.serialize_pem()),
        ];
        for (name, text) in files {
            fs::write(folder.join("etc").join(name), text).doing(format!("writing {name}"))?;
        }
        self.check_postfix(&folder.join("etc"))
    }

    /// Creates the queue's folders, as every start of Postfix does.
    fn check_postfix(&self, config: &Path) -> Outcome<()> {
        let output = Command::new(&self.postfix).arg("-c").arg(config).arg("check").output();
        let output = output.doing("running postfix check")?;
        if output.status.success() {
            Ok(())
        } else {
            Err(Fault::Setup(format!("postfix check: {}", String::from_utf8_lossy(&output.stderr))))
        }
    }
}

fn filled(template: &str, folder: &Path, [smtp, imap, imaps, lmtp]: [u16; 4]) -> String {
    template
        .replace("{dir}", &folder.display().to_string())
        .replace("{smtp}", &smtp.to_string())
        .replace("{imap}", &imap.to_string())
        .replace("{imaps}", &imaps.to_string())
        .replace("{lmtp}", &lmtp.to_string())
}

fn program(name: &str) -> Outcome<PathBuf> {
    ["/usr/sbin", "/usr/bin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| Fault::Setup(format!("{name} is not installed")))
}

fn user(name: &str) -> Outcome<Owner> {
    let user = User::from_name(name).doing(format!("looking for the user {name}"))?;
    let user = user.ok_or_else(|| Fault::Setup(format!("there is no user {name}")))?;
    Ok((user.uid.as_raw(), user.gid.as_raw()))
}

/// Dovecot watches with one inotify instance a session; without this it falls back to looking every 30 seconds.
fn raise_inotify_instances() -> Option<Guard> {
    let now = fs::read_to_string(INOTIFY_INSTANCES).ok()?;
    if now.trim().parse::<u64>().ok()? >= INOTIFY_INSTANCES_MIN {
        return None;
    }
    fs::write(INOTIFY_INSTANCES, INOTIFY_INSTANCES_MIN.to_string()).ok()?;
    Some(leftovers::register(Leftover::Setting(INOTIFY_INSTANCES.into(), now)))
}

fn free_ports() -> Outcome<[u16; 4]> {
    let mut ports = [0; 4];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("looking for a free port")?;
        *port = listener.local_addr().doing("asking for a free port")?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn wait_for_greeting(address: SocketAddr, tree: &mut Tree) -> Outcome<()> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        tree.check_alive()?;
        let greeted = TcpStream::connect(address).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.read(&mut [0; 1])
        });
        if greeted.is_ok_and(|bytes| bytes > 0) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Fault::Late { what: format!("a greeting at {address}"), limit: START_LIMIT });
        }
        thread::sleep(Duration::from_millis(20));
    }
}
