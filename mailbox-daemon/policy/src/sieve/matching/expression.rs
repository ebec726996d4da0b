//! Extended regular expressions of POSIX (XBD section 9.4), which the draft of Sieve's `regex` allows, in the words of
//! the crate that runs them. What POSIX leaves undefined and this house knows no use for is a fault: back-references, word
//! boundaries and the other escapes of Perl.

use super::Comparator;
use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// Greatest bound of a repetition (`RE_DUP_MAX`).
const REPETITIONS_MAX: u32 = 255;

/// Groups within one another.
const NESTING_MAX: usize = 32;

/// An expression, read.
pub(super) struct Expression {
    /// In the crate's words.
    pub(super) source: String,
    /// About how many states a machine for it has.
    pub(super) states: usize,
    /// Groups that capture.
    pub(super) groups: usize,
}

/// Reads an expression; says what is wrong with it.
pub(super) fn read(comparator: Comparator, text: &str) -> Result<Expression, String> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        letters_of_both_cases: comparator == Comparator::AsciiCasemap,
        open_groups: 0,
        expression: Expression { source: String::with_capacity(2 * text.len()), states: 0, groups: 0 },
    };
    reader.expression.states = reader.alternatives()?;
    Ok(reader.expression)
}

/// Puts a backslash before what has a meaning in expressions.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r".[\()*+?{|^$]}".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
    letters_of_both_cases: bool,
    open_groups: usize,
    expression: Expression,
}

impl Reader<'_> {
    /// Alternatives up to the end of the group they stand in. All of these tell how many states they take.
    fn alternatives(&mut self) -> Result<usize, String> {
        let mut states = 1;
        loop {
            states += self.sequence()?;
            match self.rest.next_if_eq(&'|') {
                Some(bar) => self.expression.source.push(bar),
                None => return Ok(states),
            }
        }
    }

    fn sequence(&mut self) -> Result<usize, String> {
        let mut states: usize = 0;
        let mut may_repeat = false;
        while let Some(&character) = self.rest.peek() {
            match character {
                '|' => break,
                ')' if self.open_groups > 0 => break,
                '*' | '+' | '?' | '{' if !may_repeat => {
                    return Err(format!("nothing stands before `{character}` that could be repeated"));
                }
                _ => {}
            }
            may_repeat = !matches!(character, '^' | '$');
            states = states.saturating_add(if may_repeat { self.repeated()? } else { self.atom()? });
        }
        Ok(states)
    }

    /// One atom with its repetitions. Each of these is put into a group: the crate takes `+?` for something else.
    fn repeated(&mut self) -> Result<usize, String> {
        let start = self.expression.source.len();
        let mut states = self.atom()?;
        while let Some(&sign) = self.rest.peek() {
            let (times, bounds) = match sign {
                '*' | '+' | '?' => (1, sign.to_string()),
                '{' => self.bounds()?,
                _ => break,
            };
            if sign != '{' {
                self.rest.next();
            }
            self.expression.source.insert_str(start, "(?:");
            self.expression.source.push(')');
            self.expression.source.push_str(&bounds);
            states = states.saturating_mul(times).saturating_add(2);
        }
        Ok(states)
    }

    /// `{2}`, `{2,}`, `{2,5}`: how many copies it makes, and itself.
    fn bounds(&mut self) -> Result<(usize, String), String> {
        self.rest.next();
        let least = self.number()?;
        let most = match self.rest.next_if_eq(&',') {
            None => Some(least),
            Some(_) if self.rest.peek() == Some(&'}') => None,
            Some(_) => Some(self.number()?),
        };
        if self.rest.next() != Some('}') {
            return Err("a repetition in braces is `{2}`, `{2,}` or `{2,5}`".to_owned());
        }
        match most {
            Some(most) if most < least => Err(format!("`{{{least},{most}}}` is the wrong way round")),
            Some(most) => Ok((most.max(1) as usize, format!("{{{least},{most}}}"))),
            None => Ok((least as usize + 1, format!("{{{least},}}"))),
        }
    }

    fn number(&mut self) -> Result<u32, String> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        match digits.parse() {
            Ok(number) if number <= REPETITIONS_MAX => Ok(number),
            _ => Err(format!("in braces stand numbers up to {REPETITIONS_MAX}")),
        }
    }

    fn atom(&mut self) -> Result<usize, String> {
        match self.rest.next() {
            Some('(') => self.group(),
            Some('[') => self.bracket(),
            Some('\\') => self.escape(),
            Some(sign @ ('.' | '^' | '$')) => {
                self.expression.source.push(sign);
                Ok(if sign == '.' { CLASS_STATES } else { 1 })
            }
            Some(letter) => Ok(self.letter(letter)),
            None => Ok(0),
        }
    }

    fn group(&mut self) -> Result<usize, String> {
        self.open_groups += 1;
        self.expression.groups += 1;
        if self.open_groups > NESTING_MAX {
            return Err(format!("groups stand more than {NESTING_MAX} deep within one another"));
        }
        self.expression.source.push('(');
        let states = self.alternatives()?;
        if self.rest.next() != Some(')') {
            return Err("a `(` has no `)`".to_owned());
        }
        self.expression.source.push(')');
        self.open_groups -= 1;
        Ok(states + 2)
    }

    fn escape(&mut self) -> Result<usize, String> {
        match self.rest.next() {
            None => Err("a backslash stands at the end".to_owned()),
            Some(digit) if digit.is_ascii_digit() => {
                Err(format!("`\\{digit}`: there are no back-references"))
            }
            Some(other) if other.is_alphanumeric() || "<>`'".contains(other) => {
                Err(format!("`\\{other}` has no meaning in extended regular expressions"))
            }
            Some(literal) => Ok(self.letter(literal)),
        }
    }

    fn letter(&mut self, letter: char) -> usize {
        if self.letters_of_both_cases && letter.is_ascii_alphabetic() {
            let both = [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()];
            let _ = write!(self.expression.source, "[{}{}]", both[0], both[1]);
        } else {
            write_literal(letter, &mut self.expression.source);
        }
        letter.len_utf8()
    }

    /// What follows a `[`. A backslash has no meaning there.
    fn bracket(&mut self) -> Result<usize, String> {
        let is_negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        let mut is_first = true;
        loop {
            match self.rest.next() {
                None => return Err("a `[` has no `]`".to_owned()),
                Some(']') if !is_first => break,
                Some('[') if self.rest.peek() == Some(&':') => ranges.extend_from_slice(self.class()?),
                Some('-') if !is_first && self.rest.peek() != Some(&']') => {
                    return Err("a `-` that means itself stands first or last in brackets".to_owned());
                }
                Some(start) => ranges.push(self.range(start)?),
            }
            is_first = false;
        }
        if self.letters_of_both_cases {
            add_other_case(&mut ranges);
        }
        self.write_class(is_negated, &ranges);
        Ok(CLASS_STATES + ranges.len())
    }

    /// One character or, with a hyphen behind it, all up to another.
    fn range(&mut self, start: char) -> Result<(char, char), String> {
        let start = self.element(start)?;
        let mut ahead = self.rest.clone();
        let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|end| end != ']');
        if !is_range {
            return Ok((start, start));
        }
        self.rest.next();
        let end = match self.rest.next() {
            Some('[') if self.rest.peek() == Some(&':') => {
                return Err("a class cannot end a range".to_owned());
            }
            Some(end) => self.element(end)?,
            None => return Err("a `[` has no `]`".to_owned()),
        };
        if start > end {
            Err(format!("the range {start}-{end} is the wrong way round"))
        } else {
            Ok((start, end))
        }
    }

    /// A character, or one written as `[.a.]` or `[=a=]`.
    fn element(&mut self, first: char) -> Result<char, String> {
        let Some(sign) = self.rest.next_if(|sign| first == '[' && matches!(sign, '.' | '=')) else {
            return Ok(first);
        };
        match (self.rest.next(), self.rest.next(), self.rest.next()) {
            (Some(element), Some(second), Some(']')) if second == sign => Ok(element),
            _ => Err(format!("`[{sign}` needs one character and `{sign}]`")),
        }
    }

    /// `[:alpha:]` and its like, its bracket already read.
    fn class(&mut self) -> Result<&'static [(char, char)], String> {
        self.rest.next();
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(char::is_ascii_alphabetic) {
            name.push(letter);
        }
        let is_closed = self.rest.next() == Some(':') && self.rest.next() == Some(']');
        let class = CLASSES.iter().find(|(known, _)| is_closed && *known == name);
        class.map(|(_, ranges)| *ranges).ok_or_else(|| format!("there is no class `[:{name}:]`"))
    }

    fn write_class(&mut self, is_negated: bool, ranges: &[(char, char)]) {
        let source = &mut self.expression.source;
        source.push_str(if is_negated { "[^" } else { "[" });
        for (start, end) in ranges {
            write_literal(*start, source);
            source.push('-');
            write_literal(*end, source);
        }
        source.push(']');
    }
}

/// States of one class: those of Unicode's letters take several octets.
const CLASS_STATES: usize = 8;

/// The classes of the POSIX locale.
const CLASSES: [(&str, &[(char, char)]); 12] = [
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("blank", &[(' ', ' '), ('\t', '\t')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", &[('0', '9')]),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[(' ', ' '), ('\t', '\r')]),
    ("upper", &[('A', 'Z')]),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

fn add_other_case(ranges: &mut Vec<(char, char)>) {
    for index in 0..ranges.len() {
        let (start, end) = ranges[index];
        for (first, last, other) in [('A', 'Z', 'a'), ('a', 'z', 'A')] {
            let (start, end) = (start.max(first), end.min(last));
            if start <= end {
                let shift = |letter: char| (letter as u8 - first as u8 + other as u8) as char;
                ranges.push((shift(start), shift(end)));
            }
        }
    }
}

/// By its number where the crate might take it for more than itself.
fn write_literal(letter: char, source: &mut String) {
    if letter.is_ascii() && !letter.is_ascii_alphanumeric() {
        let _ = write!(source, "\\x{{{:x}}}", u32::from(letter));
    } else {
        source.push(letter);
    }
}
