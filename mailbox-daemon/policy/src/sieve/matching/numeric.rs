use std::cmp::Ordering;

/// Orders as `i;ascii-numeric` does (RFC 4790 section 9.1.1): by the number a string begins with, of any size; one that begins
/// with none is positive infinity.
pub(super) fn order(a: &[u8], b: &[u8]) -> Ordering {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// The digits a string begins with, zeros in front left out.
fn number(text: &[u8]) -> Option<&[u8]> {
    let digits = &text[..text.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(text.len())];
    let significant = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    (!digits.is_empty()).then(|| &digits[significant..])
}
