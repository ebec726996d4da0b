use super::*;
use proptest::prelude::*;
use std::fmt::Write;
use types::Address;

/// The example of RFC 5173 section 5.2.
const NESTED_HEADER: &str =
    "From: Whomever\nTo: Someone\nSubject: whatever\nContent-Type: multipart/mixed; boundary=outer\n";
const NESTED_BODY: &str = "This is a multi-part message in MIME format.\n\n--outer\nContent-Type: multipart/alternative; boundary=inner\n\n\
    This is a nested multi-part message in MIME format.\n\n--inner\nContent-Type: text/plain; charset=\"us-ascii\"\n\nHello\n\n\
    --inner\nContent-Type: text/html; charset=\"us-ascii\"\n\n<html><body>Hello</body></html>\n\n--inner--\n\n\
    This is the end of the inner MIME multipart.\n\n--outer\nContent-Type: message/rfc822\n\n\
    From: Someone Else\nSubject: hello request\n\nPlease say Hello\n\n--outer--\n\nThis is the end of the outer MIME multipart.\n";

fn wire(text: &str) -> String {
    text.replace('\n', "\r\n")
}

fn work() -> Work {
    Work::new(10_000_000, 1_000_000)
}

/// What `body :content` searches, one string each.
fn searched(header: &str, body: &str, wanted: &str) -> Vec<String> {
    let (header, body, mut work) = (wire(header), wire(body), work());
    let mut message = Message::new(header.as_bytes(), body.as_bytes());
    let parts = message.parts(&mut work).unwrap();
    let wanted = (0..parts.count()).filter(|index| parts.get(*index).unwrap().is_of(wanted));
    wanted
        .flat_map(|index| message.searched(index, &mut work).unwrap())
        .map(|octets| String::from_utf8_lossy(&octets).replace("\r\n", "\n"))
        .collect()
}

#[test]
fn the_parts_of_a_type_are_searched_as_rfc_5173_shows() {
    let around = [
        "This is a multi-part message in MIME format.\n",
        "\nThis is the end of the outer MIME multipart.\n",
        "This is a nested multi-part message in MIME format.\n",
        "\nThis is the end of the inner MIME multipart.\n",
    ];
    let all = [
        &around[..],
        &[
            "Hello\n",
            "<html><body>Hello</body></html>\n",
            "From: Someone Else\nSubject: hello request\n",
            "Please say Hello\n",
        ],
    ]
    .concat();
    for (wanted, expected) in [
        ("multipart", &around[..]),
        ("text/plain", &["Hello\n", "Please say Hello\n"]),
        ("TEXT/html", &["<html><body>Hello</body></html>\n"]),
        ("text", &["Hello\n", "<html><body>Hello</body></html>\n", "Please say Hello\n"]),
        ("message/rfc822", &["From: Someone Else\nSubject: hello request\n"]),
        ("", &all),
        ("/plain", &[]),
        ("text/", &[]),
        ("text/plain/x", &[]),
        ("/", &[]),
    ] {
        assert_eq!(searched(NESTED_HEADER, NESTED_BODY, wanted), expected, "{wanted}");
    }
}

#[test]
fn parts_are_decoded_and_become_utf8() {
    for (header, body, expected) in [
        ("Content-Transfer-Encoding: base64\n", "SGVsbG8=\n", &["Hello"][..]),
        (
            "Content-Transfer-Encoding: Quoted-Printable\nContent-Type: text/plain; charset=iso-8859-1\n",
            "Gr=FC=\n=DFe",
            &["Grüße"],
        ),
        ("Content-Type: text/plain; charset=x-unknown\n", "a", &["a"]),
        ("Content-Transfer-Encoding: x-uuencode\n", "begin", &[]),
        ("", "a\0b", &["a\0b"]),
        ("Content-Type: multipart/mixed; boundary=x\n", "no boundary here", &["no boundary here", ""]),
        ("Content-Type: multipart/mixed; boundary=x\n", "--x\n\na\n--x--", &["", "", "a"]),
        ("Content-Type: multipart/mixed; boundary=x\n", "--x\n\na", &["", "", "a"]),
    ] {
        assert_eq!(searched(header, body, ""), expected, "{header}{body}");
    }
}

#[test]
fn text_is_read_without_markup_and_exactly_where_it_is_extracted() {
    for (header, body, read, extracted) in [
        ("Content-Type: text/html\n", "<p>H&auml;llo <b>w</b>orld", Some("\nHällo world"), "\nHällo world"),
        ("Content-Type: application/xhtml+xml\n", "<b>x</b>", Some("x"), "x"),
        ("Content-Type: text/plain; charset=utf-8\n", "Gr\u{fc}n", Some("Grün"), "Grün"),
        ("Content-Type: text/plain; charset=x-unknown\n", "a", Some("a"), ""),
        ("Content-Type: application/pdf\n", "a", None, ""),
        ("Content-Type: text/plain/stupid\n", "a", None, ""),
        ("Content-Transfer-Encoding: multipart/related\n", "a", None, ""),
        ("Content-Transfer-Encoding: x-zip\n", "a", None, ""),
    ] {
        let (header, mut work) = (wire(header), work());
        let mut message = Message::new(header.as_bytes(), body.as_bytes());
        for _ in 0..2 {
            let text = message.text_of(0, &mut work).unwrap();
            assert_eq!(text.as_deref().map(|text| str::from_utf8(text).unwrap()), read, "{header}");
        }
        assert_eq!(message.extracted(0, &mut work).unwrap(), extracted, "{header}");
    }
}

#[test]
fn loops_visit_every_part_and_within_a_loop_what_it_contains() {
    let (header, body, mut work) = (wire(NESTED_HEADER), wire(NESTED_BODY), work());
    let mut message = Message::new(header.as_bytes(), body.as_bytes());
    let mut visits = Vec::new();
    message.enter_loop();
    while message.next_part(&mut work).unwrap() {
        visits.push((message.current_part().unwrap(), Vec::new()));
        message.enter_loop();
        while message.next_part(&mut work).unwrap() {
            visits.last_mut().unwrap().1.push(message.current_part().unwrap());
        }
        message.leave_loop();
    }
    message.leave_loop();
    let expected =
        [(0, vec![1, 2, 3, 4, 5]), (1, vec![2, 3]), (2, vec![]), (3, vec![]), (4, vec![5]), (5, vec![])];
    assert_eq!(visits, expected);
    assert_eq!(message.current_part(), None);
}

/// The message as it is now, with line feeds.
fn now(message: &Message<'_>) -> String {
    let text = [&message.header().to_bytes()[..], b"\r\n", &message.body()].concat();
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_whole_message_is_replaced_and_keeps_who_and_what_it_was() {
    let (header, body, mut work) = (wire(NESTED_HEADER), wire(NESTED_BODY), work());
    let mut message = Message::new(header.as_bytes(), body.as_bytes());
    message.replace(Entity::text("gone\nfor good"), Some("Grüße"), Some("box@home.test"), &mut work).unwrap();
    assert_eq!(
        now(&message),
        "To: Someone\nOriginal-Subject: whatever\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\nOriginal-From: Whomever\nFrom: box@home.test\n\
        MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\ngone\nfor good"
    );
    assert_eq!(message.parts(&mut work).unwrap().count(), 1);
    let entity =
        Entity::parse("Content-Type: multipart/mixed; boundary=z\nSubject: not mine\n\n--z\n\na\n--z--\n");
    message.replace(entity, None, None, &mut work).unwrap();
    assert!(
        now(&message)
            .ends_with("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=z\n\n--z\n\na\n--z--\n")
    );
    assert_eq!(message.parts(&mut work).unwrap().count(), 2);
}

#[test]
fn a_replaced_part_hides_what_it_contained() {
    let (header, body, mut work) = (wire(NESTED_HEADER), wire(NESTED_BODY), work());
    let mut message = Message::new(header.as_bytes(), body.as_bytes());
    let mut visits = Vec::new();
    message.enter_loop();
    while message.next_part(&mut work).unwrap() {
        visits.push(message.current_part().unwrap());
        if visits.len() == 2 {
            message.replace(Entity::text("--inner\nremoved ü"), None, None, &mut work).unwrap();
        }
        if visits.len() == 4 {
            message.replace(Entity::text("short ü"), None, None, &mut work).unwrap();
        }
    }
    assert_eq!(visits, [0, 1, 2, 3]);
    message.leave_loop();
    let text = now(&message);
    assert!(
        text.contains(
            "--outer\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nLS1pb"
        ),
        "{text}"
    );
    assert!(!text.contains("inner MIME multipart"), "{text}");
    let inside = "From: Someone Else\nSubject: hello request\nContent-Type: text/plain; charset=utf-8\n\
        Content-Transfer-Encoding: quoted-printable\n\nshort =C3=BC\n--outer--\n";
    assert!(text.contains(inside), "{text}");
    assert_eq!(message.text_of(1, &mut work).unwrap().as_deref(), Some("--inner\r\nremoved ü".as_bytes()));
}

#[test]
fn an_enclosed_message_is_whole_and_its_loops_go_on() {
    let (header, body, mut work) = (wire(NESTED_HEADER), wire(NESTED_BODY), work());
    let mut message = Message::new(header.as_bytes(), body.as_bytes());
    let from = Address::parse("ana@home.test").unwrap();
    let headers = ["To".to_owned(), "Content-Type".to_owned()];
    message.add_field("X-Seen", "yes", false, &mut work).unwrap();
    message.enter_loop();
    let mut visits = Vec::new();
    while message.next_part(&mut work).unwrap() {
        let html = message.parts(&mut work).unwrap().get(message.current_part().unwrap()).unwrap().is_html();
        visits.push(message.current_part().unwrap());
        if html {
            let enclosure = Enclosure {
                subject: Some("Warning"),
                headers: &headers,
                text: "look out",
                from: &from,
                date: "today",
            };
            message.enclose(&enclosure, &mut work).unwrap();
        }
    }
    message.leave_loop();
    assert_eq!(visits, [0, 1, 2, 3, 7, 8]);
    let text = now(&message);
    assert!(text.starts_with("To: Someone\nSubject: Warning\nFrom: ana@home.test\nDate: today\nMIME-Version: 1.0\nContent-Type: multipart/mixed;"), "{text}");
    assert!(
        text.contains(&format!("\n\nX-Seen: yes\n{NESTED_HEADER}\n{NESTED_BODY}\n--enclosed-")),
        "{text}"
    );
    assert_eq!(message.parts(&mut work).unwrap().count(), 9);
    let Content::Changed { header: sent, body: sent_body } = message.redirected(&mut work).unwrap() else {
        panic!()
    };
    assert_eq!(sent[..], *format!("X-Seen: yes\r\n{header}").as_bytes());
    assert_eq!(sent_body, Body::Unchanged);
}

#[test]
fn fields_are_added_and_deleted() {
    let mut work = work();
    let mut message = Message::new(b"X-A: 1\r\nReceived: x\r\nX-B: 2\r\nx-a: 3\r\n", b"");
    assert_eq!(message.content(&mut work).unwrap(), Content::Unchanged);
    message.add_field("X-Top", "top", false, &mut work).unwrap();
    message.add_field("X-End", "end", true, &mut work).unwrap();
    message.delete_fields("X-a", &[1], &mut work).unwrap();
    assert_eq!(now(&message), "X-Top: top\nX-A: 1\nReceived: x\nX-B: 2\nX-End: end\n\n");
    assert_eq!(message.bytes(), message.header().to_bytes().len() as u64 + 2);
    assert!(message.header().has("x-top") && message.header().named("x-a").len() == 1);
    let Content::Changed { body, .. } = message.content(&mut work).unwrap() else { panic!() };
    assert_eq!(body, Body::Unchanged);
    for (name, delete, add) in [
        ("Received", false, true),
        ("AUTO-SUBMITTED", false, true),
        ("Subject", true, true),
        ("x-mailbox-verdict", false, false),
        ("Original-From", false, false),
        ("X-Mailbo", true, true),
    ] {
        assert_eq!((may_delete(name), may_add(name)), (delete, add), "{name}");
    }
}

#[test]
fn more_than_there_is_memory_for_is_not_written() {
    let body = vec![b'a'; 2_000_000];
    let mut message = Message::new(b"A: b\r\n", &body);
    let from = Address::parse("ana@home.test").unwrap();
    let enclosure = Enclosure { subject: None, headers: &[], text: "", from: &from, date: "" };
    assert_eq!(message.enclose(&enclosure, &mut work()), Err(Spent::Memory));
}

#[test]
fn hostile_parts_cost_no_more_than_their_size() {
    let mut deep = String::new();
    for depth in 0..3000 {
        write!(deep, "Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n").unwrap();
    }
    let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(100_000));
    let one_line = format!("Content-Transfer-Encoding: base64\r\n\r\n{}", "QUJD".repeat(2_000_000));
    let entities = format!("Content-Type: text/html\r\n\r\n{}", "<a &amp<script".repeat(100_000));
    for text in [deep, many, one_line, entities] {
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        let header = format!("{header}\r\n");
        let mut work = Work::new(40_000_000, 0);
        let mut message = Message::new(header.as_bytes(), body.as_bytes());
        let count = message.parts(&mut work).unwrap().count();
        assert!(count <= 1000);
        for index in 0..count {
            let texts = message.searched(index, &mut work).unwrap();
            assert!(texts.iter().all(|text| text.len() <= body.len()));
            message.text_of(index, &mut work).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn any_octets_are_a_message(
        text in "(Content-Type: (multipart/mixed; boundary=b|message/rfc822|text/html)\r\n|\r\n|--b(--)?\r\n|a<b&|:|=E4|\\PC|\n){0,30}",
        replace in 0usize..6,
    ) {
        let (header, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let header = format!("Content-Type: multipart/mixed; boundary=b\r\n{header}\r\n");
        let mut work = work();
        let mut message = Message::new(header.as_bytes(), body.as_bytes());
        message.enter_loop();
        let mut steps = 0;
        while message.next_part(&mut work).unwrap() {
            let current = message.current_part().unwrap();
            message.searched(current, &mut work).unwrap();
            message.text_of(current, &mut work).unwrap();
            message.extracted(current, &mut work).unwrap();
            message.fields_of(current, &["Content-Type"], &mut work).unwrap();
            if current == replace {
                message.replace(Entity::parse(&text), None, None, &mut work).unwrap();
            }
            steps += 1;
            prop_assert!(steps < 1000);
        }
    }
}
