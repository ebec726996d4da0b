//! From a script back to its form. This reads what `write` writes; whatever else is found, its caller compares the two scripts.

use super::write::{RULE, TITLE, TO_TRASH, VACATION};
use super::{
    BodyTexts, Condition, Day, File, HeaderTexts, How, Rule, Rules, Size, Texts, Vacation, When, Word,
    Written,
};
use types::SystemFlag;

/// The form; `None` for what was never written here. Lines end with LF.
pub(super) fn rules(script: &str) -> Option<Rules> {
    let mut script = Reader(script);
    script.expect(TITLE)?;
    if script.eat("require ") {
        script.list()?;
        script.expect(";\n")?;
    }
    let mut rules = Rules::default();
    if let Some(on) = script.on_or_off(VACATION) {
        rules.vacation = Some(vacation(on, &mut script)?);
    }
    while let Some(on) = script.on_or_off(RULE) {
        rules.rules.push(rule(on, &mut script)?);
    }
    script.0.is_empty().then_some(rules)
}

fn vacation(on: bool, script: &mut Reader<'_>) -> Option<Vacation> {
    script.expect("if allof (")?;
    let _ = script.eat("true") || script.eat("false");
    let _ = script.eat(", ");
    let first_day = limit("ge", script);
    let _ = script.eat(", ");
    let last_day = limit("le", script);
    script.expect(") {\n    vacation :days ")?;
    let days = script.number()?;
    let subject = if script.eat(" :subject ") { Some(script.word()?) } else { None };
    let own_addresses = if script.eat(" :addresses ") { words(script.list()?)? } else { Vec::new() };
    script.expect(" ")?;
    let text = script.word()?;
    script.expect(";\n}\n")?;
    Some(Vacation { on, first_day, last_day, text, subject, days, own_addresses })
}

fn limit(relation: &str, script: &mut Reader<'_>) -> Option<Written<Day>> {
    script.expect(&format!("currentdate :value \"{relation}\" \"date\" "))?;
    script.word()
}

fn rule(on: bool, script: &mut Reader<'_>) -> Option<Rule> {
    let name = word(script.line()?)?;
    script.expect("if ")?;
    if !on {
        script.expect("allof (false, ")?;
    }
    let when =
        if script.eat("allof (") { When::All } else { script.expect("anyof (").map(|()| When::Any)? };
    let mut conditions = Vec::new();
    if !script.eat("true") {
        conditions.push(condition(script)?);
        while script.eat(",\n    ") {
            conditions.push(condition(script)?);
        }
    }
    script.expect(if on { ") {\n" } else { ")) {\n" })?;
    let mut rule = Rule {
        name,
        on,
        when,
        conditions,
        mark_read: false,
        flag: false,
        keywords: Vec::new(),
        forward: Vec::new(),
        file: File::Inbox,
        stop: false,
    };
    actions(&mut rule, script)?;
    Some(rule)
}

fn actions(rule: &mut Rule, script: &mut Reader<'_>) -> Option<()> {
    while script.eat("    ") {
        if script.eat("addflag ") {
            set_flags(rule, script.list()?)?;
            script.expect(";\n")?;
        } else if script.eat("redirect ") {
            if !script.eat(":copy ") {
                rule.file = File::Nowhere;
            }
            rule.forward.push(script.word()?);
            script.expect(";\n")?;
        } else if script.eat(TO_TRASH) {
            rule.file = File::Trash;
        } else if script.eat("fileinto :create ") {
            rule.file = File::Folder(script.word()?);
            script.expect(";\n")?;
        } else {
            script.expect("stop;\n")?;
            rule.stop = true;
        }
    }
    script.expect("}\n")
}

fn set_flags(rule: &mut Rule, flags: Vec<String>) -> Option<()> {
    for flag in flags {
        match flag.as_str() {
            seen if seen == SystemFlag::Seen.imap_name() => rule.mark_read = true,
            flagged if flagged == SystemFlag::Flagged.imap_name() => rule.flag = true,
            keyword => rule.keywords.push(word(keyword)?),
        }
    }
    Some(())
}

fn condition(script: &mut Reader<'_>) -> Option<Condition> {
    let not = script.eat("not ");
    if script.eat("size :over ") {
        let kib = script.number()?;
        script.expect("K")?;
        return Some(Condition::LargerThan(Size { kib, not }));
    }
    if script.eat("body :text :contains ") {
        return Some(Condition::Body(BodyTexts { texts: words(script.list()?)?, not }));
    }
    let _ = script.eat("header ") || script.eat("address ");
    let match_type = [":contains ", ":is ", ":matches "].into_iter().find(|name| script.eat(name))?;
    let fields = script.list()?;
    script.expect(" ")?;
    let keys = script.list()?;
    let (how, texts) = match match_type {
        ":contains " => (How::Contains, keys),
        ":is " => (How::Is, keys),
        _ if fields == ["list-id"]
            && !keys.first()?.starts_with('*')
            && !ends_with_wildcard(keys.first()?) =>
        {
            (How::Is, keys.iter().step_by(2).map(|key| without_escapes(key)).collect())
        }
        _ if ends_with_wildcard(keys.first()?) && !keys.first()?.starts_with('*') => {
            (How::Begins, keys.iter().map(|key| without_escapes(&key[..key.len() - 1])).collect())
        }
        _ => (
            How::Ends,
            keys.iter().map(|key| without_escapes(key.strip_prefix('*').unwrap_or(key))).collect(),
        ),
    };
    let texts = Texts { how, texts: words(texts)?, not };
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    Some(match fields.as_slice() {
        ["from"] => Condition::From(texts),
        ["to", "cc"] => Condition::ToOrCc(texts),
        ["subject"] => Condition::Subject(texts),
        ["list-id"] => Condition::ListId(texts),
        [name] => Condition::Header(HeaderTexts { name: word(name)?, how, texts: texts.texts, not }),
        _ => return None,
    })
}

/// Whether a `*` that is not escaped ends a key.
fn ends_with_wildcard(key: &str) -> bool {
    let Some(before) = key.strip_suffix('*') else { return false };
    let backslashes = before.len() - before.trim_end_matches('\\').len();
    backslashes.is_multiple_of(2)
}

fn without_escapes(key: &str) -> String {
    let mut chars = key.chars();
    let mut text = String::with_capacity(key.len());
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

fn word<T: Word>(text: &str) -> Option<Written<T>> {
    T::parse(text).ok().map(Written)
}

fn words<T: Word>(texts: Vec<String>) -> Option<Vec<Written<T>>> {
    texts.iter().map(|text| word(text)).collect()
}

/// What is left of the script.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, text: &str) -> Option<()> {
        self.eat(text).then_some(())
    }

    fn on_or_off(&mut self, (on, off): (&str, &str)) -> Option<bool> {
        if self.eat(on) { Some(true) } else { self.expect(off).map(|()| false) }
    }

    fn line(&mut self) -> Option<&'a str> {
        let (line, rest) = self.0.split_once('\n')?;
        self.0 = rest;
        Some(line)
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        let end = self.0.find(|c: char| !c.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits.parse().ok()
    }

    fn word<T: Word>(&mut self) -> Option<Written<T>> {
        word(&self.string()?)
    }

    fn list(&mut self) -> Option<Vec<String>> {
        if !self.eat("[") {
            return Some(vec![self.string()?]);
        }
        let mut texts = vec![self.string()?];
        while self.eat(", ") {
            texts.push(self.string()?);
        }
        self.expect("]")?;
        Some(texts)
    }

    fn string(&mut self) -> Option<String> {
        self.expect("\"")?;
        let mut text = String::new();
        let mut chars = self.0.char_indices();
        loop {
            match chars.next()? {
                (at, '"') => {
                    self.0 = &self.0[at + 1..];
                    return Some(text);
                }
                (_, '\\') => text.push(chars.next()?.1),
                (_, c) => text.push(c),
            }
        }
    }
}
