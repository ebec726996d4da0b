//! SEARCH, SORT and THREAD over odd messages: Dovecot's answers and ours are the same, or the difference is one we mean.

use super::dovecot::{Dovecot, copy_tree};
use super::{Demo, ImapClient};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

const QUERIES: &str = include_str!("search_alike.txt");

#[test]
fn search_sort_and_thread_answer_as_dovecot_does() {
    let tree = tempfile::tempdir().unwrap();
    let names = plant(&tree);
    let queries = queries();
    let ours = our_answers(tree.path(), &queries);
    let theirs = dovecots_answers(tree.path(), &queries);
    let different: Vec<String> = queries
        .iter()
        .zip(ours.iter().zip(&theirs))
        .filter_map(|(query, (ours, theirs))| query.complaint(ours, theirs, &names))
        .collect();
    assert!(different.is_empty(), "{} answers differ:\n{}", different.len(), different.join("\n"));
}

/// A command and the messages that are found by one side only.
#[derive(Default)]
struct Query {
    command: String,
    only_ours: BTreeSet<String>,
    only_theirs: BTreeSet<String>,
}

/// What was said to one command: the lines that hold results, and OK, NO or BAD.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    lines: Vec<String>,
    verdict: String,
}

fn queries() -> Vec<Query> {
    let mut queries: Vec<Query> = Vec::new();
    let stems = |list: &str| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for line in QUERIES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(list) = line.strip_prefix("ours: ") {
            queries.last_mut().unwrap().only_ours.extend(stems(list));
        } else if let Some(list) = line.strip_prefix("theirs: ") {
            queries.last_mut().unwrap().only_theirs.extend(stems(list));
        } else {
            queries.push(Query { command: line.to_owned(), ..Query::default() });
        }
    }
    queries
}

impl Query {
    fn complaint(&self, ours: &Answer, theirs: &Answer, names: &[String]) -> Option<String> {
        let is_as_meant = match self.only_ours.is_empty() && self.only_theirs.is_empty() {
            true => ours == theirs,
            false => {
                let (our, their) = (ours.found(names), theirs.found(names));
                let only =
                    |here: &BTreeSet<String>, there| here.difference(there).cloned().collect::<BTreeSet<_>>();
                only(&our, &their) == self.only_ours && only(&their, &our) == self.only_theirs
            }
        };
        (!is_as_meant).then(|| format!("{}\n  ours:   {ours:?}\n  theirs: {theirs:?}", self.command))
    }
}

impl Answer {
    fn new(lines: impl IntoIterator<Item = impl AsRef<str>>, verdict: &str) -> Answer {
        let is_result = |line: &str| {
            ["* SEARCH", "* SORT", "* THREAD", "* ESEARCH"].iter().any(|word| line.starts_with(word))
        };
        let lines = lines.into_iter().map(|line| line.as_ref().to_owned()).filter(|line| is_result(line));
        let verdict = verdict.split(' ').next().unwrap_or_default().to_owned();
        Answer { lines: lines.collect(), verdict }
    }

    /// The messages of a SEARCH answer, by the names of their files.
    fn found(&self, names: &[String]) -> BTreeSet<String> {
        let numbers = self.lines.iter().flat_map(|line| line.split_whitespace());
        numbers
            .filter_map(|word| word.parse::<usize>().ok())
            .map(|number| names[number - 1].clone())
            .collect()
    }
}

/// Makes a Maildir of the odd messages, with days of arrival all over two weeks; the names of the messages in order.
pub fn plant(tree: &TempDir) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/odd_messages");
    let entries = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    files.sort();
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir(tree.path().join(folder)).unwrap();
    }
    for (index, file) in files.iter().enumerate() {
        let seen = if index % 3 == 0 { "S" } else { "" };
        let name = format!("{}.M{index}P1.elsewhere:2,{seen}", 1_000_000_000 + index * 60);
        let path = tree.path().join("cur").join(name);
        fs::copy(file, &path).unwrap();
        let arrived = 1_000_000_000 + index as u64 * 7919 % files.len() as u64 * 7200;
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(arrived)).unwrap();
    }
    files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn our_answers(tree: &Path, queries: &[Query]) -> Vec<Answer> {
    let demo = Demo::start();
    copy_tree(tree, &demo.maildir("ana"));
    let mut imap = ImapClient::log_in(&demo, "ana@home.test").unwrap();
    imap.command("EXAMINE INBOX").unwrap().ok();
    let mut answers = Vec::new();
    for (index, query) in queries.iter().enumerate() {
        let tag = format!("q{index}");
        imap.wire().send_line(&format!("{tag} {}", query.command)).unwrap();
        let answer = imap.finish(&tag).unwrap();
        answers.push(Answer::new(answer.untagged, &answer.verdict));
    }
    answers
}

fn dovecots_answers(tree: &Path, queries: &[Query]) -> Vec<Answer> {
    let dovecot = Dovecot::moved_in(tree);
    let mut imap = dovecot.imap();
    let mut ask = |tag: &str, command: &str| {
        imap.say(&format!("{tag} {command}"));
        let mut lines = Vec::new();
        loop {
            let line = imap.hear();
            match line.strip_prefix(&format!("{tag} ")) {
                Some(verdict) => return Answer::new(lines, verdict),
                None => lines.push(line),
            }
        }
    };
    ask("s", "EXAMINE INBOX");
    queries.iter().enumerate().map(|(index, query)| ask(&format!("q{index}"), &query.command)).collect()
}
