//! What can be typed, and what it means.

mod rules;
mod sieve;
mod spam;

pub use sieve::{RunArgs, SieveWord};

use clap::{Args, Parser, Subcommand};
use rules::RulesWord;
use service::admin::{Command, List, Selection};
use service::demo::Demo;
use spam::SpamWord;
use std::io::Read;
use std::path::PathBuf;

/// The mail of a home: SMTP, submission, queue and IMAP in one process.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    /// The configuration; its folder is the state directory
    #[arg(long, global = true, env = "MAILBOX_CONFIG", default_value = "/data/config.toml")]
    pub config: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub word: Word,
}

#[derive(Subcommand)]
pub enum Word {
    /// Run the daemon (what systemd starts)
    Run,
    /// Run a complete box on loopback: no root, no internet, no configuration
    Demo(DemoArgs),
    /// Say whether the configuration is right
    Check,
    /// Say what is wrong with the mail on disk; mail stays readable without it
    Doctor(DoctorArgs),
    /// Accounts: one person, one address, one mailbox
    #[command(subcommand)]
    Account(AccountWord),
    /// Other names for an address
    #[command(subcommand)]
    Alias(AliasWord),
    /// Addresses whose mail goes to several people
    #[command(subcommand)]
    Group(GroupWord),
    /// Domains mail is received for
    #[command(subcommand)]
    Domain(DomainWord),
    /// Keys that sign mail, and the DNS records they need
    #[command(subcommand)]
    Dkim(DkimWord),
    /// Passwords for single devices
    #[command(subcommand)]
    AppPassword(AppPasswordWord),
    /// Mail on its way out
    #[command(subcommand)]
    Queue(QueueWord),
    /// What other servers report about mail from your domains and connections to your server
    Reports(ReportsArgs),
    /// Services that send mail for others
    #[command(subcommand)]
    Relay(RelayWord),
    /// What is done with an account's mail as it arrives: rules, and answers while somebody is away
    #[command(subcommand)]
    Rules(RulesWord),
    /// Scripts (Sieve): the same for those who want to write it themselves
    #[command(subcommand)]
    Sieve(SieveWord),
    /// What was learnt about spam from what people did with their mail
    #[command(subcommand)]
    Spam(SpamWord),
    /// Say what is wrong with the running daemon, if anything is
    Status,
    /// Whom nobody here wants mail from: domains, addresses, IP addresses and ranges
    #[command(subcommand)]
    Block(AccessWord),
    /// Who is wanted, whatever other lists say; wins over `block`
    #[command(subcommand)]
    Allow(AccessWord),
    /// Who is shut out for guessing passwords
    #[command(subcommand)]
    Ban(BanWord),
}

#[derive(Subcommand)]
pub enum RelayWord {
    /// Show the services outbound.relay knows by name and what each of them wants
    Presets,
}

#[derive(Args)]
pub struct DemoArgs {
    /// Where the box keeps everything
    #[arg(long, default_value = "demo-box")]
    dir: PathBuf,
    /// Added to each well-known port: 25, 587, 465, 143, 993, and for ManageSieve to 190
    #[arg(long, default_value_t = 20_000)]
    port_base: u16,
    /// Any key of config.toml, such as limits.message_bytes_max=1000000
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Args)]
pub struct DoctorArgs {
    /// Mend what can be mended; the daemon must be stopped
    #[arg(long)]
    pub repair: bool,
}

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

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ReportsArgs {
    /// Of one domain alone
    #[arg(long)]
    domain: Option<String>,
    /// Of one month alone, such as 2026-11
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    #[command(subcommand)]
    word: Option<ReportsWord>,
}

#[derive(Subcommand)]
pub enum ReportsWord {
    /// Send the reports other domains asked for now instead of tonight
    Send,
}

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

impl What {
    fn settled(self) -> Selection {
        match (self.id, self.domain) {
            (Some(id), _) => Selection::Message(id),
            (None, Some(domain)) => Selection::Domain(domain),
            (None, None) => Selection::All,
        }
    }
}

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
    fn command(self, list: List) -> Command {
        match self {
            AccessWord::Add { entry } => Command::AccessAdd { list, entry },
            AccessWord::List => Command::AccessList { list },
            AccessWord::Remove { entry } => Command::AccessRemove { list, entry },
        }
    }
}

impl DemoArgs {
    /// What the service floor needs to know.
    pub fn settled(self) -> Demo {
        Demo { dir: self.dir, port_base: self.port_base, set: self.set }
    }
}

impl Word {
    /// The command to execute; `run`, `demo`, `check`, `doctor`, `relay` and `spam` are not one command and are handled before.
    pub fn command(self) -> Result<Command, String> {
        Ok(match self {
            Word::Run | Word::Demo(_) | Word::Check | Word::Doctor(_) | Word::Relay(_) | Word::Spam(_) => {
                return Err("this word is more than one command".to_owned());
            }
            Word::Account(AccountWord::Add { address, quota, .. }) => {
                Command::AccountAdd { address, password: password()?, quota }
            }
            Word::Account(AccountWord::List) => Command::AccountList,
            Word::Account(AccountWord::Password { address, .. }) => {
                Command::AccountPassword { address, password: password()? }
            }
            Word::Account(AccountWord::Quota { address, storage, messages }) => {
                Command::AccountQuota { address, storage, messages }
            }
            Word::Account(AccountWord::Sending { address, messages, recipients }) => {
                Command::AccountSending { address, messages, recipients }
            }
            Word::Account(AccountWord::Remove { address }) => Command::AccountRemove { address },
            Word::Alias(AliasWord::Add { address, target }) => Command::AliasAdd { address, target },
            Word::Alias(AliasWord::List) => Command::AliasList,
            Word::Alias(AliasWord::Remove { address }) => Command::AliasRemove { address },
            Word::Group(GroupWord::Add { address, members }) => Command::GroupAdd { address, members },
            Word::Group(GroupWord::List) => Command::GroupList,
            Word::Group(GroupWord::Remove { address, members }) => Command::GroupRemove { address, members },
            Word::Domain(DomainWord::Add { domain }) => Command::DomainAdd { domain },
            Word::Domain(DomainWord::CatchAll { domain, target }) => {
                Command::DomainCatchAll { domain, target }
            }
            Word::Domain(DomainWord::List) => Command::DomainList,
            Word::Domain(DomainWord::Masquerade { domain, account, state }) => {
                Command::DomainMasquerade { domain, account, allowed: state == "on" }
            }
            Word::Domain(DomainWord::Remove { domain }) => Command::DomainRemove { domain },
            Word::Dkim(DkimWord::List) => Command::DkimList,
            Word::Dkim(DkimWord::Rotate { domain }) => Command::DkimRotate { domain },
            Word::AppPassword(AppPasswordWord::Add { address, name, send_only, from, per_hour }) => {
                Command::AppPasswordAdd { address, name, send_only, from, per_hour }
            }
            Word::AppPassword(AppPasswordWord::List { address }) => Command::AppPasswordList { address },
            Word::AppPassword(AppPasswordWord::Revoke { address, name }) => {
                Command::AppPasswordRevoke { address, name }
            }
            Word::Block(word) => word.command(List::Block),
            Word::Allow(word) => word.command(List::Allow),
            Word::Ban(BanWord::List) => Command::BanList,
            Word::Ban(BanWord::Lift { address }) => Command::BanLift { address },
            Word::Queue(QueueWord::List) => Command::QueueList,
            Word::Queue(QueueWord::Show { id }) => Command::QueueShow { id },
            Word::Queue(QueueWord::Retry { id }) => Command::QueueRetry { id },
            Word::Queue(QueueWord::Hold(what)) => Command::QueueHold { what: what.settled() },
            Word::Queue(QueueWord::Release(what)) => Command::QueueRelease { what: what.settled() },
            Word::Queue(QueueWord::Delete { id }) => Command::QueueDelete { id },
            Word::Rules(word) => word.command()?,
            Word::Sieve(word) => word.command()?,
            Word::Status => Command::Status,
            Word::Reports(ReportsArgs { word: Some(ReportsWord::Send), .. }) => Command::ReportsSend,
            Word::Reports(ReportsArgs { domain, month, word: None }) => {
                Command::ReportsList { domain, month }
            }
        })
    }
}

/// The first line of standard input, without its line end.
fn password() -> Result<String, String> {
    let mut text = String::new();
    let read = std::io::stdin().take(4096).read_to_string(&mut text);
    read.map_err(|error| format!("cannot read the password from standard input: {error}"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
