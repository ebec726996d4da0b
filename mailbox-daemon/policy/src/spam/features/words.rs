use super::gather::{Gather, Kind};

/// Words longer than this many octets are told by their length alone.
const WORD_BYTES_MAX: usize = 28;
/// Words of the text that count, and letters that do.
const WORDS_MAX: usize = 1500;
const GRAM_BYTES_MAX: usize = 3000;

/// Calls `found` with every word of a text in lower case, and as it is written.
pub fn each(text: &str, mut found: impl FnMut(&str, &str)) {
    let mut lower = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_word_letter) {
        rest = &rest[start..];
        let first = rest.chars().next().unwrap_or_default();
        // Scripts without blanks between words: each sign is one.
        let end = match is_sign(first) {
            true => first.len_utf8(),
            false => rest
                .find(|letter: char| {
                    is_sign(letter)
                        || !(is_word_letter(letter) || matches!(letter, '\'' | '-' | '.' | ',' | '_'))
                })
                .unwrap_or(rest.len()),
        };
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

/// The words of a body, their pairs, and how it looks.
pub fn add_text(text: &str, gather: &mut Gather) {
    let mut before = [String::from("^"), String::from("^")];
    let mut count = 0;
    let mut long = 0;
    let mut shouted = 0;
    each(text, |word, written| {
        count += 1;
        if count > WORDS_MAX {
            return;
        }
        long += usize::from(word.len() > WORD_BYTES_MAX);
        let word = shortened(word);
        gather.add(Kind::Word, &[word]);
        gather.add(Kind::Pair, &[&before[1], word]);
        gather.add(Kind::SkipPair, &[&before[0], word]);
        if word.len() > 2 && written.chars().all(char::is_uppercase) {
            shouted += 1;
            gather.add(Kind::Shout, &[word]);
        }
        before.swap(0, 1);
        before[1].clear();
        before[1].push_str(word);
    });
    gather.add_count(Kind::Shape, "words", count);
    gather.add_count(Kind::Shape, "very long words", long);
    gather.add_count(Kind::Shape, "words in capitals", shouted);
    gather.add_count(Kind::Shape, "exclamation marks", text.matches('!').count());
    gather.add_count(Kind::Shape, "sums of money", text.matches(['$', '€', '£']).count());
    gather.add_count(Kind::Shape, "quoted lines", text.lines().filter(|line| line.starts_with('>')).count());
    gather.add_count(Kind::Shape, "lines", text.lines().count());
    let signed = text.lines().any(|line| line == "-- " || line == "--");
    if signed {
        gather.add(Kind::Shape, &["signature"]);
    }
    add_grams(text, gather);
}

/// Four letters in a row, blanks taken together.
fn add_grams(text: &str, gather: &mut Gather) {
    let mut squeezed = String::with_capacity(GRAM_BYTES_MAX + 8);
    for word in text.split_whitespace() {
        if squeezed.len() >= GRAM_BYTES_MAX {
            break;
        }
        squeezed.push_str(word);
        squeezed.push(' ');
    }
    let cut = squeezed.floor_char_boundary(GRAM_BYTES_MAX);
    squeezed.truncate(cut);
    let starts: Vec<usize> = squeezed.char_indices().map(|(at, _)| at).chain([squeezed.len()]).collect();
    for window in starts.windows(5) {
        gather.add(Kind::Gram, &[&squeezed[window[0]..window[4]]]);
    }
}
