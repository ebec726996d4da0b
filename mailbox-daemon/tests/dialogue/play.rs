//! A dialogue played against a box.

use super::script::{Numbered, Script, Step, unescape};
use crate::support::demo::{Demo, Door};
use crate::support::wire::Wire;
use regex::Regex;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// The box a file plays against.
pub enum Box {
    /// Its own.
    Own(std::boxed::Box<Demo>),
    /// One that others use at the same time.
    Shared(Arc<Demo>),
}

impl Box {
    fn demo(&self) -> &Demo {
        match self {
            Box::Own(demo) => demo,
            Box::Shared(demo) => demo,
        }
    }

    fn own(&mut self) -> Result<&mut Demo, String> {
        match self {
            Box::Own(demo) => Ok(demo),
            Box::Shared(_) => Err("a shared box cannot be stopped".to_owned()),
        }
    }
}

/// Where the conversation left the script.
pub struct Mismatch {
    line: usize,
    fault: String,
    transcript: Vec<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.line, self.fault)?;
        writeln!(f, "--- what was said before ---")?;
        self.transcript.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Plays a script to its end.
pub fn play(script: &Script, demo: Box) -> Result<(), Mismatch> {
    let mut stage = Stage {
        demo,
        wires: BTreeMap::new(),
        speaker: String::new(),
        captured: BTreeMap::new(),
        transcript: VecDeque::new(),
    };
    for Numbered { line, step } in &script.steps {
        stage.perform(step).map_err(|fault| Mismatch {
            line: *line,
            fault,
            transcript: stage.transcript.iter().cloned().collect(),
        })?;
    }
    Ok(())
}

/// Lines of conversation a failure shows.
const TRANSCRIPT_LINES: usize = 40;
/// Characters of a line a failure shows.
const SHOWN_CHARACTERS: usize = 300;

struct Stage {
    demo: Box,
    wires: BTreeMap<String, Wire>,
    speaker: String,
    captured: BTreeMap<String, String>,
    transcript: VecDeque<String>,
}

impl Stage {
    fn perform(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Connect(name, door) => self.connect(name, *door),
            Step::Use(name) => {
                self.speaker.clone_from(name);
                self.wire().map(|_| ())
            }
            Step::StartTls => self.start_tls(),
            Step::Deflate => self.wire().map(Wire::start_deflate),
            Step::Inflate => self.wire().map(Wire::end_deflate),
            Step::Send(text) => self.send(text),
            Step::SendRaw(text) => {
                let bytes = unescape(text)?;
                self.note('C', &bytes);
                self.wire()?.send_raw(&bytes).map_err(|error| error.to_string())
            }
            Step::SendBytes(count, byte) => self.send_bytes(*count, *byte),
            Step::Line(regex) => self.expect_line(regex),
            Step::Until(regex) => self.pass_over_until(regex),
            Step::HalfClose => self.wire()?.half_close().map_err(|error| error.to_string()),
            Step::Eof => self.expect_end(),
            Step::Restart => {
                self.wires.clear();
                let status = self.demo.own()?.terminate();
                if !status.success() {
                    return Err(format!("the daemon stopped with {status}"));
                }
                self.demo.own()?.start_again();
                Ok(())
            }
            Step::Kill => {
                self.wires.clear();
                self.demo.own()?.kill();
                self.demo.own()?.start_again();
                Ok(())
            }
            Step::Repeat(count, step) => (1..=*count).try_for_each(|turn| {
                self.captured.insert("i".to_owned(), turn.to_string());
                self.perform(step).map_err(|fault| format!("turn {turn} of {count}: {fault}"))
            }),
        }
    }

    fn connect(&mut self, name: &str, door: Door) -> Result<(), String> {
        let demo = self.demo.demo();
        let mut wire = Wire::try_connect(demo.port(door)).map_err(|error| error.to_string())?;
        if door.is_tls() {
            wire = wire.try_start_tls(&demo.ca_file()).map_err(|error| error.to_string())?;
        }
        self.wires.insert(name.to_owned(), wire);
        name.clone_into(&mut self.speaker);
        Ok(())
    }

    fn wire(&mut self) -> Result<&mut Wire, String> {
        let name = &self.speaker;
        self.wires.get_mut(name).ok_or_else(|| format!("no connection is open under the name {name:?}"))
    }

    fn start_tls(&mut self) -> Result<(), String> {
        let wire = self.wires.remove(&self.speaker).ok_or("no connection is open")?;
        let secured = wire.try_start_tls(&self.demo.demo().ca_file()).map_err(|error| error.to_string())?;
        self.wires.insert(self.speaker.clone(), secured);
        Ok(())
    }

    fn send(&mut self, text: &str) -> Result<(), String> {
        let bytes = unescape(&self.fill_in(text, str::to_owned))?;
        self.note('C', &bytes);
        // A server that has already closed shows it by what it says next, or by its end.
        let _ = self.wire()?.send(&bytes);
        Ok(())
    }

    fn send_bytes(&mut self, count: usize, byte: u8) -> Result<(), String> {
        self.note('C', format!("({count} times the byte {byte:#04x})").as_bytes());
        let chunk = vec![byte; count.min(64 * 1024)];
        let mut left = count;
        while left > 0 {
            let now = left.min(chunk.len());
            if self.wire()?.send(&chunk[..now]).is_err() {
                break;
            }
            left -= now;
        }
        Ok(())
    }

    fn expect_line(&mut self, pattern: &str) -> Result<(), String> {
        let regex = self.compile(pattern)?;
        let expected = || format!("expected: {}", regex.as_str());
        let Some(line) = self.read_line()? else { return Err(format!("{}\n     got: the end", expected())) };
        match self.capture(&regex, &line) {
            true => Ok(()),
            false => Err(format!("{}\n     got: {}", expected(), shown(line.as_bytes()))),
        }
    }

    fn pass_over_until(&mut self, pattern: &str) -> Result<(), String> {
        let regex = self.compile(pattern)?;
        loop {
            let line =
                self.read_line().map_err(|error| format!("no line matched {}: {error}", regex.as_str()))?;
            let Some(line) = line else { return Err(format!("no line matched {}", regex.as_str())) };
            if self.capture(&regex, &line) {
                return Ok(());
            }
        }
    }

    fn expect_end(&mut self) -> Result<(), String> {
        match self.read_line()? {
            None => Ok(()),
            Some(line) => Err(format!("expected: the end\n     got: {}", shown(line.as_bytes()))),
        }
    }

    fn read_line(&mut self) -> Result<Option<String>, String> {
        let line = self.wire()?.read_line().map_err(|error| error.to_string())?;
        self.note('S', line.as_deref().unwrap_or(b"(the end)"));
        Ok(line.map(|line| String::from_utf8_lossy(&line).into_owned()))
    }

    fn compile(&self, pattern: &str) -> Result<Regex, String> {
        let filled = self.fill_in(pattern, regex::escape);
        Regex::new(&format!("^(?:{filled})$")).map_err(|error| error.to_string())
    }

    fn capture(&mut self, regex: &Regex, line: &str) -> bool {
        let Some(groups) = regex.captures(line) else { return false };
        for name in regex.capture_names().flatten() {
            if let Some(value) = groups.name(name) {
                self.captured.insert(name.to_owned(), value.as_str().to_owned());
            }
        }
        true
    }

    /// Puts what was captured in the place of `${name}`.
    fn fill_in(&self, text: &str, quote: impl Fn(&str) -> String) -> String {
        let mut filled = text.to_owned();
        for (name, value) in &self.captured {
            let mark = format!("${{{name}}}");
            if filled.contains(&mark) {
                filled = filled.replace(&mark, &quote(value));
            }
        }
        filled
    }

    fn note(&mut self, who: char, bytes: &[u8]) {
        if self.transcript.len() == TRANSCRIPT_LINES {
            self.transcript.pop_front();
        }
        let speaker = if self.speaker == "main" { "" } else { &self.speaker };
        self.transcript.push_back(format!("{speaker}{who}: {}", shown(bytes)));
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_suffix("\r\n").unwrap_or(&text);
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARACTERS).is_some() {
        shown.push_str("...");
    }
    shown
}
