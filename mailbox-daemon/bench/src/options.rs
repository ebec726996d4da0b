//! The command line.

use std::path::PathBuf;

use crate::fault::{Fault, Outcome};
use crate::work;

/// What `bench --help` prints.
pub const HELP: &str = "\
bench: the release daemon and, where installed, Postfix + Dovecot, at the same work

    bench [--only NAME,...] [--quick] [--peers none] [--daemon PATH] [--dir DIR]

    --only NAME,...   only these works (see the list below)
    --quick           a tenth of the work, no repetitions: to see that everything runs
    --peers none      measure the daemon alone
    --ours none       measure the peers alone
    --daemon PATH     the daemon to start (default: `mailbox-daemon` beside this program)
    --dir DIR         where temporary state goes; must be a real disk (default: /var/tmp)
";

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    /// Names of the works to do; empty means all.
    pub only: Vec<String>,
    /// A tenth of everything.
    pub quick: bool,
    /// Whether Postfix + Dovecot take part where they are installed.
    pub peers: bool,
    /// Whether the daemon takes part.
    pub ours: bool,
    /// The daemon's binary.
    pub daemon: PathBuf,
    /// Parent of the temporary folder.
    pub dir: PathBuf,
}

impl Options {
    /// Reads the arguments after the program's name. `Ok(None)` means that help was asked for.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Outcome<Option<Options>> {
        let mut options = Options {
            only: Vec::new(),
            quick: false,
            peers: true,
            ours: true,
            daemon: beside_this_program()?,
            dir: PathBuf::from("/var/tmp"),
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments.next().ok_or_else(|| Fault::Setup(format!("{argument} needs a value; see --help")))
            };
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => options.quick = true,
                "--only" => options.only = known_works(&value()?)?,
                "--peers" => options.peers = value()? != "none",
                "--ours" => options.ours = value()? != "none",
                "--daemon" => options.daemon = PathBuf::from(value()?),
                "--dir" => options.dir = PathBuf::from(value()?),
                other => return Err(Fault::Setup(format!("unknown argument {other}; see --help"))),
            }
        }
        Ok(Some(options))
    }

    /// Whether the work of this name is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn beside_this_program() -> Outcome<PathBuf> {
    let this = std::env::current_exe()
        .map_err(|source| Fault::System { doing: "finding this program's folder".into(), source })?;
    Ok(this.with_file_name("mailbox-daemon"))
}

fn known_works(list: &str) -> Outcome<Vec<String>> {
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    match names.iter().find(|name| !work::ALL.iter().any(|work| work.name == name.as_str())) {
        Some(unknown) => Err(Fault::Setup(format!("no work is named {unknown:?}; see --help"))),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Option<Options>> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn named_works_are_wanted_and_others_not() {
        let options = parse("--quick --only idle,big25 --peers none").unwrap().unwrap();
        assert!(options.quick && !options.peers && options.ours);
        assert!(options.wants("idle") && options.wants("big25") && !options.wants("queue"));
    }

    #[test]
    fn unknown_works_and_arguments_are_refused() {
        assert!(parse("--only idel").is_err());
        assert!(parse("--fast").is_err());
        assert!(parse("--dir").is_err());
    }
}
