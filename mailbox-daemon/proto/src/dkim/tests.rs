use super::*;
use crate::mime::header::fields;
use crate::tags::Tags;
use aws_lc_rs::digest::{SHA256, digest};

fn canonical(body: &str, kind: Canonicalization) -> BodyDigest {
    body_digest(body.replace('\n', "\r\n").as_bytes(), kind)
}

/// RFC 6376 sections 3.4.3, 3.4.4 and 3.4.5.
#[test]
fn bodies_have_two_forms() {
    use Canonicalization::{Relaxed, Simple};
    for (body, kind, expected) in [
        (" C \nD \t E\n\n\n", Relaxed, " C\nD E\n"),
        (" C \nD \t E\n\n\n", Simple, " C \nD \t E\n"),
        ("", Simple, "\n"),
        ("\n\n", Simple, "\n"),
        ("", Relaxed, ""),
        ("\n\n", Relaxed, ""),
        ("a", Simple, "a\n"),
        ("a", Relaxed, "a\n"),
        ("\n\na\n\nb", Relaxed, "\n\na\n\nb\n"),
        // Lines of blanks alone at the end: empty lines in the relaxed form, lines like others in the simple one.
        ("a\n \n\t\n  \t ", Relaxed, "a\n"),
        ("a\n \n\n", Simple, "a\n \n"),
        (" \n\t\n", Relaxed, ""),
        ("a\n \t\nb  c d\te \n", Relaxed, "a\n\nb c d e\n"),
        ("\ta  b", Relaxed, " a b\n"),
    ] {
        let bytes = expected.replace('\n', "\r\n");
        let expected = BodyDigest {
            sha256: digest(&SHA256, bytes.as_bytes()).as_ref().to_vec(),
            bytes: bytes.len() as u64,
        };
        assert_eq!(canonical(body, kind), expected, "{body:?} {kind:?}");
    }
}

/// RFC 6376 section 3.4.5.
#[test]
fn headers_have_a_relaxed_form() {
    let mut out = Vec::new();
    for field in fields(b"A: X\r\nB : Y\t\r\n\tZ  \r\nC:\r\n\r\n") {
        relaxed_field(field.name, field.value, &mut out);
    }
    assert_eq!(out.escape_ascii().to_string(), "a:X\\r\\nb:Y Z\\r\\nc:\\r\\n");
}

#[test]
fn the_lowest_field_is_signed_first() {
    let header = b"A: 1\r\nB: 2\r\na: 3\r\nS: b=x; bh=y;\r\n b = z z\r\n ; c=d\r\n";
    let fields: Vec<_> = fields(header).collect();
    let names = ["a", "A", "a", "missing", "b"].map(str::to_owned);
    let signed = signed_bytes(&fields, &names, Canonicalization::Simple, &fields[3]);
    let expected = "a: 3\\r\\nA: 1\\r\\nB: 2\\r\\nS: b=; bh=y;\\r\\n b =; c=d";
    assert_eq!(signed.escape_ascii().to_string(), expected);
    let relaxed = signed_bytes(&fields, &names[..1], Canonicalization::Relaxed, &fields[3]);
    assert_eq!(relaxed.escape_ascii().to_string(), "a:3\\r\\ns:b=; bh=y; b =; c=d");
}

fn signature(tags: &str) -> Result<Signature, &'static str> {
    Signature::parse_dkim(&Tags::parse(tags.as_bytes()).unwrap())
}

const GOOD: &str = "v=1; a=rsa-sha256; d=A.test; s=k; h=From:to; bh=AAAA; b=A AAA";

#[test]
fn signatures_are_read() {
    let read = signature(GOOD).unwrap();
    assert_eq!(read.label.key_name(), "k._domainkey.a.test");
    assert_eq!((read.header, read.body), (Canonicalization::Simple, Canonicalization::Simple));
    assert_eq!((read.body_hash.len(), read.signature.len()), (3, 3));
    assert_eq!((read.label.begins.as_str(), read.body_bytes, read.expires), ("AAAA", None, None));
}

/// RFC 6376 section 6.1.1.
#[test]
fn signatures_have_to_be_whole() {
    for (change, expected) in [
        (("v=1", "v=2"), "this version of DKIM is unknown"),
        (("v=1; ", ""), "this version of DKIM is unknown"),
        (("rsa-sha256", "rsa-md5"), "this algorithm is unknown"),
        (("d=A.test; ", ""), "a tag is missing"),
        (("s=k; ", ""), "a tag is missing"),
        (("s=k", "s="), "a tag is missing"),
        (("h=From:to; ", ""), "a tag is missing"),
        (("bh=AAAA; ", ""), "a tag is missing"),
        (("h=From:to", "h=to"), "From is not signed"),
        (("b=A AAA", "b=*"), "b= or bh= is no base64"),
        (("s=k", "s=k; c=nofws"), "this canonicalization is unknown"),
        (("s=k", "s=k; l=x"), "a number is wrong"),
        (("s=k", "s=k; t=20; x=20"), "it expires before it was made"),
        (("s=k", "s=k; q=http"), "the key is not in DNS"),
        (("s=k", "s=k; i=@b.test"), "i= is not within d="),
        (("s=k", "s=k; i=@xa.test"), "i= is not within d="),
    ] {
        assert_eq!(signature(&GOOD.replace(change.0, change.1)), Err(expected), "{change:?}");
    }
    for change in
        ["s=k; i=@sub.a.test", "s=k; i=x@A.test", "s=k; q=x:dns/txt", "s=k; c=relaxed", "s=k; what=this"]
    {
        assert!(signature(&GOOD.replace("s=k", change)).is_ok(), "{change}");
    }
}

#[test]
fn there_are_objections_without_a_key() {
    let body = BodyDigest { sha256: vec![0, 0, 0], bytes: 100 };
    for (change, expected) in [
        ("s=k", None),
        ("s=k; l=100", None),
        ("s=k; x=1000", None),
        ("s=k; x=999", Some((Outcome::Fail, "the signature has expired"))),
        ("s=k; l=99", Some((Outcome::Policy, "only a part of the body is signed"))),
        ("s=k; l=0", Some((Outcome::Policy, "only a part of the body is signed"))),
        ("s=k; l=101", Some((Outcome::Fail, "the body is shorter than what was signed"))),
    ] {
        let found = objection(&signature(&GOOD.replace("s=k", change)).unwrap(), &body, 1000);
        assert_eq!(found, expected.map(|(outcome, reason)| Finding::because(outcome, reason)), "{change}");
    }
    let other = BodyDigest { sha256: vec![1, 0, 0], bytes: 100 };
    let found = objection(&signature(GOOD).unwrap(), &other, 1000);
    assert_eq!(found, Some(Finding::because(Outcome::Fail, "the body is not what was signed")));
    let weak = signature(&GOOD.replace("rsa-sha256", "rsa-sha1")).unwrap();
    assert_eq!(objection(&weak, &body, 1000).unwrap().outcome, Outcome::Policy);
}

#[test]
fn keys_are_read() {
    for (record, expected) in [
        ("p=AAAA", Ok((false, false))),
        ("v=DKIM1; k=rsa; t=y:s; p=AA\tAA;", Ok((true, true))),
        ("v=DKIM1; h=sha1:sha256; s=email; p=AAAA; n=x", Ok((false, false))),
        ("v=DKIM1; p=", Err(Unusable::Revoked)),
        ("k=rsa; v=DKIM1; p=AAAA", Err(Unusable::NoKey)),
        ("v=DKIM2; p=AAAA", Err(Unusable::NoKey)),
        ("v=spf1 -all", Err(Unusable::NoKey)),
        ("p=!", Err(Unusable::NoKey)),
        ("h=sha1; p=AAAA", Err(Unusable::ForOthers)),
        ("s=tlsrpt; p=AAAA", Err(Unusable::ForOthers)),
        ("k=dsa; p=AAAA", Err(Unusable::ForOthers)),
    ] {
        let read = Key::parse(record.as_bytes()).map(|key| (key.is_in_test, key.is_strict));
        assert_eq!(read, expected, "{record}");
    }
}

#[test]
fn short_keys_prove_nothing() {
    let key = Key::parse(b"p=AAAA").unwrap();
    assert_eq!(key.verify(Algorithm::RsaSha256, b"x", &[0; 64]).outcome, Outcome::Policy);
    assert_eq!(key.verify(Algorithm::RsaSha256, b"x", &[0; 128]).outcome, Outcome::Fail);
    assert_eq!(key.verify(Algorithm::Ed25519Sha256, b"x", &[0; 64]).outcome, Outcome::PermError);
}
