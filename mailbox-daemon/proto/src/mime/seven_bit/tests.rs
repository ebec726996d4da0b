use super::*;
use crate::mime::reencode::header_with_encoding;
use crate::mime::{DigestView, ScanLimits, Scanner};
use proptest::prelude::*;

/// The whole way: scanned, measured, planned, written.
fn seven_bit(message: &[u8]) -> Result<String, Impossible> {
    let limits = ScanLimits { header_bytes_max: 1 << 16, depth_max: 20, parts_max: 100 };
    let mut scanner = Scanner::new(limits);
    scanner.feed(message);
    let digest = scanner.finish().into_bytes();
    let pieces = pieces(&DigestView::parse(&digest).unwrap().structure().unwrap());
    let text = |piece: &Piece| &message[piece.range.start as usize..piece.range.end as usize];
    let contents: Vec<Contents> = pieces
        .iter()
        .map(|piece| {
            let mut found = Contents::default();
            found.feed(text(piece));
            found
        })
        .collect();
    assert_eq!(pieces.iter().map(text).collect::<Vec<_>>().concat(), message, "the pieces cover the message");
    let mut out = Vec::new();
    for (piece, act) in pieces.iter().zip(plan(&pieces, &contents)?) {
        match act {
            Act::Header { encoding, is_message } => {
                out.extend(header_with_encoding(text(piece), encoding, is_message));
            }
            act => {
                let mut encoder = Encoder::new(act);
                encoder.feed(text(piece), &mut out);
                encoder.finish(&mut out);
            }
        }
    }
    Ok(String::from_utf8(out).expect("seven bits"))
}

fn mixed(inner: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{inner}\r\n--b--\r\n"
    )
}

#[test]
fn each_part_is_told_in_seven_bits_and_the_structure_stays() {
    for (message, expected) in [
        ("A: b\r\n\r\nplain\r\n", "A: b\r\n\r\nplain\r\n"),
        (
            "A: b\r\n\r\nf\u{fc}r = dich \r\n",
            "A: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nf=C3=BCr =3D dich=20\r\n",
        ),
        (
            "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\nseven\r\n",
            "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n\r\nseven\r\n",
        ),
        (
            "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\u{fc}\u{fc}",
            "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nw7zDvA==\r\n",
        ),
        (
            &mixed("Content-Transfer-Encoding: 8bit\r\n\r\n\u{fc}\r\n--b\r\n\r\nplain"),
            &mixed("Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n--b\r\n\r\nplain"),
        ),
        (
            &mixed(
                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nX: y\r\nMIME-Version: 1.0\r\n\r\n\u{fc}",
            ),
            &mixed(
                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nX: y\r\nMIME-Version: 1.0\r\n\
                 Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC",
            ),
        ),
    ] {
        assert_eq!(seven_bit(message.as_bytes()).as_deref(), Ok(expected), "{message}");
    }
}

#[test]
fn what_would_break_is_left_alone() {
    let signed = |text: &str| {
        format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             {text}\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
        )
    };
    assert_eq!(seven_bit(signed("\u{fc}").as_bytes()), Err(Impossible::Sealed));
    assert_eq!(seven_bit(signed("u").as_bytes()), Ok(signed("u")), "seven bits need nothing");
    assert_eq!(seven_bit("Subject: \u{fc}\r\n\r\nx\r\n".as_bytes()), Err(Impossible::Header));
    let broken = "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n\u{fc}\r\n";
    assert_eq!(seven_bit(broken.as_bytes()), Err(Impossible::Part));
}

fn unquoted(text: &str) -> Vec<u8> {
    let joined = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

proptest! {
    #[test]
    fn quoted_printable_is_undone_to_the_same_in_short_lines(
        bytes in prop::collection::vec(prop_oneof![Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'='), Just(b'a'), any::<u8>()], 0..300),
        cut in 0usize..300,
    ) {
        let mut encoder = Encoder::new(Act::QuotedPrintable);
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        let mut out = Vec::new();
        encoder.feed(first, &mut out);
        encoder.feed(second, &mut out);
        encoder.finish(&mut out);
        let text = String::from_utf8(out).unwrap();
        prop_assert!(text.is_ascii());
        for line in text.split("\r\n") {
            prop_assert!(line.len() <= ENCODED_LINE_BYTES && !line.ends_with([' ', '\t']) && !line.contains(['\r', '\n']));
        }
        prop_assert_eq!(unquoted(&text), bytes);
    }

    #[test]
    fn any_message_becomes_seven_bit_or_is_refused(
        body in "(--b\r\n|--b--\r\n|Content-Type: text/plain\r\n|Content-Type: multipart/mixed; boundary=c\r\n|--c\r\n|\r\n|[a-z\u{fc} ]{0,9}\r\n){0,12}",
    ) {
        let message = mixed(&body);
        if let Ok(text) = seven_bit(message.as_bytes()) {
            prop_assert!(text.is_ascii());
        }
    }
}
