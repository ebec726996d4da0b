//! From the form to its script.

use super::{
    BodyTexts, Condition, Day, File, HeaderTexts, How, Rule, Rules, Size, Texts, Vacation, When, Word,
    Written,
};
use std::fmt::Display;
use types::SystemFlag;

/// The first line of every script written here.
pub(super) const TITLE: &str =
    "# Simple rules, made with a form. Changed by hand they are a script like any other.\n";
/// What stands before a rule's name where it is used, and where not.
pub(super) const RULE: (&str, &str) = ("\n# Rule: ", "\n# Rule, off: ");
/// What stands before the vacation.
pub(super) const VACATION: (&str, &str) = ("\n# Vacation\n", "\n# Vacation, off\n");
/// How a rule takes messages to the trash.
pub(super) const TO_TRASH: &str = "fileinto :create :specialuse \"\\\\Trash\" \"Trash\";\n";

/// The whole script; lines end with LF.
pub(super) fn script(rules: &Rules) -> String {
    let extensions = extensions(rules);
    let require = match extensions.is_empty() {
        true => String::new(),
        false => format!("require {};\n", list(&extensions)),
    };
    let vacation = rules.vacation.as_ref().map(vacation_block);
    let blocks = vacation.into_iter().chain(rules.rules.iter().map(rule_block));
    [TITLE.to_owned(), require].into_iter().chain(blocks).collect()
}

fn extensions(rules: &Rules) -> Vec<&'static str> {
    let mut names = Vec::new();
    if let Some(vacation) = &rules.vacation {
        names.push("vacation");
        if vacation.first_day.is_some() || vacation.last_day.is_some() {
            names.extend(["date", "relational"]);
        }
    }
    for rule in &rules.rules {
        let is_body = |condition: &Condition| matches!(condition, Condition::Body(_));
        names.extend(rule.conditions.iter().any(is_body).then_some("body"));
        names.extend((!flags(rule).is_empty()).then_some("imap4flags"));
        names.extend((!rule.forward.is_empty() && rule.file != File::Nowhere).then_some("copy"));
        match rule.file {
            File::Folder(_) => names.extend(["fileinto", "mailbox"]),
            File::Trash => names.extend(["fileinto", "mailbox", "special-use"]),
            File::Inbox | File::Nowhere => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn vacation_block(vacation: &Vacation) -> String {
    let day = |relation: &str, day: &Written<Day>| {
        format!("currentdate :value \"{relation}\" \"date\" \"{}\"", day.0)
    };
    let mut tests = Vec::new();
    tests.extend((!vacation.on).then(|| "false".to_owned()));
    tests.extend(vacation.first_day.as_ref().map(|first| day("ge", first)));
    tests.extend(vacation.last_day.as_ref().map(|last| day("le", last)));
    if tests.is_empty() {
        tests.push("true".to_owned());
    }
    let subject =
        vacation.subject.as_ref().map(|subject| format!(" :subject {}", quoted(subject.0.as_str())));
    let addresses = match vacation.own_addresses.is_empty() {
        true => String::new(),
        false => format!(" :addresses {}", list(&plain(&vacation.own_addresses))),
    };
    format!(
        "{}if allof ({}) {{\n    vacation :days {}{}{addresses} {};\n}}\n",
        choose(VACATION, vacation.on),
        tests.join(", "),
        vacation.days,
        subject.unwrap_or_default(),
        quoted(vacation.text.0.as_str()),
    )
}

fn rule_block(rule: &Rule) -> String {
    let when = match rule.when {
        When::All => "allof",
        When::Any => "anyof",
    };
    let tests: Vec<String> = rule.conditions.iter().map(test).collect();
    let tests = match tests.is_empty() {
        true => format!("{when} (true)"),
        false => format!("{when} ({})", tests.join(",\n    ")),
    };
    let tests = match rule.on {
        true => tests,
        false => format!("allof (false, {tests})"),
    };
    let actions: Vec<String> = actions(rule).iter().map(|action| format!("    {action}")).collect();
    format!("{}{}\nif {tests} {{\n{}}}\n", choose(RULE, rule.on), rule.name.0, actions.concat())
}

fn actions(rule: &Rule) -> Vec<String> {
    let mut actions = Vec::new();
    let flags = flags(rule);
    if !flags.is_empty() {
        actions.push(format!("addflag {};\n", list(&flags)));
    }
    let copy = if rule.file == File::Nowhere { "" } else { ":copy " };
    actions.extend(plain(&rule.forward).iter().map(|to| format!("redirect {copy}{};\n", quoted(to))));
    match &rule.file {
        File::Folder(folder) => actions.push(format!("fileinto :create {};\n", quoted(folder.0.as_str()))),
        File::Trash => actions.push(TO_TRASH.to_owned()),
        File::Inbox | File::Nowhere => {}
    }
    actions.extend(rule.stop.then(|| "stop;\n".to_owned()));
    actions
}

fn flags(rule: &Rule) -> Vec<String> {
    let mut flags = Vec::new();
    flags.extend(rule.mark_read.then(|| SystemFlag::Seen.imap_name().to_owned()));
    flags.extend(rule.flag.then(|| SystemFlag::Flagged.imap_name().to_owned()));
    flags.extend(plain(&rule.keywords));
    flags
}

fn test(condition: &Condition) -> String {
    match condition {
        Condition::From(texts) => address_test("\"from\"", texts),
        Condition::ToOrCc(texts) => address_test("[\"to\", \"cc\"]", texts),
        Condition::Subject(texts) => header_test("\"subject\"", texts),
        Condition::ListId(texts) if texts.how == How::Is => list_id_test(texts),
        Condition::ListId(texts) => header_test("\"list-id\"", texts),
        Condition::Header(HeaderTexts { name, how, texts, not }) => {
            let texts = Texts { how: *how, texts: texts.clone(), not: *not };
            header_test(&quoted(name.0.as_str()), &texts)
        }
        Condition::Body(BodyTexts { texts, not }) => {
            format!("{}body :text :contains {}", negation(*not), list(&plain(texts)))
        }
        Condition::LargerThan(Size { kib, not }) => format!("{}size :over {kib}K", negation(*not)),
    }
}

fn address_test(fields: &str, texts: &Texts) -> String {
    match texts.how {
        How::Contains => header_test(fields, texts),
        _ => comparison("address", fields, texts),
    }
}

fn header_test(fields: &str, texts: &Texts) -> String {
    comparison("header", fields, texts)
}

fn comparison(test: &str, fields: &str, texts: &Texts) -> String {
    let keys = texts.texts.iter().map(|text| text.0.as_str());
    let (match_type, keys): (_, Vec<String>) = match texts.how {
        How::Contains => (":contains", keys.map(str::to_owned).collect()),
        How::Is => (":is", keys.map(str::to_owned).collect()),
        How::Begins => (":matches", keys.map(|key| format!("{}*", without_wildcards(key))).collect()),
        How::Ends => (":matches", keys.map(|key| format!("*{}", without_wildcards(key))).collect()),
    };
    format!("{}{test} {match_type} {fields} {}", negation(texts.not), list(&keys))
}

/// A List-Id is an id in angle brackets, after the list's name (RFC 2919 section 3).
fn list_id_test(texts: &Texts) -> String {
    let ids = texts.texts.iter().map(|text| without_wildcards(text.0.as_str()));
    let keys: Vec<String> = ids.flat_map(|id| [id.clone(), format!("*<{id}>")]).collect();
    format!("{}header :matches \"list-id\" {}", negation(texts.not), list(&keys))
}

fn negation(not: bool) -> &'static str {
    if not { "not " } else { "" }
}

fn choose((on, off): (&'static str, &'static str), is_on: bool) -> &'static str {
    if is_on { on } else { off }
}

fn plain<T: Word>(words: &[Written<T>]) -> Vec<String> {
    words.iter().map(|word| word.0.to_string()).collect()
}

/// A text for `:matches` in which nothing stands for anything else (RFC 5228 section 2.7.1).
fn without_wildcards(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            key.push('\\');
        }
        key.push(c);
    }
    key
}

fn list(texts: &[impl AsRef<str>]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    match texts.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}

fn quoted(text: impl Display) -> String {
    format!("\"{}\"", text.to_string().replace('\\', "\\\\").replace('"', "\\\""))
}
