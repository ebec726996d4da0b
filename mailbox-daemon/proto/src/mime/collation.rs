//! The order of texts: `i;unicode-casemap` (RFC 5051), which compares the octets of title-cased, decomposed UTF-8.

/// Appends the form of a folded text (see [`super::fold`]) whose octets sort as the collation wants. NUL, which ends keys in
/// sort tables, is left out.
pub fn collation_form(folded: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if folded.is_ascii() {
        folded.split(|byte| *byte == 0).for_each(|text| out.extend_from_slice(text));
    } else {
        String::from_utf8_lossy(folded).chars().filter(|letter| *letter != '\0').for_each(|letter| {
            out.extend_from_slice(upper(letter).encode_utf8(&mut [0; 4]).as_bytes());
        });
    }
    out[start..].make_ascii_uppercase();
}

/// The capital of a letter that has one of its own.
fn upper(letter: char) -> char {
    let mut capital = letter.to_uppercase();
    match (capital.next(), capital.next()) {
        (Some(capital), None) => capital,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::fold::folded;

    #[test]
    fn texts_sort_as_capitals() {
        let form = |text: &str| {
            let mut out = Vec::new();
            collation_form(&folded(text), &mut out);
            out
        };
        let ascending = ["", " ", "0", "A", "a", "Ab", "É", "f", "Z", "_", "{", "Α", "ω", "Б", "я"];
        assert!(ascending.map(form).is_sorted());
        assert_eq!(form("grüße"), form("GRÜSSE"));
        assert_eq!(form("a\0b"), form("ab"));
    }
}
