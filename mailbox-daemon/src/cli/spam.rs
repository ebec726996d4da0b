//! The words about spam.

use crate::spam_evaluate;
use clap::{ArgGroup, Args, Subcommand};
use data_encoding::BASE64;
use policy::spam::{Class, Features, Identity, Learner, Lesson, Taught};
use serde_json::json;
use service::admin::{Answer, Command};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use types::Address;

/// What is read of a message: more never counts.
const MESSAGE_BYTES_MAX: u64 = 272 * 1024;
/// What is read of an export.
const EXPORT_BYTES_MAX: u64 = 11 * 1024 * 1024;
/// Messages that are learnt with one request.
const BATCH_MESSAGES: usize = 64;
/// Folders in folders that are looked into.
const DEPTH_MAX: usize = 8;

#[derive(Subcommand)]
pub enum SpamWord {
    /// Show how much was learnt, by whom, and whether that is enough to act
    Stats {
        /// Of one account alone
        account: Option<String>,
    },
    /// Say what is thought of a message's content, and why
    Explain {
        /// The message; - for standard input
        message: PathBuf,
        /// To whom it came; the household when left out
        #[arg(long)]
        account: Option<String>,
    },
    /// Learn messages: each counts once, whatever else happens to it
    Train(TrainArgs),
    /// Say how good the filter would have been on messages sorted by hand: each is judged, then learnt
    Evaluate(EvaluateArgs),
    /// Forget everything an account taught
    Forget {
        /// Such as ana@home.test
        #[arg(long)]
        account: String,
    },
    /// Write what an account has learnt to standard output
    Export {
        /// Such as ana@home.test
        #[arg(long)]
        account: String,
    },
    /// Add what `spam export` wrote, from standard input, to what an account has learnt
    Import {
        /// Such as ana@home.test
        #[arg(long)]
        account: String,
    },
}

#[derive(Args)]
#[command(group = ArgGroup::new("class").required(true))]
pub struct TrainArgs {
    /// Who learns
    #[arg(long)]
    account: String,
    /// They are unwanted
    #[arg(long, group = "class")]
    spam: bool,
    /// They are wanted
    #[arg(long, group = "class")]
    ham: bool,
    /// Messages, or folders of them such as a Maildir; - for one on standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args)]
pub struct EvaluateArgs {
    /// A folder of wanted messages, one a file, or a Maildir; may be given several times
    #[arg(long, required = true)]
    pub ham: Vec<PathBuf>,
    /// The same for unwanted messages
    #[arg(long, required = true)]
    pub spam: Vec<PathBuf>,
    /// Learn at most so many messages of each class, and judge the others by them
    #[arg(long, value_name = "COUNT")]
    pub learn_at_most: Option<u32>,
}

impl SpamWord {
    /// Does what the word says with `execute`, which asks the daemon or the state directory. What is to be printed, if anything.
    pub fn run(self, execute: &dyn Fn(Command) -> Result<Answer, String>) -> Result<Option<Answer>, String> {
        match self {
            SpamWord::Stats { account } => execute(Command::SpamStats { account }),
            SpamWord::Explain { message, account } => {
                let message = BASE64.encode(&read(&message, MESSAGE_BYTES_MAX)?);
                execute(Command::SpamExplain { account, message })
            }
            SpamWord::Train(args) => args.run(execute),
            SpamWord::Evaluate(args) => spam_evaluate::evaluate(&args),
            SpamWord::Forget { account } => execute(Command::SpamForget { account }),
            SpamWord::Export { account } => {
                let answer = execute(Command::SpamExport { account })?;
                return write_export(&answer).map(|()| None);
            }
            SpamWord::Import { account } => {
                let export = BASE64.encode(&read(Path::new("-"), EXPORT_BYTES_MAX)?);
                execute(Command::SpamImport { account, export })
            }
        }
        .map(Some)
    }
}

impl TrainArgs {
    /// The messages are read here, a few at a time: the daemon only gets what is learnt of them.
    fn run(&self, execute: &dyn Fn(Command) -> Result<Answer, String>) -> Result<Answer, String> {
        let account =
            Address::parse_own(&self.account).map_err(|error| format!("{}: {error}", self.account))?;
        let learner = Learner::of(&account);
        let class = if self.spam { Class::Spam } else { Class::Ham };
        let mut files = Vec::new();
        for path in &self.files {
            find(path, 0, &mut files)?;
        }
        let (mut learnt, mut known) = (0, 0);
        for batch in files.chunks(BATCH_MESSAGES) {
            let messages = batch.iter().map(|path| lesson(learner, class, path)).collect::<Result<_, _>>()?;
            let answer = execute(Command::SpamTrain { account: self.account.clone(), messages })?;
            let count = |key| answer.rows.first().and_then(|row| row.get(key)?.as_u64()).unwrap_or(0);
            learnt += count("learnt");
            known += count("known");
        }
        let what = if self.spam { "spam" } else { "wanted" };
        let message = format!("{learnt} messages learnt as {what}; {known} counted as that already");
        let whole = Some(json!({ "learnt": learnt, "known": known }));
        Ok(Answer { message, whole, ..Answer::default() })
    }
}

/// What there is to learn of a message, written down.
fn lesson(learner: Learner, class: Class, path: &Path) -> Result<String, String> {
    let message = read(path, MESSAGE_BYTES_MAX)?;
    let taught = Taught::Message {
        learner,
        lesson: Lesson::Said(class),
        identity: Identity::of(&message),
        features: Features::of(&message),
    };
    Ok(BASE64.encode(&taught.encode()))
}

/// The files a path stands for, by name.
fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", path.display());
    if path == Path::new("-") || !fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth == DEPTH_MAX {
        return Ok(());
    }
    let mut inside = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>())
        .map_err(failed)?;
    inside.sort();
    inside.iter().try_for_each(|path| find(path, depth + 1, files))
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => io::stdin().take(bytes_max).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(bytes_max).read_to_end(&mut bytes)),
    };
    read.map(|_| bytes).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write_export(answer: &Answer) -> Result<(), String> {
    let export = answer.rows.first().and_then(|row| row.get("export")?.as_str()).unwrap_or_default();
    let bytes = BASE64.decode(export.as_bytes()).map_err(|error| error.to_string())?;
    io::stdout().write_all(&bytes).map_err(|error| format!("cannot write: {error}"))
}
