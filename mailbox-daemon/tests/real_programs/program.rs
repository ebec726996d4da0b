//! Running a program and saying plainly what went wrong.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A program from Debian with the arguments collected so far.
pub struct Program {
    name: String,
    command: Command,
    input: Option<Vec<u8>>,
}

/// A program that runs and answers.
pub struct Conversation {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    child: Child,
}

impl Conversation {
    /// Writes a line, CRLF added.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is there until the end");
        input.write_all(format!("{line}\r\n").as_bytes()).expect("the program listens");
    }

    /// The next line without its end.
    pub fn hear(&mut self) -> String {
        String::from_utf8_lossy(&self.hear_octets()).trim_end().to_owned()
    }

    /// The next line with its end.
    pub fn hear_octets(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        let bytes = self.output.read_until(b'\n', &mut line).expect("the program can be read");
        assert!(bytes > 0, "the program ended in the middle of the conversation");
        line
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // With nobody to listen to it ends by itself, or after its time.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Program {
    /// The program, or a panic that names the package it comes in.
    pub fn new(name: &str, package: &str) -> Program {
        let path = find(name).unwrap_or_else(|| {
            panic!("`{name}` is missing: `apt-get install {package}`, or `make test`, which installs it")
        });
        // A program that hangs is ended, and fails its test.
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "120"]).arg(path);
        Program { name: name.to_owned(), command, input: None }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Program {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Program {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Program {
        self.command.env(key, value);
        self
    }

    /// What it reads from standard input.
    pub fn input(mut self, text: impl Into<Vec<u8>>) -> Program {
        self.input = Some(text.into());
        self
    }

    /// Runs it as a partner that answers line by line. Whoever drops the conversation ends the program.
    pub fn converse(mut self) -> Conversation {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("cannot run {}: {error}", self.name));
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Conversation { input: child.stdin.take(), output, child }
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Outcome {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("cannot run {}: {error}", self.name));
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = self.input.take().unwrap_or_default();
        // A thread of its own: a program may print much before it reads on.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("a child can be waited for");
        writer.join().expect("the writing thread does not panic");
        Outcome {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs it and panics with everything it said unless it succeeds.
    #[track_caller]
    pub fn succeed(self) -> Outcome {
        let name = self.name.clone();
        let outcome = self.run();
        assert!(
            outcome.success,
            "{name} failed\n--- stdout\n{}\n--- stderr\n{}",
            outcome.stdout, outcome.stderr
        );
        outcome
    }
}

/// A program as root: mail servers start only so, and change to users of their own by themselves.
pub fn as_root(name: &str) -> Program {
    match nix::unistd::geteuid().is_root() {
        true => Program::new(name, name),
        false => Program::new("sudo", "sudo").arg("env").arg("PATH=/usr/sbin:/usr/bin:/sbin:/bin").arg(name),
    }
}

/// Where a program lies; servers lie in folders a user's PATH may lack.
fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).exists().then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    // Debian's own before any other of the name: what is tested is what was installed.
    let folders = ["/usr/bin"].map(PathBuf::from).into_iter().chain(std::env::split_paths(&path)).chain(more);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}
