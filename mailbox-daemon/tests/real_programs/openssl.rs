//! openssl s_client: TLS itself, by another library than ours.

use super::program::{Outcome, Program};
use super::{Demo, Door};

fn s_client(demo: &Demo, door: Door, upgrade: Option<&str>, more: &[&str], input: &str) -> Outcome {
    let mut program = Program::new("openssl", "openssl")
        .arg("s_client")
        .arg("-connect")
        .arg(format!("127.0.0.1:{}", demo.port(door)))
        .arg("-CAfile")
        .arg(demo.ca_file())
        .args(["-verify_return_error", "-verify_ip", "127.0.0.1", "-crlf", "-ign_eof"]);
    if let Some(protocol) = upgrade {
        program = program.args(["-starttls", protocol]);
    }
    program.args(more).input(input.replace("\r\n", "\n")).run()
}

/// Every door, what STARTTLS is called there, and a goodbye.
pub const DOORS: [(Door, Option<&str>, &str); 5] = [
    (Door::Smtp, Some("smtp"), "QUIT\r\n"),
    (Door::Submission, Some("smtp"), "QUIT\r\n"),
    (Door::Submissions, None, "QUIT\r\n"),
    (Door::Imap, Some("imap"), "a LOGOUT\r\n"),
    (Door::Imaps, None, "a LOGOUT\r\n"),
];

#[test]
fn every_door_speaks_both_versions_of_tls_worth_speaking() {
    let demo = Demo::start();
    for (door, upgrade, goodbye) in DOORS {
        for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
            let outcome = s_client(&demo, door, upgrade, &[option], goodbye);
            assert!(outcome.success, "{door:?} {version}: {outcome:?}");
            assert!(outcome.stdout.contains("Verify return code: 0 (ok)"), "{door:?} {version}: {outcome:?}");
            let answered = outcome.stdout.contains("221 2.0.0") || outcome.stdout.contains("* BYE");
            assert!(answered, "{door:?} {version}: {outcome:?}");
        }
    }
}

#[test]
fn no_door_speaks_older_versions() {
    let demo = Demo::start();
    for (door, upgrade, goodbye) in DOORS {
        // The lowered level makes openssl itself willing.
        let outcome = s_client(&demo, door, upgrade, &["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], goodbye);
        assert!(!outcome.success, "{door:?}: {outcome:?}");
    }
}
