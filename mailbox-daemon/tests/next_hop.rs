//! How mail gets to the next server: DANE, MTA-STS, REQUIRETLS, and what happens where none of them says anything. The next
//! server is another box, the name server knot with a signed root, the policy host a little HTTPS server.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write;
use std::fs;
use support::certificates::{Authority, ServerCertificate};
use support::demo::{Demo, DemoOptions, Door};
use support::dns::{Child, Dns, Trust};
use support::https::{Https, Page};
use support::smtp::SmtpClient;
use support::wait_for;
use tempfile::TempDir;

/// A certificate by an authority of the test's own.
struct Identity {
    folder: TempDir,

    certificate: ServerCertificate,
}

impl Identity {
    fn new(names: &[&str]) -> Identity {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let certificate = authority.issue(folder.path(), "server", names);
        authority.write(&folder.path().join("ca.pem"));
        Identity { folder, certificate }
    }

    fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }
}

/// A box that takes mail for these domains into ben's mailbox.
fn receiver(identity: &Identity, domains: &[&str]) -> Demo {
    let demo = Demo::start_with(DemoOptions::set(&[
        format!("tls.certificate={}", identity.certificate.chain.display()),
        format!("tls.key={}", identity.certificate.key.display()),
    ]));
    for domain in domains {
        run(&demo, &["domain", "add", domain]);
        run(&demo, &["domain", "catch-all", domain, "ben@home.test"]);
    }
    demo
}

/// A box that asks this name server and finds every server of DNS at the receiver's port.
fn sender(dns: &Dns, receiver: &Demo, identity: &Identity, set: &[String]) -> Demo {
    let mut all = vec![
        format!("dns.resolver={}", dns.address()),
        format!("outbound.mx_port={}", receiver.port(Door::Smtp)),
        "inbound.authentication=false".to_owned(),
    ];
    all.extend_from_slice(set);
    let mut options = DemoOptions::set(&all);
    options.env.push(("SSL_CERT_FILE".to_owned(), identity.ca_file()));
    Demo::start_with(options)
}

fn run(demo: &Demo, command: &[&str]) -> String {
    let output = demo.cli(command).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Submits a message to `to`, whose subject is the address.
fn submit(demo: &Demo, to: &str, parameter: &str, header: &str) {
    let wire = demo.connect(Door::Submissions);
    let mut client = SmtpClient::greet(wire).unwrap();
    assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
    let message = format!("From: ana@home.test\nTo: {to}\nSubject: to {to}\n{header}\nhello\n");
    assert_eq!(client.command(&format!("MAIL FROM:<ana@home.test>{parameter}")).unwrap().code, 250);
    assert_eq!(client.command(&format!("RCPT TO:<{to}>")).unwrap().code, 250);
    assert_eq!(client.command("DATA").unwrap().code, 354);
    client.send_text(&message).unwrap();
    assert_eq!(client.reply().unwrap().code, 250);
}

/// The messages in a mailbox, by the files they lie in.
fn inbox(demo: &Demo, account: &str) -> Vec<String> {
    let folders = ["new", "cur"].map(|folder| demo.maildir(account).join(folder));
    let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect()
}

fn has_arrived(receiver: &Demo, to: &str) -> bool {
    let subject = format!("\nSubject: to {to}\r\n");
    inbox(receiver, "ben").iter().any(|message| message.contains(&subject))
}

/// Waits until the message to `to` has arrived, and how its session was protected is in the log.
fn arrives(sender: &Demo, receiver: &Demo, domain: &str, security: &str) {
    let to = format!("bob@{domain}");
    wait_for(&format!("the mail to {to}"), || has_arrived(receiver, &to).then_some(()));
    let log = sender.log();
    let open = log.lines().rfind(|line| line.contains("session open") && line.contains(domain));
    let open = open.unwrap_or_else(|| panic!("no session with {domain} in the log"));
    assert!(open.contains(security), "{security:?} is not in {open:?}");
}

/// Waits until the message to `to` waits in the queue for this reason, which is to say that it was tried and not sent.
fn is_deferred(sender: &Demo, receiver: &Demo, domain: &str, reason: &str) {
    let to = format!("bob@{domain}");
    wait_for(&format!("{to} to be put off"), || {
        let queue = run(sender, &["queue", "list", "--json"]);
        let line = sender
            .log()
            .lines()
            .find(|line| line.contains("message deferred") && line.contains(&to))?
            .to_owned();
        assert!(line.contains(reason), "{reason:?} is not in {line:?}");
        queue.contains(&to).then_some(())
    });
    assert!(!has_arrived(receiver, &to), "{to} got mail although: {reason}");
}

#[test]
fn dane_decides_who_gets_mail() {
    let delivered = [
        ("ee.test", "certificate named by TLSA"),
        ("ta.test", "certificate named by TLSA"),
        ("rollover.test", "certificate named by TLSA"),
        ("alias.test", "certificate named by TLSA"),
        ("unusable.test", "certificate not verified: certificate-host-mismatch"),
        ("none.test", "certificate not verified: certificate-host-mismatch"),
        ("unsigned.test", "certificate not verified: certificate-host-mismatch"),
        ("signed.test", "certificate named by TLSA"),
    ];
    let deferred = [
        ("eewrong.test", "TLS failed"),
        ("taname.test", "TLS failed"),
        ("expired.test", "could not be looked up"),
        ("bogus.test", "could not be looked up"),
    ];
    let identity = Identity::new(&["mx.ta.test", "mx.home.test"]);
    let domains: Vec<&str> = delivered.iter().chain(&deferred).map(|(domain, _)| *domain).collect();
    let receiver = receiver(&identity, &domains);
    let port = receiver.port(Door::Smtp);
    let (ee, ta) = (&identity.certificate.key_hash, &identity.certificate.authority_hash);
    let wrong = "00".repeat(32);
    let mut records = String::new();
    for (domain, tlsa) in [
        ("ee.test", vec![format!("3 1 1 {ee}")]),
        ("ta.test", vec![format!("2 0 1 {ta}")]),
        ("rollover.test", vec![format!("3 1 1 {wrong}"), format!("3 1 1 {ee}")]),
        ("unusable.test", vec![format!("1 1 1 {wrong}"), format!("0 0 1 {wrong}")]),
        ("none.test", vec![]),
        ("eewrong.test", vec![format!("3 1 1 {wrong}")]),
        ("taname.test", vec![format!("2 0 1 {ta}")]),
    ] {
        let _ = writeln!(records, "{domain}. MX 10 mx.{domain}.\nmx.{domain}. A 127.0.0.1");
        for tlsa in tlsa {
            let _ = writeln!(records, "{}", tlsa_record(port, domain, &tlsa));
        }
    }
    let _ = writeln!(records, "alias.test. MX 10 mx.alias.test.\nmx.alias.test. CNAME mx.ee.test.");
    let _ = writeln!(records, "nowhere.test. MX 10 mx.nowhere.test.");
    let child = |domain: &str, hash: &str| {
        let tlsa = tlsa_record(port, domain, &format!("3 1 1 {hash}"));
        format!("{domain}. MX 10 mx.{domain}.\nmx.{domain}. A 127.0.0.1\n{tlsa}\n")
    };
    // Its record is wrong, and nobody may mind: no signature vouches for it.
    let unsigned = child("unsigned.test", &wrong);
    let (signed, expired, bogus) =
        (child("signed.test", ee), child("expired.test", ee), child("bogus.test", ee));
    let children = [
        Child { domain: "unsigned.test", records: &unsigned, trust: Trust::Unsigned },
        Child { domain: "signed.test", records: &signed, trust: Trust::Signed },
        Child { domain: "expired.test", records: &expired, trust: Trust::Expired },
        Child { domain: "bogus.test", records: &bogus, trust: Trust::Bogus },
    ];
    let dns = Dns::serve_signed(&records, &children);
    let anchor = format!("dns.trust_anchor={}", dns.trust_anchor().display());
    let route = "outbound.route.routed.test=mx.nowhere.test:25".to_owned();
    let sender = sender(&dns, &receiver, &identity, &[anchor, route]);
    for domain in &domains {
        submit(&sender, &format!("bob@{domain}"), "", "");
    }
    for (domain, security) in delivered {
        arrives(&sender, &receiver, domain, security);
    }
    for (domain, reason) in deferred {
        is_deferred(&sender, &receiver, domain, reason);
    }
    // A server without an address is the domain's last word; one the owner set is tried again.
    submit(&sender, "bob@nowhere.test", "", "");
    submit(&sender, "bob@routed.test", "", "");
    let is_refused = |line: &str| line.contains("message refused") && line.contains("bob@nowhere.test");
    wait_for("the refusal", || sender.log().lines().any(is_refused).then_some(()));
    is_deferred(&sender, &receiver, "routed.test", "has no address");
    // The sender may waive what the domain asks for (RFC 8689 section 4.2.2).
    submit(&sender, "waived@eewrong.test", "", "TLS-Required: No\n");
    wait_for("the mail that waives TLS", || has_arrived(&receiver, "waived@eewrong.test").then_some(()));
}

fn tlsa_record(port: u16, domain: &str, tlsa: &str) -> String {
    format!("_{port}._tcp.mx.{domain}. TLSA {tlsa}")
}

/// The domains of the MTA-STS tests at one receiver, with their policies announced under `id`.
fn sts_records(domains: &[&str], id: u32) -> String {
    domains.iter().fold(String::new(), |mut records, domain| {
        let _ = writeln!(
            records,
            "{domain}. MX 10 mx.{domain}.\nmx.{domain}. A 127.0.0.1\nmta-sts.{domain}. A 127.0.0.1\n\
             _mta-sts.{domain}. TXT \"v=STSv1; id={id};\""
        );
        records
    })
}

fn sts_policy(mode: &str, mx: &str) -> String {
    format!("version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 604800\r\n")
}

#[test]
fn mta_sts_decides_who_gets_mail() {
    const DOMAINS: [&str; 7] =
        ["right.test", "star.test", "cert.test", "unlisted.test", "testing.test", "html.test", "moved.test"];
    let hosts = DOMAINS.map(|domain| format!("mta-sts.{domain}"));
    let mut names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    names.extend(["mx.right.test", "mx.star.test"]);
    let identity = Identity::new(&names);
    let (ok, text) = ("200 OK", "text/plain; charset=utf-8");
    let pages: Vec<Page> = vec![
        ("mta-sts.right.test", ok, text, sts_policy("enforce", "mx.right.test")),
        ("mta-sts.star.test", ok, text, sts_policy("enforce", "*.star.test")),
        ("mta-sts.cert.test", ok, text, sts_policy("enforce", "mx.cert.test")),
        ("mta-sts.unlisted.test", ok, text, sts_policy("enforce", "other.test")),
        ("mta-sts.testing.test", ok, text, sts_policy("testing", "other.test")),
        ("mta-sts.html.test", ok, "text/html", sts_policy("enforce", "other.test")),
        ("mta-sts.moved.test", "301 Moved", text, sts_policy("enforce", "other.test")),
    ];
    let receiver = receiver(&identity, &DOMAINS);
    let https = Https::serve(&identity.certificate.chain, &identity.certificate.key, pages);
    let dns = Dns::serve(&sts_records(&DOMAINS, 1), &[]);
    let port = format!("outbound.mta_sts_port={}", https.port());
    let mut sender = sender(&dns, &receiver, &identity, &[port]);
    for domain in DOMAINS {
        submit(&sender, &format!("bob@{domain}"), "", "");
    }
    let not_verified = "certificate not verified: certificate-host-mismatch";
    for (domain, security) in [
        ("right.test", "certificate verified"),
        ("star.test", "certificate verified"),
        ("testing.test", not_verified),
        ("html.test", not_verified),
        ("moved.test", not_verified),
    ] {
        arrives(&sender, &receiver, domain, security);
    }
    is_deferred(&sender, &receiver, "cert.test", "TLS failed");
    is_deferred(&sender, &receiver, "unlisted.test", "does not name this server");

    // REQUIRETLS goes through where the policy vouches for the server, and comes back where nobody does (RFC 8689).
    submit(&sender, "required@right.test", " REQUIRETLS", "");
    wait_for("the mail that requires TLS", || has_arrived(&receiver, "required@right.test").then_some(()));
    submit(&sender, "required@html.test", " REQUIRETLS", "");
    wait_for("the report", || {
        inbox(&sender, "ana").into_iter().find(|letter| letter.contains("Status: 5.7.10"))
    });
    assert!(!has_arrived(&receiver, "required@html.test"));

    // The policy host is gone, the policies have new ids, the box was restarted: what was fetched before still holds.
    drop(https);
    let other_dns = Dns::serve(&sts_records(&DOMAINS, 2), &[]);
    assert!(sender.terminate().success());
    sender.set("dns.resolver", &other_dns.address());
    sender.start_again();
    submit(&sender, "later@cert.test", "", "");
    wait_for("the mail to be put off", || {
        let log = sender.log();
        log.lines().find(|line| line.contains("message deferred") && line.contains("later@cert.test"))?;
        Some(())
    });
    assert!(sender.log().contains("MTA-STS policy cannot be fetched domain=cert.test"));
    assert!(!has_arrived(&receiver, "later@cert.test"));
    submit(&sender, "later@right.test", "", "");
    wait_for("mail to those whose policy holds", || has_arrived(&receiver, "later@right.test").then_some(()));
}
