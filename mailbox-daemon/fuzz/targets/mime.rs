use super::pieces;
use proto::mime::content_field::ContentField;
use proto::mime::field_text::write_field;
use proto::mime::text::TextSearch;
use proto::mime::{DigestFront, DigestView, ScanLimits, Scanner};
use proto::mime::{address, date, decode as decoding, encoded_word, header as fields};
use std::convert::Infallible;

const LIMITS: ScanLimits = ScanLimits { header_bytes_max: 2000, depth_max: 8, parts_max: 20 };

/// A message scanned at once and in drops leaves the same digest, whose every answer fits the message.
pub fn scan(data: &[u8]) {
    let mut whole = Scanner::new(LIMITS);
    whole.feed(data);
    let mut dropwise = Scanner::new(LIMITS);
    pieces(data, data.len() as u8).for_each(|piece| dropwise.feed(piece));
    let (whole, dropwise) = (whole.finish(), dropwise.finish());
    assert_eq!(whole, dropwise);
    let view = whole.view();
    let root = view.structure().expect("a digest made here is whole");
    assert!(root.header_start <= root.body_start && root.body_start <= root.body_end);
    assert!(root.body_end <= data.len() as u64);
    let mut out = Vec::new();
    view.write_envelope(&mut out);
    assert_quoting(&out);
    for extensible in [false, true] {
        out.clear();
        view.write_body_structure(extensible, &mut out).expect("a digest made here is whole");
        assert_quoting(&out);
    }
    let mut search = TextSearch::new("e");
    let found = search
        .in_message(&root, |buffer: &mut [u8], offset| Ok::<_, Infallible>(read_at(data, buffer, offset)));
    let in_body =
        search.in_body(&root, |buffer: &mut [u8], offset| Ok::<_, Infallible>(read_at(data, buffer, offset)));
    let (Ok(found), Ok(in_body)) = (found, in_body);
    assert!(found || !in_body, "what is in the body is in the message");
}

fn read_at(data: &[u8], buffer: &mut [u8], offset: u64) -> usize {
    let start = (offset as usize).min(data.len());
    let count = buffer.len().min(data.len() - start);
    buffer[..count].copy_from_slice(&data[start..start + count]);
    count
}

/// Parentheses balance outside quoted strings and literals, so that a client can read what follows.
fn assert_quoting(text: &[u8]) {
    let mut depth = 0_i32;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'"' => {
                at += 1;
                while text[at] != b'"' {
                    assert!(!matches!(text[at], b'\r' | b'\n' | 0), "{}", text.escape_ascii());
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => {
                let end = at
                    + text[at..]
                        .iter()
                        .position(|byte| *byte == b'}')
                        .expect("a literal's announcement ends");
                let digits = std::str::from_utf8(&text[at + 1..end]).expect("digits");
                let count: usize = digits.parse().expect("a literal says its length");
                assert_eq!(&text[end + 1..end + 3], b"\r\n");
                at = end + 2 + count;
            }
            b'\r' | b'\n' => panic!("a line ends in the middle: {}", text.escape_ascii()),
            _ => {}
        }
        assert!(depth >= 0);
        at += 1;
    }
    assert_eq!(depth, 0, "{}", text.escape_ascii());
}

/// Stored digest bytes may be anything: they are a cache on a disk.
pub fn digest(data: &[u8]) {
    if let Ok(front) = DigestFront::parse(data) {
        let _ = (front.subject(), front.list_id(), front.bcc(), front.sent_date());
    }
    let Ok(view) = DigestView::parse(data) else { return };
    let _ =
        (view.subject(), view.from(), view.to(), view.cc(), view.bcc(), view.message_id(), view.references());
    let _ = (view.in_reply_to(), view.list_id(), view.sent_date(), view.envelope());
    let mut out = Vec::new();
    view.write_envelope(&mut out);
    let _ = view.write_body_structure(true, &mut out);
    let _ = view.kept_fields(&mut out);
    if let Ok(root) = view.structure() {
        let _ = root.find(&[1, 2, 1]);
        let _ = TextSearch::new("e").in_message(&root, |_: &mut [u8], _| Ok::<_, Infallible>(0));
    }
}

/// Header fields, addresses, dates and encoded words.
pub fn header(data: &[u8]) {
    for field in fields::fields(data) {
        let _ = fields::unfold(field.value);
        let _ = ContentField::parse(field.value);
    }
    for name in ["Subject", "From", "Date"] {
        let _ = fields::value(data, name);
    }
    let entries = address::parse(data);
    let mut out = Vec::new();
    address::write_imap(&entries, &mut out);
    assert_quoting(&out);
    let _ = address::mailboxes(data);
    if let Some(sent) = date::parse(data) {
        let written = date::format_rfc5322(sent.unix_seconds, sent.zone_minutes);
        if let Some(again) = date::parse(written.as_bytes()) {
            assert_eq!(again, sent, "{written}");
        }
    }
    let _ = encoded_word::decoded(data);
    let text = String::from_utf8_lossy(data);
    let written = write_field("Subject", &text);
    assert_eq!(fields::fields(&written).count(), 1, "{}", written.escape_ascii());
    let encoded = encoded_word::encode(&text);
    assert!(encoded.is_ascii());
    let line = text.replace(['\r', '\n', '\0'], " ");
    let clean = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if clean == *text && !clean.contains("=?") {
        assert_eq!(encoded_word::decoded(encoded_word::encode(&clean).as_bytes()), clean);
    }
}

/// Transfer decoders and charsets: the same at once and in drops.
pub fn decode(data: &[u8]) {
    for name in [&b"base64"[..], b"quoted-printable", b"8bit", b"x-unknown"] {
        let mut whole = Vec::new();
        let mut decoder = decoding::TransferDecoder::of_name(Some(name));
        decoder.feed(data, &mut whole);
        decoder.finish(&mut whole);
        let mut dropwise = Vec::new();
        let mut decoder = decoding::TransferDecoder::of_name(Some(name));
        pieces(data, data.len() as u8).for_each(|piece| decoder.feed(piece, &mut dropwise));
        decoder.finish(&mut dropwise);
        assert_eq!(whole.escape_ascii().to_string(), dropwise.escape_ascii().to_string());
        assert!(whole.len() <= data.len() + 2, "decoding never grows");
    }
    for label in [&b"utf-8"[..], b"iso-8859-1", b"utf-7", b"iso-2022-jp", b"gb18030", b"unknown"] {
        let mut out = Vec::new();
        decoding::charset_to_utf8(label, data, &mut out);
        assert!(std::str::from_utf8(&out).is_ok());
    }
}
