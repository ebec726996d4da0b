//! The words about reports of other servers.

use clap::{Args, Subcommand};
use service::admin::Command;

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

impl ReportsArgs {
    /// The command to execute.
    pub fn command(self) -> Command {
        match self {
            ReportsArgs { word: Some(ReportsWord::Send), .. } => Command::ReportsSend,
            ReportsArgs { domain, month, word: None } => Command::ReportsList { domain, month },
        }
    }
}
