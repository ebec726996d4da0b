//! The text of an HTML page, as far as a line of preview needs it: no tree, no layout.

/// The text without markup. Blocks are set apart by line breaks; what is never shown is left out.
pub fn text(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        let (mark, behind) = rest[at..].split_at(1);
        rest = match mark {
            "<" => after_tag(behind, &mut out),
            _ => after_entity(behind, &mut out),
        };
    }
    out.push_str(rest);
    out
}

/// Passes over a tag, a comment, and the content of elements that are not shown; a `<` that begins neither is text.
fn after_tag<'a>(behind: &'a str, out: &mut String) -> &'a str {
    if let Some(comment) = behind.strip_prefix("!--") {
        return comment.find("-->").map_or("", |end| &comment[end + 3..]);
    }
    if !behind.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '/' | '!' | '?')) {
        out.push('<');
        return behind;
    }
    let is_end = behind.starts_with('/');
    let name = behind.trim_start_matches('/');
    let name = &name[..name.find(|byte: char| !byte.is_ascii_alphanumeric()).unwrap_or(name.len())];
    let rest = after_tag_end(behind);
    if !INLINE.iter().any(|inline| inline.eq_ignore_ascii_case(name)) {
        out.push('\n');
    }
    match !is_end && HIDDEN.iter().any(|hidden| hidden.eq_ignore_ascii_case(name)) {
        true => after_element(rest, name),
        false => rest,
    }
}

/// Behind the `>` that ends a tag; one in the quotes of an attribute does not.
fn after_tag_end(tag: &str) -> &str {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (byte, quote) {
            (b'>', None) => return &tag[at + 1..],
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    // A quote that is never closed was none.
    tag.split_once('>').map_or("", |(_, rest)| rest)
}

/// At the end tag of an element.
fn after_element<'a>(content: &'a str, name: &str) -> &'a str {
    let is_end = |at: &usize| {
        let tag = &content.as_bytes()[at + 2..];
        tag.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
    };
    let end = content.match_indices("</").map(|(at, _)| at).find(is_end);
    end.map_or("", |end| &content[end..])
}

/// Resolves `&name;`, `&#8364;` and `&#x20AC;`; anything else stays as it is.
fn after_entity<'a>(behind: &'a str, out: &mut String) -> &'a str {
    const NAME_BYTES_MAX: usize = 10;
    let end = behind.bytes().take(NAME_BYTES_MAX).position(|byte| byte == b';');
    let letter = end.and_then(|end| letter_of(&behind[..end]));
    match letter.zip(end) {
        Some((letter, end)) => {
            out.push(letter);
            &behind[end + 1..]
        }
        None => {
            out.push('&');
            behind
        }
    }
}

fn letter_of(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(number);
    }
    if let Some((_, letter)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(*letter);
    }
    let latin = LATIN.split_ascii_whitespace().position(|known| known == name)?;
    char::from_u32(0xa0 + latin as u32)
}

/// Elements that do not part words.
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "big", "code", "del", "em", "font", "i", "ins", "kbd", "label", "mark", "q", "s",
    "small", "span", "strong", "sub", "sup", "tt", "u",
];

/// Elements whose content is not shown.
const HIDDEN: [&str; 4] = ["script", "style", "template", "title"];

const NAMED: [(&str, char); 22] = [
    ("amp", '&'),
    ("apos", '\''),
    ("bdquo", '„'),
    ("bull", '•'),
    ("euro", '€'),
    ("gt", '>'),
    ("hellip", '…'),
    ("larr", '←'),
    ("ldquo", '“'),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("ndash", '–'),
    ("quot", '"'),
    ("rarr", '→'),
    ("rdquo", '”'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("shy", '\u{ad}'),
    ("trade", '™'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

/// The names of U+00A0 to U+00FF, in their order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn \
    sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde \
    Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde \
    Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil \
    egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave \
    uacute ucirc uuml yacute thorn yuml";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_goes_and_text_stays() {
        for (html, expected) in [
            ("a <b>bold</b>er<br>line", "a bolder line"),
            ("<style>p > a { b: c }</style><p class=\"x>y\">text</p>", "text"),
            ("<SCRIPT>if (a < b) \"</p>\"</script >after", "after"),
            ("1 < 2 && 3 <!-- <p>no</p> --> 4", "1 < 2 && 3 4"),
            ("&lt;&#65;&#x42;&eacute;&yuml;&nbsp;&unknown;&#xD800;&amp", "<ABéÿ &unknown;&#xD800;&amp"),
            ("<a href=\"unclosed>x</a> y", "x y"),
            ("<p", ""),
            ("<title>t", ""),
        ] {
            let words = text(html).split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(words, expected, "{html}");
        }
        assert_eq!(letter_of("nbsp"), Some('\u{a0}'));
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(html in "[<>/&;#x!a-c\"'ü -]{0,60}") {
            let _ = text(&html);
        }
    }
}
