//! Other people's programs as judges: see `verify.py`.

use super::support::dns::Dns;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a program says of a message, a line each.
pub fn verify(dns: &Dns, words: &[&str], message: &[u8]) -> Vec<String> {
    let said = run(dns, words, message);
    String::from_utf8_lossy(&said).lines().map(str::to_owned).collect()
}

/// A message another program signed or sealed.
pub fn run(dns: &Dns, words: &[&str], message: &[u8]) -> Vec<u8> {
    let port = dns.address().rsplit_once(':').map(|(_, port)| port.to_owned()).unwrap();
    let mut child = Command::new("timeout")
        // The distribution's own Python is the one that has these modules.
        .args(["120", "/usr/bin/python3"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signing/verify.py"))
        .arg(port)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
