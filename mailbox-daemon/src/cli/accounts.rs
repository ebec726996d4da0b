//! The words about accounts and their passwords.

use clap::Subcommand;
use service::admin::Command;
use std::io::Read;

#[derive(Subcommand)]
pub enum AccountWord {
    /// Make an account
    Add {
        /// Such as ana@home.test
        address: String,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
        /// How much mail it may hold, such as 5G, or none; what config.toml says when left out
        #[arg(long)]
        quota: Option<String>,
    },
    /// Show every account
    List,
    /// Change an account's password
    Password {
        /// Such as ana@home.test
        address: String,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Say how much mail an account may hold, or show what it may and does
    Quota {
        /// Such as ana@home.test
        address: String,
        /// Such as 5G; none for no limit, default for what config.toml says
        storage: Option<String>,
        /// Messages, or none
        #[arg(long)]
        messages: Option<String>,
    },
    /// Say how much an account may send in a day, or show what it may and did
    Sending {
        /// Such as ana@home.test
        address: String,
        /// Messages in twenty-four hours; default for what config.toml says
        #[arg(long)]
        messages: Option<String>,
        /// Recipients of all of them; default for what config.toml says
        #[arg(long)]
        recipients: Option<String>,
    },
    /// End an account; its mail is moved aside, not deleted
    Remove {
        /// Such as ana@home.test
        address: String,
    },
}

#[derive(Subcommand)]
pub enum AppPasswordWord {
    /// Make a password for one device and show it, once
    Add {
        /// The account
        address: String,
        /// What the device is called
        name: String,
        /// For a machine that only sends, such as a printer: no mail can be read with it
        #[arg(long)]
        send_only: bool,
        /// The one address it sends as
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// Messages it may send in an hour
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        per_hour: Option<u32>,
    },
    /// Show the devices that have one
    List {
        /// The account
        address: String,
    },
    /// Revoke one
    #[command(alias = "remove")]
    Revoke {
        /// The account
        address: String,
        /// What the device is called
        name: String,
    },
}

impl AccountWord {
    /// The command to execute.
    pub fn command(self) -> Result<Command, String> {
        Ok(match self {
            AccountWord::Add { address, quota, .. } => {
                Command::AccountAdd { address, password: password()?, quota }
            }
            AccountWord::List => Command::AccountList,
            AccountWord::Password { address, .. } => {
                Command::AccountPassword { address, password: password()? }
            }
            AccountWord::Quota { address, storage, messages } => {
                Command::AccountQuota { address, storage, messages }
            }
            AccountWord::Sending { address, messages, recipients } => {
                Command::AccountSending { address, messages, recipients }
            }
            AccountWord::Remove { address } => Command::AccountRemove { address },
        })
    }
}

impl AppPasswordWord {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            AppPasswordWord::Add { address, name, send_only, from, per_hour } => {
                Command::AppPasswordAdd { address, name, send_only, from, per_hour }
            }
            AppPasswordWord::List { address } => Command::AppPasswordList { address },
            AppPasswordWord::Revoke { address, name } => Command::AppPasswordRevoke { address, name },
        }
    }
}

/// The first line of standard input, without its line end.
fn password() -> Result<String, String> {
    let mut text = String::new();
    let read = std::io::stdin().take(4096).read_to_string(&mut text);
    read.map_err(|error| format!("cannot read the password from standard input: {error}"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
