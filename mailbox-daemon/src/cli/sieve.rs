//! The words about scripts.

use clap::{Args, Subcommand};
use service::admin::Command;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum SieveWord {
    /// Say what is wrong with a script, with line and column
    Check {
        /// The script
        script: PathBuf,
    },
    /// Say what a script would do with a message; nothing is done
    Run(Box<RunArgs>),
    /// Run scripts that test scripts (extension vnd.dovecot.testsuite)
    Test {
        /// Each looks for scripts in its own folder
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Show the scripts of an account
    List {
        /// Such as ana@home.test
        account: String,
    },
    /// Show a script
    Get {
        /// Such as ana@home.test
        account: String,
        /// Its name; the active one when left out
        name: Option<String>,
    },
    /// Show what an account's scripts said and why they failed
    Log {
        /// Such as ana@home.test
        account: String,
    },
    /// Give an account a script, or change one
    Put {
        /// Such as ana@home.test
        account: String,
        /// Its name
        name: String,
        /// Its text; - for standard input
        file: PathBuf,
        /// Run it from now on
        #[arg(long)]
        activate: bool,
    },
    /// Say which script is run
    Activate {
        /// Such as ana@home.test
        account: String,
        /// Its name; none is run when left out
        name: Option<String>,
    },
    /// Delete a script that is not active
    Delete {
        /// Such as ana@home.test
        account: String,
        /// Its name
        name: String,
    },
}

/// What is assumed about the message and the account.
#[derive(Args)]
pub struct RunArgs {
    /// The script
    pub script: PathBuf,
    /// The message, as a file
    pub message: PathBuf,
    /// The envelope's sender, <> for none; the message's Return-Path or From when left out
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// The envelope's recipient; the message's To when left out
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// Whose script it is; the recipient when left out
    #[arg(long, value_name = "ADDRESS")]
    pub account: Option<String>,
    /// Other addresses of the account
    #[arg(long, value_name = "ADDRESS")]
    pub alias: Vec<String>,
    /// The time, such as 2026-12-24T18:00:00+01:00; now when left out
    #[arg(long, value_name = "TIME")]
    pub now: Option<String>,
    /// A folder the account has besides INBOX and the usual ones
    #[arg(long, value_name = "NAME")]
    pub folder: Vec<String>,
    /// Somebody the account wrote to
    #[arg(long, value_name = "ADDRESS")]
    pub contact: Vec<String>,
    /// How much it looks like spam
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub spam_percent: Option<u8>,
    /// What a look for viruses found: 0 nobody looked, 1 none, 2 to 5 as RFC 5235 says
    #[arg(long, value_name = "0..5", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=5))]
    pub virus: u8,
    /// The client that brought the message
    #[arg(long, value_name = "ADDRESS")]
    pub remote_ip: Option<std::net::IpAddr>,
    /// A folder with scripts to include, each called NAME.sieve
    #[arg(long, value_name = "FOLDER")]
    pub scripts: Option<PathBuf>,
}

impl SieveWord {
    /// The command to execute; `check`, `run` and `test` are none.
    pub fn command(self) -> Result<Command, String> {
        Ok(match self {
            SieveWord::Check { .. } | SieveWord::Run(_) | SieveWord::Test { .. } => {
                return Err("this word starts a process of its own".to_owned());
            }
            SieveWord::List { account } => Command::ScriptList { account },
            SieveWord::Log { account } => Command::ScriptLog { account },
            SieveWord::Get { account, name } => Command::ScriptGet { account, name },
            SieveWord::Put { account, name, file, activate } => {
                Command::ScriptPut { account, name, text: text_of(&file)?, activate }
            }
            SieveWord::Activate { account, name } => Command::ScriptActivate { account, name },
            SieveWord::Delete { account, name } => Command::ScriptDelete { account, name },
        })
    }
}

/// A file's text, or standard input's for `-`.
pub fn text_of(file: &Path) -> Result<String, String> {
    /// More is no script.
    const BYTES_MAX: u64 = 2 * 1024 * 1024;
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().take(BYTES_MAX).read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text)),
    };
    read.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(text)
}
