//! The demo's `config.toml`: what is there already, its ports, and what `--set` says.

use super::{DemoError, replace};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The listeners and what each adds to the port base.
pub(super) const PORTS: [(&str, u16); 6] = [
    ("smtp", 25),
    ("submission", 587),
    ("submissions", 465),
    ("imap", 143),
    ("imaps", 993),
    ("managesieve", 190),
];

/// Messages and recipients a day.
const DAILY_LIMIT: i64 = 100_000_000;

const HEAD: &str = "# The demo box's configuration. `demo` writes it anew at each start, keeping keys it does not set itself.\n\n";

/// Writes the file and returns its path. It is checked by whoever reads it.
pub(super) fn write(dir: &Path, port_base: u16, set: &[String]) -> Result<PathBuf, DemoError> {
    let path = dir.join("config.toml");
    let mut table = existing(&path)?;
    table.entry("hostname").or_insert_with(|| Value::String("mail.home.test".to_owned()));
    for (name, offset) in PORTS {
        let port = port_base.checked_add(offset).ok_or(DemoError::PortBase(port_base))?;
        put(&mut table, &["listen", name], Value::Array(vec![Value::String(format!("127.0.0.1:{port}"))]));
    }
    put(&mut table, &["auth", "cleartext_loopback"], Value::Boolean(true));
    for text in set {
        apply(&mut table, text)?;
    }
    // The demo is for trying things, thousands of messages in a minute among them.
    put_unless_set(&mut table, "submission", "messages_per_day", Value::Integer(DAILY_LIMIT));
    put_unless_set(&mut table, "submission", "recipients_per_day", Value::Integer(DAILY_LIMIT));
    // That its made-up domain is nowhere to be found is no news, and its mailboxes hold what was sent to them.
    put_unless_set(&mut table, "notices", "letters", Value::Boolean(false));
    // Without a resolver that answers every look-up would fail, and mail from others be put off.
    let has_resolver = table.get("dns").and_then(|dns| dns.get("resolver")).is_some();
    if !set.iter().any(|text| text.starts_with("inbound.authentication=")) {
        put(&mut table, &["inbound", "authentication"], Value::Boolean(has_resolver));
    }
    replace(&path, format!("{HEAD}{table}").as_bytes())?;
    Ok(path)
}

/// A file that does not parse is left for the daemon to name its line; nothing of it is overwritten.
fn existing(path: &Path) -> Result<Table, DemoError> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.parse().map_err(|_| match crate::host::read_settings(path) {
            Err(error) => DemoError::Host(error),
            Ok(_) => unreachable!("settings parse only from a TOML table"),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Table::new()),
        Err(source) => Err(DemoError::File { path: path.to_owned(), source }),
    }
}

fn apply(table: &mut Table, text: &str) -> Result<(), DemoError> {
    let wrong = |reason: &str| DemoError::Set { text: text.to_owned(), reason: reason.to_owned() };
    let (key, value) = text.split_once('=').ok_or_else(|| wrong("expected KEY=VALUE"))?;
    let levels: Vec<&str> = match key.strip_prefix("outbound.route.") {
        // A domain is one key, whatever its dots.
        Some(domain) => vec!["outbound", "route", domain.trim_matches('"')],
        None => key.split('.').collect(),
    };
    match levels.iter().all(|level| !level.is_empty()) && put(table, &levels, typed(value)) {
        true => Ok(()),
        false => Err(wrong("this key cannot be set")),
    }
}

/// A TOML value where it is one, a string otherwise.
fn typed(text: &str) -> Value {
    let parsed = format!("v = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("v"));
    match parsed {
        Some(Value::Datetime(_)) | None => Value::String(text.to_owned()),
        Some(value) => value,
    }
}

/// Sets a key of a section that says nothing about it yet.
fn put_unless_set(table: &mut Table, section: &str, key: &str, value: Value) {
    if let Value::Table(section) = table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
        section.entry(key).or_insert(value);
    }
}

/// Sets a nested key; false where a level on the way is a value.
fn put(table: &mut Table, levels: &[&str], value: Value) -> bool {
    match levels {
        [] => false,
        [last] => {
            table.insert((*last).to_owned(), value);
            true
        }
        [first, rest @ ..] => match table.entry(*first).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(inner) => put(inner, rest, value),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_takes_any_key() {
        let mut table = Table::new();
        for text in [
            "dns.resolver=127.0.0.1:5300",
            "spam.enabled=false",
            "limits.message_bytes_max=1000000",
            "outbound.route.example.org=127.0.0.1:2527",
        ] {
            apply(&mut table, text).expect("taken");
        }
        let expected = r#"
            [dns]
            resolver = "127.0.0.1:5300"
            [spam]
            enabled = false
            [limits]
            message_bytes_max = 1000000
            [outbound.route]
            "example.org" = "127.0.0.1:2527"
        "#;
        assert_eq!(table, expected.parse::<Table>().expect("TOML"));
        assert!(apply(&mut table, "spam.enabled.more=1").is_err());
        assert!(apply(&mut table, "nothing").is_err());
    }
}
