//! Signatures made by mail-auth, another implementation of DKIM, hold here: every key, every canonicalization, odd bodies.
//!
//! Where they do not it is because mail-auth 0.13 hashes one kind of body wrongly; the test says which.

#![allow(clippy::unwrap_used)]

mod support;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner};
use rustls::pki_types::PrivatePkcs8KeyDer;
use service::dns::Resolver;
use service::evidence::Inquiry;
use std::sync::Arc;
use support::dns::Dns;
use types::{Domain, Outcome};

const HEADER: &str =
    "From:  Ana <ana@a.test>\r\nTo: ben@home.test,\r\n\tcarl@home.test\r\nSubject:   two  words \r\n";

/// Bodies, and whether mail-auth hashes them as RFC 6376 section 3.4.4 says when they are relaxed.
const BODIES: [(&str, bool); 9] = [
    ("Hello.\r\n", true),
    ("Hello.", true),
    ("", true),
    ("\r\n\r\n", true),
    ("a  b\t c \t\r\n\r\n \r\nd\r\n", true),
    ("trailing empty lines\r\n\r\n\r\n", true),
    ("8 bits: \u{fc}\r\n.dot\r\n..\r\n", true),
    ("trailing lines of blanks\r\n \r\n\t\r\n", false),
    ("one of blanks \r\n  \r\n\r\n", false),
];

/// One signature and what makes it.
struct Case<'a> {
    selector: &'a str,
    canonicalization: (Canonicalization, Canonicalization),
    body: &'a str,
}

impl Case<'_> {
    fn signed_with<K: SigningKey>(&self, key: K) -> String {
        let message = format!("{HEADER}\r\n{}", self.body);
        let signature = DkimSigner::from_key(key)
            .domain("a.test")
            .selector(self.selector)
            .headers(["From", "To", "Subject"])
            .header_canonicalization(self.canonicalization.0)
            .body_canonicalization(self.canonicalization.1)
            .sign(message.as_bytes())
            .unwrap();
        signature.to_header() + &message
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mail_auth_signs_holds_here() {
    let rsa = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa_der: Pkcs8V1Der = rsa.as_der().unwrap();
    let rsa_public: PublicKeyX509Der = rsa.public_key().as_der().unwrap();
    let ed = Ed25519KeyPair::generate().unwrap();
    let ed_der: Pkcs8V1Der = ed.as_der().unwrap();
    let record = |selector, kind, public: &[u8]| {
        let value = format!("v=DKIM1; k={kind}; p={}", BASE64.encode(public));
        let pieces: Vec<String> = value
            .as_bytes()
            .chunks(200)
            .map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)))
            .collect();
        format!("{selector}._domainkey.a.test. TXT {}\n", pieces.join(" "))
    };
    let zone = record("rsa", "rsa", rsa_public.as_ref()) + &record("ed", "ed25519", ed.public_key().as_ref());
    let dns = Dns::serve(&zone, &[]);

    for (body, is_relaxed_right) in BODIES {
        for canonicalization in [
            (Canonicalization::Simple, Canonicalization::Simple),
            (Canonicalization::Simple, Canonicalization::Relaxed),
            (Canonicalization::Relaxed, Canonicalization::Simple),
            (Canonicalization::Relaxed, Canonicalization::Relaxed),
        ] {
            let case = |selector| Case { selector, canonicalization, body };
            let by_rsa = case("rsa").signed_with(
                RsaKey::<Sha256>::from_key_der(PrivatePkcs8KeyDer::from(rsa_der.as_ref()).clone_key().into())
                    .unwrap(),
            );
            let by_ed =
                case("ed").signed_with(Ed25519Key::from_pkcs8_maybe_unchecked_der(ed_der.as_ref()).unwrap());
            let is_right = is_relaxed_right || canonicalization.1 == Canonicalization::Simple;
            let expected = if is_right { Outcome::Pass } else { Outcome::Fail };
            for message in [by_rsa, by_ed] {
                assert_eq!(outcome(&dns, &message).await, expected, "{canonicalization:?} {message:?}");
            }
        }
    }
}

async fn outcome(dns: &Dns, message: &str) -> Outcome {
    let resolver = Arc::new(Resolver::new(Some(dns.address().parse().unwrap())).unwrap());
    let receiver = Domain::parse("box.home.test").unwrap();
    let mut inquiry = Inquiry::alone(resolver, &receiver, "192.0.2.1".parse().unwrap());
    inquiry.envelope("a.test", &None);
    let evidence = inquiry.message(message.as_bytes()).await;
    let [signature] = evidence.dkim.as_slice() else { panic!("{evidence:?}") };
    signature.outcome
}
