//! The words about other names, domains and the keys domains sign with.

use clap::Subcommand;
use service::admin::Command;

#[derive(Subcommand)]
pub enum AliasWord {
    /// Make an alias or point it elsewhere
    Add {
        /// The other name
        address: String,
        /// Where its mail goes
        target: String,
    },
    /// Show every alias
    List,
    /// End an alias
    Remove {
        /// The other name
        address: String,
    },
}

#[derive(Subcommand)]
pub enum GroupWord {
    /// Make a group or add members to it
    Add {
        /// The group's address
        address: String,
        /// Who gets its mail, here or elsewhere
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Show every group
    List,
    /// Take members out of a group, or end it when none are named
    Remove {
        /// The group's address
        address: String,
        /// Who leaves
        members: Vec<String>,
    },
}

#[derive(Subcommand)]
pub enum DomainWord {
    /// Receive mail for a domain
    Add {
        /// Such as home.test
        domain: String,
    },
    /// Send mail for unknown names of a domain to one address; refuse it when none is given
    CatchAll {
        /// Such as home.test
        domain: String,
        /// Who gets it
        target: Option<String>,
    },
    /// Show every domain
    List,
    /// Let an account send as any address of a domain, or no longer
    Masquerade {
        /// Such as home.test
        domain: String,
        /// Such as ana@home.test
        account: String,
        /// on or off
        #[arg(value_parser = ["on", "off"])]
        state: String,
    },
    /// Stop receiving mail for a domain
    Remove {
        /// Such as home.test
        domain: String,
    },
}

#[derive(Subcommand)]
pub enum DkimWord {
    /// Show every key and the TXT record to publish for it
    List,
    /// Make the next keys of a domain now; they sign once their records are seen in DNS
    Rotate {
        /// Such as home.test
        domain: String,
    },
}

impl AliasWord {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            AliasWord::Add { address, target } => Command::AliasAdd { address, target },
            AliasWord::List => Command::AliasList,
            AliasWord::Remove { address } => Command::AliasRemove { address },
        }
    }
}

impl GroupWord {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            GroupWord::Add { address, members } => Command::GroupAdd { address, members },
            GroupWord::List => Command::GroupList,
            GroupWord::Remove { address, members } => Command::GroupRemove { address, members },
        }
    }
}

impl DomainWord {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            DomainWord::Add { domain } => Command::DomainAdd { domain },
            DomainWord::CatchAll { domain, target } => Command::DomainCatchAll { domain, target },
            DomainWord::List => Command::DomainList,
            DomainWord::Masquerade { domain, account, state } => {
                Command::DomainMasquerade { domain, account, allowed: state == "on" }
            }
            DomainWord::Remove { domain } => Command::DomainRemove { domain },
        }
    }
}

impl DkimWord {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            DkimWord::List => Command::DkimList,
            DkimWord::Rotate { domain } => Command::DkimRotate { domain },
        }
    }
}
