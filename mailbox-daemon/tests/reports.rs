//! Reports about mail, in and out: a box that asks a name server of the test's own, and another box that gets what it sends.

#![allow(clippy::unwrap_used)]

mod support;

use data_encoding::BASE64_MIME;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use support::certificates::Authority;
use support::demo::{Demo, DemoOptions, Door, PASSWORD};
use support::dns::Dns;
use support::smtp::SmtpClient;
use support::wait_for;
use tempfile::TempDir;

/// Domains others have: with SPF for loopback and DMARC.
const ZONE: &str = "\
search.example. MX 10 mx.search.example.\n\
search.example. TXT \"v=spf1 ip4:127.0.0.1 -all\"\n\
_dmarc.search.example. TXT \"v=DMARC1; p=reject; fo=1; rua=mailto:agg@reports.example!1m,mailto:agg@nobody.example\"\n\
search.example._report._dmarc.reports.example. TXT \"v=DMARC1\"\n\
silent.example. MX 10 mx.search.example.\n\
silent.example. TXT \"v=spf1 ip4:127.0.0.1 -all\"\n\
_dmarc.silent.example. TXT \"v=DMARC1; p=none; rua=mailto:agg@reports.example\"\n\
small.example. MX 10 mx.search.example.\n\
small.example. TXT \"v=spf1 ip4:127.0.0.1 -all\"\n\
_dmarc.small.example. TXT \"v=DMARC1; p=none; rua=mailto:agg@small.example!1k\"\n\
forged.example. MX 10 mx.search.example.\n\
mx.search.example. A 127.0.0.1\n";

fn box_with(dns: &Dns, set: &[String]) -> Demo {
    let resolver = format!("dns.resolver={}", dns.address());
    let set: Vec<String> = set.iter().cloned().chain([resolver, "inbound.dnsbl=[]".to_owned()]).collect();
    Demo::start_with(DemoOptions::set(&set))
}

/// Sends mail as anybody; the code of the answer.
fn send(demo: &Demo, from: &str, to: &str, message: &str) -> u16 {
    let mut client = SmtpClient::connect(demo, Door::Smtp).unwrap();
    client.send_mail(from, &[to], message).unwrap().code
}

/// A mail with one attachment.
fn report_mail(from: &str, to: &str, kind: &str, content: &[u8]) -> String {
    let content = BASE64_MIME.encode(content).replace("\r\n", "\n");
    format!(
        "From: {from}\nTo: {to}\nSubject: Report Domain: home.test\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\n\nA report.\n--b\nContent-Type: {kind}\n\
         Content-Transfer-Encoding: base64\n\n{content}\n--b--\n"
    )
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn aggregate(report_id: &str) -> String {
    format!(
        "<feedback><report_metadata><org_name>Search</org_name><report_id>{report_id}</report_id></report_metadata>\
         <policy_published><domain>home.test</domain><p>none</p></policy_published>\
         <record><row><source_ip>192.0.2.7</source_ip><count>5</count><policy_evaluated><dkim>pass</dkim>\
         </policy_evaluated></row></record><record><row><source_ip>192.0.2.8</source_ip><count>2</count></row></record>\
         </feedback>"
    )
}

/// What `mailbox-daemon reports --json` says.
fn summary(demo: &Demo, arguments: &[&str]) -> Vec<Value> {
    let output = demo.cli(&[&["reports", "--json"], arguments].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Messages in a mailbox of an account, by its folder's name on disk.
fn messages(maildir: &Path) -> Vec<PathBuf> {
    let files = ["new", "cur"].into_iter().filter_map(|folder| std::fs::read_dir(maildir.join(folder)).ok());
    files.flatten().map(|file| file.unwrap().path()).collect()
}

fn mail_of_ana(demo: &Demo) -> usize {
    messages(&demo.maildir("ana")).len() + messages(&demo.maildir("ana/.Junk")).len()
}

#[test]
fn what_others_report_is_kept_as_a_few_numbers() {
    let dns = Dns::serve(ZONE, &[]);
    let mut demo = box_with(&dns, &[]);
    let reporter = "noreply@search.example";
    let deliver = |demo: &Demo, to: &str, id: &str| {
        let packed = gzip(aggregate(id).as_bytes());
        send(demo, reporter, to, &report_mail(reporter, to, "application/gzip", &packed))
    };
    let before = mail_of_ana(&demo);
    assert_eq!(deliver(&demo, "dmarc-reports@home.test", "r1"), 250);
    // What was answered outlives a power cut.
    demo.kill();
    demo.start_again();
    let rows = summary(&demo, &["--domain", "home.test"]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!((&row["about"], &row["reporter"]), (&json!("dmarc"), &json!("search.example")));
    assert_eq!((&row["reports"], &row["passed"], &row["failed"]), (&json!(1), &json!(5), &json!(2)));
    assert_eq!(row["details"][0], json!({ "source": "192.0.2.7", "passed": 5, "failed": 0 }));
    assert_eq!(mail_of_ana(&demo), before, "a report at an address for reports is nobody's mail");
    // The same again counts once, another twice; the postmaster gets his mail besides.
    assert_eq!(deliver(&demo, "DMARC-Reports@home.test", "r1"), 250);
    assert_eq!(summary(&demo, &[])[0]["reports"], json!(1));
    assert_eq!(deliver(&demo, "postmaster@home.test", "r2"), 250);
    assert_eq!(summary(&demo, &[])[0]["reports"], json!(2));
    assert_eq!(mail_of_ana(&demo), before + 1);
    assert_eq!(summary(&demo, &["--domain", "else.test"]), Vec::<Value>::new());
    assert_eq!(summary(&demo, &["--month", "1999-01"]), Vec::<Value>::new());
}

#[test]
fn what_is_no_report_goes_to_the_owner_and_hostile_ones_cost_little() {
    let dns = Dns::serve(ZONE, &[]);
    let demo = box_with(&dns, &[]);
    let to = "dmarc-reports@home.test";
    let packed = gzip(aggregate("r").as_bytes());
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let records = "<record><row><source_ip>1.2.3.4</source_ip></row></record>".repeat(170_000);
    let laughs = "<!DOCTYPE l [<!ENTITY a \"haha\"><!ENTITY b \"&a;&a;&a;&a;\">]><feedback>&b;</feedback>";
    let before = mail_of_ana(&demo);
    let cases = [
        // Nobody vouches for it, or it is about another's domain.
        ("x@forged.example", report_mail("x@forged.example", to, "application/gzip", &packed)),
        (
            "x@search.example",
            report_mail(
                "x@search.example",
                to,
                "application/gzip",
                &gzip(aggregate("r").replace("home.test", "other.test").as_bytes()),
            ),
        ),
        ("x@search.example", "From: x@search.example\nSubject: A question\n\nWho reads this?\n".to_owned()),
        ("x@search.example", report_mail("x@search.example", to, "application/gzip", &bomb)),
        (
            "x@search.example",
            report_mail("x@search.example", to, "application/gzip", &gzip(&gzip(records.as_bytes()))),
        ),
        (
            "x@search.example",
            report_mail(
                "x@search.example",
                to,
                "application/gzip",
                &gzip(format!("<feedback>{records}").as_bytes()),
            ),
        ),
        ("x@search.example", report_mail("x@search.example", to, "text/xml", laughs.as_bytes())),
        (
            "x@search.example",
            report_mail(
                "x@search.example",
                to,
                "application/tlsrpt+json",
                "{\"a\":[".repeat(200_000).as_bytes(),
            ),
        ),
    ];
    for (number, (from, message)) in cases.iter().enumerate() {
        assert_eq!(send(&demo, from, to, message), 250, "case {number}");
        assert_eq!(mail_of_ana(&demo), before + number + 1, "case {number}");
    }
    assert_eq!(summary(&demo, &[]), Vec::<Value>::new());
    let status = std::fs::read_to_string(format!("/proc/{}/status", demo.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 64 * 1024, "{peak_kib} KiB at the peak");
}

/// A box that takes mail for `agg@` these domains.
fn receiver(domains: &[&str]) -> Demo {
    let demo = Demo::start();
    for domain in domains {
        assert!(demo.cli(&["domain", "add", domain]).output().unwrap().status.success());
        let account = format!("agg@{domain}");
        let mut command = demo.cli(&["account", "add", &account, "--password-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(child.wait().unwrap().success());
    }
    demo
}

fn received(demo: &Demo, domain: &str) -> Vec<PathBuf> {
    messages(&demo.state_dir().join("mail").join(domain).join("agg"))
}

/// What the independent check makes of a report, which must be signed.
fn checked(mail: &Path) -> Value {
    let text = std::fs::read_to_string(mail).unwrap();
    assert!(text.contains("DKIM-Signature: ") && text.contains("d=home.test;"), "{text}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reports/check.py");
    let output = Command::new("/usr/bin/python3").arg(script).arg(mail).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn dmarc_reports_go_to_those_who_asked_and_take_them() {
    let dns = Dns::serve(ZONE, &[]);
    let sink = receiver(&["reports.example", "nobody.example", "small.example"]);
    let route = |domain: &str| format!("outbound.route.\"{domain}\"=\"127.0.0.1:{}\"", sink.port(Door::Smtp));
    let demo = box_with(&dns, &["reports.example", "nobody.example", "small.example"].map(route));
    let letter = |from: &str| format!("From: {from}\nSubject: hello\n\nhello\n");
    for from in ["a@search.example", "b@search.example", "a@silent.example", "a@small.example"] {
        assert_eq!(send(&demo, from, "ana@home.test", &letter(from)), 250, "{from}");
    }
    // Forged, and refused for it.
    assert_eq!(send(&demo, "x@forged.example", "ana@home.test", &letter("a@search.example")), 550);
    assert!(demo.cli(&["reports", "send"]).output().unwrap().status.success());
    let mail = wait_for("the report", || received(&sink, "reports.example").pop());
    let report = checked(&mail);
    assert_eq!((&report["domain"], &report["policy"]), (&json!("search.example"), &json!("reject")));
    let mut rows: Vec<String> = report["rows"].as_array().unwrap().iter().map(Value::to_string).collect();
    rows.sort();
    assert_eq!(
        rows,
        [r#"["127.0.0.1",1,"reject","fail","fail"]"#, r#"["127.0.0.1",2,"none","fail","pass"]"#]
    );
    // One asked for reports to somebody who has not said that he takes them, one for smaller ones.
    wait_for("an empty queue", || {
        let queue = demo.cli(&["queue", "list", "--json"]).output().unwrap();
        (serde_json::from_slice::<Value>(&queue.stdout).unwrap() == json!([])).then_some(())
    });
    assert_eq!(received(&sink, "reports.example").len(), 1);
    assert_eq!(received(&sink, "nobody.example").len() + received(&sink, "small.example").len(), 0);
    // What was told is not told again.
    assert!(demo.cli(&["reports", "send"]).output().unwrap().status.success());
    assert_eq!(send(&demo, "c@search.example", "ana@home.test", &letter("c@search.example")), 250);
    assert!(demo.cli(&["reports", "send"]).output().unwrap().status.success());
    let second = wait_for("the second report", || {
        received(&sink, "reports.example").into_iter().find(|path| *path != mail)
    });
    assert_eq!(checked(&second)["rows"], json!([["127.0.0.1", 1, "none", "fail", "pass"]]));
}

/// A web server that takes reports; dropping it ends it.
struct Collector {
    server: Child,
    said: BufReader<ChildStdout>,
    folder: TempDir,
}

impl Collector {
    fn start() -> (Collector, u16) {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let certificate = authority.issue(folder.path(), "server", &["collect.rcpt.example"]);
        authority.write(&folder.path().join("ca.pem"));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reports/collector.py");
        let mut server = Command::new("/usr/bin/python3")
            .args([Path::new(script), &certificate.chain, &certificate.key])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(server.stdout.take().unwrap());
        let mut collector = Collector { server, said, folder };
        let port = collector.line().trim().parse().unwrap();
        (collector, port)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn submit(demo: &Demo, to: &str) {
    let mut client = SmtpClient::connect(demo, Door::Submission).unwrap();
    assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
    let message = format!("From: ana@home.test\nTo: {to}\nSubject: hello\n\nhello\n");
    assert_eq!(client.send_mail("ana@home.test", &[to], &message).unwrap().code, 250);
}

#[test]
fn reports_about_tls_go_out_by_mail_and_by_post() {
    let (mut collector, port) = Collector::start();
    let zone = format!(
        "rcpt.example. MX 10 mx.rcpt.example.\nmx.rcpt.example. A 127.0.0.1\ncollect.rcpt.example. A 127.0.0.1\n\
         _smtp._tls.rcpt.example. TXT \"v=TLSRPTv1; rua=mailto:agg@rcpt.example\"\n\
         post.example. MX 10 mx.rcpt.example.\n\
         _smtp._tls.post.example. TXT \"v=TLSRPTv1; rua=https://collect.rcpt.example:{port}/v1/tls\"\n"
    );
    let dns = Dns::serve(&zone, &[]);
    let sink = receiver(&["rcpt.example", "post.example"]);
    let mut options = DemoOptions::set(&[
        format!("dns.resolver={}", dns.address()),
        format!("outbound.mx_port={}", sink.port(Door::Smtp)),
        "inbound.authentication=false".to_owned(),
    ]);
    let authorities = collector.folder.path().join("ca.pem").display().to_string();
    options.env.push(("SSL_CERT_FILE".to_owned(), authorities));
    let mut demo = Demo::start_with(options);
    submit(&demo, "agg@rcpt.example");
    submit(&demo, "agg@post.example");
    wait_for("the mail", || (received(&sink, "rcpt.example").len() == 1).then_some(()));
    wait_for("the mail", || (received(&sink, "post.example").len() == 1).then_some(()));
    let ask = |demo: &Demo| assert!(demo.cli(&["reports", "send"]).output().unwrap().status.success());
    let reports = || {
        let is_report =
            |path: &PathBuf| std::fs::read_to_string(path).unwrap().contains("TLS-Report-Domain:");
        received(&sink, "rcpt.example").into_iter().filter(is_report).collect::<Vec<_>>()
    };
    ask(&demo);
    let first = wait_for("the report by mail", || reports().pop());
    let told = checked(&first);
    assert_eq!(told[0]["policy"]["policy-type"], json!("no-policy-found"));
    assert_eq!(told[0]["summary"]["total-successful-session-count"], json!(1));
    // The first POST was refused; asked again, it is tried again.
    wait_for("the refusal", || demo.log().contains("could not be delivered").then_some(()));
    ask(&demo);
    let posted: Value = serde_json::from_str(&collector.line()).unwrap();
    assert_eq!((&posted[0], &posted[1]), (&json!("/v1/tls"), &json!("application/tlsrpt+gzip")));
    assert_eq!(posted[2]["policies"][0]["policy"]["policy-domain"], json!("post.example"));
    // The session that carried a report is not reported on: the next report tells of the next letter's alone. A session that
    // is open serves later mail too, hence the new start.
    assert!(demo.terminate().success());
    demo.start_again();
    submit(&demo, "agg@rcpt.example");
    wait_for("the second letter", || (received(&sink, "rcpt.example").len() == 3).then_some(()));
    ask(&demo);
    let second = wait_for("the second report", || reports().into_iter().find(|path| *path != first));
    assert_eq!(checked(&second)[0]["summary"]["total-successful-session-count"], json!(1));
}
