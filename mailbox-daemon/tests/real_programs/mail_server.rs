//! What every other mail server is put through: it delivers to us, it takes what our queue sends, and reports come back.

use super::program::as_root;
use super::{Demo, Door, ImapClient, SmtpClient, subjects, whole_message};
use crate::support::demo::DemoOptions;
use crate::support::ports::free_port;
use crate::support::wait_for;
use data_encoding::BASE64;
use std::path::{Path, PathBuf};

/// A mail server of another make with configuration, queue and port of its own.
pub trait MailServer {
    /// The domain it delivers mail for: to bob, and to jörg where it knows SMTPUTF8, all into bob's Maildir.
    const DOMAIN: &'static str;
    /// What its reports have that not everybody's have (RFC 3462, 3464).
    const REPORT_PARTS: &'static [&'static str] = &["multipart/report", "Original-Envelope-Id: QQ314159"];

    /// Starts it on a port; mail for home.test it sends to another.
    fn start(port: u16, next_hop: u16) -> Self;

    /// Its port.
    fn port(&self) -> u16;

    /// bob's Maildir.
    fn mail_folder(&self) -> PathBuf;

    /// What it wrote down.
    fn log(&self) -> String;
}

/// A box and a server that know of each other.
pub fn pair<S: MailServer>() -> (Demo, S) {
    let port = free_port();
    let route = format!("outbound.route.{}=127.0.0.1:{port}", S::DOMAIN);
    let demo = Demo::start_with(DemoOptions::set(&[route]));
    let server = S::start(port, demo.port(Door::Smtp));
    (demo, server)
}

/// A certificate of its own making for a server; gives the files of certificate and key.
pub fn self_signed(folder: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    super::program::Program::new("openssl", "openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .succeed();
    (certificate, key)
}

fn big() -> String {
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n".repeat(32_000)
}

/// Bodies that are easily spoilt arrive for two people as they were.
pub fn delivers_to_us<S: MailServer>() {
    let (demo, server) = pair::<S>();
    let sender = format!("bob@{}", S::DOMAIN);
    let big = big();
    let bodies =
        ["dots\n.one\n..two\n", "umlauts äöü in eight bits\n", &format!("{}\n", "long".repeat(240)), &big];
    let mut client = SmtpClient::connect_to(server.port()).unwrap();
    for (number, body) in bodies.iter().enumerate() {
        let message = format!("From: {sender}\nSubject: body {number}\n\n{body}");
        let reply = client.send_mail(&sender, &["ana@home.test", "ben@home.test"], &message).unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
    }
    for account in ["ana@home.test", "ben@home.test"] {
        wait_for("the server's mail", || {
            (subjects(&demo, account, "INBOX").len() == bodies.len()).then_some(())
        });
        for (number, body) in bodies.iter().enumerate() {
            let message = whole_message(&demo, account, &format!("body {number}"));
            let expected = format!("\r\n\r\n{})", body.replace('\n', "\r\n"));
            assert!(message.ends_with(&expected), "body {number} for {account} came changed");
            // RFC 3848: the last S says TLS, the A would say a login.
            assert!(message.contains(" with ESMTPS "), "body {number} came in the clear:\n{}", server.log());
        }
    }
}

/// What our queue sends arrives as it was, and leaves the queue.
pub fn takes_our_mail<S: MailServer>() {
    let (demo, server) = pair::<S>();
    let big = big();
    let bodies = ["dots\n.one\n..two\n", "umlauts äöü in eight bits\n", &big, "the last\n"];
    for (number, body) in bodies.iter().enumerate() {
        let message = format!("From: ana@home.test\nSubject: body {number}\n\n{body}");
        submit(&demo, " BODY=8BITMIME", &format!("bob@{}", S::DOMAIN), "", &message);
    }
    let mail = mail_of_bob(&server, bodies.len());
    for (number, body) in bodies.iter().enumerate() {
        let subject = format!("\nSubject: body {number}\n");
        let message = mail.iter().find(|message| message.contains(&subject)).expect("every message arrived");
        assert!(message.ends_with(&format!("\n\n{body}")), "body {number} came changed");
        let head = &message[..message.len().min(400)];
        assert!(head.to_lowercase().contains("return-path: <ana@home.test>"), "{head}");
    }
    wait_for("the queue to be empty", || {
        (!demo.told(&["queue", "list", "--json"], "").contains(S::DOMAIN)).then_some(())
    });
}

/// A recipient it refuses comes back to the sender as a report.
pub fn refuses<S: MailServer>() {
    let (demo, _server) = pair::<S>();
    let nobody = format!("nobody@{}", S::DOMAIN);
    submit(&demo, "", &nobody, "", "From: ana@home.test\nSubject: to nobody\n\nhello\n");
    let report = report_to_ana(&demo);
    for part in [
        "Return-Path: <>",
        "multipart/report",
        "report-type=delivery-status",
        "message/delivery-status",
        &format!("Final-Recipient: rfc822; {nobody}"),
        "Action: failed",
        "Remote-MTA: dns;",
        "Diagnostic-Code: smtp; 5",
        "Subject: to nobody",
    ] {
        assert!(report.contains(part), "{part:?} is not in the report:\n{report}");
    }
}

/// Delivery it was asked to report is reported, under the sender's own name for the message (RFC 3461).
pub fn reports_success<S: MailServer>() {
    let (demo, server) = pair::<S>();
    let message = "From: ana@home.test\nSubject: wanted\n\nhello\n";
    submit(
        &demo,
        " RET=HDRS ENVID=QQ314159",
        &format!("bob@{}", S::DOMAIN),
        " NOTIFY=SUCCESS,FAILURE",
        message,
    );
    assert_eq!(mail_of_bob(&server, 1).len(), 1);
    let report = report_to_ana(&demo);
    let bob = format!("bob@{}", S::DOMAIN);
    let parts = ["Return-Path: <>", "message/delivery-status", bob.as_str(), "Action: delivered"];
    for part in parts.iter().chain(S::REPORT_PARTS) {
        assert!(report.to_lowercase().contains(&part.to_lowercase()), "{part:?} is not in:\n{report}");
    }
}

/// Names beyond ASCII in both directions (RFC 6531).
pub fn knows_utf8<S: MailServer>() {
    let (demo, server) = pair::<S>();
    demo.told(&["account", "add", "jürgen@home.test", "--password-stdin"], "a good password\n");
    let jorg = format!("jörg@{}", S::DOMAIN);
    let message = format!("From: ana@home.test\nTo: {jorg}\nSubject: grüße\n\nhello\n");
    submit(&demo, " SMTPUTF8 BODY=8BITMIME", &jorg, "", &message);
    let mail = mail_of_bob(&server, 1);
    assert!(mail[0].contains(&format!("\nTo: {jorg}\nSubject: grüße\n")), "{}", mail[0]);

    let mut client = SmtpClient::connect_to(server.port()).unwrap();
    let reply = client.command(&format!("MAIL FROM:<{jorg}> SMTPUTF8 BODY=8BITMIME")).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
    let message = format!("From: {jorg}\nSubject: answer\n\ngrüße\n");
    finish(&mut client, "jürgen@home.test", "", &message);
    let login = BASE64.encode("\0jürgen@home.test\0a good password".as_bytes());
    let mut imap = wait_for("the answer", || {
        let mut imap = ImapClient::connect(&demo, Door::Imap).unwrap();
        imap.command(&format!("AUTHENTICATE PLAIN {login}")).unwrap().ok();
        let opened = imap.command("EXAMINE INBOX").unwrap().ok();
        opened.untagged.iter().any(|line| line.ends_with("1 EXISTS")).then_some(imap)
    });
    let answer = imap.command("FETCH 1 BODY.PEEK[]").unwrap().ok().untagged.concat();
    assert!(answer.contains(&format!("Return-Path: <{jorg}>")) && answer.contains("grüße"), "{answer}");
    assert!(answer.contains(" with UTF8SMTPS "), "{answer}");
}

/// The Maildir files bob has, waiting for that many.
pub fn mail_of_bob(server: &impl MailServer, count: usize) -> Vec<String> {
    let folder = server.mail_folder().join("new");
    wait_for("bob's mail", || {
        let counted = as_root("sh").args(["-c", "ls \"$0\" | wc -l"]).arg(&folder).run().stdout;
        (counted.trim().parse() == Ok(count)).then_some(())
    });
    let print = "for f in \"$0\"/*; do cat \"$f\"; printf '\\036'; done";
    let text = as_root("sh").args(["-c", print]).arg(&folder).succeed().stdout;
    text.split_terminator('\u{1e}').map(str::to_owned).collect()
}

/// The only message in ana's INBOX, waiting for it.
pub fn report_to_ana(demo: &Demo) -> String {
    wait_for("the report", || (!subjects(demo, "ana@home.test", "INBOX").is_empty()).then_some(()));
    let mut imap = ImapClient::log_in(demo, "ana@home.test").unwrap();
    imap.command("EXAMINE INBOX").unwrap().ok();
    imap.command("FETCH 1 BODY.PEEK[]").unwrap().ok().untagged.concat()
}

/// A message from ana with these parameters of MAIL and RCPT.
fn submit(demo: &Demo, mail_parameters: &str, to: &str, rcpt_parameters: &str, message: &str) {
    let mut client = SmtpClient::connect(demo, Door::Submission).unwrap();
    assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
    let reply = client.command(&format!("MAIL FROM:<ana@home.test>{mail_parameters}")).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
    finish(&mut client, to, rcpt_parameters, message);
}

fn finish(client: &mut SmtpClient, to: &str, parameters: &str, message: &str) {
    let reply = client.command(&format!("RCPT TO:<{to}>{parameters}")).unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
    assert_eq!(client.command("DATA").unwrap().code, 354);
    client.send_text(message).unwrap();
    let reply = client.reply().unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
}
