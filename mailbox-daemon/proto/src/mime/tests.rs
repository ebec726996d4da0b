//! What holds for every message, however broken, and for every stored digest, however damaged.

use super::envelope_view::{EnvelopeField, first_address};
use super::header::FieldFilter;
use super::report::{Action, RecipientReport, Report, Returned};
use super::text::{MessageText, TextSearch};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::convert::Infallible;

const LIMITS: ScanLimits = ScanLimits { header_bytes_max: 2000, depth_max: 6, parts_max: 12 };

fn scan_in(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Digest {
    let mut scanner = Scanner::new(LIMITS);
    chunks.into_iter().for_each(|chunk| scanner.feed(chunk.as_ref()));
    scanner.finish()
}

/// Messages put together from what makes a difference.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&str] = &[
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
        "Content-Type: multipart/digest; boundary=\"bc\"\r\n",
        "Content-Type: message/rfc822\r\n\r\n",
        "Content-Type: text/html; charset*0=x; charset*1=y\r\n",
        "Content-Disposition: attachment;\r\n filename=\"a b\"\r\n",
        "From: A <a@b>, (c) d@e, G: f, g@h;\r\n",
        "To: \"x\\\r\n",
        "Subject: =?utf-8?q?a=C3?= =?utf-8?q?=BC?=\r\n",
        "Date: 1 Jan 1970 00:00:00 +0000\r\n",
        "Message-ID: <a@b>\r\n",
        "\r\n--b\r\n",
        "\r\n--bc\r\n",
        "--b--\r\n",
        "--bc--",
        "--",
        "-",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        " ",
        "text",
        "\0",
        "\u{fc}",
    ];
    vec(select(pieces), 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

fn check_offsets(part: &Part<'_>, inside: std::ops::Range<u64>) {
    assert!(inside.start <= part.header_start && part.header_start <= part.body_start, "{part:?}");
    assert!(part.body_start <= part.body_end && part.body_end <= inside.end, "{part:?}");
    let mut behind = part.body_start;
    for child in &part.children {
        check_offsets(child, behind..part.body_end);
        behind = child.body_end;
    }
}

fn check(message: &[u8]) {
    let digest = scan_in([message]);
    assert!(digest.as_bytes().len() < 20 * message.len() + 2000, "a digest is bounded by its message");
    let root = digest.view().structure().unwrap();
    assert_eq!((root.header_start, root.body_end), (0, message.len() as u64));
    check_offsets(&root, 0..message.len() as u64);
    let mut out = Vec::new();
    digest.view().write_body_structure(true, &mut out).unwrap();
    digest.view().write_envelope(&mut out);
    assert!(!out.contains(&0));
    check_mailboxes(&digest.view());
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_digest(message in message(), sizes in vec(1usize..20, 1..20)) {
        let whole = scan_in([&message]);
        let mut rest = message.as_slice();
        let mut chunks = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = behind;
        }
        prop_assert_eq!(&whole, &scan_in(chunks));
        prop_assert_eq!(&whole, &scan_in(message.chunks(1)));
    }

    #[test]
    fn offsets_are_in_order(message in message()) {
        check(&message);
        check_kept(&message);
    }

    #[test]
    fn any_bytes_are_a_message(message in vec(any::<u8>(), 0..400)) {
        check(&message);
        check_kept(&message);
    }

    #[test]
    fn damaged_digests_are_refused_or_read(message in message(), place in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = scan_in([&message]).into_bytes();
        let place = place % bytes.len();
        read_everything(&bytes[..place]);
        bytes[place] = byte;
        read_everything(&bytes);
    }

    #[test]
    fn any_bytes_may_be_stored_as_a_digest(bytes in vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
        let front = [&[bytes.len().min(9) as u8 + 5, 0, 0, 0, 4], &bytes[..]].concat();
        read_everything(&front);
    }

    #[test]
    fn search_finds_across_any_edge(before in 0usize..300, key in "[a-zß-ü ]{1,12}") {
        let body = format!("{}{}{}", "ä".repeat(before), key.to_uppercase(), "x".repeat(70_000));
        let message = format!("Subject: s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}");
        let digest = scan_in([&message]);
        let root = digest.view().structure().unwrap();
        prop_assert!(TextSearch::new(&key).in_body(&root, reader(message.as_bytes(), 7)).unwrap());
        let absent = format!("{key}y");
        prop_assert!(!TextSearch::new(&absent).in_body(&root, reader(message.as_bytes(), 70_001)).unwrap());
    }

    #[test]
    fn the_text_of_a_message_holds_all_that_is_found_in_it(message in message(), key in "[a-z: =-]{1,4}", chunk in 1usize..40) {
        let digest = scan_in([&message]);
        let root = digest.view().structure().unwrap();
        let text = MessageText::read(&root, usize::MAX, reader(&message, chunk)).unwrap().unwrap();
        let mut search = TextSearch::new(&key);
        let in_body = search.in_body(&root, reader(&message, 7)).unwrap();
        prop_assert!(!in_body || search.in_folded(&text.body));
        let anywhere = search.in_message(&root, reader(&message, 9)).unwrap();
        prop_assert!(!anywhere || search.in_folded(&text.header) || search.in_folded(&text.body));
        let bytes = text.header.len() + text.body.len();
        let cut = MessageText::read(&root, bytes.saturating_sub(1), reader(&message, chunk)).unwrap();
        prop_assert_eq!(cut.is_none(), bytes > 0);
    }

    #[test]
    fn addresses_and_dates_never_panic(value in "[-a-c@<>\\\\\",:;().\\[\\] =?0-9\n\t+]{0,60}") {
        address::parse(value.as_bytes());
        date::parse(value.as_bytes());
        encoded_word::decoded(value.as_bytes());
    }
}

fn read_everything(bytes: &[u8]) {
    let Ok(view) = DigestView::parse(bytes) else { return };
    let mut out = Vec::new();
    view.write_envelope(&mut out);
    let _ = view.write_body_structure(true, &mut out);
    let _ = (view.subject(), view.message_id(), view.references(), view.sent_date().map(SentDate::day));
    let _ = view.front().first_mailbox(EnvelopeField::Cc);
}

/// The front tells what the envelope does.
fn check_mailboxes(view: &DigestView<'_>) {
    for field in [EnvelopeField::From, EnvelopeField::To, EnvelopeField::Cc] {
        let mut folded = Vec::new();
        if let Some(address) = first_address(view.envelope(), field) {
            fold::fold(&address.mailbox, &mut folded);
        }
        assert_eq!(view.front().first_mailbox(field), folded);
    }
}

#[test]
fn first_mailboxes_need_not_stand_in_the_field_as_they_are() {
    let header = b"From: \"A. B\" <A@x>, c@y\r\nTo: \"D \\\"E\"@z\r\nCc: =?utf-8?q?f?=@x\r\n\r\n";
    let digest = scan_in([header]);
    let view = digest.view();
    let mailboxes = [EnvelopeField::From, EnvelopeField::To, EnvelopeField::Cc]
        .map(|field| String::from_utf8_lossy(view.front().first_mailbox(field)).into_owned());
    assert_eq!(mailboxes, ["a", "d \"e", "=?utf-8?q?f?="]);
}

#[test]
fn kept_fields_are_those_of_the_header() {
    let message = b"Received: x\r\n\tby y\r\nSubject: a\r\n b\r\nX-Other: c\r\n d\r\nFROM : e\r\nSubject:\r\n\r\nTo: body\r\n";
    let digest = scan_in([&message[..40], &message[40..]]);
    let kept = digest.view().kept_fields(&mut Vec::new()).map(<[u8]>::to_vec);
    assert_eq!(kept.unwrap(), b"Subject: a\r\n b\r\nFROM : e\r\nSubject:\r\n");
    let digest = scan_in([format!("Subject: {}\r\n\r\n", "x".repeat(5000))]);
    assert!(digest.view().kept_fields(&mut Vec::new()).is_none());
    let digest = scan_in([b"X: y\r\n\r\nSubject: body"]);
    assert_eq!(digest.view().kept_fields(&mut Vec::new()).map(<[u8]>::len), Some(0));
}

/// Picking from what is kept is picking from the header.
fn check_kept(message: &[u8]) {
    let digest = scan_in([message]);
    let view = digest.view();
    let mut scratch = Vec::new();
    let Some(kept) = view.kept_fields(&mut scratch) else { return };
    for names in
        [vec![b"Subject".to_vec()], vec![b"from".to_vec(), b"TO".to_vec()], vec![b"Content-Type".to_vec()]]
    {
        let pick = |header: &[u8]| {
            let mut filter = FieldFilter::new(names.clone(), false);
            let mut out = Vec::new();
            filter.feed(header, &mut out);
            filter.finish(&mut out);
            out
        };
        let range = view.structure().unwrap().header_range();
        assert_eq!(pick(kept), pick(&message[range.start as usize..range.end as usize]));
    }
}

/// A file that gives at most `chunk` octets at a time.
fn reader(message: &[u8], chunk: usize) -> impl FnMut(&mut [u8], u64) -> Result<usize, Infallible> {
    move |buffer, offset| {
        let rest = message.get(offset as usize..).unwrap_or_default();
        let octets = rest.len().min(buffer.len()).min(chunk);
        buffer[..octets].copy_from_slice(&rest[..octets]);
        Ok(octets)
    }
}

const SEARCHED: &str = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\n\
    Subject: folded\r\n subject\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n\
    preamble\r\n\
    --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    Gr=FC=DFe aus K=\r\n=F6ln\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
    PGI+SMOkbGxv\r\nPC9iPg==\r\n\
    --b\r\nContent-Type: image/png; name=picture.png\r\nContent-Transfer-Encoding: base64\r\n\r\n\
    cGl4ZWxz\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: within\r\n\r\ninner text\r\n\
    --b--\r\n";

#[test]
fn search_reads_what_people_read() {
    let digest = scan_in([SEARCHED]);
    let root = digest.view().structure().unwrap();
    let found = |key: &str| {
        let mut search = TextSearch::new(key);
        let in_body = search.in_body(&root, reader(SEARCHED.as_bytes(), 1000)).unwrap();
        let in_message = search.in_message(&root, reader(SEARCHED.as_bytes(), 1000)).unwrap();
        (in_body, in_message)
    };
    for key in ["GRÜSSE AUS KÖLN", "<b>hällo</b>", "inner", "WITHIN", ""] {
        assert_eq!(found(key), (true, true), "{key}");
    }
    for key in ["jürgen", "folded subject", "picture.png", "example.ORG"] {
        assert_eq!(found(key), (false, true), "{key}");
    }
    for key in ["pixels", "preamble", "PGI+", "=FC", "=C3", "köln\r\n--b"] {
        assert_eq!(found(key), (false, false), "{key}");
    }
}

#[test]
fn search_looks_into_one_field() {
    let digest = scan_in([SEARCHED]);
    let root = digest.view().structure().unwrap();
    let found = |name: &str, key: &str| {
        TextSearch::new(key).in_field(&root, name, reader(SEARCHED.as_bytes(), 1000)).unwrap()
    };
    assert!(found("from", "JÜRGEN <j@"));
    assert!(found("SUBJECT", "folded subject"));
    assert!(found("Subject", ""));
    assert!(!found("Subject", "jürgen"));
    assert!(!found("Cc", ""));
}

#[test]
fn a_header_longer_than_the_window_is_searched_by_whole_fields() {
    let filler = "X-Filler: 0123456789012345678901234567890123456789\r\n".repeat(3000);
    let message = format!("{filler}Subject: =?utf-8?q?=C3=BCber?=\r\n{filler}X-Last: end\r\n\r\nbody");
    let digest = scan_in([&message]);
    let root = digest.view().structure().unwrap();
    for key in ["über", "end", "x-filler: 0"] {
        assert!(TextSearch::new(key).in_message(&root, reader(message.as_bytes(), 5000)).unwrap(), "{key}");
    }
    assert!(!TextSearch::new("absent key").in_message(&root, reader(message.as_bytes(), 5000)).unwrap());
}

#[test]
fn a_torn_message_ends_the_search() {
    let digest = scan_in([SEARCHED]);
    let root = digest.view().structure().unwrap();
    let half = &SEARCHED.as_bytes()[..300];
    assert!(!TextSearch::new("within").in_message(&root, reader(half, 100)).unwrap());
}

fn report() -> Report {
    Report {
        reporting_mta: "mail.home.test".into(),
        from: "postmaster@home.test".into(),
        to: "ana@home.test".into(),
        message_id: "r1@mail.home.test".into(),
        date: 1_763_712_000,
        boundary: "report1".into(),
        envelope_id: Some("QQ314159".into()),
        arrival: Some(1_763_700_000),
        original_message_id: Some("<m1@home.test>".into()),
        recipients: vec![RecipientReport {
            recipient: "ben@example.org".into(),
            original: Some("rfc822;ben@example.org".into()),
            action: Action::Failed,
            status: "5.1.1".into(),
            remote_mta: Some("mx.example.org".into()),
            smtp_reply: Some("550-5.1.1 no such user\r\n550 5.1.1 \r\nX-Evil: go away ".into()),
            last_attempt: Some(1_763_711_999),
            retry_until: None,
            explanation: "The server there does not know this address.".into(),
        }],
        returned: Returned::Header,
        eight_bit: false,
    }
}

#[test]
fn a_report_is_a_message_with_three_parts() {
    let report = report();
    let wire = [report.prefix(), b"Subject: original\r\n\r\n".to_vec(), report.suffix()].concat();
    let digest = scan_in([&wire]);
    let root = digest.view().structure().unwrap();
    let types: Vec<_> =
        root.children.iter().map(|part| (part.media_type.unwrap(), part.subtype.unwrap())).collect();
    assert_eq!(
        types,
        [
            (b"text".as_slice(), b"plain".as_slice()),
            (b"message", b"delivery-status"),
            (b"text", b"rfc822-headers")
        ]
    );
    assert_eq!(root.parameter(b"report-type"), Some(b"delivery-status".as_slice()));
    let status = root.section(&[2], SectionText::Whole).unwrap();
    let status = str::from_utf8(&wire[status.start as usize..status.end as usize]).unwrap();
    assert_eq!(
        status,
        "Reporting-MTA: dns; mail.home.test\r\n\
         Original-Envelope-Id: QQ314159\r\n\
         Arrival-Date: Fri, 21 Nov 2025 04:40:00 +0000\r\n\
         \r\n\
         Original-Recipient: rfc822;ben@example.org\r\n\
         Final-Recipient: rfc822; ben@example.org\r\n\
         Action: failed\r\n\
         Status: 5.1.1\r\n\
         Remote-MTA: dns; mx.example.org\r\n\
         Diagnostic-Code: smtp; 550-5.1.1 no such user 550 5.1.1 X-Evil: go away\r\n\
         Last-Attempt-Date: Fri, 21 Nov 2025 07:59:59 +0000\r\n"
    );
    assert!(wire.split(|byte| *byte == b'\n').all(|line| line.is_empty() || line.ends_with(b"\r")));
}

#[test]
fn reports_about_international_addresses_use_their_forms() {
    let mut report = report();
    report.recipients[0].recipient = "jürgen@example.org".into();
    report.returned = Returned::Message;
    let text = String::from_utf8(report.prefix()).unwrap();
    for part in [
        "report-type=global-delivery-status",
        "Content-Type: message/global-delivery-status",
        "Final-Recipient: utf-8; jürgen@example.org",
        "Content-Type: message/global\r\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
