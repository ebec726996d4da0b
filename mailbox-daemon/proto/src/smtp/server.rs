//! The server's side of a session (RFC 5321, 6409), without I/O: bytes in, replies and actions out.
//!
//! **Drive rule: give [`Session::advance`] the bytes it has not consumed yet, again and again, until it says
//! [`Action::Read`]. Do what any other action says first; an action that is a question is answered with [`Session::answer`]
//! before the next `advance`. Write `out` before reading more, before TLS and before closing.**
//!
//! The session knows the grammar, the order of commands and the limits; whose mail it is, and where it goes, is for the
//! one who drives it. A command line is kept only while it is incomplete, a message never.

mod commands;
mod content;
mod line;
#[cfg(test)]
mod tests;

use super::data::MessageReader;
use super::parse::{Mail, parse};
use super::reply::{Reply, say};
use crate::sasl::Mechanism;
use commands::reply_to;
use data_encoding::BASE64;
use line::{Line, LineReader};
use std::ops::Range;
use types::{Domain, Limits, Recipient};
use zeroize::Zeroizing;

/// Longest line of an AUTH exchange (RFC 4954 section 4).
const AUTH_LINE_BYTES_MAX: usize = 12_288;

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
    /// Message content: a CRLF that stands for a CR or LF the client sent alone.
    LineEnd,
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

    /// Mistakes and refusals since the last message was accepted.
    pub fn errors(&self) -> u32 {
        self.errors
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
}
