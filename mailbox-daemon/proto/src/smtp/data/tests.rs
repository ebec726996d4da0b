use super::*;
use proptest::prelude::*;

/// Content, fault and how many bytes after the end were left, for input cut into pieces of `chunk` bytes.
type Read = (Vec<u8>, Option<Fault>, Option<usize>);

fn read(input: &[u8], chunk: usize) -> Read {
    read_as(BareLineEnds::Refused, input, chunk)
}

fn read_as(bare_line_ends: BareLineEnds, input: &[u8], chunk: usize) -> Read {
    let mut reader = MessageReader::new(1000, 100, bare_line_ends);
    let mut content = Vec::new();
    let (mut position, mut turns) = (0, 0);
    while position < input.len() {
        let window = &input[position..position.saturating_add(chunk).min(input.len())];
        let (consumed, piece) = reader.read_dotted(window);
        position += consumed;
        turns += 1;
        assert!(turns <= 3 * input.len(), "no progress at {position}");
        match piece {
            Piece::Content(range) => content.extend_from_slice(&window[range]),
            Piece::LineEnd => content.extend_from_slice(b"\r\n"),
            Piece::End => return (content, reader.fault(), Some(input.len() - position)),
        }
    }
    (content, reader.fault(), None)
}

/// The same for BDAT chunks, up to the end of the last; with the CRLF that is missing there.
fn read_chunks(bare_line_ends: BareLineEnds, chunks: &[&[u8]]) -> (Vec<u8>, Option<Fault>) {
    let mut reader = MessageReader::new(1000, 100, bare_line_ends);
    let mut content = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        while !rest.is_empty() {
            let (consumed, piece) = reader.read_chunk(rest);
            match piece {
                Piece::Content(range) => content.extend_from_slice(&rest[range]),
                Piece::LineEnd => content.extend_from_slice(b"\r\n"),
                Piece::End => unreachable!("a chunk has no end of its own"),
            }
            rest = &rest[consumed..];
        }
    }
    if reader.lacks_newline() {
        content.extend_from_slice(b"\r\n");
    }
    (content, reader.fault())
}

/// What a message is once every CR and LF that is not part of CRLF has become CRLF.
fn mended(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after.first()) {
            (b'\r', Some(b'\n')) => &after[1..],
            _ => after,
        };
        match byte {
            b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
            _ => out.push(byte),
        }
    }
    out
}

#[test]
fn dots_are_unstuffed_and_the_end_is_found() {
    for (input, content) in [
        (&b".\r\n"[..], &b""[..]),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
        (b"..a\r\n.\r\n", b".a\r\n"),
        (b"a.\r\n.b\r\n.\r\n", b"a.\r\nb\r\n"),
        (b"...\r\n\r\n...\r\n.\r\n", b"..\r\n\r\n..\r\n"),
    ] {
        for chunk in 1..=input.len() {
            assert_eq!(read(input, chunk), (content.to_vec(), None, Some(0)), "{input:?} by {chunk}");
        }
    }
}

/// What other servers took for the end of a message, and what it is from strangers.
const FALSE_ENDS: [(&str, Fault); 16] = [
    ("\n.\n", Fault::BareLf),
    ("\n.\r\n", Fault::BareLf),
    ("\r\n.\n", Fault::BareLf),
    ("\r.\r", Fault::BareCr),
    ("\r.\r\n", Fault::BareCr),
    ("\r\n.\r", Fault::BareCr),
    ("\r\n.\r.\r\n", Fault::BareCr),
    ("\n.\r", Fault::BareLf),
    ("\r.\n", Fault::BareCr),
    ("\r\r\n.\r\r\n", Fault::BareCr),
    ("\n\r.\r\n", Fault::BareLf),
    ("\n\n.\n\n", Fault::BareLf),
    ("\r\n.\0\r\n", Fault::Nul),
    ("\r\n\0.\r\n", Fault::Nul),
    ("\r\0\n.\r\n", Fault::BareCr),
    ("\r\n.\r\0\n", Fault::BareCr),
];

#[test]
fn nothing_but_crlf_dot_crlf_ends_a_message() {
    // Each with a command smuggled behind it.
    for (end, fault) in FALSE_ENDS {
        let input = format!("a{end}MAIL FROM:<x@y>\r\nb\r\n.\r\nQUIT\r\n");
        for chunk in 1..=input.len() {
            let (_, found, left) = read(input.as_bytes(), chunk);
            assert_eq!((found, left), (Some(fault), Some(6)), "{end:?} by {chunk}");
        }
    }
}

#[test]
fn what_is_mended_ends_where_it_did_and_hides_no_end() {
    for (end, fault) in FALSE_ENDS {
        let input = format!("a{end}MAIL FROM:<x@y>\r\nb\r\n.\r\nQUIT\r\n");
        for chunk in 1..=input.len() {
            let (content, found, left) = read_as(BareLineEnds::Mended, input.as_bytes(), chunk);
            let nul = end.contains('\0').then_some(Fault::Nul);
            assert_eq!((found, left), (nul, Some(6)), "{end:?}, else {fault:?}, by {chunk}");
            if nul.is_none() {
                // The dot of a line that CRLF began was stuffing; any other is content.
                let sent = end.replacen("\r\n.", "\r\n", 1);
                let expected = mended(format!("a{sent}MAIL FROM:<x@y>\r\nb\r\n").as_bytes());
                assert_eq!(
                    content.escape_ascii().to_string(),
                    expected.escape_ascii().to_string(),
                    "{end:?}"
                );
            }
        }
    }
}

#[test]
fn limits_are_faults_and_the_end_is_still_found() {
    let long_line = format!("{}\r\n.\r\nx", "a".repeat(99));
    let large = format!("{}.\r\nx", "a\r\n".repeat(334));
    for chunk in [1, 7, 2000] {
        assert_eq!(read(long_line.as_bytes(), chunk).1, Some(Fault::LineTooLong));
        assert_eq!(read(long_line.as_bytes(), chunk).2, Some(1));
        assert_eq!(read(large.as_bytes(), chunk).1, Some(Fault::TooLarge));
        assert_eq!(read(large.as_bytes(), chunk).2, Some(1));
    }
    let fits = format!("{}\r\n.\r\n", "a".repeat(98));
    assert_eq!(read(fits.as_bytes(), 3).1, None);
}

#[test]
fn a_message_without_dots_is_one_range() {
    let message = "0123456789abcdef\r\n".repeat(40);
    let mut reader = MessageReader::new(10_000, 100, BareLineEnds::Mended);
    let input = format!("{message}.\r\n");
    let (consumed, piece) = reader.read_dotted(input.as_bytes());
    assert_eq!((consumed, piece), (message.len() + 1, Piece::Content(0..message.len())));
}

#[test]
fn chunks_follow_the_same_rules_without_dots() {
    use BareLineEnds::{Mended, Refused};
    let long = [b'a'; 101];
    for (bare_line_ends, chunks, content, fault) in [
        (Refused, &[&b"a\r"[..], b"\n.\r\n", b""][..], &b"a\r\n.\r\n"[..], None),
        (Refused, &[b"a\r\nb"], b"a\r\nb\r\n", None),
        (Refused, &[b"a\r", b"b\r\n"], b"a\r", Some(Fault::BareCr)),
        (Refused, &[b"a\n"], b"\r\n", Some(Fault::BareLf)),
        (Refused, &[b"a\r"], b"a\r\r\n", Some(Fault::BareCr)),
        (Refused, &[&long], b"\r\n", Some(Fault::LineTooLong)),
        (Mended, &[b"a\r", b"\n.\r\n", b""], b"a\r\n.\r\n", None),
        (Mended, &[b"a\r", b"b\r\n"], b"a\r\nb\r\n", None),
        (Mended, &[b"a\n"], b"a\r\n", None),
        (Mended, &[b"a\n.", b"\r", b".\n"], b"a\r\n.\r\n.\r\n", None),
        (Mended, &[b"a\r"], b"a\r\n", None),
        (Mended, &[b"a\r", b"\r"], b"a\r\n\r\n", None),
        (Mended, &[b"a\0\n"], b"a", Some(Fault::Nul)),
    ] {
        let (found, because) = read_chunks(bare_line_ends, chunks);
        assert_eq!(because, fault, "{chunks:?}");
        if fault.is_none() {
            assert_eq!(found.escape_ascii().to_string(), content.escape_ascii().to_string(), "{chunks:?}");
        }
    }
}

#[test]
fn a_mended_message_counts_as_it_is_kept() {
    let lines = "\n".repeat(600);
    assert_eq!(read_as(BareLineEnds::Mended, lines.as_bytes(), 7).1, Some(Fault::TooLarge));
    let long = format!("{}\r{}\n\r\n.\r\n", "a".repeat(98), "b".repeat(98));
    assert_eq!(read_as(BareLineEnds::Mended, long.as_bytes(), 7).1, None);
    let longer = format!("{}\n\r\n.\r\n", "a".repeat(99));
    assert_eq!(read_as(BareLineEnds::Mended, longer.as_bytes(), 7).1, Some(Fault::LineTooLong));
}

proptest! {
    #[test]
    fn any_chunking_reads_the_same(bytes in prop::collection::vec(prop::sample::select(b"\r\n.a\0".to_vec()), 0..60), chunk in 1usize..8) {
        let whole = read(&bytes, usize::MAX / 2);
        let cut = read(&bytes, chunk);
        prop_assert_eq!((whole.1, whole.2), (cut.1, cut.2));
        if whole.1.is_none() {
            prop_assert_eq!(whole.0, cut.0);
        }
    }

    #[test]
    fn stuffed_messages_come_back(lines in prop::collection::vec("[.a]{0,6}", 0..12)) {
        let message = lines.iter().fold(String::new(), |text, line| text + line + "\r\n");
        let stuffed = lines.iter().fold(String::new(), |text, line| {
            text + if line.starts_with('.') { "." } else { "" } + line + "\r\n"
        });
        let (content, fault, left) = read(format!("{stuffed}.\r\n").as_bytes(), 5);
        prop_assert_eq!((content, fault, left), (message.into_bytes(), None, Some(0)));
    }

    #[test]
    fn any_chunking_mends_the_same(bytes in prop::collection::vec(prop::sample::select(b"\r\n.a".to_vec()), 0..60), chunk in 1usize..8) {
        let strict = read(&bytes, usize::MAX);
        let whole = read_as(BareLineEnds::Mended, &bytes, usize::MAX);
        let cut = read_as(BareLineEnds::Mended, &bytes, chunk);
        prop_assert_eq!(whole.2, strict.2, "mending moves no end");
        prop_assert_eq!((whole.1, whole.2), (None, cut.2));
        if whole.2.is_some() {
            prop_assert_eq!(&whole.0, &cut.0);
            prop_assert_eq!(&mended(&whole.0), &whole.0, "CR and LF are left only as CRLF");
        }
        if strict.1.is_none() && strict.2.is_some() {
            prop_assert_eq!(&whole.0, &strict.0, "what is right stays as it is");
        }
    }

    #[test]
    fn chunks_are_mended_wherever_they_are_cut(bytes in prop::collection::vec(prop::sample::select(b"\r\n.a".to_vec()), 0..60), chunk in 1usize..8) {
        let chunks: Vec<&[u8]> = bytes.chunks(chunk).collect();
        let (content, fault) = read_chunks(BareLineEnds::Mended, &chunks);
        let mut expected = mended(&bytes);
        if !expected.is_empty() && !expected.ends_with(b"\r\n") {
            expected.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!((content, fault), (expected, None));
    }
}
