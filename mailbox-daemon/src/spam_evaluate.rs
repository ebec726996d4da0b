//! `spam evaluate`: how good the filter would have been on folders of messages, without a daemon or a state directory.

use crate::cli::EvaluateArgs;
use aws_lc_rs::digest::{SHA256, digest};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use policy::config;
use policy::spam::{Class, Features, Figures, Foretold, Knowledge, Learner, Opinion, Seen};
use serde_json::{Value, json};
use service::admin::Answer;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is read of a message: more never counts.
const MESSAGE_BYTES_MAX: u64 = 272 * 1024;

/// Classifies every message, then learns it, in the order of the SHA-256 of the file names, as one account alone in its house.
pub fn evaluate(args: &EvaluateArgs) -> Result<Answer, String> {
    let mut messages = Vec::new();
    for (folders, class) in [(&args.ham, Class::Ham), (&args.spam, Class::Spam)] {
        for folder in folders {
            messages.extend(files_of(folder)?.into_iter().map(|file| (file, class)));
        }
    }
    messages.sort_by_cached_key(|(file, _)| name_hash(file));
    let settings = config::Spam::default();
    let learn_max = args.learn_at_most.unwrap_or(u32::MAX);
    let mut trial = Trial {
        knowledge: Knowledge::new(settings.knowledge_bytes_max),
        wanted: Seen {
            spam: settings.spam_learnt_min.min(learn_max),
            ham: settings.ham_learnt_min.min(learn_max),
        },
        learn_max,
        foretold: Vec::new(),
        cpu_us: 0,
    };
    for (file, class) in &messages {
        trial.take(&read(file)?, *class);
    }
    Ok(answer(&trial))
}

struct Trial {
    knowledge: Knowledge,
    /// From here on it judges.
    wanted: Seen,
    /// It learns so many of each class at most.
    learn_max: u32,
    foretold: Vec<Foretold>,
    /// What judging took.
    cpu_us: i64,
}

impl Trial {
    fn take(&mut self, message: &[u8], class: Class) {
        let start_us = cpu_us();
        let features = Features::of(message);
        let opinion = self.knowledge.opinion(Learner::HOUSEHOLD, &features);
        let end_us = cpu_us();
        let seen = self.knowledge.seen(Learner::HOUSEHOLD);
        if seen.spam >= self.wanted.spam && seen.ham >= self.wanted.ham {
            self.cpu_us += end_us - start_us;
            let is_taken = opinion.probability >= Opinion::SPAM_FROM;
            self.foretold.push(Foretold { score: opinion.log_odds, is_taken, class });
        }
        let learnt = if class == Class::Spam { seen.spam } else { seen.ham };
        if learnt < self.learn_max {
            self.knowledge.learn(Learner::HOUSEHOLD, class, &features);
        }
    }
}

fn answer(trial: &Trial) -> Answer {
    let figures = Figures::of(&trial.foretold);
    let [at_0_1, at_0_5, at_1_0] = figures.spam_missed_at_ham_loss;
    let judged = trial.foretold.len();
    let cpu_ms = (judged > 0).then(|| trial.cpu_us as f64 / 1000.0 / judged as f64);
    let whole = json!({
        "messages_ham": figures.ham,
        "messages_spam": figures.spam,
        "one_minus_roca_percent": rounded(figures.one_minus_roca),
        "spam_missed_percent_at_ham_loss_0_1": rounded(at_0_1),
        "spam_missed_percent_at_ham_loss_0_5": rounded(at_0_5),
        "spam_missed_percent_at_ham_loss_1_0": rounded(at_1_0),
        "ham_lost_percent": rounded(figures.ham_lost),
        "spam_missed_percent": rounded(figures.spam_missed),
        "cpu_ms_per_message": rounded(cpu_ms),
    });
    let row = |(figure, value): (&String, &Value)| {
        [("figure".to_owned(), json!(figure)), ("value".to_owned(), value.clone())].into_iter().collect()
    };
    let rows = whole.as_object().into_iter().flatten().map(row).collect();
    let message = match figures.one_minus_roca {
        Some(_) => String::new(),
        None => {
            let Seen { spam, ham } = trial.wanted;
            format!("Too few messages: judging starts once {spam} unwanted and {ham} wanted ones are learnt.")
        }
    };
    Answer { rows, message, whole: Some(whole) }
}

fn rounded(figure: Option<f64>) -> Value {
    figure.map_or(Value::Null, |figure| json!((figure * 10_000.0).round() / 10_000.0))
}

/// The messages of a folder, one a file; of a Maildir those in `cur` and `new`.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let is_maildir = folder.join("cur").is_dir();
    let folders =
        if is_maildir { vec![folder.join("cur"), folder.join("new")] } else { vec![folder.to_owned()] };
    let mut files = Vec::new();
    for folder in folders.iter().filter(|folder| !is_maildir || folder.is_dir()) {
        let failed = |error: io::Error| format!("cannot read {}: {error}", folder.display());
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn name_hash(file: &Path) -> Vec<u8> {
    let name = file.file_name().unwrap_or_default();
    digest(&SHA256, name.as_bytes()).as_ref().to_vec()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MESSAGE_BYTES_MAX).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// CPU this process has taken.
fn cpu_us() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF)
        .map_or(0, |usage| (usage.user_time() + usage.system_time()).num_microseconds())
}
