//! `spam`: messages whose class is known are judged and then learnt, one after the other, by what is told of their content alone.
//!
//! `SPAM_CORPUS` names a folder with `ham`, `spam` and, perhaps, `hard-ham`, one message a file. Ours is `mailbox-daemon spam evaluate`; bogofilter
//! gets the same messages in the same order, and judges once it has learnt as much.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use policy::spam::{Class, Figures as Quality, Foretold};
use serde_json::Value;

use super::Scale;
use crate::fault::{Doing, Fault, Outcome};
use crate::figures::Figures;
use crate::servers::{Kind, Site};

const CORPUS: &str = "SPAM_CORPUS";
/// Messages of each class that are learnt before anything is judged, as the daemon's settings have it.
const LEARNT_MIN: usize = 50;

/// A message of the corpus.
type Message = (PathBuf, Class);

/// Judges and learns the corpus, once with everything learnt and once with only the first messages of each class.
pub fn run(site: &Site, _: Scale, figures: &mut Figures) -> Outcome<()> {
    let Some(corpus) = env::var_os(CORPUS).map(PathBuf::from) else {
        eprintln!("bench: spam is left out: {CORPUS} names no folder with ham and spam in it");
        return Ok(());
    };
    for (name, learn_max) in [("all", usize::MAX), ("first_50", LEARNT_MIN)] {
        match site.kind() {
            Kind::Ours(daemon) => ours(daemon.program(), &corpus, name, learn_max, figures)?,
            Kind::Peers(_) => bogofilter(site.folder(), &corpus, name, learn_max, figures)?,
        }
    }
    Ok(())
}

fn ours(daemon: &Path, corpus: &Path, name: &str, learn_max: usize, figures: &mut Figures) -> Outcome<()> {
    let mut command = Command::new(daemon);
    command.args(["--json", "spam", "evaluate"]);
    for (folder, class) in folders(corpus) {
        command.arg(if class == Class::Spam { "--spam" } else { "--ham" }).arg(folder);
    }
    if learn_max != usize::MAX {
        command.arg("--learn-at-most").arg(learn_max.to_string());
    }
    let output = command.output().doing("running spam evaluate")?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Fault::Setup(format!("spam evaluate told no figures: {error}")))?;
    for (figure, value) in told.as_object().into_iter().flatten() {
        if let Some(value) = value.as_f64() {
            figures.put(format!("spam.{name}_{figure}"), value);
        }
    }
    Ok(())
}

fn bogofilter(
    folder: &Path,
    corpus: &Path,
    name: &str,
    learn_max: usize,
    figures: &mut Figures,
) -> Outcome<()> {
    let home = folder.join(format!("bogofilter-{name}"));
    fs::create_dir(&home).doing("making a folder for bogofilter")?;
    let [mut learnt_ham, mut learnt_spam] = [0; 2];
    let mut foretold = Vec::new();
    let mut cpu_us = 0;
    for (path, class) in messages(corpus)? {
        let message = fs::read(&path).doing(format!("reading {}", path.display()))?;
        if learnt_ham >= LEARNT_MIN && learnt_spam >= LEARNT_MIN {
            let start_us = children_cpu_us();
            let told = filter(&home, "-T", &message)?;
            cpu_us += children_cpu_us() - start_us;
            let mut words = told.split_ascii_whitespace();
            let is_taken = words.next() == Some("S");
            let score = words.next().and_then(|score| score.parse().ok()).unwrap_or_default();
            foretold.push(Foretold { score, is_taken, class });
        }
        let (learnt, how) = match class {
            Class::Spam => (&mut learnt_spam, "-s"),
            Class::Ham => (&mut learnt_ham, "-n"),
        };
        if *learnt < learn_max {
            *learnt += 1;
            filter(&home, how, &message)?;
        }
    }
    put(name, &foretold, cpu_us, figures);
    Ok(())
}

fn put(name: &str, foretold: &[Foretold], cpu_us: i64, figures: &mut Figures) {
    let quality = Quality::of(foretold);
    let [at_0_1, at_0_5, at_1_0] = quality.spam_missed_at_ham_loss;
    figures.put(format!("spam.{name}_messages_ham"), quality.ham as f64);
    figures.put(format!("spam.{name}_messages_spam"), quality.spam as f64);
    for (figure, value) in [
        ("one_minus_roca_percent", quality.one_minus_roca),
        ("spam_missed_percent_at_ham_loss_0_1", at_0_1),
        ("spam_missed_percent_at_ham_loss_0_5", at_0_5),
        ("spam_missed_percent_at_ham_loss_1_0", at_1_0),
        ("ham_lost_percent", quality.ham_lost),
        ("spam_missed_percent", quality.spam_missed),
    ] {
        if let Some(value) = value {
            figures.put(format!("spam.{name}_{figure}"), value);
        }
    }
    figures.put(
        format!("spam.{name}_cpu_ms_per_message"),
        cpu_us as f64 / 1000.0 / foretold.len().max(1) as f64,
    );
}

/// Runs bogofilter on a message and gives what it says.
fn filter(home: &Path, how: &str, message: &[u8]) -> Outcome<String> {
    let mut child = Command::new("bogofilter")
        .arg("-d")
        .arg(home)
        .arg(how)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .doing("running bogofilter")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(message).doing("giving bogofilter a message")?;
    }
    let output = child.wait_with_output().doing("waiting for bogofilter")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The folders of a corpus that are there.
fn folders(corpus: &Path) -> impl Iterator<Item = (PathBuf, Class)> {
    let all = [("ham", Class::Ham), ("hard-ham", Class::Ham), ("spam", Class::Spam)];
    let found = all.map(|(name, class)| (corpus.join(name), class));
    found.into_iter().filter(|(folder, _)| folder.is_dir())
}

/// Every message, in the order of the SHA-256 of the file names.
fn messages(corpus: &Path) -> Outcome<Vec<Message>> {
    let mut messages = Vec::new();
    for (folder, class) in folders(corpus) {
        let reading = || format!("reading {}", folder.display());
        for entry in fs::read_dir(&folder).doing(reading())? {
            messages.push((entry.doing(reading())?.path(), class));
        }
    }
    messages.sort_by_cached_key(|(path, _)| {
        let name = path.file_name().unwrap_or_default();
        digest(&SHA256, name.as_encoded_bytes()).as_ref().to_vec()
    });
    Ok(messages)
}

/// CPU taken by programs that were run and have ended.
fn children_cpu_us() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_or(0, |usage| (usage.user_time() + usage.system_time()).num_microseconds())
}
