//! Mail obeys scripts: a table of scripts and where mail lies then, and what leaves the box because of them.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use support::demo::{Demo, DemoOptions, Door};
use support::dns::Dns;
use support::far_server::{self, Heard};
use support::smtp::{Reply, SmtpClient};
use support::wait_for;

#[derive(Default)]
struct Case {
    name: String,
    to: Vec<String>,
    fields: Vec<String>,
    /// Account, script name, text.
    scripts: Vec<(String, String, String)>,
    reply: Option<String>,
    lies: Vec<String>,
    has: Vec<String>,
    lacks: Vec<String>,
    told: Option<String>,
    logged: Option<String>,
}

#[test]
fn mail_lies_where_scripts_put_it() {
    let demo = Demo::start();
    let cases = cases(include_str!("sieve_delivery/cases.txt"));
    let wrong: Vec<String> = cases
        .iter()
        .enumerate()
        .filter_map(|(number, case)| {
            let found = case.play(&demo, number).err();
            found.map(|what| format!("{}: {what}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What people here send each other goes through scripts too.
#[test]
fn mail_of_people_here_obeys_scripts() {
    let demo = Demo::start();
    activate(&demo, "ben", "main", "require \"fileinto\"; fileinto \"Archive\";");
    let mut client = SmtpClient::connect(&demo, Door::Submissions).unwrap();
    client.log_in("ana@home.test").unwrap();
    let message = "From: ana@home.test\r\nSubject: mine\r\n\r\ntext\r\n";
    assert_eq!(client.send_mail("ana@home.test", &["ben@home.test"], message).unwrap().code, 250);
    assert_eq!(lies(&demo, "mine"), ["ben Archive -"]);
    activate(&demo, "ben", "main", "require \"ereject\"; ereject \"not you\";");
    let reply = client.send_mail("ana@home.test", &["ben@home.test"], message).unwrap();
    assert_eq!((reply.code, reply.text.as_str()), (550, "5.7.1 not you"));
    let other = message.replace("mine", "ours");
    let both = ["ben@home.test", "ana@home.test"];
    assert_eq!(client.send_mail("ana@home.test", &both, &other).unwrap().code, 250);
    assert_eq!(lies(&demo, "ours"), ["ana INBOX -"]);
    let report = text_of(&demo, "ana", "INBOX", "Undelivered mail returned to sender").unwrap();
    for part in [
        "not you",
        "Action: failed",
        "Status: 5.7.1",
        "Final-Recipient: rfc822; ben@home.test",
        "Subject: ours",
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
}

#[test]
fn what_is_passed_on_leaves_with_an_address_of_this_box() {
    let elsewhere = Elsewhere::begin();
    let demo = elsewhere.home();
    let script = "require [\"copy\", \"envelope-dsn\", \"redirect-dsn\"];\r\nredirect \"one@elsewhere.test\";\r\n\
                  redirect :copy \"two@elsewhere.test\";\r\n";
    activate(&demo, "ana", "main", &script.replace(", \"redirect-dsn\"", ""));
    let reply = send(&demo, "pat@far.test", &["ana@home.test"], "Subject: on\r\n\r\ntext\r\n");
    assert_eq!(reply.code, 250, "{reply:?}");
    let sent = elsewhere.wait_for(2);
    for Sent { from, text, .. } in &sent {
        assert!(from.starts_with("<SRS0=") && from.ends_with("@home.test>"), "{from}");
        assert!(text.contains("Delivered-To: ana@home.test\r\n"), "{text}");
        assert!(!text.contains("Return-Path:") && text.contains("\r\nSubject: on\r\n"), "{text}");
    }
    let to: BTreeSet<&str> = sent.iter().map(|sent| sent.to.as_str()).collect();
    assert_eq!(to, BTreeSet::from(["<one@elsewhere.test>", "<two@elsewhere.test>"]));
    assert_eq!(lies(&demo, "on"), [""; 0]);
    // What comes back stays.
    let reply = send(
        &demo,
        "pat@far.test",
        &["ana@home.test"],
        &sent[0].text.replace("Subject: on", "Subject: back"),
    );
    assert_eq!(reply.code, 250);
    assert_eq!(lies(&demo, "back"), ["ana INBOX -"]);
}

/// Words of strangers make the mailbox's name a new one each time.
const MISFILED: &str =
    "require [\"fileinto\", \"variables\"]; if header :matches \"subject\" \"*\" { fileinto \"Gone${1}\"; }";

#[test]
fn a_script_that_troubles_its_owner_tells_him_once_a_day() {
    let demo = Demo::start();
    activate(&demo, "ana", "main", MISFILED);
    for number in 0..3 {
        let reply =
            send(&demo, "pat@far.test", &["ana@home.test"], &format!("Subject: {number}\r\n\r\ntext\r\n"));
        assert_eq!(reply.code, 250);
    }
    assert_eq!(
        subjects(&demo, "ana", "INBOX").iter().filter(|subject| subject.contains("mail rules")).count(),
        1
    );
    activate(&demo, "ana", "main", "require [\"fileinto\"]; fileinto \"Archive\";");
    assert_eq!(send(&demo, "pat@far.test", &["ana@home.test"], "Subject: well\r\n\r\n").code, 250);
    assert_eq!(lies(&demo, "well"), ["ana Archive -"], "the new script acts at once");
}

/// Strangers may send a header longer than is read; its mail arrives, whatever it is made of.
#[test]
fn a_header_too_long_to_be_read_costs_little() {
    let demo = Demo::start();
    activate(&demo, "ana", "main", "discard;");
    let fields = "From:a@b.test\r\n".repeat(200_000);
    let message = format!("Subject: long\r\n{fields}\r\ntext\r\n");
    assert_eq!(send(&demo, "pat@far.test", &["ana@home.test"], &message).code, 250);
    assert_eq!(lies(&demo, "long"), ["ana INBOX -"]);
}

const VACATION: &str =
    "require [\"vacation\", \"fcc\", \"fileinto\"]; vacation :fcc \"Sent\" \"I am away.\";";

#[test]
fn whoever_is_away_answers_each_once_even_if_the_box_dies() {
    let elsewhere = Elsewhere::begin();
    let mut demo = elsewhere.home();
    activate(&demo, "ana", "main", VACATION);
    let message = "From: pat@elsewhere.test\r\nTo: ana@home.test\r\nSubject: when\r\nMessage-ID: <1@elsewhere.test>\r\n\r\ntext\r\n";
    let write = |demo: &Demo, from: &str, message: &str| {
        assert_eq!(send(demo, from, &["ana@home.test"], message).code, 250);
    };
    write(&demo, "pat@elsewhere.test", message);
    demo.kill();
    demo.start_again();
    write(&demo, "pat@elsewhere.test", message);
    write(&demo, "", message);
    write(&demo, "list@elsewhere.test", &format!("List-Id: <all.elsewhere.test>\r\n{message}"));
    write(&demo, "robot@elsewhere.test", &format!("Auto-Submitted: auto-replied\r\n{message}"));
    // Whoever answers last shows that nothing came between.
    write(&demo, "sam@elsewhere.test", message);
    let sent = elsewhere.wait_for_all(&["<pat@elsewhere.test>", "<sam@elsewhere.test>"]);
    let Sent { from, text, .. } = &sent[0];
    assert_eq!(from, "<>");
    for part in [
        "\r\nDate: ",
        "\r\nMessage-ID: <",
        "Auto-Submitted: auto-replied",
        "In-Reply-To: <1@elsewhere.test>",
        "I am away.",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.contains("DKIM-Signature:") && text.contains("d=home.test"), "{text}");
    assert_eq!(messages(&folder_of(&demo, "ana", "Sent")).len(), 2);
    assert_eq!(lies(&demo, "when").len(), 6);
}

#[test]
fn people_here_get_answers_and_notifications_too() {
    let demo = Demo::start();
    activate(
        &demo,
        "ana",
        "main",
        "require [\"vacation\", \"enotify\"]; notify :message \"news\" \"mailto:ben@home.test\"; vacation :subject \"away\" \"I am away.\";",
    );
    let mut client = SmtpClient::connect(&demo, Door::Submissions).unwrap();
    client.log_in("ben@home.test").unwrap();
    let message = "From: ben@home.test\r\nTo: ana@home.test\r\nSubject: when\r\n\r\ntext\r\n";
    assert_eq!(client.send_mail("ben@home.test", &["ana@home.test"], message).unwrap().code, 250);
    let mut subjects = subjects(&demo, "ben", "INBOX");
    subjects.sort();
    assert_eq!(subjects, ["away", "news"]);
    assert_eq!(lies(&demo, "when"), ["ana INBOX -"]);
}

#[test]
fn what_came_before_is_known_after_a_crash_and_to_two_at_once() {
    let mut demo = Demo::start();
    activate(&demo, "ana", "main", "require \"duplicate\"; if duplicate { discard; }");
    let message =
        |id: u32| format!("Message-ID: <{id}@elsewhere.test>\r\nSubject: number {id}\r\n\r\ntext\r\n");
    let write =
        |demo: &Demo, id| assert_eq!(send(demo, "pat@far.test", &["ana@home.test"], &message(id)).code, 250);
    write(&demo, 1);
    demo.kill();
    demo.start_again();
    write(&demo, 1);
    assert_eq!(lies(&demo, "number 1"), ["ana INBOX -"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| write(&demo, 2));
        }
    });
    assert_eq!(lies(&demo, "number 2"), ["ana INBOX -"]);
}

/// Whoever is who he says hears of refusals and gets no more than that; what goes on says what was found out about it.
#[test]
fn senders_somebody_vouches_for_hear_of_refusals() {
    let elsewhere = Elsewhere::begin();
    let zone = "elsewhere.test. TXT \"v=spf1 ip4:127.0.0.1 -all\"\nelsewhere.test. MX 10 mx.elsewhere.test.\n\
                mx.elsewhere.test. A 127.0.0.1\n";
    let dns = Dns::serve(zone, &[]);
    let set = [
        format!("dns.resolver={}", dns.address()),
        format!("outbound.route.elsewhere.test=127.0.0.1:{}", elsewhere.port),
    ];
    let demo = Demo::start_with(DemoOptions::set(&set));
    let both = ["ana@home.test", "ben@home.test"];
    let message =
        "From: pat@elsewhere.test\r\nSubject: hello\r\nMessage-ID: <9@elsewhere.test>\r\n\r\ntext\r\n";
    activate(&demo, "ana", "main", "require \"ereject\"; ereject \"no mail\";");
    activate(&demo, "ben", "main", "redirect \"three@elsewhere.test\";");
    assert_eq!(send(&demo, "pat@elsewhere.test", &both, message).code, 250);
    let sent = elsewhere.wait_for_all(&["<pat@elsewhere.test>", "<three@elsewhere.test>"]);
    let to = |address: &str| sent.iter().find(|sent| sent.to == address).unwrap();
    let report = to("<pat@elsewhere.test>");
    assert_eq!(report.from, "<>");
    for part in ["report-type=delivery-status", "no mail", "Action: failed", "Subject: hello"] {
        assert!(report.text.contains(part), "{part} is not in {}", report.text);
    }
    let passed_on = &to("<three@elsewhere.test>").text;
    for part in ["ARC-Seal:", "ARC-Authentication-Results: i=1", "spf=pass", "Delivered-To: ben@home.test"] {
        assert!(passed_on.contains(part), "{part} is not in {passed_on}");
    }
    assert_eq!(lies(&demo, "hello"), [""; 0]);

    elsewhere.taken.lock().unwrap().clear();
    activate(&demo, "ana", "main", "require \"reject\"; reject \"kein Bedürfnis\";");
    assert_eq!(send(&demo, "pat@elsewhere.test", &both[..1], message).code, 250);
    let notice = &elsewhere.wait_for(1)[0].text;
    for part in ["report-type=disposition-notification", "kein Bedürfnis", "MDN-sent-automatically; deleted"]
    {
        assert!(notice.contains(part), "{part} is not in {notice}");
    }
}

#[test]
fn scripts_rest_where_the_owner_of_the_box_wants_none() {
    let demo = Demo::start_with(DemoOptions::set(&["sieve.enabled=false"]));
    activate(&demo, "ana", "main", "discard;");
    assert_eq!(send(&demo, "pat@far.test", &["ana@home.test"], "Subject: here\r\n\r\n").code, 250);
    assert_eq!(lies(&demo, "here"), ["ana INBOX -"]);
}

impl Case {
    fn play(&self, demo: &Demo, number: usize) -> Result<(), String> {
        for account in ["ana", "ben"] {
            let _ = fs::remove_dir_all(demo.maildir(account).join("sieve"));
        }
        for (account, name, text) in &self.scripts {
            match name.as_str() {
                "main" => activate(demo, account, "main", text),
                name => put(demo, account, name, text),
            }
        }
        let subject = format!("case {number}");
        let fields: String = self.fields.iter().flat_map(|field| [field, "\r\n"]).collect();
        let message = format!("{fields}From: pat@elsewhere.test\r\nSubject: {subject}\r\n\r\ntext\r\n");
        let to: Vec<String> = self.to.iter().map(|local| format!("{local}@home.test")).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let reply = send(demo, "pat@elsewhere.test", &to, &message);
        let said = format!("{} {}", reply.code, reply.text.replace('\n', "\\n"));
        match &self.reply {
            Some(expected) if *expected != said => return Err(format!("the reply is {said}")),
            None if reply.code != 250 => return Err(format!("the reply is {said}")),
            _ => {}
        }
        let found = lies(demo, &subject);
        if found != self.lies {
            return Err(format!("it lies in {found:?}, not in {:?}", self.lies));
        }
        for (part, has) in
            self.has.iter().map(|part| (part, true)).chain(self.lacks.iter().map(|part| (part, false)))
        {
            let words: Vec<&str> = self.lies[0].split(' ').collect();
            let text = text_of(demo, words[0], words[1], &subject).unwrap_or_default();
            if text.contains(&part.replace("\\r\\n", "\r\n")) != has {
                return Err(format!("of {part} it should be {has} that it is in {text}"));
            }
        }
        if let Some(line) = &self.logged {
            let log = demo.told(&["sieve", "log", "ana@home.test"], "");
            if !log.contains(line.as_str()) {
                return Err(format!("{line} is not in the log {log}"));
            }
        }
        let letter = text_of(demo, "ana", "INBOX", "Your mail rules did not work").unwrap_or_default();
        remove_letters(demo);
        match &self.told {
            Some(words) if !letter.contains(words.trim_matches('"')) => {
                Err(format!("ana was told {letter:?}"))
            }
            None if !letter.is_empty() => Err(format!("ana was told {letter}")),
            _ => Ok(()),
        }
    }
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.trim_start().split_once(' ').unwrap();
        if word == "case" {
            let to = vec!["ana".to_owned()];
            cases.push(Case { name: rest.to_owned(), to, ..Case::default() });
            continue;
        }
        let case = cases.last_mut().unwrap();
        let mut script = |account: &str, name: &str, line: &str| {
            let is_it = |(of, called, _): &&mut (String, String, String)| of == account && called == name;
            match case.scripts.iter_mut().find(is_it) {
                Some((_, _, text)) => text.extend([line, "\r\n"]),
                None => case.scripts.push((account.to_owned(), name.to_owned(), format!("{line}\r\n"))),
            }
        };
        match word {
            "script" => script("ana", "main", rest),
            "script-of-ben" => script("ben", "main", rest),
            "also" => {
                let (name, text) = rest.split_once(' ').unwrap();
                script("ana", name, text);
            }
            "to" => case.to = rest.split(' ').map(str::to_owned).collect(),
            "field" => case.fields.push(rest.to_owned()),
            "reply" => case.reply = Some(rest.to_owned()),
            "lies" => case.lies.push(rest.to_owned()),
            "has" => case.has.push(rest.to_owned()),
            "lacks" => case.lacks.push(rest.to_owned()),
            "told" => case.told = Some(rest.to_owned()),
            "logged" => case.logged = Some(rest.to_owned()),
            other => panic!("{other}?"),
        }
    }
    cases
}

/// What somebody elsewhere got.
#[derive(Clone, Debug, Default)]
struct Sent {
    from: String,
    to: String,
    text: String,
}

/// The server of `elsewhere.test`.
struct Elsewhere {
    port: u16,
    taken: Arc<Mutex<Vec<Sent>>>,
}

impl Elsewhere {
    fn begin() -> Elsewhere {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let noted = Arc::clone(&taken);
        far_server::serve(listener, move |sent: &mut Sent, heard| {
            match heard {
                Heard::Command(line) => {
                    let path = |prefix: &str| line.strip_prefix(prefix)?.split_ascii_whitespace().next();
                    if let Some(from) = path("MAIL FROM:") {
                        from.clone_into(&mut sent.from);
                    }
                    if let Some(to) = path("RCPT TO:") {
                        to.clone_into(&mut sent.to);
                    }
                }
                Heard::Message(text) => {
                    let text = text.strip_suffix(".\r\n").unwrap().to_owned();
                    noted.lock().unwrap().push(Sent { text, ..sent.clone() });
                }
                Heard::End => {}
            }
            None
        });
        Elsewhere { port, taken }
    }

    /// A box that sends mail for `elsewhere.test` there.
    fn home(&self) -> Demo {
        Demo::start_with(DemoOptions::set(&[format!(
            "outbound.route.elsewhere.test=127.0.0.1:{}",
            self.port
        )]))
    }

    /// All that came, once these got something; a box that dies may send what it sent before again.
    fn wait_for_all(&self, recipients: &[&str]) -> Vec<Sent> {
        let all: BTreeSet<&str> = recipients.iter().copied().collect();
        let sent = wait_for("mail elsewhere", || {
            let taken = self.taken.lock().unwrap().clone();
            let is_there = |to: &&str| taken.iter().any(|sent| sent.to == **to);
            all.iter().all(is_there).then_some(taken)
        });
        assert!(sent.iter().all(|sent| all.contains(sent.to.as_str())), "{sent:?}");
        sent
    }

    /// All that came, once it is so much.
    fn wait_for(&self, count: usize) -> Vec<Sent> {
        wait_for("mail elsewhere", || {
            let taken = self.taken.lock().unwrap();
            (taken.len() >= count).then(|| taken.clone())
        })
    }
}

fn send(demo: &Demo, from: &str, to: &[&str], message: &str) -> Reply {
    SmtpClient::connect(demo, Door::Smtp).unwrap().send_mail(from, to, message).unwrap()
}

fn put(demo: &Demo, account: &str, name: &str, script: &str) {
    let folder = demo.maildir(account).join("sieve");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.sieve")), script).unwrap();
}

fn activate(demo: &Demo, account: &str, name: &str, script: &str) {
    put(demo, account, name, script);
    fs::write(demo.maildir(account).join("sieve/active"), name).unwrap();
}

/// Where messages with a subject lie: `ACCOUNT MAILBOX FLAGS`, sorted.
fn lies(demo: &Demo, subject: &str) -> Vec<String> {
    let mut found = Vec::new();
    for account in ["ana", "ben"] {
        for (mailbox, folder) in mailboxes(&demo.maildir(account)) {
            for (path, text) in messages(&folder) {
                if subject_of(&text) == subject {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    let flags = name.split_once(":2,").map_or("", |(_, flags)| flags);
                    let flags = if flags.is_empty() { "-" } else { flags };
                    found.push(format!("{account} {mailbox} {flags}"));
                }
            }
        }
    }
    found.sort();
    found
}

fn subjects(demo: &Demo, account: &str, mailbox: &str) -> Vec<String> {
    messages(&folder_of(demo, account, mailbox)).iter().map(|(_, text)| subject_of(text)).collect()
}

fn text_of(demo: &Demo, account: &str, mailbox: &str, subject: &str) -> Option<String> {
    let all = messages(&folder_of(demo, account, mailbox));
    all.into_iter().map(|(_, text)| text).find(|text| subject_of(text) == subject)
}

/// Removes what ana was told, from the disk and from what the box remembers of it: its words tell cases apart.
fn remove_letters(demo: &Demo) {
    for (path, text) in messages(&demo.maildir("ana")) {
        if subject_of(&text) == "Your mail rules did not work" {
            fs::remove_file(path).unwrap();
        }
    }
}

fn folder_of(demo: &Demo, account: &str, mailbox: &str) -> PathBuf {
    let all = mailboxes(&demo.maildir(account));
    all.into_iter().find(|(name, _)| name == mailbox).map(|(_, folder)| folder).unwrap()
}

fn mailboxes(account: &Path) -> Vec<(String, PathBuf)> {
    let mut all = vec![("INBOX".to_owned(), account.to_owned())];
    for entry in fs::read_dir(account).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_prefix('.').filter(|name| !name.starts_with('.')) {
            all.push((name.replace('.', "/"), entry.path()));
        }
    }
    all
}

fn messages(folder: &Path) -> Vec<(PathBuf, String)> {
    let files = ["new", "cur"].into_iter().flat_map(|name| fs::read_dir(folder.join(name)).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths.map(|path| (path.clone(), String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())).collect()
}

/// The first `Subject:` of a header.
fn subject_of(text: &str) -> String {
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    let line = header.lines().find(|line| line.to_ascii_lowercase().starts_with("subject: "));
    line.map(|line| line[9..].to_owned()).unwrap_or_default()
}
