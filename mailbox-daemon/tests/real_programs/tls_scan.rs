//! What every door takes of TLS, found out as scanners do: openssl offers all it knows, then all but what was taken, until
//! nothing is. RFC 9325 says what is good: versions 1.2 and 1.3, AEAD ciphers, keys that are exchanged and forgotten.

use super::openssl::DOORS;
use super::program::{Outcome, Program};
use super::{Demo, Door};
use crate::support::demo::DemoOptions;

const CIPHERS_1_2: [&str; 6] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
];
const CIPHERS_1_3: [&str; 3] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/// Whether a door is to take a group for the exchange of keys.
const GROUPS: [(&str, bool); 8] = [
    ("X25519", true),
    ("P-256", true),
    ("P-384", true),
    ("P-521", false),
    ("X448", false),
    ("brainpoolP256r1", false),
    ("P-224", false),
    ("secp256k1", false),
];

/// openssl's side of one handshake. At its lowest level it is willing to do what nobody should.
fn handshake(demo: &Demo, door: Door, options: &[&str], input: &str) -> Outcome {
    let (_, upgrade, _) = DOORS.into_iter().find(|(other, _, _)| *other == door).unwrap();
    let mut program = Program::new("openssl", "openssl").arg("s_client").arg("-connect");
    program = program.arg(format!("127.0.0.1:{}", demo.port(door)));
    if let Some(protocol) = upgrade {
        program = program.args(["-starttls", protocol]);
    }
    program.args(options).input(input).run()
}

/// The cipher agreed upon, if any was.
fn cipher(outcome: &Outcome) -> Option<String> {
    let name = outcome.stdout.lines().find_map(|line| line.split_once("Cipher is ")).map(|(_, name)| name);
    name.filter(|name| outcome.success && *name != "(NONE)").map(str::to_owned)
}

/// Every cipher of a version that a door takes, the most wanted first.
fn taken(demo: &Demo, door: Door, version: &str, option: &str, all: &str) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    loop {
        let offer = match version {
            "-tls1_3" => all
                .split(':')
                .filter(|name| taken.iter().all(|known| known != name))
                .collect::<Vec<_>>()
                .join(":"),
            _ => taken.iter().fold(all.to_owned(), |offer, name| format!("{offer}:!{name}")),
        };
        if offer.is_empty() {
            return taken;
        }
        match cipher(&handshake(demo, door, &[version, option, &offer], "")) {
            Some(name) => taken.push(name),
            None => return taken,
        }
        assert!(taken.len() < 50, "{door:?} takes what it was not offered: {taken:?}");
    }
}

#[test]
fn no_door_takes_an_old_version() {
    let demo = Demo::start();
    for (door, _, _) in DOORS {
        for version in ["-tls1", "-tls1_1"] {
            let outcome = handshake(&demo, door, &[version, "-cipher", "ALL:eNULL:@SECLEVEL=0"], "");
            assert_eq!(cipher(&outcome), None, "{door:?} {version}");
        }
    }
}

#[test]
fn every_door_takes_good_ciphers_and_no_other() {
    let demo = Demo::start();
    for (door, _, _) in DOORS {
        let all = "ALL:eNULL:COMPLEMENTOFALL:@SECLEVEL=0";
        let old = taken(&demo, door, "-tls1_2", "-cipher", all);
        assert!(
            !old.is_empty() && old.iter().all(|name| CIPHERS_1_2.contains(&name.as_str())),
            "{door:?}: {old:?}"
        );
        let all = "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256:\
                   TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
        let mut new = taken(&demo, door, "-tls1_3", "-ciphersuites", all);
        new.sort();
        assert_eq!(new, CIPHERS_1_3, "{door:?}");
    }
}

#[test]
fn keys_are_exchanged_by_good_curves_only() {
    let demo = Demo::start();
    for (door, _, _) in DOORS {
        for version in ["-tls1_2", "-tls1_3"] {
            for (group, is_good) in GROUPS {
                let outcome = handshake(&demo, door, &[version, "-groups", group], "");
                // Under 1.2 openssl itself stops where the certificate's curve was not among those it offered.
                let is_taken = outcome.stdout.contains("Server Temp Key: ");
                assert_eq!(is_taken, is_good, "{door:?} {version} {group}: {outcome:?}");
            }
        }
        for (options, what) in [
            (&["-tls1_3", "-groups", "ffdhe2048:ffdhe3072:ffdhe4096"][..], "finite fields"),
            (
                &["-tls1_2", "-cipher", "DHE:kRSA:aNULL:@SECLEVEL=0"],
                "other exchanges than by ephemeral curves",
            ),
            (
                &["-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-sigalgs", "ECDSA+SHA1:RSA+SHA1"],
                "signatures of SHA-1",
            ),
        ] {
            assert_eq!(cipher(&handshake(&demo, door, options, "")), None, "{door:?} takes {what}");
        }
    }
}

#[test]
fn no_door_compresses_or_begins_anew_within_a_session() {
    // A door answers such a wish with what it says next, and that is goodbye to somebody who says nothing.
    let demo = Demo::start_with(DemoOptions::set(&["limits.smtp_idle_s=2", "limits.login_idle_s=2"]));
    for (door, _, _) in DOORS {
        let outcome = handshake(&demo, door, &["-tls1_2", "-comp"], "");
        assert!(outcome.stdout.contains("Compression: NONE"), "{door:?}: {outcome:?}");
        // RFC 5746 is spoken, so that nobody slips in before us; asked to renegotiate no door does.
        assert!(outcome.stdout.contains("Secure Renegotiation IS supported"), "{door:?}: {outcome:?}");
        let outcome = handshake(&demo, door, &["-tls1_2"], "R\n");
        assert!(outcome.stderr.contains("RENEGOTIATING"), "{door:?}: {outcome:?}");
        // A greeting that crosses the wish ends it as well: openssl takes no more words in the middle of it.
        let is_refused =
            ["no renegotiation", "unexpected record"].iter().any(|why| outcome.stderr.contains(why));
        assert!(is_refused, "{door:?}: {outcome:?}");
    }
}
