use super::*;
use proptest::prelude::*;

fn config(role: Role) -> Config {
    let limits = Limits {
        message_bytes_max: 1000,
        message_line_bytes_max: 200,
        smtp_line_bytes_max: 100,
        recipients_max: 3,
        smtp_errors_max: 5,
        ..Limits::default()
    };
    Config {
        host: "mx.home.test".to_owned(),
        postmaster_domain: Domain::parse("home.test").unwrap(),
        role,
        limits,
        is_tls: false,
        has_starttls: true,
        has_cleartext_auth: false,
        has_channel_binding: false,
    }
}

/// Drives a session as the service does, with people called `no...` unknown and `full...` for a full disk.
struct Driver {
    session: Session,
    out: Vec<u8>,
    body: Vec<u8>,
    resets: usize,
    tls: usize,
    is_closed: bool,
}

impl Driver {
    fn new(config: Config) -> Driver {
        Driver {
            session: Session::new(config),
            out: Vec::new(),
            body: Vec::new(),
            resets: 0,
            tls: 0,
            is_closed: false,
        }
    }

    fn feed(&mut self, mut input: &[u8]) {
        while !self.is_closed {
            let (consumed, action) = self.session.advance(input, &mut self.out);
            assert!(consumed <= input.len());
            let done = action == Action::Read;
            self.act(action, input);
            input = &input[consumed..];
            if done {
                assert!(input.is_empty(), "read wanted with input left");
                return;
            }
        }
    }

    fn act(&mut self, action: Action, input: &[u8]) {
        let reply = match action {
            Action::Read => return,
            Action::Mail(_) => say::SENDER_OK,
            Action::Rcpt(to) if to.address.local.as_str().starts_with("no") => say::NO_SUCH_USER,
            Action::Rcpt(to) if to.address.local.as_str().starts_with("full") => say::NO_SPACE,
            Action::Rcpt(_) => say::RECIPIENT_OK,
            Action::Begin => say::SEND_MESSAGE,
            Action::Content(range) => return self.body.extend_from_slice(&input[range]),
            Action::LineEnd => return self.body.extend_from_slice(b"\r\n"),
            Action::End { lacks_newline } => {
                self.body.extend_from_slice(if lacks_newline { b"\r\n|" } else { b"|" });
                say::MESSAGE_ACCEPTED
            }
            Action::Reset => return self.resets += 1,
            Action::Auth { initial: None, .. } => return self.session.challenge(b"?", &mut self.out),
            Action::Auth { initial: Some(message), .. } | Action::AuthResponse(message) => {
                if *message == b"right" { say::LOGGED_IN } else { say::LOGIN_FAILED }
            }
            Action::AuthCancelled => return,
            Action::StartTls => {
                self.tls += 1;
                return self.session.tls_started(true);
            }
            Action::Close => return self.is_closed = true,
        };
        self.session.answer(reply, &mut self.out);
    }

    /// The reply codes so far, the lines of one reply counted once.
    fn codes(&mut self) -> String {
        let out = String::from_utf8(std::mem::take(&mut self.out)).unwrap();
        assert!(out.is_empty() || out.ends_with("\r\n"));
        let last = out.lines().filter(|line| line.as_bytes()[3] == b' ');
        last.map(|line| &line[..3]).collect::<Vec<_>>().join(" ")
    }
}

/// Says every line and gives the codes of the replies.
fn codes(role: Role, text: &str) -> String {
    let mut driver = Driver::new(config(role));
    driver.feed(text.replace('\n', "\r\n").as_bytes());
    let codes = driver.codes();
    codes + if driver.is_closed { " closed" } else { "" }
}

const BEGIN: &str = "EHLO me\nMAIL FROM:<a@x.test>\nRCPT TO:<b@home.test>\n";

#[test]
fn commands_in_and_out_of_order() {
    for (text, expected) in [
        ("NOOP\nRSET\nVRFY a\nEXPN a\nHELP\nQUIT\n", "250 250 252 502 214 221 closed"),
        ("MAIL FROM:<a@x.test>\n", "503"),
        ("HELO me\nMAIL FROM:<>\nMAIL FROM:<>\n", "250 250 503"),
        ("EHLO me\nRCPT TO:<b@home.test>\nDATA\n", "250 503 503"),
        ("EHLO me\nMAIL FROM:<>\nDATA\n", "250 250 503"),
        ("EHLO me\nMAIL FROM:<>\nRCPT TO:<nobody@home.test>\nDATA\n", "250 250 550 554"),
        ("EHLO me\nMAIL FROM:<>\nRCPT TO:<full@home.test>\nDATA\n", "250 250 452 554"),
        ("EHLO me\nMAIL FROM:<> REQUIRETLS\n", "250 530"),
        ("EHLO me\nMAIL FROM:<> SIZE=1001\nMAIL FROM:<> SIZE=1000\n", "250 552 250"),
        ("EHLO me\nMAIL FROM:<a@x.test> FOO=1\n", "250 555"),
        ("EHLO me\nMAIL FROM:a@x.test\nMAIL FROM:<a@>\nMAIL FROM:<\u{fc}@x.test>\n", "250 501 501 553"),
        ("EHLO me\nMAIL FROM:<>\nRCPT TO:<\u{fc}@home.test>\n", "250 250 553"),
        ("EHLO me\nMAIL FROM:<> SMTPUTF8\nRCPT TO:<\u{fc}@home.test>\n", "250 250 250"),
        ("AUTH PLAIN cmlnaHQ=\n", "502"),
        ("FOO\nFOO\nFOO\nFOO\nFOO\nFOO\nNOOP\n", "500 500 500 500 500 421 closed"),
    ] {
        assert_eq!(codes(Role::Inbound, text), expected, "{text}");
    }
}

#[test]
fn messages_come_through() {
    for (text, expected, body) in [
        ("DATA\nhi\n.\nQUIT\n", "354 250 221 closed", "hi\r\n|"),
        ("DATA\n..a\n.\nMAIL FROM:<>\n", "354 250 250", ".a\r\n|"),
        ("BDAT 4 LAST\nhi\n", "250", "hi\r\n|"),
        ("BDAT 2\nhiBDAT 2\n\nBDAT 0 LAST\n", "250 250 250", "hi\r\n|"),
        ("BDAT 2 LAST\nhiNOOP\n", "250 250", "hi\r\n|"),
        ("BDAT 3\n.\nDATA\nRCPT TO:<c@home.test>\nBDAT 0 LAST\n", "250 503 503 250", ".\r\n|"),
        (
            "RCPT TO:<c@home.test>\nRCPT TO:<d@home.test>\nRCPT TO:<e@home.test>\nDATA\n.\n",
            "250 250 452 354 250",
            "|",
        ),
    ] {
        let mut driver = Driver::new(config(Role::Inbound));
        driver.feed(BEGIN.replace('\n', "\r\n").as_bytes());
        driver.codes();
        driver.feed(text.replace('\n', "\r\n").as_bytes());
        let codes = driver.codes() + if driver.is_closed { " closed" } else { "" };
        assert_eq!(
            (codes.as_str(), String::from_utf8(driver.body).unwrap().as_str()),
            (expected, body),
            "{text}"
        );
    }
}

#[test]
fn refused_messages_are_read_to_their_end() {
    for (message, codes, resets) in [
        ("DATA\r\na\nb\r\n.\r\nNOOP\r\n", "354 554 250", 1),
        ("DATA\r\na\r.\r\n\r\n.\r\nNOOP\r\n", "354 554 250", 1),
        ("DATA\r\n\0\r\n.\r\nNOOP\r\n", "354 554 250", 1),
        ("BDAT 3 LAST\r\na\n\nNOOP\r\n", "554 250", 1),
        ("BDAT 3\r\na\n\nBDAT 6 LAST\r\nNOOP\r\nNOOP\r\n", "554 503 250", 1),
        ("BDAT 6 LAST\r\nQUIT\r\r", "554", 1),
        ("RSET\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 503 250", 1),
        ("BDAT 2001 LAST\r\n", "421", 0),
    ] {
        let mut driver = Driver::new(config(Role::Inbound));
        driver.feed(BEGIN.replace('\n', "\r\n").as_bytes());
        driver.codes();
        driver.feed(message.as_bytes());
        assert_eq!((driver.codes().as_str(), driver.resets), (codes, resets), "{message:?}");
        assert!(!driver.body.contains(&b'|'), "{message:?}");
    }
}

#[test]
fn a_message_over_the_limit_is_refused_and_one_that_never_ends_is_cut_off() {
    let line = "0123456789".repeat(10) + "\r\n";
    for (lines, expected) in [(9, "354 250"), (10, "354 552"), (19, "354 552"), (20, "354 421")] {
        let mut driver = Driver::new(config(Role::Inbound));
        driver.feed(BEGIN.replace('\n', "\r\n").as_bytes());
        driver.codes();
        driver.feed(format!("DATA\r\n{}.\r\n", line.repeat(lines)).as_bytes());
        assert_eq!(driver.codes(), expected, "{lines}");
        assert_eq!(driver.is_closed, expected.ends_with("421"));
    }
}

#[test]
fn bad_lines_are_answered_once() {
    let long = format!("NOOP {}\r\nNOOP\r\n", "x".repeat(100));
    let endless = "x".repeat(3 * 1024 * 1024);
    for (text, expected) in [
        ("NOOP\nNOOP\r\nNOOP\r\n", "500 250"),
        ("NOOP\rNOOP\r\nNOOP\r\n", "500 250"),
        ("NO\0OP\r\nNOOP\r\n", "500 250"),
        ("NOOP\n\n\n\r\nNOOP\r\n", "500 250"),
        ("NOOP\r\r\nNOOP\r\n", "500 250"),
        (long.as_str(), "500 250"),
        (endless.as_str(), "500 421"),
    ] {
        for chunk in [1, 3, 50] {
            let mut driver = Driver::new(config(Role::Inbound));
            let chunk = chunk.max(text.len() / 1000);
            text.as_bytes().chunks(chunk).for_each(|part| driver.feed(part));
            assert_eq!(driver.codes(), expected, "{:?} by {chunk}", &text[..text.len().min(40)]);
        }
    }
}

#[test]
fn submission_wants_tls_then_a_login() {
    let mut driver = Driver::new(config(Role::Submission));
    driver.feed(b"EHLO me\r\nMAIL FROM:<>\r\nAUTH PLAIN cmlnaHQ=\r\n");
    assert_eq!(driver.codes(), "250 530 538");
    driver.session.errors = 0;
    driver.feed(b"STARTTLS\r\nEHLO smuggled\r\nAUTH PLAIN cmlnaHQ=\r\n");
    assert_eq!((driver.codes().as_str(), driver.tls), ("220", 1));
    assert_eq!(driver.session.client_name(), "");
    driver.feed(b"MAIL FROM:<>\r\nAUTH PLAIN cmlnaHQ=\r\nSTARTTLS\r\nEHLO me\r\n");
    let out = String::from_utf8(driver.out.clone()).unwrap();
    assert!(out.contains("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"), "{out}");
    assert!(!out.contains("250-STARTTLS"));
    assert_eq!(driver.codes(), "503 503 503 250");
    driver.session.errors = 0;
    driver.feed(
        b"MAIL FROM:<>\r\nAUTH CRAM-MD5\r\nAUTH PLAIN !\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN\r\ncmlnaHQ=\r\n",
    );
    assert_eq!(driver.codes(), "530 504 501 334 501 334 235");
    driver.session.errors = 0;
    driver.feed(b"AUTH PLAIN cmlnaHQ=\r\nMAIL FROM:<>\r\n");
    assert_eq!(driver.codes(), "503 250");
}

#[test]
fn failed_logins_end_the_session() {
    let tls = Config { is_tls: true, ..config(Role::Submission) };
    let mut driver = Driver::new(tls);
    driver.feed(b"EHLO me\r\n");
    driver.codes();
    driver.feed(&b"AUTH PLAIN d3Jvbmc=\r\n".repeat(4));
    assert_eq!((driver.codes().as_str(), driver.is_closed), ("535 535 421", true));
}

#[test]
fn what_is_announced() {
    let mut driver = Driver::new(config(Role::Inbound));
    driver.session.greet(&mut driver.out);
    driver.feed(b"EHLO me\r\nHELO me\r\n");
    assert_eq!(
        String::from_utf8(driver.out).unwrap(),
        "220 mx.home.test ESMTP\r\n250-mx.home.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n\
         250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-DSN\r\n250-LIMITS RCPTMAX=3\r\n\
         250-STARTTLS\r\n250 HELP\r\n250 mx.home.test\r\n"
    );
}

#[test]
fn requiretls_is_announced_under_tls_only() {
    let mut driver = Driver::new(Config { is_tls: true, ..config(Role::Inbound) });
    driver.feed(b"EHLO me\r\n");
    let text = String::from_utf8(std::mem::take(&mut driver.out)).unwrap();
    assert!(text.contains("\r\n250-REQUIRETLS\r\n"), "{text}");
    assert!(!text.contains("STARTTLS"), "{text}");
    driver.feed(b"MAIL FROM:<> REQUIRETLS\r\n");
    assert_eq!(driver.codes(), "250");
}

#[test]
fn commands_without_mail_have_an_end() {
    let mut driver = Driver::new(config(Role::Inbound));
    driver.feed(&b"NOOP\r\n".repeat(200));
    assert!(driver.is_closed);
    assert!(driver.codes().ends_with("250 421"));
}

fn any_session() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        &b"EHLO me\r\n"[..],
        b"MAIL FROM:<a@x.test>\r\n",
        b"RCPT TO:<b@home.test>\r\n",
        b"RCPT TO:<nobody@home.test>\r\n",
        b"DATA\r\n",
        b"Subject: x\r\n\r\n..dots\r\n.more\r\n",
        b".\r\n",
        b"\n.\r\n",
        b"\r.\r",
        b"BDAT 5\r\nab\r\nc",
        b"BDAT 3 LAST\r\nx\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"FOO\r\n",
        b"NOOP\n",
        b"QUIT\r\n",
        b"AUTH PLAIN\r\n",
        b"\0",
        b"\r\n",
    ]);
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_replies_and_body(input in any_session(), chunk in 1usize..20) {
        let mut whole = Driver::new(config(Role::Inbound));
        whole.feed(&input);
        let mut cut = Driver::new(config(Role::Inbound));
        input.chunks(chunk).for_each(|part| cut.feed(part));
        prop_assert_eq!(String::from_utf8(whole.out), String::from_utf8(cut.out));
        prop_assert_eq!((whole.is_closed, whole.resets), (cut.is_closed, cut.resets));
        let accepted = |body: &[u8]| memchr::memchr_iter(b'|', body).count();
        prop_assert_eq!(accepted(&whole.body), accepted(&cut.body));
    }

    #[test]
    fn no_bytes_panic(mut chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10), begun: bool) {
        let mut driver = Driver::new(config(Role::Inbound));
        if begun {
            chunks.insert(0, format!("{BEGIN}DATA\n").replace('\n', "\r\n").into_bytes());
        }
        for chunk in chunks {
            driver.feed(&chunk);
        }
    }
}
