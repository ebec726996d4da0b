//! opendkim-testmsg as a judge. It asks whatever name server `/etc/resolv.conf` names, so it gets a network and that file of its own.

use super::keys::records;
use super::submission::{only_message, submit};
use super::support::demo::Demo;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const KNOT: &str = "\
server:
  listen: 127.0.0.1@53
  rundir: DIR
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: DIR
zone:
  - domain: .
    storage: DIR
    file: root.zone
    journal-content: none
";

/// Inside: the loopback interface, the name server, and once it answers, the verdict.
const VERIFY: &str = "\
ip link set lo up && mount --bind \"$1/resolv.conf\" /etc/resolv.conf || exit 99
knotd -c \"$1/knot.conf\" >\"$1/knot.log\" 2>&1 & names=$!
until /usr/bin/python3 -c 'import dns.resolver; dns.resolver.resolve(\"ns.invalid\")' 2>/dev/null; do :; done
opendkim-testmsg <\"$1/message\"; verdict=$?
kill $names; exit $verdict
";

fn verify(folder: &Path, records: &str, message: &[u8]) -> Output {
    let zone = format!(
        "$TTL 60\n. SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n. NS ns.invalid.\nns.invalid. A 127.0.0.1\n{records}"
    );
    let dir = folder.display().to_string();
    for (name, text) in [
        ("knot.conf", KNOT.replace("DIR", &dir).as_bytes()),
        ("root.zone", zone.as_bytes()),
        ("resolv.conf", b"nameserver 127.0.0.1\n"),
        ("message", message),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let user: &[&str] = if nix::unistd::geteuid().is_root() { &[] } else { &["--map-root-user"] };
    Command::new("timeout")
        .args(["60", "unshare", "--mount", "--net"])
        .args(user)
        .args(["sh", "-c", VERIFY, "sh", &dir])
        .output()
        .unwrap()
}

#[test]
fn opendkim_finds_our_signature_good_and_a_changed_message_bad() {
    let demo = Demo::start();
    let records = records(&demo);
    submit(&demo, "From: Ana <ana@home.test>\r\nSubject: one  and\r\n two\r\n\r\nhello \r\n\r\n");
    let stored = only_message(&demo.maildir("ben"));
    let good = verify(&demo.scratch("good"), &records, &stored);
    assert!(good.status.success(), "{good:?}");
    let changed = String::from_utf8_lossy(&stored).replace("hello", "hullo");
    let bad = verify(&demo.scratch("bad"), &records, changed.as_bytes());
    assert!(!bad.status.success() && bad.status.code() != Some(99), "{bad:?}");
}
