//! Folding for searches: two texts match when their folded forms do.
//!
//! The form is close to `i;unicode-casemap` (RFC 5051): compatibility decomposition, then one case for every letter. ASCII is
//! lower-cased in place, which costs nearly nothing and is most of all mail.

use unicode_normalization::UnicodeNormalization;

/// Appends the folded form of UTF-8 text. Octets that are no UTF-8 become U+FFFD and match nothing that can be typed.
pub fn fold(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = ascii_prefix(rest);
        let start = out.len();
        out.extend_from_slice(&rest[..ascii]);
        out[start..].make_ascii_lowercase();
        rest = &rest[ascii..];
        // The last ASCII letter before other text starts its own sequence: decomposition never reaches back over it.
        let foreign = rest.iter().position(u8::is_ascii).unwrap_or(rest.len());
        for chunk in rest[..foreign].utf8_chunks() {
            fold_unicode(chunk.valid(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
        rest = &rest[foreign..];
    }
}

/// The folded form of a search key.
pub fn folded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    fold(text.as_bytes(), &mut out);
    out
}

fn fold_unicode(text: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    // Upper first: it brings the forms of one letter together (final sigma, long s, sharp s), lower then meets ASCII's case.
    for folded in text.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
        out.extend_from_slice(folded.encode_utf8(&mut buffer).as_bytes());
    }
}

/// How many octets in front are ASCII.
pub(super) fn ascii_prefix(text: &[u8]) -> usize {
    const BLOCK: usize = 64;
    let mut length = 0;
    for block in text.chunks_exact(BLOCK) {
        if !block.is_ascii() {
            break;
        }
        length += BLOCK;
    }
    length + text[length..].iter().position(|byte| !byte.is_ascii()).unwrap_or(text.len() - length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        folded(a) == folded(b)
    }

    #[test]
    fn case_and_composition_do_not_matter() {
        assert!(same("GRÜSSE", "grüße"));
        assert!(same("caf\u{e9}", "CAFE\u{301}"));
        assert!(same("ΟΔΟΣ", "οδος"));
        assert!(same("ﬁle", "FILE"));
        assert!(same("Привет", "ПРИВЕТ"));
        assert!(!same("cafe", "café"));
    }

    #[test]
    fn text_that_is_no_utf8_still_folds_around_it() {
        let mut out = Vec::new();
        fold(b"AB\xe9CD", &mut out);
        assert_eq!(out, "ab\u{fffd}cd".as_bytes());
    }

    #[test]
    fn ascii_prefix_finds_the_first_other_octet() {
        let mut text = vec![b'a'; 200];
        for place in [0, 63, 64, 65, 199] {
            text[place] = 0xc3;
            assert_eq!(ascii_prefix(&text), place);
            text[place] = b'a';
        }
        assert_eq!(ascii_prefix(&text), 200);
    }
}
