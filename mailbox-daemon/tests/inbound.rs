//! What becomes of mail from others: tables of what comes, what is answered, where it lies then, and what its header says.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::demo::{Demo, DemoOptions, Door};
use support::dns::Dns;
use support::smtp::SmtpClient;

const TABLES: [(&str, &str); 4] = [
    ("usual", include_str!("inbound/usual.txt")),
    ("refusing", include_str!("inbound/refusing.txt")),
    ("one list", include_str!("inbound/one_list.txt")),
    ("two lists", include_str!("inbound/two_lists.txt")),
];
/// Domains whose servers do not answer.
const SILENT: [&str; 3] = ["silent.test", "_dmarc.no-policy.test", "s1._domainkey.no-key.test"];

#[derive(Clone, Debug, Default)]
struct Case {
    name: String,
    from: String,
    /// The header's author; `None` is the sender, an empty one no `From:`.
    author: Option<String>,
    to: Vec<String>,
    fields: Vec<String>,
    /// Arguments of `sign.py`.
    signer: Vec<String>,
    reply: String,
    /// Account and mailbox.
    lies: Vec<(String, String)>,
    has: Vec<String>,
    lacks: Vec<String>,
}

/// The key the domains of the zone sign with.
struct Key {
    file: PathBuf,
    record: String,
}

#[test]
fn mail_from_others_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::make(folder.path());
    let dns = Dns::serve(&include_str!("inbound/zone.txt").replace("{KEY}", &key.record), &SILENT);
    let mut wrong = Vec::new();
    for (table, text) in TABLES {
        let mut set = vec![format!("dns.resolver={}", dns.address())];
        set.extend(text.lines().filter_map(|line| line.strip_prefix("set ")).map(str::to_owned));
        let demo = Demo::start_with(DemoOptions::set(&set));
        let added = demo.cli(&["alias", "add", "abuse@home.test", "ben@home.test"]).status().unwrap();
        assert!(added.success());
        for case in cases(text) {
            let found = case.play(&demo, &key);
            wrong.extend(found.err().map(|what| format!("{table}: {}: {what}", case.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mail_of_people_here_brings_no_results_of_its_own() {
    let demo = Demo::start();
    let message = "From: ana@home.test\r\nSubject: mine\r\n\
                   Authentication-Results: mail.home.test; dkim=pass header.d=bank.example\r\n\r\ntext\r\n";
    let mut client = SmtpClient::connect(&demo, Door::Submissions).unwrap();
    client.log_in("ana@home.test").unwrap();
    assert_eq!(client.send_mail("ana@home.test", &["ben@home.test"], message).unwrap().code, 250);
    let header = delivered(&demo, "ben", "INBOX", "mine").expect("it lies there");
    assert!(!header.contains("bank.example") && !header.contains("Authentication-Results"), "{header}");
}

/// A message is judged as it came, however large: its signature is checked beyond what is held in memory.
#[test]
fn a_large_message_is_judged_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::make(folder.path());
    let dns = Dns::serve(&include_str!("inbound/zone.txt").replace("{KEY}", &key.record), &SILENT);
    let demo = Demo::start_with(DemoOptions::set(&[format!("dns.resolver={}", dns.address())]));
    let body = "all work and no play makes a long letter\r\n".repeat(20_000);
    let message = format!("From: someone@strict.test\r\nSubject: whole\r\n\r\n{body}");
    let signed = sign(&["sign".to_owned(), "strict.test".to_owned()], &key, &message) + &message;
    let changed = signed.replacen("long letter\r\n\r\n", "", 1).replace("Subject: whole", "Subject: changed");
    let mut client = SmtpClient::connect(&demo, Door::Smtp).unwrap();
    let mut send = |message: &str| client.send_mail("x@strict.test", &["ana@home.test"], message).unwrap();
    assert_eq!(send(&signed).code, 250);
    let refused = send(&changed);
    assert!(refused.code == 550 && refused.text.starts_with("5.7.26"), "{refused:?}");
    let header = delivered(&demo, "ana", "INBOX", "whole").expect("it lies there");
    assert!(header.contains("dkim=pass"), "{header}");
    let file = found(&demo, "ana", "INBOX", "whole").expect("it lies there");
    assert!(file.ends_with(&body), "the body is not what was sent");
}

impl Case {
    fn play(&self, demo: &Demo, key: &Key) -> Result<(), String> {
        let (name, author) = (&self.name, self.author.as_ref().unwrap_or(&self.from));
        let from = if author.is_empty() { String::new() } else { format!("From: <{author}>\r\n") };
        let message =
            format!("{from}Subject: {name}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\ntext\r\n");
        let signature =
            if self.signer.is_empty() { String::new() } else { sign(&self.signer, key, &message) };
        let fields =
            [self.fields.join("\r\n"), String::new()].join(if self.fields.is_empty() { "" } else { "\r\n" });
        let to: Vec<&str> = match self.to.is_empty() {
            true => vec!["ana@home.test"],
            false => self.to.iter().map(String::as_str).collect(),
        };
        let mut client = SmtpClient::connect(demo, Door::Smtp).unwrap();
        let sender = self.from.trim_matches(['<', '>']);
        let reply = client.send_mail(sender, &to, &(signature + &fields + &message)).unwrap();
        let reply = format!("{} {}", reply.code, reply.text);
        if !reply.starts_with(&self.reply) {
            return Err(format!("the answer is {reply}"));
        }
        for (account, mailbox) in &self.lies {
            let header = delivered(demo, account, mailbox, name)
                .ok_or_else(|| format!("it does not lie in {account}'s {mailbox}"))?;
            if let Some(text) = self.has.iter().find(|text| !header.contains(*text)) {
                return Err(format!("{text:?} is not in\n{header}"));
            }
            if let Some(text) = self.lacks.iter().find(|text| header.contains(*text)) {
                return Err(format!("{text:?} is in\n{header}"));
            }
        }
        Ok(())
    }
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split(' ').map(str::to_owned);
        if word == "==" {
            cases.push(Case { name: rest.to_owned(), ..Case::default() });
        }
        let Some(case) = cases.last_mut() else { continue };
        match word {
            "==" => {}
            "from" => rest.clone_into(&mut case.from),
            "author" => case.author = Some(rest.to_owned()),
            "to" => case.to.extend(words()),
            "field" => case.fields.push(rest.to_owned()),
            "sign" | "seal" => case.signer.extend([word.to_owned()].into_iter().chain(words())),
            "reply" => rest.clone_into(&mut case.reply),
            "lies" => {
                let (account, mailbox) = rest.split_once(' ').unwrap();
                case.lies.push((account.to_owned(), mailbox.to_owned()));
            }
            "has" => case.has.push(rest.to_owned()),
            "lacks" => case.lacks.push(rest.to_owned()),
            _ => panic!("not understood: {line}"),
        }
    }
    cases
}

/// The unfolded header of a message in a mailbox of one of the demo's people.
fn delivered(demo: &Demo, account: &str, mailbox: &str, subject: &str) -> Option<String> {
    let message = found(demo, account, mailbox, subject)?;
    let header = message.split("\r\n\r\n").next().unwrap_or_default();
    Some(header.replace("\r\n\t\t", " ").replace("\r\n\t", " "))
}

/// The file of a message.
fn found(demo: &Demo, account: &str, mailbox: &str, subject: &str) -> Option<String> {
    let folder = match mailbox {
        "INBOX" => demo.maildir(account),
        name => demo.maildir(account).join(format!(".{name}")),
    };
    let files = ["new", "cur"].into_iter().flat_map(|name| fs::read_dir(folder.join(name)).unwrap());
    let texts = files.map(|file| String::from_utf8(fs::read(file.unwrap().path()).unwrap()).unwrap());
    let line = format!("\r\nSubject: {subject}\r\n");
    texts.into_iter().find(|text| text.contains(&line))
}

impl Key {
    fn make(folder: &Path) -> Key {
        let file = folder.join("key.pem");
        let made = openssl(&["genrsa", "-traditional", "-out", file.to_str().unwrap(), "2048"]);
        assert!(made.is_empty());
        let public = openssl(&["rsa", "-in", file.to_str().unwrap(), "-pubout"]);
        let base64: String = public.lines().filter(|line| !line.starts_with('-')).collect();
        let (first, second) = base64.split_at(200);
        Key { file, record: format!("\"v=DKIM1; k=rsa; p={first}\" \"{second}\"") }
    }
}

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).stderr(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The fields a signer puts on top of a message.
fn sign(signer: &[String], key: &Key, message: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inbound/sign.py");
    // Debian's own Python has Debian's modules.
    let mut python = Command::new("/usr/bin/python3")
        .arg(program)
        .args(signer)
        .arg(&key.file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python3-dkim does not sign: see above");
    String::from_utf8(output.stdout).unwrap()
}
