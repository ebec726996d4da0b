//! The text of a dialogue file as steps.

use crate::support::demo::Door;

/// A whole file.
#[derive(Debug, Default)]
pub struct Script {
    /// Whether the box may be one that other files use as well.
    pub shared: bool,
    /// `--set` arguments of the box.
    pub set: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<Numbered>,
}

/// A step and the line it stands on, from 1.
#[derive(Debug)]
pub struct Numbered {
    /// The line's number.
    pub line: usize,
    /// What it asks for.
    pub step: Step,
}

/// One line's meaning.
#[derive(Clone, Debug)]
pub enum Step {
    /// Open a connection, give it a name and talk on it.
    Connect(String, Door),
    /// Talk on the connection of that name.
    Use(String),
    /// The TLS handshake, now.
    StartTls,
    /// DEFLATE both ways from here on.
    Deflate,
    /// No DEFLATE any more.
    Inflate,
    /// Send bytes; `${name}` in them stands for what a regex captured.
    Send(String),
    /// Send bytes past any compression.
    SendRaw(String),
    /// Send one byte that many times.
    SendBytes(usize, u8),
    /// One line must match.
    Line(String),
    /// Lines are passed over until one matches.
    Until(String),
    /// Close our half.
    HalfClose,
    /// The server must close.
    Eof,
    /// Stop the box politely and start it again; all connections are gone.
    Restart,
    /// Kill the box and start it again; all connections are gone.
    Kill,
    /// The step, so many times; `${i}` counts from 1.
    Repeat(usize, std::boxed::Box<Step>),
}

impl Script {
    /// Reads a file. The error starts with the number of the line at fault.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut script = Script::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let step = match line.strip_prefix("@ ") {
                Some("shared") => {
                    script.shared = true;
                    continue;
                }
                Some(directive) if directive.starts_with("set ") => {
                    script.set.push(directive["set ".len()..].trim().to_owned());
                    continue;
                }
                _ => parse_step(line).map_err(|fault| format!("{number}: {fault}"))?,
            };
            script.steps.push(Numbered { line: number, step });
        }
        if script.shared && !script.set.is_empty() {
            return Err("1: a shared box has no settings of its own".to_owned());
        }
        Ok(script)
    }
}

fn parse_step(line: &str) -> Result<Step, String> {
    if let Some(directive) = line.strip_prefix("@ ") {
        return parse_directive(directive);
    }
    if let Some(text) = after(line, "C:") {
        return Ok(Step::Send(match text.strip_suffix("\\c") {
            Some(unfinished) => unfinished.to_owned(),
            None => format!("{text}\\r\\n"),
        }));
    }
    if let Some(regex) = after(line, "S:") {
        return Ok(Step::Line(regex.to_owned()));
    }
    if let Some(regex) = after(line, "S*") {
        return Ok(Step::Until(regex.to_owned()));
    }
    match line.trim_end() {
        "SHUT" => Ok(Step::HalfClose),
        "EOF" => Ok(Step::Eof),
        _ => Err(format!("not a step: {line:?}")),
    }
}

fn parse_directive(directive: &str) -> Result<Step, String> {
    if let Some(rest) = directive.strip_prefix("repeat ") {
        let (count, step) = rest.split_once(':').ok_or("`@ repeat N: STEP` is meant")?;
        let count = count.trim().parse().map_err(|_| format!("not a count: {count:?}"))?;
        return Ok(Step::Repeat(count, std::boxed::Box::new(parse_step(step.trim_start())?)));
    }
    if let Some(text) = directive.strip_prefix("raw ") {
        return Ok(Step::SendRaw(text.to_owned()));
    }
    let words: Vec<&str> = directive.split_whitespace().collect();
    match words[..] {
        ["connect", door] => Ok(Step::Connect("main".to_owned(), parse_door(door)?)),
        ["new", name, door] => Ok(Step::Connect(name.to_owned(), parse_door(door)?)),
        ["use", name] => Ok(Step::Use(name.to_owned())),
        ["deflate"] => Ok(Step::Deflate),
        ["inflate"] => Ok(Step::Inflate),
        ["starttls"] => Ok(Step::StartTls),
        ["restart"] => Ok(Step::Restart),
        ["kill"] => Ok(Step::Kill),
        ["bytes", count, byte] => {
            let byte = byte.strip_prefix("0x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
            let byte = byte.ok_or("`@ bytes N 0x41` is meant")?;
            Ok(Step::SendBytes(count.parse().map_err(|_| format!("not a count: {count:?}"))?, byte))
        }
        _ => Err(format!("not a directive: {directive:?}")),
    }
}

fn parse_door(name: &str) -> Result<Door, String> {
    Door::parse(name).ok_or_else(|| format!("not a door of the box: {name:?}"))
}

/// What follows the mark and one space.
fn after<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(mark)?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// The bytes a `C:` line stands for: `\r \n \0 \t \\ \xHH`.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        bytes.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('0') => 0,
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let hex: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&hex, 16).map_err(|_| format!("not a byte: \\x{hex}"))?
            }
            other => return Err(format!("not an escape: \\{}", other.map(String::from).unwrap_or_default())),
        });
    }
    Ok(bytes)
}
