//! The words about mail on its way out.

use clap::{Args, Subcommand};
use service::admin::{Command, Selection};

#[derive(Subcommand)]
pub enum QueueWord {
    /// Show what waits
    List,
    /// Show everything about one message
    Show {
        /// As `queue list` shows it
        id: String,
    },
    /// Try one message, or all, now
    Retry {
        /// As `queue list` shows it
        id: Option<String>,
    },
    /// Keep a message, all mail to a domain, or all mail from going out
    Hold(What),
    /// Let what is held go on
    Release(What),
    /// Give a message up; nobody is told
    Delete {
        /// As `queue list` shows it
        id: String,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// One message, as `queue list` shows it
    id: Option<String>,
    /// All mail to a domain, also what is still to come
    #[arg(long)]
    domain: Option<String>,
    /// All mail, also what is still to come
    #[arg(long)]
    all: bool,
}

impl QueueWord {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            QueueWord::List => Command::QueueList,
            QueueWord::Show { id } => Command::QueueShow { id },
            QueueWord::Retry { id } => Command::QueueRetry { id },
            QueueWord::Hold(what) => Command::QueueHold { what: what.settled() },
            QueueWord::Release(what) => Command::QueueRelease { what: what.settled() },
            QueueWord::Delete { id } => Command::QueueDelete { id },
        }
    }
}

impl What {
    fn settled(self) -> Selection {
        match (self.id, self.domain) {
            (Some(id), _) => Selection::Message(id),
            (None, Some(domain)) => Selection::Domain(domain),
            (None, None) => Selection::All,
        }
    }
}
