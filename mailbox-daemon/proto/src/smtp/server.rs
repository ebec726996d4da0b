//! The server's side of a session (RFC 5321, 6409), without I/O: bytes in, replies and actions out.
//!
//! **Drive rule: give [`Session::advance`] the bytes it has not consumed yet, again and again, until it says
//! [`Action::Read`]. Do what any other action says first; an action that is a question is answered with [`Session::answer`]
//! before the next `advance`. Write `out` before reading more, before TLS and before closing.**
//!
//! The session knows the grammar, the order of commands and the limits; whose mail it is, and where it goes, is for the
//! one who drives it. A command line is kept only while it is incomplete, a message never.

mod line;
#[cfg(test)]
mod tests;

use super::data::{Fault, MessageReader, Piece};
use super::parse::{Command, CommandError, Mail, Rcpt, parse};
use super::reply::{Reply, say};
use crate::sasl::Mechanism;
use data_encoding::BASE64;
use line::{Line, LineReader};
use std::ops::Range;
use types::{Domain, Limits, Recipient};
use zeroize::Zeroizing;

/// Longest line of an AUTH exchange (RFC 4954 section 4).
const AUTH_LINE_BYTES_MAX: usize = 12_288;
/// Commands that carry no mail, between messages, before they count as errors.
const IDLE_COMMANDS_MAX: u32 = 100;

/// Who is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Other servers, port 25: no logins.
    Inbound,
    /// The people who live here, ports 587 and 465: nothing without a login.
    Submission,
}

/// What one session is allowed and offers.
#[derive(Clone, Debug)]
pub struct Config {
    /// How the server calls itself.
    pub host: String,
    /// Where `<Postmaster>` without a domain is.
    pub postmaster_domain: Domain,
    /// Who is served.
    pub role: Role,
    /// The limits.
    pub limits: Limits,
    /// Whether TLS is up already.
    pub is_tls: bool,
    /// Whether STARTTLS is possible.
    pub has_starttls: bool,
    /// Whether logins are taken without TLS.
    pub has_cleartext_auth: bool,
    /// Whether TLS, which is up already, can be bound to.
    pub has_channel_binding: bool,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Everything is consumed: write `out`, then read.
    Read,
    /// A question: may this be sent from there?
    Mail(Mail),
    /// A question: does this recipient exist?
    Rcpt(Recipient),
    /// A question: is there a place for a message? [`say::SEND_MESSAGE`] says yes; no ends the transaction.
    Begin,
    /// This part of the input of this call is message content.
    Content(Range<usize>),
    /// A question: is the message accepted? Either way the transaction is over.
    End {
        /// A last CRLF has to be added (possible only after BDAT).
        lacks_newline: bool,
    },
    /// The transaction is over without a message; forget it.
    Reset,
    /// A question: begin a login, then [`Session::challenge`] or [`Session::answer`].
    Auth {
        /// One of those offered.
        mechanism: Mechanism,
        /// The initial response, decoded.
        initial: Option<Zeroizing<Vec<u8>>>,
    },
    /// A question: the client's answer to the last challenge, decoded.
    AuthResponse(Zeroizing<Vec<u8>>),
    /// The client gave up logging in.
    AuthCancelled,
    /// Write `out`, forget whatever else was read, do the TLS handshake, then call [`Session::tls_started`].
    StartTls,
    /// Write `out` and close.
    Close,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    config: Config,
    state: State,
    line: LineReader,
    client_name: String,
    is_esmtp: bool,
    is_authenticated: bool,
    transaction: Option<Transaction>,
    errors: u32,
    idle_commands: u32,
    login_failures: u32,
}

#[derive(Debug)]
enum State {
    Command,
    AuthLine,
    Asked(Question),
    /// After DATA.
    Message,
    /// Inside a BDAT chunk.
    Chunk {
        remaining: u64,
        last: bool,
    },
    /// Inside a BDAT chunk nobody wants; this is said at its end.
    DroppedChunk {
        remaining: u64,
        reply: Reply,
    },
    Closing,
}

#[derive(Debug)]
enum Question {
    Mail,
    Rcpt,
    BeginData,
    BeginChunk { bytes: u64, last: bool },
    End,
    Auth,
}

#[derive(Debug, Default)]
struct Transaction {
    is_smtputf8: bool,
    recipients: usize,
    has_refused: bool,
    /// Present once the message has begun.
    reader: Option<MessageReader>,
}

impl Session {
    /// A session before its greeting.
    pub fn new(config: Config) -> Session {
        Session {
            config,
            state: State::Command,
            line: LineReader::default(),
            client_name: String::new(),
            is_esmtp: false,
            is_authenticated: false,
            transaction: None,
            errors: 0,
            idle_commands: 0,
            login_failures: 0,
        }
    }

    /// Says hello.
    pub fn greet(&self, out: &mut Vec<u8>) {
        Reply::bare(220, "").with_text(format!("{} ESMTP", self.config.host)).write(out);
    }

    /// What the client called itself in EHLO or HELO; empty before.
    pub fn client_name(&self) -> &str {
        &self.client_name
    }

    /// Whether the client said EHLO.
    pub fn is_esmtp(&self) -> bool {
        self.is_esmtp
    }

    /// Whether somebody is logged in.
    pub fn is_authenticated(&self) -> bool {
        self.is_authenticated
    }

    /// Whether nothing is under way: no transaction and no login.
    pub fn is_quiet(&self) -> bool {
        self.transaction.is_none() && matches!(self.state, State::Command | State::Closing)
    }

    /// Whether a message is coming in.
    pub fn is_receiving(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.reader.is_some())
    }

    /// Takes input; says how much of it was consumed and what to do next.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Action) {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let (consumed, action) = match &self.state {
                State::Closing => return (input.len(), Action::Close),
                State::Chunk { remaining: 0, last } => (0, self.end_chunk(*last, out)),
                State::DroppedChunk { remaining: 0, .. } => (0, self.end_dropped_chunk(out)),
                _ if rest.is_empty() => return (used, Action::Read),
                State::Command | State::AuthLine => self.read_line(rest, out),
                State::Message => self.read_message(rest, out),
                State::Chunk { .. } | State::DroppedChunk { .. } => self.read_chunk(rest, out),
                State::Asked(question) => {
                    debug_assert!(false, "{question:?} was not answered");
                    return (used, Action::Read);
                }
            };
            let start = used;
            used += consumed;
            match action {
                None => {}
                Some(Action::Content(range)) => {
                    return (used, Action::Content(start + range.start..start + range.end));
                }
                // RFC 3207 section 4.2: nothing said before TLS counts, however early it was sent.
                Some(Action::StartTls) => return (input.len(), Action::StartTls),
                Some(action) => return (used, action),
            }
        }
    }

    /// Answers the question the last action was.
    pub fn answer(&mut self, reply: Reply, out: &mut Vec<u8>) {
        let State::Asked(question) = std::mem::replace(&mut self.state, State::Command) else {
            debug_assert!(false, "nothing was asked");
            return;
        };
        let yes = reply.is_positive();
        match question {
            Question::Mail if !yes => self.transaction = None,
            Question::Mail => {}
            Question::Rcpt => {
                let transaction = self.transaction.get_or_insert_default();
                transaction.recipients += usize::from(yes);
                transaction.has_refused |= !yes;
            }
            Question::BeginData if yes => self.state = State::Message,
            Question::BeginChunk { bytes, last } if yes => {
                self.state = State::Chunk { remaining: bytes, last };
                return;
            }
            Question::BeginChunk { bytes, .. } => {
                self.transaction = None;
                self.state = State::DroppedChunk { remaining: bytes, reply };
                return;
            }
            Question::BeginData => self.transaction = None,
            Question::End => {
                self.transaction = None;
                if yes {
                    (self.errors, self.idle_commands) = (0, 0);
                }
            }
            Question::Auth if yes => self.is_authenticated = true,
            Question::Auth => {
                self.login_failures += u32::from(reply.is_permanent());
                if self.login_failures >= self.config.limits.login_failures_max {
                    return self.say(say::TOO_MANY_LOGINS, out);
                }
            }
        }
        self.say(reply, out);
    }

    /// Asks the client on in a login.
    pub fn challenge(&mut self, message: &[u8], out: &mut Vec<u8>) {
        debug_assert!(matches!(self.state, State::Asked(Question::Auth)), "no login is under way");
        self.state = State::AuthLine;
        out.extend_from_slice(b"334 ");
        out.extend_from_slice(BASE64.encode(message).as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// TLS is up: the session begins anew (RFC 3207 section 4.2).
    pub fn tls_started(&mut self, has_channel_binding: bool) {
        self.config.is_tls = true;
        self.config.has_channel_binding = has_channel_binding;
        self.line = LineReader::default();
        self.client_name.clear();
        self.is_esmtp = false;
        self.is_authenticated = false;
        self.transaction = None;
    }

    /// Ends the session from this side, with a 421.
    pub fn close(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        reply.write(out);
        self.state = State::Closing;
    }

    /// Writes a reply and counts what it refuses.
    fn say(&mut self, reply: Reply, out: &mut Vec<u8>) {
        self.errors += u32::from(reply.is_permanent());
        if reply.code == 421 {
            self.close(&reply, out);
        } else if self.errors > self.config.limits.smtp_errors_max {
            self.close(&say::TOO_MANY_ERRORS, out);
        } else {
            reply.write(out);
        }
    }

    fn read_line(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Action>) {
        let is_auth = matches!(self.state, State::AuthLine);
        let bytes_max = if is_auth { AUTH_LINE_BYTES_MAX } else { self.config.limits.smtp_line_bytes_max };
        let (consumed, line) = self.line.read(input, bytes_max);
        let action = match line {
            Line::Incomplete => None,
            Line::Whole(line) if is_auth => Some(self.auth_response(&line, out)),
            Line::Whole(line) => match parse(&line) {
                Ok(command) => self.command(command, out),
                Err(error) => self.refuse(reply_to(error), out),
            },
            Line::EndsBadly | Line::TooLong if is_auth => {
                self.state = State::Command;
                self.say(say::BAD_AUTH, out);
                Some(Action::AuthCancelled)
            }
            Line::EndsBadly => self.refuse(say::BAD_LINE, out),
            Line::TooLong => self.refuse(say::LINE_TOO_LONG, out),
            Line::Endless => self.refuse(say::TOO_MANY_ERRORS, out),
        };
        (consumed, action)
    }

    fn command(&mut self, command: Command, out: &mut Vec<u8>) -> Option<Action> {
        if !matches!(command, Command::Mail(_) | Command::Rcpt(_) | Command::Data | Command::Bdat { .. }) {
            self.idle_commands += 1;
            if self.idle_commands > IDLE_COMMANDS_MAX {
                return self.refuse(say::TOO_MANY_ERRORS, out);
            }
        }
        match command {
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial.as_deref(), out),
            Command::Bdat { bytes, last } => self.bdat(bytes, last, out),
            Command::Data => self.data(out),
            Command::Ehlo(name) => self.hello(name, true, out),
            Command::Expn => self.refuse(say::NOT_IMPLEMENTED, out),
            Command::Helo(name) => self.hello(name, false, out),
            Command::Help => self.help(out),
            Command::Mail(mail) => self.mail(mail, out),
            Command::Noop => self.refuse(say::OK, out),
            Command::Quit => self.quit(out),
            Command::Rcpt(rcpt) => self.rcpt(rcpt, out),
            Command::Rset => {
                self.say(say::OK, out);
                self.reset()
            }
            Command::StartTls => self.start_tls(out),
            Command::Vrfy => self.refuse(say::CANNOT_VERIFY, out),
        }
    }

    /// Says something and goes on.
    fn refuse(&mut self, reply: Reply, out: &mut Vec<u8>) -> Option<Action> {
        self.say(reply, out);
        None
    }

    fn ask(&mut self, question: Question, action: Action) -> Action {
        self.state = State::Asked(question);
        action
    }

    fn reset(&mut self) -> Option<Action> {
        self.transaction.take().map(|_| Action::Reset)
    }

    /// RFC 5321 section 4.1.1.1.
    fn hello(&mut self, name: String, is_esmtp: bool, out: &mut Vec<u8>) -> Option<Action> {
        self.client_name = name;
        self.is_esmtp = is_esmtp;
        let text = match is_esmtp {
            true => self.extensions(),
            false => self.config.host.clone(),
        };
        self.say(Reply::bare(250, "").with_text(text), out);
        self.reset()
    }

    fn extensions(&self) -> String {
        let limits = &self.config.limits;
        let mut text = format!(
            "{}\nPIPELINING\nSIZE {}\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nDSN\nLIMITS RCPTMAX={}",
            self.config.host, limits.message_bytes_max, limits.recipients_max
        );
        if self.config.has_starttls && !self.config.is_tls {
            text.push_str("\nSTARTTLS");
        }
        if self.may_log_in() {
            text.push_str("\nAUTH");
            for mechanism in Mechanism::offered(self.has_channel_binding()) {
                text.push(' ');
                text.push_str(mechanism.name());
            }
        }
        text + "\nHELP"
    }

    fn may_log_in(&self) -> bool {
        self.config.role == Role::Submission && (self.config.is_tls || self.config.has_cleartext_auth)
    }

    fn has_channel_binding(&self) -> bool {
        self.config.is_tls && self.config.has_channel_binding
    }

    fn help(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        const TEXT: &str = "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP STARTTLS AUTH QUIT\nSee RFC 5321 for what they do";
        self.refuse(Reply::new(214, 0, 0, TEXT), out)
    }

    fn quit(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        self.close(&say::BYE, out);
        None
    }

    /// RFC 3207.
    fn start_tls(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        if !self.config.has_starttls {
            return self.refuse(say::NOT_IMPLEMENTED, out);
        }
        if self.config.is_tls {
            return self.refuse(say::BAD_SEQUENCE.with_text("TLS is up already"), out);
        }
        self.say(say::START_TLS, out);
        self.transaction = None;
        Some(Action::StartTls)
    }

    /// RFC 4954 section 4.
    fn auth(&mut self, mechanism: &str, initial: Option<&str>, out: &mut Vec<u8>) -> Option<Action> {
        if self.config.role == Role::Inbound {
            return self.refuse(say::NO_LOGIN_HERE, out);
        }
        if !self.is_esmtp {
            return self.refuse(say::HELLO_FIRST, out);
        }
        if self.is_authenticated || self.transaction.is_some() {
            return self.refuse(say::BAD_SEQUENCE, out);
        }
        if !self.may_log_in() {
            return self.refuse(say::LOGIN_NEEDS_TLS, out);
        }
        let offered = Mechanism::offered(self.has_channel_binding());
        let Some(mechanism) = Mechanism::parse(mechanism).filter(|named| offered.contains(named)) else {
            return self.refuse(say::UNKNOWN_MECHANISM, out);
        };
        match initial.map(|text| BASE64.decode(text.as_bytes())).transpose() {
            Ok(initial) => {
                let initial = initial.map(Zeroizing::new);
                Some(self.ask(Question::Auth, Action::Auth { mechanism, initial }))
            }
            Err(_) => self.refuse(say::BAD_AUTH, out),
        }
    }

    fn auth_response(&mut self, line: &[u8], out: &mut Vec<u8>) -> Action {
        self.state = State::Command;
        match BASE64.decode(line) {
            Ok(response) => self.ask(Question::Auth, Action::AuthResponse(Zeroizing::new(response))),
            // `*` is no base64 and means what every other mistake does.
            Err(_) => {
                self.say(say::BAD_AUTH, out);
                Action::AuthCancelled
            }
        }
    }

    fn mail(&mut self, mail: Mail, out: &mut Vec<u8>) -> Option<Action> {
        if self.client_name.is_empty() {
            return self.refuse(say::HELLO_FIRST, out);
        }
        if self.config.role == Role::Submission && !self.is_authenticated {
            let reply = if self.may_log_in() { say::LOG_IN_FIRST } else { say::START_TLS_FIRST };
            return self.refuse(reply, out);
        }
        if self.transaction.is_some() {
            return self.refuse(say::BAD_SEQUENCE.with_text("One message at a time"), out);
        }
        if mail.parameters.size_bytes.is_some_and(|bytes| bytes > self.config.limits.message_bytes_max) {
            return self.refuse(say::TOO_LARGE, out);
        }
        self.transaction =
            Some(Transaction { is_smtputf8: mail.parameters.smtputf8, ..Transaction::default() });
        Some(self.ask(Question::Mail, Action::Mail(mail)))
    }

    fn rcpt(&mut self, rcpt: Rcpt, out: &mut Vec<u8>) -> Option<Action> {
        let Some(transaction) = self.transaction.as_ref().filter(|begun| begun.reader.is_none()) else {
            return self.refuse(say::BAD_SEQUENCE, out);
        };
        if rcpt.is_international && !transaction.is_smtputf8 {
            return self.refuse(say::NEEDS_SMTPUTF8, out);
        }
        if transaction.recipients >= self.config.limits.recipients_max {
            return self.refuse(say::TOO_MANY_RECIPIENTS, out);
        }
        let recipient = rcpt.into_recipient(&self.config.postmaster_domain);
        Some(self.ask(Question::Rcpt, Action::Rcpt(recipient)))
    }

    /// Whether a message may begin, or why not.
    fn check_begin(&self) -> Result<(), Reply> {
        match &self.transaction {
            None => Err(say::BAD_SEQUENCE),
            Some(begun) if begun.recipients > 0 => Ok(()),
            Some(begun) if begun.has_refused => Err(say::NO_RECIPIENTS),
            Some(_) => Err(say::RECIPIENTS_FIRST),
        }
    }

    fn begin(&mut self) {
        let limits = &self.config.limits;
        let reader = MessageReader::new(limits.message_bytes_max, limits.message_line_bytes_max);
        self.transaction.get_or_insert_default().reader = Some(reader);
    }

    fn data(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        // RFC 3030 section 3: a message is sent by DATA or by BDAT.
        if self.is_receiving() {
            return self.refuse(say::BAD_SEQUENCE, out);
        }
        if let Err(reply) = self.check_begin() {
            return self.refuse(reply, out);
        }
        self.begin();
        Some(self.ask(Question::BeginData, Action::Begin))
    }

    /// RFC 3030 section 2. The octets of a chunk follow whatever is thought of it, and are never taken for commands.
    fn bdat(&mut self, bytes: u64, last: bool, out: &mut Vec<u8>) -> Option<Action> {
        if bytes > self.config.limits.message_bytes_max.saturating_mul(2) {
            return self.refuse(say::MESSAGE_RUNS_ON, out);
        }
        if self.is_receiving() {
            self.state = State::Chunk { remaining: bytes, last };
            return None;
        }
        if let Err(reply) = self.check_begin() {
            self.state = State::DroppedChunk { remaining: bytes, reply };
            return None;
        }
        self.begin();
        Some(self.ask(Question::BeginChunk { bytes, last }, Action::Begin))
    }

    fn read_message(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Action>) {
        let reader = self.transaction.as_mut().and_then(|transaction| transaction.reader.as_mut());
        let reader = reader.expect("a message has begun in this state");
        let (consumed, piece) = reader.read_dotted(input);
        let action = match (piece, reader.fault()) {
            (Piece::Content(range), _) if !range.is_empty() => Some(Action::Content(range)),
            (Piece::Content(_), _) => self.stop_endless(out),
            (Piece::End, None) => Some(self.ask(Question::End, Action::End { lacks_newline: false })),
            (Piece::End, Some(fault)) => {
                self.state = State::Command;
                self.say(reply_to_fault(fault), out);
                self.reset()
            }
        };
        (consumed, action)
    }

    /// A refused message is read to its end so that its rest is not taken for commands, but not for ever.
    fn stop_endless(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        let reader = self.transaction.as_ref()?.reader.as_ref()?;
        if !reader.runs_on() {
            return None;
        }
        self.say(say::MESSAGE_RUNS_ON, out);
        self.reset()
    }

    fn read_chunk(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Action>) {
        let (State::Chunk { remaining, .. } | State::DroppedChunk { remaining, .. }) = &mut self.state else {
            return (0, None);
        };
        let consumed = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
        *remaining -= consumed as u64;
        let is_dropped = matches!(self.state, State::DroppedChunk { .. });
        let reader = self.transaction.as_mut().and_then(|transaction| transaction.reader.as_mut());
        let range = match reader {
            Some(reader) if !is_dropped => reader.read_chunk(&input[..consumed]),
            _ => 0..0,
        };
        match range.is_empty() {
            true => (consumed, self.stop_endless(out)),
            false => (consumed, Some(Action::Content(range))),
        }
    }

    fn end_chunk(&mut self, last: bool, out: &mut Vec<u8>) -> Option<Action> {
        self.state = State::Command;
        let reader = self.transaction.as_mut().and_then(|transaction| transaction.reader.as_mut());
        let reader = reader.expect("a message has begun in this state");
        let lacks_newline = last && reader.lacks_newline();
        if let Some(fault) = reader.fault() {
            self.say(reply_to_fault(fault), out);
            return self.reset();
        }
        match last {
            true => Some(self.ask(Question::End, Action::End { lacks_newline })),
            false => self.refuse(say::CHUNK_OK, out),
        }
    }

    fn end_dropped_chunk(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        if let State::DroppedChunk { reply, .. } = std::mem::replace(&mut self.state, State::Command) {
            self.say(reply, out);
        }
        None
    }
}

fn reply_to(error: CommandError) -> Reply {
    match error {
        CommandError::Unknown => say::UNKNOWN_COMMAND,
        CommandError::Syntax => say::SYNTAX,
        CommandError::Sender(error) => say::BAD_SENDER.with_text(format!("The sender: {error}")),
        CommandError::Recipient(error) => say::BAD_RECIPIENT.with_text(format!("The recipient: {error}")),
        CommandError::UnknownParameter => say::UNKNOWN_PARAMETER,
        CommandError::NeedsSmtpUtf8 => say::NEEDS_SMTPUTF8,
    }
}

fn reply_to_fault(fault: Fault) -> Reply {
    match fault {
        Fault::BareCr | Fault::BareLf => say::BARE_CR_OR_LF,
        Fault::Nul => say::NUL_IN_MESSAGE,
        Fault::LineTooLong => say::MESSAGE_LINE_TOO_LONG,
        Fault::TooLarge => say::TOO_LARGE,
    }
}
