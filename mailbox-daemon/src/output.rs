//! Answers on the terminal: a sentence, or rows in aligned columns; JSON on request.

use serde_json::{Map, Value, json};
use service::admin::Answer;
use std::fmt::Display;
use std::io::Write;

/// Prints a line to standard output. Whoever reads it, `head` say, may stop reading.
pub fn say(line: impl Display) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Prints an answer to standard output.
pub fn print(answer: &Answer, as_json: bool) {
    if let (true, Some(whole)) = (as_json, &answer.whole) {
        say(format_args!("{whole:#}"));
        return;
    }
    match (as_json, answer.rows.is_empty()) {
        (true, true) if !answer.message.is_empty() => {
            say(format_args!("{:#}", json!({ "message": answer.message })));
        }
        (true, _) => say(format_args!("{:#}", json!(answer.rows))),
        (false, true) if answer.message.is_empty() => say("(none)"),
        (false, _) => {
            let rows = table(&answer.rows);
            for line in
                rows.lines().chain(Some(answer.message.as_str()).filter(|message| !message.is_empty()))
            {
                say(line);
            }
        }
    }
}

fn table(rows: &[Map<String, Value>]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let head: Vec<String> = first.keys().map(|key| key.to_uppercase().replace('_', " ")).collect();
    let body = rows.iter().map(|row| row.values().map(cell).collect::<Vec<_>>());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|text| text.chars().count()).max()
    };
    let widths: Vec<usize> = (0..first.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(value, width)| format!("{value:<width$}", width = *width))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(cell).collect();
            // Texts rather than names: as zone files have them, ready to be copied.
            match items.iter().any(|item| item.contains(' ')) {
                true => format!("\"{}\"", items.join("\" \"")),
                false => items.join(", "),
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align() {
        assert_eq!(cell(&json!(["ana@home.test", "b@x.test"])), "ana@home.test, b@x.test");
        assert_eq!(cell(&json!(["v=DKIM1; p=ab", "cd"])), "\"v=DKIM1; p=ab\" \"cd\"");
        let row = |address: &str, n: u32| match json!({ "address": address, "app_passwords": n }) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let text = table(&[row("ana@home.test", 0), row("b@x.test", 12)]);
        assert_eq!(text, "ADDRESS        APP PASSWORDS\nana@home.test  0\nb@x.test       12\n");
    }
}
