//! The keys themselves: what the command line shows, what lies on disk, how they take turns.

use super::support::demo::{Demo, DemoOptions, Door};
use super::support::dns::Dns;
use super::support::smtp::SmtpClient;
use super::support::wait_for;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// What `dkim` says with `--json`; it must succeed.
pub fn dkim(demo: &Demo, words: &[&str]) -> Vec<Value> {
    let arguments = [&["dkim"], words, &["--json"]].concat();
    let output = demo.cli(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap()
}

/// The records the command line wants published, as a zone file has them.
pub fn records(demo: &Demo) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let record = |row: &Value| {
        let strings = row["value"].as_array().unwrap().iter().map(|string| format!("\"{}\"", text(string)));
        format!("{}. TXT {}", text(&row["name"]), strings.collect::<Vec<_>>().join(" "))
    };
    dkim(demo, &["list"]).iter().map(record).collect::<Vec<_>>().join("\n") + "\n"
}

fn selectors_at(demo: &Demo, state: &str) -> Vec<String> {
    let rows = dkim(demo, &["list"]);
    let at_state = rows.iter().filter(|row| row["state"] == state);
    at_state.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// The selectors of the signatures on a message, a submission of ana's to ben.
fn signing_selectors(demo: &Demo, subject: &str) -> Vec<String> {
    let mut client = SmtpClient::connect(demo, Door::Submissions).unwrap();
    client.log_in("ana@home.test").unwrap();
    let message = format!("From: ana@home.test\r\nSubject: {subject}\r\n\r\nhello\r\n");
    assert_eq!(client.send_mail("ana@home.test", &["ben@home.test"], &message).unwrap().code, 250);
    let files = std::fs::read_dir(demo.maildir("ben").join("new")).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let subject = format!("\r\nSubject: {subject}\r\n");
    let text = texts.into_iter().find(|text| text.contains(&subject)).unwrap();
    let selectors = text.lines().filter_map(|line| line.trim().strip_prefix("s=")?.split(';').next());
    selectors.map(|selector| format!("{selector}._domainkey.home.test")).collect()
}

#[test]
fn the_next_keys_sign_once_their_records_are_seen() {
    let mut demo = Demo::start();
    let first = selectors_at(&demo, "signing");
    let published = records(&demo);
    assert_eq!(first.len(), 2);
    dkim(&demo, &["rotate", "home.test"]);
    let next = selectors_at(&demo, "new");
    assert_eq!(dkim(&demo, &["rotate", "home.test"]).len(), 2);
    assert_eq!(selectors_at(&demo, "new"), next, "what waits to be published is not made again");
    let all = records(&demo);

    let restart = |demo: &mut Demo, records: &str| {
        let dns = Dns::serve(records, &[]);
        demo.terminate();
        let resolver = format!("dns.resolver={}", dns.address());
        demo.start_again_with(DemoOptions::set(&[resolver.as_str(), "dkim.settle_minutes=0"]));
        dns
    };
    // As long as only the old records are there, the old keys sign, and the owner is told.
    let _dns = restart(&mut demo, &published);
    wait_for("the keys to be looked after", || {
        let seen = dkim(&demo, &["list"]).iter().filter(|row| row["seen"].is_string()).count();
        (seen == 2 && demo.log().contains("issue=\"dkim/home.test/records\"")).then_some(())
    });
    assert_eq!(selectors_at(&demo, "new"), next);
    assert_eq!(signing_selectors(&demo, "before"), first);
    let _dns = restart(&mut demo, &all);
    wait_for("the turn of the next keys", || (selectors_at(&demo, "signing") == next).then_some(()));
    assert_eq!(selectors_at(&demo, "retired"), first);
    assert_eq!(signing_selectors(&demo, "after"), next);
}

#[test]
fn a_damaged_key_costs_its_signature_and_nothing_else() {
    let mut demo = Demo::start();
    let signing = selectors_at(&demo, "signing");
    let file = demo.state_dir().join("dkim").join(format!("{}.pem", signing[0]));
    let whole = std::fs::read(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    demo.terminate();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    demo.start_again();
    assert_eq!(signing_selectors(&demo, "half signed"), signing[1..]);
    assert!(demo.cli(&["domain", "add", "second.test"]).output().unwrap().status.success());
    assert_eq!(selectors_at(&demo, "signing").len(), 3);
    wait_for("the issue", || demo.log().contains("issue=\"dkim/files\"").then_some(()));
    // Mended it signs again, with the key whose record is published.
    demo.terminate();
    std::fs::write(&file, &whole).unwrap();
    demo.start_again();
    assert_eq!(signing_selectors(&demo, "whole"), signing);
}
