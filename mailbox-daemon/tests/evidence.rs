//! What is found out about mail that comes in, from a name server of the tests' own.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use serde::Deserialize;
use service::dns::Resolver;
use service::evidence::Inquiry;
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use support::demo::{Demo, DemoOptions, Door};
use support::dns::Dns;
use support::smtp::SmtpClient;
use types::{Address, Domain, Evidence, Outcome, ReversePath, SenderDomain};

/// Who brings a message.
struct Bringer<'a> {
    client: &'a str,
    helo: &'a str,
    /// Empty for the null sender.
    from: &'a str,
}

fn inquiry(dns: &Dns, client: &str) -> Inquiry {
    let resolver = Arc::new(Resolver::new(Some(dns.address().parse().unwrap())).unwrap());
    Inquiry::alone(resolver, &Domain::parse("box.home.test").unwrap(), client.parse().unwrap())
}

async fn evidence(dns: &Dns, bringer: &Bringer<'_>, message: &str) -> Evidence {
    let mut inquiry = inquiry(dns, bringer.client);
    let from: ReversePath =
        Some(bringer.from).filter(|from| !from.is_empty()).map(|from| Address::parse(from).unwrap());
    inquiry.envelope(bringer.helo, &from);
    inquiry.message(message.replace('\n', "\r\n").as_bytes()).await
}

const LETTER: &str = "From: ana@a.test\nTo: ben@home.test\nSubject: hello\n\nHello.\n";

/// A test line of `spf.txt`: what comes out, for whom, from where; and the zone all lines ask.
fn table(text: &str) -> (String, Vec<Vec<String>>) {
    let (zone, cases) = text.split_once("\n== cases ==\n").unwrap();
    let lines = cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    (zone.to_owned(), lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn spf_is_evaluated_as_rfc_7208_says() {
    let (zone, cases) = table(include_str!("evidence/spf.txt"));
    let dns = Dns::serve(&zone, &["broken.test"]);
    let mut wrong = Vec::new();
    for case in &cases {
        let [expected, from, client, explanation @ ..] = case.as_slice() else { panic!("{case:?}") };
        let bringer = Bringer { client, helo: "helo.a.test", from };
        let found = evidence(&dns, &bringer, LETTER).await.spf_mail_from.unwrap();
        let expected_text = Some(explanation.join(" ")).filter(|text| !text.is_empty());
        if found.outcome.as_str() != expected
            || (expected_text.is_some() && found.explanation != expected_text)
        {
            wrong.push(format!("{} got {found:?}", case.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What the table says of RFC 7208 is what python3-spf says, which leaves out address literals.
#[test]
fn spf_comes_to_the_verdicts_of_another_implementation() {
    let (zone, cases) = table(include_str!("evidence/spf.txt"));
    let dns = Dns::serve(&zone, &["broken.test"]);
    let (cases, asked): (Vec<_>, String) = cases
        .iter()
        .filter(|case| !case[1].contains('['))
        .map(|case| (case, format!("{} {}\n", case[1], case[2])))
        .unzip();
    let port = dns.address().rsplit(':').next().unwrap().to_owned();
    let words = python("spf_alike.py", &[&port], &asked);
    let wrong: Vec<_> = words
        .lines()
        .zip(&cases)
        .filter(|(word, case)| **word != case[0])
        .map(|(word, case)| format!("{} python3-spf says {word}", case.join(" ")))
        .collect();
    assert_eq!(words.lines().count(), cases.len(), "python3-spf ended early");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Debian's python, for which its packages are.
fn python(script: &str, arguments: &[&str], input: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evidence/").to_owned() + script;
    let mut child = Command::new("/usr/bin/python3")
        .arg(path)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed: `make test` installs what it needs");
    String::from_utf8(output.stdout).unwrap()
}

/// What python3-dkim and opendkim signed, sealed and said.
#[derive(Deserialize)]
struct Signed {
    zone: String,
    cases: Vec<SignedCase>,
}

#[derive(Deserialize)]
struct SignedCase {
    name: String,
    message: String,
    dkim: Option<String>,
    arc: Option<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_and_seals_of_others_are_verified() {
    let signed: Signed = serde_json::from_str(&python("signed.py", &[], "")).unwrap();
    let dns = Dns::serve(&signed.zone, &["broken.test"]);
    let mut wrong = Vec::new();
    for case in &signed.cases {
        let message = data_encoding::BASE64.decode(case.message.as_bytes()).unwrap();
        let mut inquiry = inquiry(&dns, "192.0.2.1");
        let found = inquiry.message(&message).await;
        let words: Vec<_> = found.dkim.iter().map(|signature| signature.outcome.as_str()).collect();
        let is_as_expected = match (&case.dkim, &case.arc) {
            (Some(dkim), _) => words.join(" ") == *dkim,
            (_, arc) => Some(found.arc.outcome.as_str()) == arc.as_deref(),
        };
        if !is_as_expected {
            let said = case.dkim.as_ref().or(case.arc.as_ref());
            wrong.push(format!("{}: {said:?}, here {:?} {:?}", case.name, found.dkim, found.arc));
        }
    }
    assert!(signed.cases.len() > 1000, "only {} cases", signed.cases.len());
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), signed.cases.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_and_the_envelope_are_looked_up() {
    let zone = "\
1.2.0.192.in-addr.arpa. PTR good.a.test.\n\
good.a.test. A 192.0.2.1\n\
2.2.0.192.in-addr.arpa. PTR liar.a.test.\n\
liar.a.test. A 192.0.2.9\n\
4.2.0.192.in-addr.arpa. PTR host.broken.test.\n\
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.a.test.\n\
six.a.test. AAAA 2001:db8::1\n\
good.a.test. TXT \"v=spf1 a -all\"\n\
mx.test. MX 10 good.a.test.\n\
null.test. MX 0 .\n\
empty.test. TXT \"nothing to see\"\n\
six.test. AAAA 2001:db8::1\n";
    let dns = Dns::serve(zone, &["broken.test"]);
    for (client, from, name, takes_mail) in [
        ("192.0.2.1", "x@mx.test", (Outcome::Pass, Some("good.a.test")), SenderDomain::TakesMail),
        ("192.0.2.2", "x@null.test", (Outcome::Fail, Some("liar.a.test")), SenderDomain::NullMx),
        ("192.0.2.3", "x@nowhere.test", (Outcome::PermError, None), SenderDomain::Nowhere),
        ("192.0.2.4", "x@broken.test", (Outcome::TempError, Some("host.broken.test")), SenderDomain::Unknown),
        ("2001:db8::1", "x@six.test", (Outcome::Pass, Some("six.a.test")), SenderDomain::TakesMail),
        ("::ffff:192.0.2.1", "x@empty.test", (Outcome::Pass, Some("good.a.test")), SenderDomain::Nowhere),
        ("192.0.2.1", "x@[192.0.2.1]", (Outcome::Pass, Some("good.a.test")), SenderDomain::NotAsked),
    ] {
        let found = evidence(&dns, &Bringer { client, helo: "good.a.test", from }, LETTER).await;
        let reverse = (found.reverse_dns.outcome, found.reverse_dns.name.as_deref());
        assert_eq!((reverse, found.sender_domain), (name, takes_mail), "{client} {from}");
    }
    // Without a sender its greeting has to answer for it (RFC 7208 section 2.4).
    let null = evidence(&dns, &Bringer { client: "192.0.2.1", helo: "good.a.test", from: "" }, LETTER).await;
    assert_eq!(null.spf_helo.as_ref().unwrap().outcome, Outcome::Pass);
    assert_eq!((null.spf_mail_from, null.sender_domain), (null.spf_helo, SenderDomain::NotAsked));
    let literal = Bringer { client: "192.0.2.1", helo: "[192.0.2.1]", from: "" };
    assert_eq!(evidence(&dns, &literal, LETTER).await.spf_helo.unwrap().outcome, Outcome::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn dmarc_asks_the_author_or_the_organisation() {
    let (zone, cases) = table(include_str!("evidence/dmarc.txt"));
    let dns = Dns::serve(&zone, &["broken.test"]);
    for case in &cases {
        let [outcome, policy, record_of, sender, from @ ..] = case.as_slice() else { panic!("{case:?}") };
        let bringer = Bringer { client: "192.0.2.1", helo: "helo.a.test", from: sender };
        let header = from.join(" ").replace("\\n", "\n");
        let found = evidence(&dns, &bringer, &format!("{header}\nSubject: x\n\nx\n")).await.dmarc;
        let found = found.map_or(["-"; 3].map(str::to_owned), |dmarc| {
            let record_of = dmarc.record_of.map_or("-".to_owned(), |domain| domain.to_string());
            [dmarc.outcome.to_string(), format!("{:?}", dmarc.policy).to_lowercase(), record_of]
        });
        assert_eq!(found, [outcome, policy, record_of].map(Clone::clone), "{}", case.join(" "));
    }
}

/// Two lists, one of which refuses to answer for one client, and a third that never answers.
#[test]
fn lists_count_only_what_their_operators_mean() {
    let zone = "\
mx.test. MX 10 mx.mx.test.
mx.test. TXT \"v=spf1 +all\"
2.0.0.127.one.test. A 127.0.0.2
2.0.0.127.two.test. A 127.0.0.4
3.0.0.127.one.test. A 127.0.0.2
4.0.0.127.one.test. A 127.255.255.254
4.0.0.127.two.test. A 127.0.0.2
5.0.0.127.one.test. A 192.0.2.1
";
    let dns = Dns::serve(zone, &["broken.test"]);
    let lists = r#"inbound.dnsbl=[{zone="one.test"},{zone="two.test"},{zone="bl.broken.test",weight=9}]"#;
    let demo = Demo::start_with(DemoOptions::set(&[&format!("dns.resolver={}", dns.address()), lists]));
    let status = || String::from_utf8(demo.cli(&["status", "--json"]).output().unwrap().stdout).unwrap();
    let junk = || std::fs::read_dir(demo.maildir("ana").join(".Junk/new")).map_or(0, Iterator::count);
    for (client, code, junk_after, is_asked_wrongly) in
        [(2, 550, 0, false), (3, 250, 1, false), (5, 250, 1, false), (4, 250, 2, true), (3, 250, 3, false)]
    {
        let source = Ipv4Addr::new(127, 0, 0, client);
        let mut smtp = SmtpClient::connect_from(&demo, Door::Smtp, source).unwrap();
        let reply = smtp.send_mail("x@mx.test", &["ana@home.test"], "From: x@mx.test\n\nx\n").unwrap();
        assert_eq!((reply.code, junk()), (code, junk_after), "{source}: {reply:?}");
        assert_eq!(status().contains("dnsbl/one.test"), is_asked_wrongly, "{source}: {}", status());
    }
}
