//! A demo box that belongs to one test: started, asked, stopped, killed.

use super::ports::PortBase;
use super::wait_for;
use super::wire::Wire;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// The doors of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// From other servers.
    Smtp,
    /// From mail programs, STARTTLS.
    Submission,
    /// From mail programs, TLS.
    Submissions,
    /// STARTTLS.
    Imap,
    /// TLS.
    Imaps,
    /// STARTTLS.
    ManageSieve,
}

impl Door {
    /// The door of that name.
    pub fn parse(name: &str) -> Option<Door> {
        Some(match name {
            "smtp" => Door::Smtp,
            "submission" => Door::Submission,
            "submissions" => Door::Submissions,
            "imap" => Door::Imap,
            "imaps" => Door::Imaps,
            "managesieve" => Door::ManageSieve,
            _ => return None,
        })
    }

    /// What it adds to the box's port base.
    pub fn offset(self) -> u16 {
        match self {
            Door::Smtp => 25,
            Door::Submission => 587,
            Door::Submissions => 465,
            Door::Imap => 143,
            Door::Imaps => 993,
            Door::ManageSieve => 190,
        }
    }

    /// Whether TLS starts with the first byte.
    pub fn is_tls(self) -> bool {
        matches!(self, Door::Submissions | Door::Imaps)
    }
}

/// Both accounts' password.
pub const PASSWORD: &str = "demo-password";

/// How to start a box.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
    /// `--set` arguments.
    pub set: Vec<String>,
    /// Environment besides the test's own.
    pub env: Vec<(String, String)>,
    /// A program and its arguments that starts the daemon, such as `unshare -r`.
    pub through: Vec<String>,
}

impl DemoOptions {
    /// Options with these `--set` arguments.
    pub fn set<S: AsRef<str>>(set: &[S]) -> DemoOptions {
        DemoOptions { set: set.iter().map(|s| s.as_ref().to_owned()).collect(), ..DemoOptions::default() }
    }
}

/// A running demo box; dropping it kills it and removes its folder.
pub struct Demo {
    child: Child,
    options: DemoOptions,
    ports: Arc<PortBase>,
    dir: PathBuf,
    home: TempDir,
    facts: Value,
}

impl Demo {
    /// A fresh box.
    pub fn start() -> Demo {
        Demo::start_with(DemoOptions::default())
    }

    /// A fresh box with options.
    pub fn start_with(options: DemoOptions) -> Demo {
        Demo::start_at(None, options)
    }

    /// A box in a folder that is not the test's own; the folder stays when the box is dropped.
    pub fn start_on(dir: &Path, options: DemoOptions) -> Demo {
        Demo::start_at(Some(dir), options)
    }

    fn start_at(dir: Option<&Path>, options: DemoOptions) -> Demo {
        let home =
            tempfile::Builder::new().prefix("demo-").tempdir().expect("a temporary folder can be made");
        let dir = dir.map_or_else(|| home.path().join("box"), Path::to_owned);
        let ports = Arc::new(PortBase::take());
        let child = spawn(&dir, &home, &ports, &options);
        let mut demo = Demo { child, options, ports, dir, home, facts: Value::Null };
        demo.wait_until_ready();
        demo
    }

    /// Starts the daemon again on the same folder and ports. It must have ended.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.dir, &self.home, &self.ports, &self.options);
        self.wait_until_ready();
    }

    /// Changes a `--set` argument for the next start.
    pub fn set(&mut self, key: &str, value: &str) {
        self.options.set.retain(|set| !set.starts_with(&format!("{key}=")));
        self.options.set.push(format!("{key}={value}"));
    }

    /// Starts the daemon again on the same folder and ports in another way. It must have ended.
    pub fn start_again_with(&mut self, options: DemoOptions) {
        self.options = options;
        self.start_again();
    }

    /// Starts a daemon on the same folder that is expected to refuse; returns how it ended and what it said.
    pub fn start_second(&self) -> (ExitStatus, String) {
        let ports = PortBase::take();
        let output =
            command(&self.dir(), &ports, &self.options).output().expect("the daemon's binary can be run");
        let said = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&said).into_owned())
    }

    fn wait_until_ready(&mut self) {
        let facts = self.dir().join("demo.json");
        let text = wait_for("demo.json", || {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                panic!("the daemon ended at start: {status}\n{}", self.log());
            }
            fs::read_to_string(&facts).ok().filter(|text| serde_json::from_str::<Value>(text).is_ok())
        });
        self.facts = serde_json::from_str(&text).expect("just parsed");
    }

    /// The box's folder.
    pub fn dir(&self) -> PathBuf {
        self.dir.clone()
    }

    /// Where the mail lies.
    pub fn state_dir(&self) -> PathBuf {
        PathBuf::from(self.facts["state_dir"].as_str().expect("demo.json names state_dir"))
    }

    /// The Maildir tree of one of the demo's accounts.
    pub fn maildir(&self, local: &str) -> PathBuf {
        self.state_dir().join("mail/home.test").join(local)
    }

    /// The certificate authority's file.
    pub fn ca_file(&self) -> PathBuf {
        PathBuf::from(self.facts["ca_file"].as_str().expect("demo.json names ca_file"))
    }

    /// A folder of the test's own beside the box, removed with it.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::create_dir_all(&path).expect("the temporary folder takes a folder");
        path
    }

    /// The port of a door.
    pub fn port(&self, door: Door) -> u16 {
        self.ports.get() + door.offset()
    }

    /// The daemon's process number.
    pub fn pid(&self) -> i32 {
        self.facts["pid"].as_i64().expect("demo.json names pid") as i32
    }

    /// A connection to a door, inside TLS where the door wants it.
    pub fn connect(&self, door: Door) -> Wire {
        let wire = Wire::connect(self.port(door));
        match door.is_tls() {
            true => wire.start_tls(&self.ca_file()),
            false => wire,
        }
    }

    /// What the daemon printed since it was first started.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.path().join("log")).unwrap_or_default()).into_owned()
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal).expect("the daemon runs");
    }

    /// Kills the daemon without a word.
    pub fn kill(&mut self) {
        self.child.kill().expect("the daemon runs");
        self.child.wait().expect("a child can be waited for");
    }

    /// Asks the daemon to stop and waits until it did.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.wait_for_exit()
    }

    /// Waits until the daemon ended.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        wait_for("the daemon's end", || self.child.try_wait().expect("a child can be waited for"))
    }

    /// Whether the daemon still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// What the command line answers to a command that must succeed.
    pub fn told(&self, arguments: &[&str], input: &str) -> String {
        let (success, said) = self.tell(arguments, input);
        assert!(success, "{arguments:?}: {said}");
        said
    }

    /// Whether a command of the command line succeeds, and what it says.
    pub fn tell(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut command = self.cli(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the daemon's binary can be run");
        let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("a child can be waited for");
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs a command of the command line against this box.
    pub fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).arg("--config").arg(self.dir().join("config.toml")).stdin(Stdio::null());
        command
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the daemon's log ---\n{}\n---", tail(&self.log(), 60));
        }
    }
}

/// The daemon's binary under test.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_mailbox-daemon"))
}

fn spawn(dir: &Path, home: &TempDir, ports: &PortBase, options: &DemoOptions) -> Child {
    // A box started again must not be taken for ready by what the last one wrote.
    let _ = fs::remove_file(dir.join("demo.json"));
    let log =
        File::options().create(true).append(true).open(home.path().join("log")).expect("a log can be made");
    let errors = log.try_clone().expect("a file can be shared");
    command(dir, ports, options).stdout(log).stderr(errors).spawn().expect("the daemon's binary can be run")
}

fn command(dir: &Path, ports: &PortBase, options: &DemoOptions) -> Command {
    let mut words = options.through.clone();
    words.push(binary().to_str().expect("the target folder has a plain name").to_owned());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .arg("demo")
        .arg("--dir")
        .arg(dir)
        .arg("--port-base")
        .arg(ports.get().to_string());
    for set in &options.set {
        command.arg("--set").arg(set);
    }
    // A test run under systemd must not have its daemon take the run's own sockets.
    command
        .env_remove("NOTIFY_SOCKET")
        .env_remove("LISTEN_FDS")
        .env_remove("LISTEN_PID")
        .stdin(Stdio::null());
    command.envs(options.env.iter().map(|(key, value)| (key, value)));
    command
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
