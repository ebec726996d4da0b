//! Folding for searches: two texts match when their folded forms do.
//!
//! The form is close to `i;unicode-casemap` (RFC 5051): compatibility decomposition, then one case for every letter. ASCII is
//! lower-cased in place, which costs nearly nothing and is most of all mail.

use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

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
        fold_foreign(&rest[..foreign], out);
        rest = &rest[foreign..];
    }
}

/// Folds a run of octets above 127.
fn fold_foreign(run: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if fold_by_table(run, out) {
        return;
    }
    out.truncate(start);
    for chunk in run.utf8_chunks() {
        fold_unicode(chunk.valid(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// The folded form of a search key.
pub fn folded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    fold(text.as_bytes(), &mut out);
    out
}

/// Splits text into characters as readers count them: each with the marks that combine with it. Folded one by one and put
/// together they are what the folded text is.
pub fn characters(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_start = |letter: char| letter.is_ascii() || canonical_combining_class(letter) == 0;
        let end = rest.char_indices().skip(1).find(|(_, letter)| is_start(*letter));
        let (character, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = after;
        (!character.is_empty()).then_some(character)
    })
}

/// Latin, Greek and Cyrillic letters take two octets and have short folded forms: the length, then the octets.
type Entry = [u8; 8];

/// The entry of U+0080 stands first; length 0 means that the letter cannot be folded alone.
static TWO_OCTET_LETTERS: LazyLock<Vec<Entry>> = LazyLock::new(|| (0x80..0x800).map(entry).collect());

fn entry(code: u32) -> Entry {
    let mut entry = Entry::default();
    let Some(letter) = char::from_u32(code) else { return entry };
    let mut folded = Vec::new();
    fold_unicode(letter.encode_utf8(&mut [0; 4]), &mut folded);
    // Combining marks may have to change places with their neighbours.
    if canonical_combining_class(letter) == 0 && folded.len() < entry.len() {
        entry[0] = folded.len() as u8;
        entry[1..=folded.len()].copy_from_slice(&folded);
    }
    entry
}

/// Folds a run of two-octet letters; `false` if it holds anything else.
fn fold_by_table(run: &[u8], out: &mut Vec<u8>) -> bool {
    let letters = run.chunks_exact(2);
    letters.remainder().is_empty()
        && letters.into_iter().all(|letter| {
            let [lead @ 0xc2..=0xdf, behind @ 0x80..=0xbf] = *letter else { return false };
            let code = usize::from(lead & 0x1f) << 6 | usize::from(behind & 0x3f);
            let entry = TWO_OCTET_LETTERS[code - 0x80];
            out.extend_from_slice(&entry[1..=usize::from(entry[0])]);
            entry[0] > 0
        })
}

fn fold_unicode(text: &str, out: &mut Vec<u8>) {
    if text.chars().any(|letter| !is_han(letter) && canonical_combining_class(letter) != 0) {
        text.nfkd().for_each(|letter| fold_case(letter, out));
    } else {
        text.chars().for_each(|letter| match is_han(letter) {
            true => push(letter, out),
            false => decompose_compatible(letter, |part| fold_case(part, out)),
        });
    }
}

/// Unified ideographs have neither case nor decomposition.
fn is_han(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}')
}

/// Upper first: it brings the forms of one letter together (final sigma, long s, sharp s), lower then meets ASCII's case.
fn fold_case(letter: char, out: &mut Vec<u8>) {
    letter.to_uppercase().flat_map(char::to_lowercase).for_each(|folded| push(folded, out));
}

fn push(letter: char, out: &mut Vec<u8>) {
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
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
    fn the_table_agrees_with_the_rules() {
        for code in (0x80..0x800).chain(0x1e00..0x2200).chain(0x3000..0x3500).chain(0xabf0..0xac10) {
            let letter = char::from_u32(code).unwrap().to_string();
            for text in [letter.clone(), format!("{letter}\u{301}\u{323}"), format!("{letter}{letter}")] {
                let (mut fast, mut slow) = (Vec::new(), Vec::new());
                fold_foreign(text.as_bytes(), &mut fast);
                text.nfkd().for_each(|letter| fold_case(letter, &mut slow));
                assert_eq!(fast, slow, "{text}");
            }
        }
    }

    #[test]
    fn characters_fold_as_their_text_does() {
        for text in ["", "Grüße", "cafe\u{301}\u{323}s", "\u{301}a", "한국어 ﬁn", "e\u{323}\u{301}"] {
            assert_eq!(characters(text).map(folded).collect::<Vec<_>>().concat(), folded(text), "{text}");
        }
        assert_eq!(characters("cafe\u{301}s").collect::<Vec<_>>(), ["c", "a", "f", "e\u{301}", "s"]);
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
