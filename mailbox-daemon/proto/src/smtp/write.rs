//! Words to command lines, the inverse of `parse`; and the trace header.

use super::parse::{Command, ForwardPath, Mail, Rcpt};
use std::fmt::Write;
use types::{BodyType, DsnNotify, DsnReturn};

/// Appends a command as it goes over the wire, with CRLF.
///
/// Parameters are written as they are given: the client leaves out what the server did not announce.
pub fn command(command: &Command, out: &mut Vec<u8>) {
    let mut line = String::new();
    match command {
        Command::Auth { mechanism, initial } => {
            line.push_str("AUTH ");
            line.push_str(mechanism);
            if let Some(initial) = initial {
                line.push(' ');
                line.push_str(if initial.is_empty() { "=" } else { initial });
            }
        }
        Command::Bdat { bytes, last } => {
            let _ = write!(line, "BDAT {bytes}{}", if *last { " LAST" } else { "" });
        }
        Command::Data => line.push_str("DATA"),
        Command::Ehlo(name) => line.extend(["EHLO ", name]),
        Command::Expn => line.push_str("EXPN"),
        Command::Helo(name) => line.extend(["HELO ", name]),
        Command::Help => line.push_str("HELP"),
        Command::Mail(mail) => write_mail(mail, &mut line),
        Command::Noop => line.push_str("NOOP"),
        Command::Quit => line.push_str("QUIT"),
        Command::Rcpt(rcpt) => write_rcpt(rcpt, &mut line),
        Command::Rset => line.push_str("RSET"),
        Command::StartTls => line.push_str("STARTTLS"),
        Command::Vrfy => line.push_str("VRFY x"),
    }
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_mail(mail: &Mail, line: &mut String) {
    let parameters = &mail.parameters;
    line.push_str("MAIL FROM:<");
    if let Some(from) = &mail.from {
        let _ = write!(line, "{from}");
    }
    line.push('>');
    if let Some(bytes) = parameters.size_bytes {
        let _ = write!(line, " SIZE={bytes}");
    }
    if parameters.body == BodyType::EightBitMime {
        line.push_str(" BODY=8BITMIME");
    }
    if parameters.smtputf8 {
        line.push_str(" SMTPUTF8");
    }
    match parameters.ret {
        None => {}
        Some(DsnReturn::Full) => line.push_str(" RET=FULL"),
        Some(DsnReturn::Headers) => line.push_str(" RET=HDRS"),
    }
    if let Some(id) = &parameters.envelope_id {
        line.push_str(" ENVID=");
        encode_xtext(id, line);
    }
    if parameters.require_tls {
        line.push_str(" REQUIRETLS");
    }
}

fn write_rcpt(rcpt: &Rcpt, line: &mut String) {
    let _ = match &rcpt.to {
        ForwardPath::Address(address) => write!(line, "RCPT TO:<{address}>"),
        ForwardPath::Postmaster => write!(line, "RCPT TO:<Postmaster>"),
    };
    if let Some(notify) = rcpt.notify {
        line.push_str(" NOTIFY=");
        write_notify(notify, line);
    }
    if let Some((kind, address)) = rcpt.original.as_deref().and_then(|original| original.split_once(';')) {
        line.extend([" ORCPT=", kind, ";"]);
        match kind.eq_ignore_ascii_case("utf-8") {
            true => encode_utf8_address(address, line),
            false => encode_xtext(address, line),
        }
    }
}

fn write_notify(notify: DsnNotify, line: &mut String) {
    let words = [("SUCCESS", notify.success), ("FAILURE", notify.failure), ("DELAY", notify.delay)];
    let mut asked = words.iter().filter(|(_, asked)| *asked).map(|(word, _)| *word).peekable();
    if asked.peek().is_none() {
        line.push_str("NEVER");
    }
    while let Some(word) = asked.next() {
        line.push_str(word);
        if asked.peek().is_some() {
            line.push(',');
        }
    }
}

/// `xtext` of RFC 3461 section 4.
pub fn encode_xtext(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'+' | b'=' => write!(out, "+{byte:02X}").unwrap_or_default(),
            b'!'..=b'~' => out.push(byte as char),
            _ => write!(out, "+{byte:02X}").unwrap_or_default(),
        }
    }
}

/// `utf-8-addr-xtext` of RFC 6533 section 3, which any server can take.
pub fn encode_utf8_address(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '+' | '=' | '\\' => write!(out, "\\x{{{:02X}}}", c as u32).unwrap_or_default(),
            '!'..='~' => out.push(c),
            _ => write!(out, "\\x{{{:02X}}}", c as u32).unwrap_or_default(),
        }
    }
}

/// What one hop knows of a message (RFC 5321 section 4.4).
#[derive(Clone, Debug)]
pub struct Trace<'a> {
    /// What the client called itself.
    pub client_name: &'a str,
    /// Where it is.
    pub client_ip: std::net::IpAddr,
    /// This server.
    pub host: &'a str,
    /// The transmission type (RFC 3848, RFC 6531 section 4.3).
    pub with: &'static str,
    /// TLS version and cipher.
    pub tls: Option<&'a str>,
    /// The message's name in our log.
    pub id: &'a str,
    /// The recipient, where there is only one; others are nobody's business.
    pub recipient: Option<&'a str>,
    /// RFC 5322 form.
    pub date: &'a str,
}

/// The transmission type for `with`: ESMTP with S for TLS and A for AUTH, UTF8 before it under SMTPUTF8.
pub fn transmission_type(
    is_esmtp: bool,
    is_tls: bool,
    is_authenticated: bool,
    is_utf8: bool,
) -> &'static str {
    match (is_esmtp, is_utf8, is_tls, is_authenticated) {
        (false, false, ..) => "SMTP",
        (_, false, false, false) => "ESMTP",
        (_, false, false, true) => "ESMTPA",
        (_, false, true, false) => "ESMTPS",
        (_, false, true, true) => "ESMTPSA",
        (_, true, false, false) => "UTF8SMTP",
        (_, true, false, true) => "UTF8SMTPA",
        (_, true, true, false) => "UTF8SMTPS",
        (_, true, true, true) => "UTF8SMTPSA",
    }
}

/// Appends the `Received:` field.
pub fn received(trace: &Trace<'_>, out: &mut Vec<u8>) {
    let mut field = String::with_capacity(320);
    let ip = trace.client_ip.to_canonical();
    let tag = if ip.is_ipv6() { "IPv6:" } else { "" };
    let _ =
        write!(field, "Received: from {} ([{tag}{ip}])\r\n\tby {}", safe_name(trace.client_name), trace.host);
    let _ = write!(field, " with {} id {}", trace.with, trace.id);
    if let Some(tls) = trace.tls {
        let _ = write!(field, "\r\n\t({tls})");
    }
    if let Some(recipient) = trace.recipient {
        let _ = write!(field, "\r\n\tfor <{recipient}>");
    }
    let _ = write!(field, ";\r\n\t{}\r\n", trace.date);
    out.extend_from_slice(field.as_bytes());
}

/// A client may call itself anything; in a header only what cannot be mistaken for another part of the field is kept.
fn safe_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':') { c } else { '?' }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::parse::{decode_utf8_address, decode_xtext, parse};
    use super::*;
    use proptest::prelude::*;
    use types::{Address, MailParameters};

    fn written(words: &Command) -> Vec<u8> {
        let mut out = Vec::new();
        command(words, &mut out);
        out
    }

    #[test]
    fn a_trace_header() {
        let mut out = Vec::new();
        let trace = Trace {
            client_name: "mx(evil)",
            client_ip: "2001:db8::1".parse().unwrap(),
            host: "home.test",
            with: transmission_type(true, true, false, false),
            tls: Some("TLSv1.3"),
            id: "abc",
            recipient: Some("ana@home.test"),
            date: "Fri, 21 Nov 2026 12:00:00 +0000",
        };
        received(&trace, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Received: from mx?evil? ([IPv6:2001:db8::1])\r\n\tby home.test with ESMTPS id abc\r\n\
             \t(TLSv1.3)\r\n\tfor <ana@home.test>;\r\n\tFri, 21 Nov 2026 12:00:00 +0000\r\n"
        );
    }

    prop_compose! {
        fn any_mail()(
            from in prop::option::of("[a-z\u{e4}\"]{1,5}"),
            size_bytes in prop::option::of(any::<u64>()),
            eight_bit: bool, smtputf8: bool, require_tls: bool, ret in 0..3,
            envelope_id in prop::option::of("[ -~]{1,30}"),
        ) -> Mail {
            let from = from.and_then(|local| Address::parse(&format!("{local}@home.test")).ok());
            let smtputf8 = smtputf8 || from.as_ref().is_some_and(|from| !from.is_ascii());
            let body = if eight_bit { BodyType::EightBitMime } else { BodyType::SevenBit };
            let ret = [None, Some(DsnReturn::Full), Some(DsnReturn::Headers)][ret as usize];
            let parameters = MailParameters { size_bytes, body, smtputf8, ret, envelope_id, require_tls };
            Mail { from, parameters }
        }
    }

    proptest! {
        #[test]
        fn mail_comes_back(mail in any_mail()) {
            let words = Command::Mail(mail);
            let line = written(&words);
            prop_assert_eq!(parse(&line[..line.len() - 2]), Ok(words));
        }

        #[test]
        fn rcpt_comes_back(success: bool, failure: bool, delay: bool, original in "[!-~\u{fc}]{1,20}", utf8: bool) {
            let kind = if utf8 { "utf-8" } else { "rfc822" };
            let to = ForwardPath::Address(Address::parse("\"a b\"@home.test").unwrap());
            let notify = Some(DsnNotify { success, failure, delay });
            let words = Command::Rcpt(Rcpt { to, notify, original: Some(format!("{kind};{original}")), is_international: false });
            let line = written(&words);
            prop_assert_eq!(parse(&line[..line.len() - 2]), Ok(words));
        }

        #[test]
        fn text_comes_back(text in "\\PC{0,30}") {
            let (mut xtext, mut address) = (String::new(), String::new());
            encode_xtext(&text, &mut xtext);
            encode_utf8_address(&text, &mut address);
            prop_assert_eq!(decode_xtext(&xtext), Some(text.clone()));
            prop_assert_eq!(decode_utf8_address(&address), Some(text));
        }
    }
}
