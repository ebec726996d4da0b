//! What can be typed, and what it means.

mod access;
mod accounts;
mod names;
mod queue;
mod reports;
mod rules;
mod sieve;
mod spam;

pub use sieve::{RunArgs, SieveWord};
pub use spam::EvaluateArgs;

use access::{AccessWord, BanWord};
use accounts::{AccountWord, AppPasswordWord};
use clap::{Args, Parser, Subcommand};
use names::{AliasWord, DkimWord, DomainWord, GroupWord};
use queue::QueueWord;
use reports::ReportsArgs;
use rules::RulesWord;
use service::admin::{Command, List};
use service::demo::Demo;
use spam::SpamWord;
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
            Word::Account(word) => word.command()?,
            Word::Alias(word) => word.command(),
            Word::Group(word) => word.command(),
            Word::Domain(word) => word.command(),
            Word::Dkim(word) => word.command(),
            Word::AppPassword(word) => word.command(),
            Word::Ban(word) => word.command(),
            Word::Queue(word) => word.command(),
            Word::Reports(args) => args.command(),
            Word::Block(word) => word.command(List::Block),
            Word::Allow(word) => word.command(List::Allow),
            Word::Rules(word) => word.command()?,
            Word::Sieve(word) => word.command()?,
            Word::Status => Command::Status,
        })
    }
}
