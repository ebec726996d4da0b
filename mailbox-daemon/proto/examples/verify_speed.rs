//! What it costs to verify a letter of 8 KiB with an RSA-2048 and an Ed25519 signature, DNS aside:
//! `cargo run --release -p proto --example verify_speed`.

#![allow(clippy::unwrap_used)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64;
use proto::dkim::{Canonicalization, Key, Signature, body_digest, objection, signed_bytes, verify};
use proto::mime::header::{Field, fields};
use proto::tags::Tags;
use types::Outcome;

const ROUNDS: u32 = 5_000;
const BODY_BYTES: usize = 8 * 1024;

fn main() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let keys =
        [key("ed25519", ed25519.public_key().as_ref()), key("rsa", KeyPair::public_key(&rsa).as_ref())];
    let line = "A line of a letter, as long as lines of letters are wont to be.  \r\n";
    let letter = format!(
        "From: ana@a.test\r\nTo: ben@home.test\r\nSubject: hello\r\nDate: Sat, 21 Nov 2026 18:00:00 +0000\r\n\r\n{}",
        line.repeat(BODY_BYTES / line.len())
    );
    let letter = signed(&letter, "rsa-sha256", |bytes| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).unwrap();
        signature
    });
    let letter = signed(&letter, "ed25519-sha256", |bytes| {
        ed25519.sign(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref()).as_ref().to_vec()
    });
    let begun = cpu_ms();
    for _ in 0..ROUNDS {
        verify_all(letter.as_bytes(), &keys);
    }
    let spent = cpu_ms() - begun;
    println!("{} octets, two signatures: {:.3} ms of CPU a message", letter.len(), spent / f64::from(ROUNDS));
}

fn key(kind: &str, octets: &[u8]) -> Key {
    Key::parse(format!("v=DKIM1; k={kind}; p={}", BASE64.encode(octets)).as_bytes()).unwrap()
}

fn body_of(letter: &[u8]) -> &[u8] {
    let header_bytes: usize = fields(letter).map(|field| field.raw.len()).sum();
    &letter[header_bytes + 2..]
}

fn signed(letter: &str, algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let digest = body_digest(body_of(letter.as_bytes()), Canonicalization::Relaxed);
    let bare = format!(
        "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d=a.test; s=s;\r\n h=from:to:subject:date; bh={}; b=",
        BASE64.encode(&digest.sha256)
    );
    let whole = format!("{bare}\r\n{letter}");
    let found: Vec<Field<'_>> = fields(whole.as_bytes()).collect();
    let names = ["from", "to", "subject", "date"].map(str::to_owned);
    let signature = sign(&signed_bytes(&found, &names, Canonicalization::Relaxed, &found[0]));
    format!("{bare}{}\r\n{letter}", BASE64.encode(&signature))
}

fn verify_all(letter: &[u8], keys: &[Key]) {
    let found: Vec<Field<'_>> = fields(letter).collect();
    let digest = body_digest(body_of(letter), Canonicalization::Relaxed);
    for (field, key) in found.iter().filter(|field| field.is("DKIM-Signature")).zip(keys) {
        let signature = Signature::parse_dkim(&Tags::parse(field.value).unwrap()).unwrap();
        assert_eq!(objection(&signature, &digest, 0), None);
        assert_eq!(verify(&signature, field, &found, key).outcome, Outcome::Pass);
    }
}

/// This process' user time so far.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: f64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(11).unwrap().parse().unwrap();
    ticks * 10.0
}
