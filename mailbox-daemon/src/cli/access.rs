//! The words about who is wanted, unwanted or shut out.

use clap::Subcommand;
use service::admin::{Command, List};

#[derive(Subcommand)]
pub enum AccessWord {
    /// Put somebody on the list
    Add {
        /// Such as example.org, somebody@example.org, 192.0.2.7 or 192.0.2.0/24
        entry: String,
    },
    /// Show the list; what config.toml has besides is not shown
    List,
    /// Take somebody off the list
    Remove {
        /// As it was added
        entry: String,
    },
}

#[derive(Subcommand)]
pub enum BanWord {
    /// Show who is shut out
    List,
    /// Let somebody in again
    Lift {
        /// As `ban list` shows it
        address: String,
    },
}

impl AccessWord {
    /// The command to execute on one of the two lists.
    pub fn command(self, list: List) -> Command {
        match self {
            AccessWord::Add { entry } => Command::AccessAdd { list, entry },
            AccessWord::List => Command::AccessList { list },
            AccessWord::Remove { entry } => Command::AccessRemove { list, entry },
        }
    }
}

impl BanWord {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            BanWord::List => Command::BanList,
            BanWord::Lift { address } => Command::BanLift { address },
        }
    }
}
