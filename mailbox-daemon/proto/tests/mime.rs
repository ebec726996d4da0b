//! Golden files of `proto::mime`. `UPDATE=1 cargo test -p proto --test mime` rewrites what is expected.
//!
//! * `mime/addresses.txt`, `mime/content-types.txt`: `<` a field's value, `>` what IMAP shows of it. `\n` in a value folds it.
//! * `mime/messages/NAME.eml`: a message, line feeds standing for CRLF; `NAME.out`: its envelope, body structure and sections.
//!
//! What is expected agrees with Dovecot 2.3.

#![allow(clippy::unwrap_used)]

use proto::mime::{Digest, DigestView, Part, PartKind, ScanLimits, Scanner, SectionText};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const LIMITS: ScanLimits = ScanLimits { header_bytes_max: 4096, depth_max: 8, parts_max: 20 };

#[test]
fn addresses_are_shown_as_expected() {
    check_values("addresses.txt", |value| {
        let digest = scan(format!("From: {value}\n\nbody\n").as_bytes());
        let envelope = text(digest.view().envelope());
        // (NIL NIL from sender reply-to NIL NIL NIL NIL NIL): the three in the middle are the same.
        let lists =
            envelope.strip_prefix("(NIL NIL ").unwrap().strip_suffix(" NIL NIL NIL NIL NIL)").unwrap();
        lists[..(lists.len() - 2) / 3].to_owned()
    });
}

#[test]
fn content_types_are_shown_as_expected() {
    check_values("content-types.txt", |value| {
        let message = format!("Content-Type: {value}\nContent-Disposition: {value}\n\nbody\nof two lines\n");
        structure(scan(message.as_bytes()).view(), true)
    });
}

#[test]
fn messages_are_shown_as_expected() {
    let mut names: Vec<PathBuf> =
        fs::read_dir(golden("messages")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    names.sort();
    assert!(names.len() > 30, "the golden messages are there");
    for path in names {
        let message = fs::read(&path).unwrap();
        check(&path.with_extension("out"), &described(&message));
    }
}

/// Everything a client can ask about a message, as text.
fn described(message: &[u8]) -> String {
    let wire = to_wire(message);
    let digest = scan(message);
    let view = digest.view();
    let mut out = format!("ENVELOPE {}\n", text(view.envelope()));
    let _ = writeln!(out, "BODY {}", structure(view, false));
    let _ = writeln!(out, "BODYSTRUCTURE {}", structure(view, true));
    if let Some(date) = view.sent_date() {
        let _ = writeln!(out, "sent {} {:+}", date.unix_seconds, date.zone_minutes);
    }
    let searched = [
        ("subject", view.subject()),
        ("from", view.from()),
        ("to", view.to()),
        ("cc", view.cc()),
        ("bcc", view.bcc()),
        ("list-id", view.list_id()),
        ("message-id", view.message_id()),
        ("in-reply-to", view.in_reply_to()),
        ("references", view.references()),
    ];
    for (name, value) in searched {
        if let Some(value) = value {
            let _ = writeln!(out, "{name} {:?}", text(value));
        }
    }
    let root = view.structure().unwrap();
    describe_sections(&root, &root, &mut Vec::new(), &wire, &mut out);
    out
}

/// Writes the octets of each section, so that a wrong offset shows.
fn describe_sections(
    root: &Part<'_>,
    part: &Part<'_>,
    numbers: &mut Vec<u32>,
    wire: &[u8],
    out: &mut String,
) {
    let name: Vec<String> = numbers.iter().map(u32::to_string).collect();
    for kind in [SectionText::Mime, SectionText::Header, SectionText::Text, SectionText::Whole] {
        let shown = match kind {
            SectionText::Whole => part.kind != PartKind::Multipart && !numbers.is_empty(),
            _ => true,
        };
        if let Some(range) = root.section(numbers, kind).filter(|_| shown) {
            let octets = &wire[range.start as usize..range.end as usize];
            let shown: String = text(octets).chars().take(60).collect();
            let _ = writeln!(out, "[{} {kind:?}] {range:?} {shown:?}", name.join("."));
        }
    }
    // The numbers behind a message count the parts of the message inside.
    let parts = match part.kind {
        PartKind::Message => part.children.first().unwrap(),
        _ => part,
    };
    let count = match parts.kind {
        PartKind::Multipart => parts.children.len(),
        _ if numbers.is_empty() || part.kind == PartKind::Message => 1,
        _ => 0,
    };
    for number in 1..=count as u32 {
        numbers.push(number);
        let child = root.find(numbers).unwrap();
        describe_sections(root, child, numbers, wire, out);
        numbers.pop();
    }
    assert_eq!(root.find(&[numbers.as_slice(), &[count as u32 + 1]].concat()), None);
}

fn scan(message: &[u8]) -> Digest {
    let mut scanner = Scanner::new(LIMITS);
    scanner.feed(&to_wire(message));
    scanner.finish()
}

fn structure(view: DigestView<'_>, extensible: bool) -> String {
    let mut out = Vec::new();
    view.write_body_structure(extensible, &mut out).unwrap();
    text(&out)
}

fn to_wire(message: &[u8]) -> Vec<u8> {
    message.iter().flat_map(|&byte| if byte == b'\n' { b"\r\n".to_vec() } else { vec![byte] }).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\\r\\n")
}

fn check_values(file: &str, show: impl Fn(&str) -> String) {
    let path = golden(file);
    let mut out = String::new();
    for line in fs::read_to_string(&path).unwrap().lines() {
        if let Some(value) = line.strip_prefix("< ") {
            let _ = write!(out, "{line}\n> {}\n", show(&value.replace("\\n", "\n")));
        }
    }
    check(&path, &out);
}

fn check(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(path, actual).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs; UPDATE=1 accepts", path.display());
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mime").join(name)
}
