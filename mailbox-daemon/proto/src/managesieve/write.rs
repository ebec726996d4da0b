//! Answers as bytes, and commands as a client would send them.

use super::command::Command;
use data_encoding::BASE64;

/// Octets between the quotes of a string (RFC 5804 section 4); longer ones are literals.
const QUOTED_BYTES_MAX: usize = 1024;

/// How a command went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It did what it should.
    Ok,
    /// It did not.
    No,
    /// The connection ends.
    Bye,
}

/// What a program can tell from an answer (RFC 5804 section 1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Not possible with the active script.
    Active,
    /// A script has that name.
    AlreadyExists,
    /// TLS is needed first.
    EncryptNeeded,
    /// No script has that name.
    NonExistent,
    /// More than the account may have.
    Quota,
    /// More scripts than it may have.
    QuotaMaxScripts,
    /// A larger script than it may have.
    QuotaMaxSize,
    /// The last message of the mechanism.
    Sasl(Vec<u8>),
    /// What NOOP is to echo.
    Tag(Vec<u8>),
    /// It may work later.
    TryLater,
    /// The script is odd.
    Warnings,
}

/// One answer; an empty text is left out.
pub fn response(out: &mut Vec<u8>, status: Status, code: Option<&Code>, text: &str) {
    out.extend_from_slice(match status {
        Status::Ok => b"OK",
        Status::No => b"NO",
        Status::Bye => b"BYE",
    });
    if let Some(code) = code {
        out.extend_from_slice(b" (");
        write_code(out, code);
        out.push(b')');
    }
    if !text.is_empty() {
        out.push(b' ');
        string(out, text.as_bytes(), Literal::FromServer);
    }
    line_end(out);
}

fn write_code(out: &mut Vec<u8>, code: &Code) {
    let name: &[u8] = match code {
        Code::Active => b"ACTIVE",
        Code::AlreadyExists => b"ALREADYEXISTS",
        Code::EncryptNeeded => b"ENCRYPT-NEEDED",
        Code::NonExistent => b"NONEXISTENT",
        Code::Quota => b"QUOTA",
        Code::QuotaMaxScripts => b"QUOTA/MAXSCRIPTS",
        Code::QuotaMaxSize => b"QUOTA/MAXSIZE",
        Code::Sasl(_) => b"SASL ",
        Code::Tag(_) => b"TAG ",
        Code::TryLater => b"TRYLATER",
        Code::Warnings => b"WARNINGS",
    };
    out.extend_from_slice(name);
    match code {
        Code::Sasl(data) => string(out, BASE64.encode(data).as_bytes(), Literal::FromServer),
        Code::Tag(tag) => string(out, tag, Literal::FromServer),
        _ => {}
    }
}

/// A challenge of a SASL exchange.
pub fn challenge(out: &mut Vec<u8>, data: &[u8]) {
    string(out, BASE64.encode(data).as_bytes(), Literal::FromServer);
    line_end(out);
}

/// One line of the list of capabilities.
pub fn capability(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    string(out, name.as_bytes(), Literal::FromServer);
    if let Some(value) = value {
        out.push(b' ');
        string(out, value.as_bytes(), Literal::FromServer);
    }
    line_end(out);
}

/// One line of the list of scripts.
pub fn script_name(out: &mut Vec<u8>, name: &str, is_active: bool) {
    string(out, name.as_bytes(), Literal::FromServer);
    out.extend_from_slice(if is_active { b" ACTIVE" } else { b"" });
    line_end(out);
}

/// A script, always as a literal.
pub fn script(out: &mut Vec<u8>, script: &[u8]) {
    literal(out, script, Literal::FromServer);
    line_end(out);
}

/// A command: the inverse of [`super::parse::command`].
pub fn command(out: &mut Vec<u8>, command: &Command) {
    let (name, strings): (&str, Vec<&[u8]>) = match command {
        Command::Authenticate { mechanism, initial: None } => ("AUTHENTICATE", vec![mechanism.as_bytes()]),
        Command::Authenticate { mechanism, initial: Some(initial) } => {
            out.extend_from_slice(b"AUTHENTICATE ");
            string(out, mechanism.as_bytes(), Literal::FromClient);
            out.push(b' ');
            string(out, BASE64.encode(initial).as_bytes(), Literal::FromClient);
            return line_end(out);
        }
        Command::Capability => ("CAPABILITY", Vec::new()),
        Command::CheckScript(script) => ("CHECKSCRIPT", vec![script]),
        Command::DeleteScript(name) => ("DELETESCRIPT", vec![name.as_bytes()]),
        Command::GetScript(name) => ("GETSCRIPT", vec![name.as_bytes()]),
        Command::HaveSpace { name, bytes } => {
            out.extend_from_slice(b"HAVESPACE ");
            string(out, name.as_bytes(), Literal::FromClient);
            out.extend_from_slice(format!(" {bytes}").as_bytes());
            return line_end(out);
        }
        Command::ListScripts => ("LISTSCRIPTS", Vec::new()),
        Command::Logout => ("LOGOUT", Vec::new()),
        Command::Noop(tag) => ("NOOP", tag.iter().map(Vec::as_slice).collect()),
        Command::PutScript { name, script } => ("PUTSCRIPT", vec![name.as_bytes(), script]),
        Command::RenameScript { from, to } => ("RENAMESCRIPT", vec![from.as_bytes(), to.as_bytes()]),
        Command::SetActive(name) => {
            ("SETACTIVE", vec![name.as_ref().map_or(b"".as_slice(), |name| name.as_bytes())])
        }
        Command::StartTls => ("STARTTLS", Vec::new()),
        Command::Unauthenticate => ("UNAUTHENTICATE", Vec::new()),
    };
    out.extend_from_slice(name.as_bytes());
    for argument in strings {
        out.push(b' ');
        string(out, argument, Literal::FromClient);
    }
    line_end(out);
}

/// Who writes a literal: the client's have a plus.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Literal {
    FromClient,
    FromServer,
}

fn line_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

fn string(out: &mut Vec<u8>, value: &[u8], side: Literal) {
    let is_quotable = !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    let escapes = value.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    if !is_quotable || value.len() + escapes > QUOTED_BYTES_MAX || std::str::from_utf8(value).is_err() {
        return literal(out, value, side);
    }
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

fn literal(out: &mut Vec<u8>, value: &[u8], side: Literal) {
    let plus = if side == Literal::FromClient { "+" } else { "" };
    out.extend_from_slice(format!("{{{}{plus}}}\r\n", value.len()).as_bytes());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_written_as_the_rfc_shows() {
        for (status, code, text, expected) in [
            (Status::Ok, None, "", "OK\r\n"),
            (Status::Ok, Some(Code::Tag(b"a\nb".to_vec())), "Done", "OK (TAG {3}\r\na\nb) \"Done\"\r\n"),
            (Status::Ok, Some(Code::Sasl(b"v=1".to_vec())), "", "OK (SASL \"dj0x\")\r\n"),
            (
                Status::No,
                Some(Code::QuotaMaxSize),
                "too \"long\"",
                "NO (QUOTA/MAXSIZE) \"too \\\"long\\\"\"\r\n",
            ),
            (Status::No, None, "line 1\r\nline 2", "NO {14}\r\nline 1\r\nline 2\r\n"),
            (Status::Bye, Some(Code::TryLater), "later", "BYE (TRYLATER) \"later\"\r\n"),
        ] {
            let mut out = Vec::new();
            response(&mut out, status, code.as_ref(), text);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        let mut out = Vec::new();
        script_name(&mut out, "ä\\", true);
        script(&mut out, b"keep;");
        challenge(&mut out, b"");
        assert_eq!(String::from_utf8(out).unwrap(), "\"ä\\\\\" ACTIVE\r\n{5}\r\nkeep;\r\n\"\"\r\n");
    }

    #[test]
    fn long_strings_are_literals() {
        let mut out = Vec::new();
        string(&mut out, &[b'"'; 512], Literal::FromServer);
        assert_eq!(out.len(), 1026);
        out.clear();
        string(&mut out, &[b'"'; 513], Literal::FromServer);
        assert!(out.starts_with(b"{513}\r\n"));
    }
}
