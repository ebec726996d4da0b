//! Plays the files in `transcripts/` against the session; a new case is a new file. Lines:
//!
//! ```text
//! name box.test | tls never|if-offered|required | login USER PASSWORD     how the session is to go
//! message FROM TO,TO [size=N] [utf8] [8bit] [requiretls] [ret=FULL] [envid=X] [notify=failure] [orcpt=T;A]   the next message
//! body TEXT                           its text, with \r\n written out
//! S: ...  C: ...                      what the server says, what the client must say
//! TLS  LOST                           the handshake succeeds, the connection breaks
//! = OUTCOME                           what a message's recipients, one line each, or the session must come to
//! ```

use super::*;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;
use types::{Address, BodyType, DsnNotify, DsnReturn, Envelope, MailParameters, Recipient};

struct Player {
    client: Client,
    messages: VecDeque<(Transaction, Vec<u8>)>,
    body: Vec<u8>,
    sent: String,
    results: VecDeque<String>,
    wants_tls: bool,
    is_closed: bool,
}

impl Player {
    /// Obeys the rule: polls until the session wants to read.
    fn drive(&mut self) {
        loop {
            match self.client.poll() {
                Action::Write => {
                    self.sent.push_str(std::str::from_utf8(self.client.output()).unwrap());
                    self.client.output().clear();
                }
                Action::Read => return,
                Action::StartTls => {
                    self.wants_tls = true;
                    return;
                }
                Action::Ready => match self.messages.pop_front() {
                    Some((transaction, body)) => {
                        self.body = body;
                        self.client.begin(transaction);
                    }
                    None => self.client.quit(),
                },
                Action::Body => {
                    self.body.chunks(3).for_each(|chunk| self.client.body(chunk));
                    self.client.end_body();
                }
                Action::Finished(outcomes) => self.results.extend(outcomes.iter().map(describe)),
                Action::Closed(end) => {
                    if !std::mem::replace(&mut self.is_closed, true) {
                        self.results.push_back(format!("session {}", describe_end(&end)));
                    }
                    return;
                }
            }
        }
    }
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered { answer, passes_dsn } => {
            format!("delivered{} {answer}", if *passes_dsn { " dsn" } else { "" })
        }
        Outcome::Refused(stage, answer) => format!("refused {stage:?} {answer}"),
        Outcome::Unsupported(missing) => format!("unsupported {missing:?}"),
        Outcome::Broken(stage, failure) => format!("broken {stage:?} {}", describe_failure(failure)),
    }
}

fn describe_failure(failure: &Failure) -> String {
    match failure {
        Failure::Refused(answer) => answer.to_string(),
        Failure::Lost => "lost".to_owned(),
        Failure::Garbage => "garbage".to_owned(),
        Failure::NotOffered => "not offered".to_owned(),
    }
}

fn describe_end(end: &SessionEnd) -> String {
    match end {
        SessionEnd::Quit => "quit".to_owned(),
        SessionEnd::Failed(stage, failure) => format!("{stage:?} {}", describe_failure(failure)),
    }
}

fn message(words: &str) -> Transaction {
    let mut words = words.split(' ');
    let from = words.next().unwrap();
    let mut parameters = MailParameters::default();
    let mut recipients: Vec<Recipient> = words
        .next()
        .unwrap()
        .split(',')
        .map(|to| Recipient { address: Address::parse(to).unwrap(), notify: None, original: None })
        .collect();
    let (mut message_bytes, mut needs_smtputf8, mut needs_eight_bit) = (100, false, false);
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("size", size) => message_bytes = size.parse().unwrap(),
            ("utf8", _) => needs_smtputf8 = true,
            ("8bit", _) => {
                parameters.body = BodyType::EightBitMime;
                needs_eight_bit = true;
            }
            ("requiretls", _) => parameters.require_tls = true,
            ("ret", kind) => {
                parameters.ret = Some(if kind == "FULL" { DsnReturn::Full } else { DsnReturn::Headers });
            }
            ("envid", id) => parameters.envelope_id = Some(id.replace('_', " ")),
            ("notify", kinds) => {
                let has = |kind| kinds.contains(kind);
                let notify =
                    DsnNotify { success: has("success"), failure: has("failure"), delay: has("delay") };
                recipients[0].notify = Some(notify);
            }
            ("orcpt", original) => recipients[0].original = Some(original.to_owned()),
            other => panic!("{other:?}"),
        }
    }
    let from = (from != "<>").then(|| Address::parse(from).unwrap());
    let chosen = (0..recipients.len()).collect();
    Transaction {
        envelope: Envelope { from, parameters, recipients }.into(),
        chosen,
        message_bytes,
        needs_smtputf8,
        needs_eight_bit,
    }
}

/// Plays a transcript, feeding `chunk` bytes at a time; returns what differs from it.
fn play(text: &str, chunk: usize) -> Result<(), String> {
    let options = Options { name: "box.test".to_owned(), start_tls: StartTls::IfOffered, login: None };
    let mut player = Player {
        client: Client::new(options),
        messages: VecDeque::new(),
        body: Vec::new(),
        sent: String::new(),
        results: VecDeque::new(),
        wants_tls: false,
        is_closed: false,
    };
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: String| Err(format!("line {}: {line}\n  {what}", number + 1));
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "#" => {}
            "name" => rest.clone_into(&mut player.client.options.name),
            "tls" => {
                player.client.options.start_tls = match rest {
                    "never" => StartTls::Never,
                    "required" => StartTls::Required,
                    _ => StartTls::IfOffered,
                }
            }
            "login" => {
                let (user, password) = rest.split_once(' ').unwrap();
                player.client.options.login =
                    Some(Login { user: user.to_owned(), password: password.to_owned() });
            }
            "message" => player.messages.push_back((message(rest), Vec::new())),
            "body" => {
                let body = rest.replace("\\r", "\r").replace("\\n", "\n").into_bytes();
                player.messages.back_mut().unwrap().1 = body;
            }
            "S:" => {
                format!("{rest}\r\n").as_bytes().chunks(chunk).for_each(|chunk| player.client.feed(chunk));
                player.drive();
            }
            "C:" => {
                let Some((sent, others)) = player.sent.split_once("\r\n") else {
                    return wrong(format!("but only {:?} was sent", player.sent));
                };
                if sent != rest {
                    return wrong(format!("but the client said {sent}"));
                }
                player.sent = others.to_owned();
            }
            "TLS" => {
                if !std::mem::take(&mut player.wants_tls) {
                    return wrong("but no handshake was wanted".to_owned());
                }
                player.client.tls_started();
                player.drive();
            }
            "LOST" => {
                player.client.lost();
                player.drive();
            }
            "=" => match player.results.pop_front() {
                Some(result) if result == rest => {}
                other => return wrong(format!("but it came to {other:?}")),
            },
            _ => return wrong("is no line of a transcript".to_owned()),
        }
    }
    let mut rest = String::new();
    player.results.iter().for_each(|result| writeln!(rest, "  = {result}").unwrap());
    player.sent.lines().for_each(|line| writeln!(rest, "  C: {line}").unwrap());
    if rest.is_empty() { Ok(()) } else { Err(format!("the transcript ends before\n{rest}")) }
}

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/smtp/client/transcripts");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(!names.is_empty());
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        for chunk in [1, 7, 10_000] {
            if let Err(difference) = play(&text, chunk) {
                panic!("{}, {chunk} bytes at a time: {difference}", path.display());
            }
        }
    }
}

mod noise {
    use super::*;
    use proptest::prelude::*;

    fn server_line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("220 hello\r\n".to_owned()),
            Just("250-box\r\n250-PIPELINING\r\n250 SIZE 1000\r\n".to_owned()),
            Just("250 ok\r\n".to_owned()),
            Just("354 go\r\n".to_owned()),
            Just("421 bye\r\n".to_owned()),
            Just("550 5.1.1 no\r\n".to_owned()),
            Just("334 \r\n".to_owned()),
            Just("235 in\r\n".to_owned()),
            "[0-9]{3}[ -][a-z]{0,5}\r\n",
            "\\PC{0,10}\r?\n",
        ]
    }

    proptest! {
        /// Whatever a server says, every message gets one outcome a recipient, and only a positive answer to the whole
        /// message counts as delivered.
        #[test]
        fn every_recipient_gets_one_outcome(lines in prop::collection::vec(server_line(), 0..20), login: bool) {
            let options = Options {
                name: "box.test".to_owned(),
                start_tls: StartTls::IfOffered,
                login: login.then(|| Login { user: "u".to_owned(), password: "p".to_owned() }),
            };
            let mut player = Player {
                client: Client::new(options),
                messages: (0..3).map(|_| (message("a@x.test b@y.test,c@y.test"), b"x\r\n".to_vec())).collect(),
                body: Vec::new(),
                sent: String::new(),
                results: VecDeque::new(),
                wants_tls: false,
                is_closed: false,
            };
            for line in lines {
                player.client.feed(line.as_bytes());
                player.drive();
                if std::mem::take(&mut player.wants_tls) {
                    player.client.tls_started();
                }
            }
            player.client.lost();
            player.drive();
            prop_assert!(player.is_closed);
            let sessions = player.results.iter().filter(|result| result.starts_with("session")).count();
            prop_assert_eq!(sessions, 1);
            let begun = 3 - player.messages.len();
            prop_assert_eq!(player.results.len(), 1 + 2 * begun, "{:?}", player.results);
            for result in player.results.iter().filter(|result| result.starts_with("delivered")) {
                prop_assert!(result.starts_with("delivered 2"), "{}", result);
            }
        }
    }
}
