use super::SaslError;
use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// A name or password as it is hashed and compared, after SASLprep (RFC 4013): compatibility forms unified, odd spaces made
/// plain, invisible characters dropped, control characters refused. Plain ASCII comes back as it is.
pub fn prepare(text: &str) -> Result<Cow<'_, str>, SaslError> {
    if text.chars().any(char::is_control) {
        return Err(SaslError::ControlCharacter);
    }
    if text.is_ascii() || (is_nfkc(text) && !text.chars().any(is_mapped)) {
        return Ok(Cow::Borrowed(text));
    }
    let mapped = text.chars().filter(|c| !is_dropped(*c)).map(|c| if is_odd_space(c) { ' ' } else { c });
    Ok(Cow::Owned(mapped.nfkc().collect()))
}

fn is_mapped(c: char) -> bool {
    is_dropped(c) || is_odd_space(c)
}

/// RFC 3454 table C.1.2: spaces that are not the ASCII one.
fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// RFC 3454 table B.1: characters commonly mapped to nothing.
fn is_dropped(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180d}' | '\u{200c}' | '\u{200d}' | '\u{2060}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_4013() {
        for (text, prepared) in [
            ("I\u{ad}X", Ok("IX")),
            ("user", Ok("user")),
            ("USER", Ok("USER")),
            ("\u{aa}", Ok("a")),
            ("\u{2168}", Ok("IX")),
            ("\u{7}", Err(SaslError::ControlCharacter)),
            ("a\u{a0}b", Ok("a b")),
        ] {
            assert_eq!(prepare(text).as_deref(), prepared.as_ref().map(|text| &**text), "{text:?}");
        }
    }
}
