//! The golden cases of Sieve, run by Dovecot's `sieve-test` as well. It prints where a message goes, its flags, and who is
//! written to, so that is what must be alike; a changed message shows by what the script asks of it afterwards.

#[path = "../../policy/tests/support/case.rs"]
mod case;

use super::program::Program;
use case::{ACCOUNT, Case, RECIPIENT, SENDER};
use policy::sieve::{Act, Filed, Outcome};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use tempfile::TempDir;

/// `nobody` and `nogroup` of Debian: Dovecot touches no mail as root.
const NOBODY: u32 = 65_534;

#[test]
fn sieve_test_takes_the_cases_alike() {
    let folder = prepared();
    let mut wrong = Vec::new();
    for (path, text) in case::files() {
        for case in case::read(&text).1 {
            let place = format!("{}: {}", path.display(), case.name);
            wrong.extend(unexpected(&case, folder.path()).map(|what| format!("{place}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as the case's line `sieve-test` says.
fn unexpected(case: &Case, folder: &Path) -> Option<String> {
    let says = case.facts("sieve-test").next().unwrap_or_default();
    let (word, reason) = says.split_once(' ').unwrap_or((says, ""));
    if word != "same" && reason.is_empty() {
        return Some("says neither `same` nor why not".to_owned());
    }
    if word == "skip" {
        return None;
    }
    let (ours, theirs) = (ours(case), theirs(case, folder));
    match word {
        "same" if ours != theirs => Some(format!("ours {ours:?}, theirs {theirs:?}")),
        "differs" if ours == theirs => Some("differs no longer".to_owned()),
        "same" | "differs" => None,
        _ => Some(format!("`sieve-test: {word}` is not known")),
    }
}

/// A folder with the settings of `sieve-test`.
fn prepared() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (mut uid, mut gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    if uid == 0 {
        (uid, gid) = (NOBODY, NOBODY);
        chown(path, Some(uid), Some(gid)).unwrap();
    }
    let home = path.display();
    let settings = format!(
        "mail_location = maildir:{home}/mail
         mail_home = {home}
         mail_uid = {uid}
         mail_gid = {gid}
         first_valid_uid = {uid}
         first_valid_gid = {gid}
         log_path = /dev/stderr
         plugin {{
           sieve = file:{home}/scripts;active={home}/active
           sieve_extensions = +editheader +spamtest +spamtestplus +virustest +vacation-seconds +mboxmetadata +servermetadata +vnd.dovecot.debug +special-use
           sieve_user_email = {ACCOUNT}
           sieve_spamtest_status_type = score
           sieve_spamtest_status_header = X-Case-Spam: ([0-9]+)
           sieve_spamtest_max_value = 100
           sieve_virustest_status_type = score
           sieve_virustest_status_header = X-Case-Virus: ([0-9])
           sieve_virustest_max_value = 5
         }}\n"
    );
    fs::write(path.join("dovecot.conf"), settings).unwrap();
    folder
}

/// What we do, in the words both are compared in.
fn ours(case: &Case) -> BTreeSet<String> {
    let Ok(outcome) = case.outcome() else { return one("no script") };
    let Outcome { actions, error: None, .. } = outcome else { return one("broke off") };
    without_idle(actions.iter().map(act).collect())
}

fn act(act: &Act) -> String {
    let body = |message: &str| {
        let message = message.replace("\r\n", "\n");
        message.split_once("\n\n").map(|(_, body)| body.trim().to_owned()).unwrap_or_default()
    };
    match act {
        Act::Keep(filed) | Act::Fileinto(filed) => {
            let Filed { mailbox, flags, .. } = filed;
            stored(mailbox, flags.iter().map(String::as_str))
        }
        Act::Redirect { address, .. } => format!("redirect to {address}"),
        Act::Discard {} => "discard".to_owned(),
        Act::Reject { reason } | Act::Ereject { reason } => {
            format!("reject: {}", reason.trim().replace("\r\n", "\n"))
        }
        Act::Vacation(sent) => format!("answer: {}", body(&sent.message)),
        Act::Notify(sent) => format!("notify {}", sent.address.join(" ")),
    }
}

fn stored<'a>(mailbox: &str, flags: impl Iterator<Item = &'a str>) -> String {
    let flags: BTreeSet<String> = flags.map(str::to_lowercase).collect();
    format!("store in {mailbox} {flags:?}")
}

/// Without a discard beside something that is done: it does nothing then.
fn without_idle(mut actions: BTreeSet<String>) -> BTreeSet<String> {
    actions.remove("discard");
    if actions.is_empty() { one("discard") } else { actions }
}

fn one(what: &str) -> BTreeSet<String> {
    BTreeSet::from([what.to_owned()])
}

/// What `sieve-test` would do, in the same words.
fn theirs(case: &Case, folder: &Path) -> BTreeSet<String> {
    let mark =
        |key, field| case.facts(key).next().map(|value| format!("{field}: {value}\n")).unwrap_or_default();
    let message = [mark("spam", "X-Case-Spam"), mark("virus", "X-Case-Virus"), case.message.clone()].concat();
    fs::write(folder.join("case.eml"), message).unwrap();
    fs::write(folder.join("case.sieve"), &case.script).unwrap();
    // Neither scripts nor what was compiled of them stay for the next case.
    let scripts = folder.join("scripts");
    let _ = fs::remove_dir_all(&scripts);
    fs::create_dir(&scripts).unwrap();
    for (name, text) in case.facts("include").filter_map(|value| value.split_once(' ')) {
        fs::write(scripts.join(name).with_extension("sieve"), text).unwrap();
    }
    let from = case.facts("from").next().unwrap_or(SENDER);
    let outcome = Program::new("sieve-test", "dovecot-sieve")
        .args(["-C", "-r", RECIPIENT, "-f", from, "-c"])
        .arg(folder.join("dovecot.conf"))
        .args([folder.join("case.sieve"), folder.join("case.eml")])
        .run();
    if outcome.stderr.contains("failed to compile") {
        return one("no script");
    }
    match outcome.success && outcome.stderr.contains("final result: success") {
        true => printed(&outcome.stdout),
        false => one("broke off"),
    }
}

/// The actions in what it prints: each begins with ` * `, what belongs to it is set in deeper.
fn printed(text: &str) -> BTreeSet<String> {
    let actions = text.split("\n * ").skip(1);
    without_idle(actions.filter_map(printed_action).collect())
}

fn printed_action(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let after = |mark: &str| line.strip_prefix(mark).map(str::trim);
    if let Some(mailbox) = after("store message in folder:") {
        let flags = text.lines().find_map(|line| line.trim().strip_prefix("+ add IMAP flags:"));
        return Some(stored(mailbox, flags.unwrap_or_default().split_whitespace()));
    }
    if let Some(address) = after("redirect message to:") {
        return Some(format!("redirect to {}", address.trim_matches(['<', '>'])));
    }
    if line.starts_with("reject message with reason:") {
        let reason = text.split_once("reason:")?.1.split("\n\nImplicit keep:").next()?;
        // It prints the end of a line as two question marks.
        return Some(format!("reject: {}", reason.replace("??", "\n").trim()));
    }
    if line.starts_with("send vacation message:") {
        let message = text.split_once("START MESSAGE\n")?.1.split("\nEND MESSAGE").next()?;
        return Some(format!("answer: {}", message.replace("\r\n", "\n").trim()));
    }
    if line.starts_with("send notification") {
        let whom = text.lines().map(str::trim);
        let whom = whom.filter_map(|line| line.strip_prefix("+ To: ").or(line.strip_prefix("+ Cc: ")));
        return Some(format!("notify {}", whom.collect::<Vec<_>>().join(" ")));
    }
    // What it remembers is no matter of this message.
    (!line.starts_with("track ")).then(|| line.trim().to_owned())
}
