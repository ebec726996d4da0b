//! Mail from outside that an alias leads out of the box again: it must pass at the next server.

use super::keys::records;
use super::submission::only_message;
use super::support::demo::{Demo, DemoOptions, Door};
use super::support::dns::Dns;
use super::support::smtp::SmtpClient;
use super::verify::{run, verify};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An author elsewhere who signs.
struct Author {
    key_file: PathBuf,
    records: String,
}

impl Author {
    fn new(folder: &Path) -> Author {
        let key_file = folder.join("author.pem");
        let openssl = |words: &[&str]| {
            let mut command = Command::new("openssl");
            command.args(words).current_dir(folder).stderr(Stdio::null());
            let output = command.output().expect("`openssl` is missing: `apt-get install openssl`");
            assert!(output.status.success(), "{words:?}");
            output.stdout
        };
        openssl(&["genrsa", "-traditional", "-out", "author.pem", "2048"]);
        let public = openssl(&["rsa", "-in", "author.pem", "-pubout", "-outform", "DER"]);
        let public = data_encoding::BASE64.encode(&public);
        let (first, second) = public.split_at(200);
        let records = format!(
            "s._domainkey.author.example. TXT \"v=DKIM1; k=rsa; p={first}\" \"{second}\"\n\
             author.example. TXT \"v=spf1 ip4:127.0.0.1 -all\"\n\
             author.example. MX 10 mx.author.example.\nmx.author.example. A 127.0.0.1\n\
             _dmarc.author.example. TXT \"v=DMARC1; p=reject\"\n"
        );
        Author { key_file, records }
    }

    fn sign(&self, dns: &Dns, message: &str) -> String {
        let key_file = self.key_file.to_str().unwrap();
        let signed = run(dns, &["sign", "author.example", "s", key_file], message.as_bytes());
        String::from_utf8(signed).unwrap()
    }
}

/// A box that forwards `carol@home.test` to `carol@other.test`, and the next server, which holds the mailboxes of
/// `carol@other.test` (as its `ana`) and `ann@author.example` (as its `ben`).
struct Way {
    forwarder: Demo,
    next: Demo,
    dns: Dns,
    author: Author,
}

impl Way {
    fn new(settings: &[&str]) -> Way {
        let next = Demo::start();
        for words in [
            ["domain", "add", "other.test"].as_slice(),
            &["domain", "add", "author.example"],
            &["alias", "add", "carol@other.test", "ana@home.test"],
            &["alias", "add", "ann@author.example", "ben@home.test"],
        ] {
            cli(&next, words);
        }
        let mut forwarder = Demo::start();
        cli(&forwarder, &["alias", "add", "carol@home.test", "carol@other.test"]);
        let author = Author::new(&forwarder.scratch("author"));
        let own = "home.test. TXT \"v=spf1 ip4:127.0.0.2 -all\"\nhome.test. MX 10 mail.home.test.\n";
        let dns = Dns::serve(&[own, &author.records, &records(&forwarder)].concat(), &[]);
        let mut set = vec![format!("dns.resolver={}", dns.address())];
        for domain in ["other.test", "author.example"] {
            set.push(format!("outbound.route.{domain}=127.0.0.1:{}", next.port(Door::Smtp)));
        }
        set.extend(settings.iter().map(|setting| (*setting).to_owned()));
        forwarder.terminate();
        forwarder.start_again_with(DemoOptions::set(&set));
        Way { forwarder, next, dns, author }
    }

    fn send(&self, from: &str, to: &str, message: &str) -> u16 {
        let mut client = SmtpClient::connect(&self.forwarder, Door::Smtp).unwrap();
        let reply = client.send_mail(from, &[to], message).unwrap();
        println!("{reply:?}");
        reply.code
    }

    /// Sends a signed message to the alias; what the next server got of it.
    fn forward(&self, from: &str, signed: &str) -> String {
        assert_eq!(self.send(from, "carol@home.test", signed), 250);
        String::from_utf8(only_message(&self.next.maildir("ana"))).unwrap()
    }

    fn verify(&self, word: &str, message: &str) -> Vec<String> {
        verify(&self.dns, &[word], message.as_bytes())
    }
}

fn cli(demo: &Demo, words: &[&str]) {
    let output = demo.cli(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn return_path(message: &str) -> &str {
    message.strip_prefix("Return-Path: <").and_then(|rest| rest.split_once('>')).unwrap().0
}

const MESSAGE: &str = "From: Ann <ann@author.example>\r\nTo: carol@home.test\r\nSubject: hello\r\n\
                       Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@author.example>\r\n\r\nhello Carol\r\n\r\n";

#[test]
fn forwarded_mail_passes_at_the_next_server_and_its_bounces_come_home() {
    let way = Way::new(&[]);
    let forwarded = way.forward("ann@author.example", &way.author.sign(&way.dns, MESSAGE));
    assert_eq!(way.verify("dkim", &forwarded), ["pass rsa-sha256 author.example"], "{forwarded}");
    let arc = way.verify("arc", &forwarded);
    assert!(arc[0].starts_with("pass 1 "), "{arc:?}\n{forwarded}");
    let sender = return_path(&forwarded);
    assert!(sender.starts_with("SRS0=") && sender.ends_with("=author.example=ann@home.test"), "{sender}");
    let spf = |sender: &str| verify(&way.dns, &["spf", "127.0.0.2", sender, "mail.home.test"], b"");
    assert_eq!((spf(sender), spf("ann@author.example")), (vec!["pass".to_owned()], vec!["fail".to_owned()]));

    let bounce = "From: mailer-daemon@other.test\r\nSubject: undelivered\r\n\r\nsorry\r\n";
    assert_eq!(way.send("", &sender.to_lowercase(), bounce), 250);
    let returned = String::from_utf8(only_message(&way.next.maildir("ben"))).unwrap();
    assert_eq!(return_path(&returned), "");
    assert!(returned.contains("\r\nDelivered-To: ben@home.test\r\n") && returned.ends_with("\r\nsorry\r\n"));

    for (from, to) in [
        ("", sender.replace("=ann@", "=ben@")),
        ("", format!("SRS0=AAAAAAAA=AA={}", "example.org=x@home.test")),
        ("", "SRS1=AAAAAAAA=example.org==AAAA=AA=x.test=x@home.test".to_owned()),
        ("spammer@other.test", sender.to_owned()),
    ] {
        assert_eq!(way.send(from, &to, bounce), 550, "{from} {to}");
    }
}

#[test]
fn a_sender_too_long_to_be_rewritten_is_remembered() {
    let mut way = Way::new(&[]);
    let long = format!("ann+{}@author.example", "x".repeat(50));
    let forwarded = way.forward(&long, &way.author.sign(&way.dns, MESSAGE));
    let sender = return_path(&forwarded).to_owned();
    assert!(sender.starts_with("SRS0=") && sender.len() < 60 && !sender.contains("author"), "{sender}");
    way.forwarder.kill();
    way.forwarder.start_again();
    assert_eq!(way.send("", &sender, "From: m@other.test\r\nSubject: undelivered\r\n\r\nsorry\r\n"), 250);
    let returned = String::from_utf8(only_message(&way.next.maildir("ben"))).unwrap();
    assert!(returned.contains("undelivered"), "{returned}");
}

#[test]
fn a_relay_that_insists_gets_an_author_of_this_box() {
    let way = Way::new(&["outbound.rewrite_from=true"]);
    let forwarded = way.forward("ann@author.example", &way.author.sign(&way.dns, MESSAGE));
    let fields: Vec<&str> = forwarded.lines().take_while(|line| !line.is_empty()).collect();
    for expected in [
        "From: \"Ann via home.test\"",
        "Reply-To: Ann <ann@author.example>",
        "X-Original-From: Ann <ann@author.example>",
    ] {
        assert!(fields.contains(&expected), "{expected} is not in\n{forwarded}");
    }
    assert_eq!(fields.iter().filter(|line| line.starts_with("From:")).count(), 1);
    assert!(forwarded.contains("From: \"Ann via home.test\"\r\n <carol@home.test>\r\n"));
    let said = way.verify("dkim", &forwarded);
    assert_eq!(said[..2], ["pass rsa-sha256 home.test", "pass ed25519-sha256 home.test"], "{said:?}");
    assert!(way.verify("arc", &forwarded)[0].starts_with("pass 1 "));
}

/// A chain another forwarder began goes on; one that is broken is said to be, and one that was said to be stays as it is.
#[test]
fn a_chain_goes_on_as_it_came() {
    let way = Way::new(&[]);
    let key_file = way.author.key_file.to_str().unwrap();
    let signed = way.author.sign(&way.dns, MESSAGE);
    let results = "Authentication-Results: mx.author.example; dkim=pass header.d=author.example\r\n";
    let words = ["arcsign", "author.example", "s", key_file, "mx.author.example"];
    let sealed = run(&way.dns, &words, format!("{results}{signed}").as_bytes());
    let sealed = String::from_utf8(sealed).unwrap();
    let again = way.forward("ann@author.example", &sealed);
    assert!(way.verify("arc", &again)[0].starts_with("pass 2 "), "{again}");
    assert!(again.starts_with("Return-Path: <SRS0=") && again.contains("ARC-Seal: i=2; cv=pass;"), "{again}");
}
