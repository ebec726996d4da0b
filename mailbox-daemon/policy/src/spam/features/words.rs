use super::gather::{Gather, Kind};

/// Words longer than this many octets are told by their length alone.
const WORD_BYTES_MAX: usize = 28;
/// Words of one text that count.
const WORDS_MAX: usize = 1500;

/// Calls `found` with every word of a text in lower case, and as it is written.
pub fn each(text: &str, mut found: impl FnMut(&str, &str)) {
    let mut lower = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_word_letter) {
        rest = &rest[start..];
        let first = rest.chars().next().unwrap_or_default();
        // Scripts without blanks between words: two signs at a time stand for one, each in two of them.
        if is_sign(first) {
            let behind = &rest[first.len_utf8()..];
            let second = behind.chars().next().filter(|letter| is_sign(*letter));
            let two = &rest[..first.len_utf8() + second.map_or(0, char::len_utf8)];
            found(two, two);
            rest = behind;
            continue;
        }
        let end = rest.find(|letter: char| !is_inside_word(letter)).unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches(['\'', '-', '.', ',', '_']);
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase));
        found(&lower, word);
        rest = &rest[end..];
    }
}

fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '$' | '€' | '£' | '%')
}

fn is_inside_word(letter: char) -> bool {
    !is_sign(letter) && (is_word_letter(letter) || matches!(letter, '\'' | '-' | '.' | ',' | '_'))
}

fn is_sign(letter: char) -> bool {
    letter as u32 >= 0x2e80 && letter.is_alphabetic()
}

/// Words of a field or a file name.
pub fn add(text: &str, kind: Kind, gather: &mut Gather) {
    each(text, |word, _| gather.add(kind, &[shortened(word)]));
}

/// Words of a field, and what stands side by side.
pub fn add_with_pairs(text: &str, word_kind: Kind, pair_kind: Kind, gather: &mut Gather) {
    let mut before = String::from("^");
    each(text, |word, _| {
        let word = shortened(word);
        gather.add(word_kind, &[word]);
        gather.add(pair_kind, &[&before, word]);
        before.clear();
        before.push_str(word);
    });
    gather.add(pair_kind, &[&before, "$"]);
}

fn shortened(word: &str) -> &str {
    match word.len() > WORD_BYTES_MAX {
        true => "(very long)",
        false => word,
    }
}

/// The words of a body, and how it looks.
pub fn add_text(text: &str, gather: &mut Gather) {
    let (mut count, mut long, mut shouted) = (0, 0, 0);
    each(text, |word, written| {
        count += 1;
        if count > WORDS_MAX {
            return;
        }
        long += usize::from(word.len() > WORD_BYTES_MAX);
        let word = shortened(word);
        gather.add(Kind::Word, &[word]);
        if word.len() > 2 && written.chars().all(char::is_uppercase) {
            shouted += 1;
            gather.add(Kind::Shout, &[word]);
        }
    });
    let quoted = text.lines().filter(|line| line.starts_with('>')).count();
    for (what, count) in [
        ("words", count),
        ("very long words", long),
        ("words in capitals", shouted),
        ("exclamation marks", text.matches('!').count()),
        ("sums of money", text.matches(['$', '€', '£']).count()),
        ("quoted lines", quoted),
        ("lines", text.lines().count()),
    ] {
        gather.add_count(Kind::Shape, what, count);
    }
    if text.lines().any(|line| matches!(line, "-- " | "--")) {
        gather.add(Kind::Shape, &["a signature"]);
    }
}
