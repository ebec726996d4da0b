//! FETCH over odd messages: Dovecot's answers and ours are the same to the last octet, or the difference is one we mean.

use super::dovecot::{Dovecot, copy_tree};
use super::search_alike::plant;
use super::{Demo, ImapClient};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const ITEMS: &str = include_str!("fetch_alike.txt");

#[test]
fn fetch_answers_as_dovecot_does() {
    let tree = tempfile::tempdir().unwrap();
    let names = plant(&tree);
    let questions = questions();
    let ours = our_answers(tree.path(), &questions, &names);
    let theirs = dovecots_answers(tree.path(), &questions, &names);
    let mut complaints = Vec::new();
    for (question, (ours, theirs)) in questions.iter().zip(ours.iter().zip(&theirs)) {
        for (name, (our, their)) in names.iter().filter_map(|name| {
            Some((name, (ours.get(name), theirs.get(name)))).filter(|_| question.asks(name))
        }) {
            if (our == their) == question.differs.contains(name) {
                let item = &question.item;
                complaints.push(format!("{item} of {name}\n  ours:   {our:?}\n  theirs: {their:?}"));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} answers are not as meant:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// A data item and the messages it is asked of.
struct Question {
    item: String,
    /// All of them when empty.
    only: BTreeSet<String>,
    /// Of those we and Dovecot are known to answer differently.
    differs: BTreeSet<String>,
}

impl Question {
    fn asks(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.contains(name)
    }

    /// The numbers of the messages it is asked of.
    fn set(&self, names: &[String]) -> String {
        let asked = names.iter().enumerate().filter(|(_, name)| self.asks(name));
        asked.map(|(index, _)| (index + 1).to_string()).collect::<Vec<_>>().join(",")
    }
}

fn questions() -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    let stems = |list: &str| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for line in ITEMS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(list) = line.strip_prefix("differs: ") {
            questions.last_mut().unwrap().differs.extend(stems(list));
        } else if let Some(list) = line.strip_prefix("only: ") {
            questions.last_mut().unwrap().only.extend(stems(list));
        } else {
            let (only, differs) = (BTreeSet::new(), BTreeSet::new());
            questions.push(Question { item: line.to_owned(), only, differs });
        }
    }
    questions
}

/// What was said of each message, by the name of its file.
type Answers = BTreeMap<String, String>;

fn our_answers(tree: &Path, questions: &[Question], names: &[String]) -> Vec<Answers> {
    let demo = Demo::start();
    copy_tree(tree, &demo.maildir("ana"));
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("EXAMINE INBOX").unwrap().ok();
    let wire = imap.wire();
    let ask = |question: &Question| {
        wire.send_line(&format!("q FETCH {} {}", question.set(names), question.item)).unwrap();
        answers(names, || wire.read_line().unwrap().unwrap())
    };
    questions.iter().map(ask).collect()
}

fn dovecots_answers(tree: &Path, questions: &[Question], names: &[String]) -> Vec<Answers> {
    let dovecot = Dovecot::moved_in(tree);
    let mut imap = dovecot.imap();
    imap.say("s EXAMINE INBOX");
    while !imap.hear().starts_with("s OK") {}
    let ask = |question: &Question| {
        imap.say(&format!("q FETCH {} {}", question.set(names), question.item));
        answers(names, || {
            let line = imap.hear_octets();
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            line.strip_suffix(b"\r").unwrap_or(line).to_vec()
        })
    };
    questions.iter().map(ask).collect()
}

/// Reads lines up to the end of the command and gathers them by message, octets beyond ASCII escaped. A line of a message
/// that looks like another answer would be taken for one, on both sides alike.
fn answers(names: &[String], mut hear: impl FnMut() -> Vec<u8>) -> Answers {
    let mut answers = Answers::new();
    let mut current = None;
    loop {
        // A literal8 without need for one is what RFC 3516 section 4.3 advises against.
        let line = hear().escape_ascii().to_string().replace("] ~{", "] {").replace("> ~{", "> {");
        if line.starts_with("q OK") || line.starts_with("q NO") || line.starts_with("q BAD") {
            return answers;
        }
        let begin = line.strip_prefix("* ").and_then(|rest| rest.split_once(" FETCH "));
        if let Some((number, item)) =
            begin.and_then(|(number, item)| Some((number.parse::<usize>().ok()?, item)))
        {
            current = names.get(number - 1);
            answers.entry(current.unwrap().clone()).or_default().push_str(item);
        } else if let Some(name) = current {
            let answer = answers.entry(name.clone()).or_default();
            answer.push('\n');
            answer.push_str(&line);
        }
    }
}
