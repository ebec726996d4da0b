//! The client side of SMTP, without I/O (RFC 5321, 2920, 3207, 4954, 3461, 6531).
//!
//! **The rule: after every input, [`Client::poll`] until it says [`Action::Read`].** Inputs are bytes ([`Client::feed`]), the
//! peer's end ([`Client::lost`]), a finished handshake ([`Client::tls_started`]), a message to send ([`Client::begin`]), its
//! bytes ([`Client::body`], [`Client::end_body`]) and the wish to leave ([`Client::quit`]).
//!
//! One session carries any number of messages, one after the other.

mod answer;
mod offered;
mod outcome;
mod stuffing;
mod transaction;

pub use answer::{Answer, NoAnswer};
pub use offered::Offered;
pub use outcome::{Failure, Missing, Outcome, SessionEnd, Stage};
pub use transaction::Transaction;

use crate::sasl;
use answer::AnswerReader;
use data_encoding::BASE64;
use std::time::Duration;
use stuffing::Stuffing;
use transaction::{Progress, Step};

/// Whether TLS is to be had on a connection that begins without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// Never: it is up already, or not wanted.
    Never,
    /// Where the server offers it; whoever logs in needs it all the same.
    IfOffered,
    /// Or not at all.
    Required,
}

/// Name and password for a relay.
#[derive(Clone)]
pub struct Login {
    /// The account's name.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.user)
    }
}

/// How a session is to go.
#[derive(Clone, Debug)]
pub struct Options {
    /// What EHLO says: our host name.
    pub name: String,
    /// TLS.
    pub start_tls: StartTls,
    /// For relays.
    pub login: Option<Login>,
}

/// What the driver does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Send what [`Client::output`] holds, then clear it.
    Write,
    /// Read bytes and feed them.
    Read,
    /// Do the TLS handshake, then say [`Client::tls_started`].
    StartTls,
    /// Give a message or quit.
    Ready,
    /// Give the message's bytes, then end it.
    Body,
    /// The message is through with: what became of each recipient, by index.
    Finished(Vec<Outcome>),
    /// The session is over.
    Closed(SessionEnd),
}

/// One session.
pub struct Client {
    options: Options,
    state: State,
    reader: AnswerReader,
    output: Vec<u8>,
    offered: Offered,
    needs_reset: bool,
}

enum State {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Handshake,
    /// What LOGIN is to be answered next; `None` when only the verdict is outstanding.
    Auth(Option<usize>),
    Ready,
    /// Answers to MAIL, RCPT and DATA are outstanding, or commands still to be sent.
    Envelope(Progress),
    Body(Progress, Stuffing),
    EndOfBody(Progress),
    Finished(Vec<Outcome>, Option<SessionEnd>),
    Quit,
    Closed(SessionEnd),
}

impl Client {
    /// A session that waits for the server's greeting.
    pub fn new(options: Options) -> Client {
        Client {
            options,
            state: State::Greeting,
            reader: AnswerReader::default(),
            output: Vec::new(),
            offered: Offered::default(),
            needs_reset: false,
        }
    }

    /// What to do next.
    pub fn poll(&mut self) -> Action {
        if !self.output.is_empty() {
            return Action::Write;
        }
        match &mut self.state {
            State::Handshake => Action::StartTls,
            State::Ready => Action::Ready,
            State::Body(..) => Action::Body,
            State::Closed(end) => Action::Closed(end.clone()),
            State::Finished(outcomes, end) => {
                let outcomes = std::mem::take(outcomes);
                self.state = end.take().map_or(State::Ready, State::Closed);
                Action::Finished(outcomes)
            }
            _ => Action::Read,
        }
    }

    /// Bytes to be sent; the driver clears them.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// How long the server may take for what is outstanding (RFC 5321 section 4.5.3.2).
    pub fn patience(&self) -> Duration {
        let minutes = match &self.state {
            State::Body(..) => 3,
            State::EndOfBody(_) => 10,
            State::Quit => return Duration::from_secs(5),
            State::Envelope(progress) if progress.waits_for_data() => 2,
            _ => 5,
        };
        Duration::from_secs(minutes * 60)
    }

    /// What the server announced.
    pub fn offered(&self) -> &Offered {
        &self.offered
    }

    /// Takes bytes from the server.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.reader.feed(bytes);
        loop {
            match self.reader.next() {
                Ok(Some(answer)) => self.take(answer),
                Ok(None) => return,
                Err(NoAnswer) => return self.fail(Failure::Garbage),
            }
        }
    }

    /// The connection ended, or the server's time was up.
    pub fn lost(&mut self) {
        self.fail(Failure::Lost);
    }

    /// The handshake is done: everything learnt before it is forgotten (RFC 3207 section 4.2).
    pub fn tls_started(&mut self) {
        self.options.start_tls = StartTls::Never;
        self.offered = Offered::default();
        self.send_ehlo();
    }

    /// Sends a message's envelope. Only when [`Action::Ready`].
    pub fn begin(&mut self, transaction: Transaction) {
        debug_assert!(matches!(self.state, State::Ready), "one message at a time");
        if let Some(missing) = transaction.missing(&self.offered) {
            let outcomes = vec![Outcome::Unsupported(missing); transaction.recipients().len()];
            self.state = State::Finished(outcomes, None);
            return;
        }
        let mut progress = Progress::new(transaction, std::mem::take(&mut self.needs_reset));
        progress.send_more(&self.offered, &mut self.output);
        self.state = State::Envelope(progress);
    }

    /// Takes a piece of the message, in wire form. Only when [`Action::Body`].
    pub fn body(&mut self, chunk: &[u8]) {
        if let State::Body(_, stuffing) = &mut self.state {
            stuffing.write(chunk, &mut self.output);
        }
    }

    /// The message is complete.
    pub fn end_body(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Ready) {
            State::Body(progress, mut stuffing) => {
                stuffing.finish(&mut self.output);
                State::EndOfBody(progress)
            }
            other => other,
        };
    }

    /// Says goodbye. Only when [`Action::Ready`].
    pub fn quit(&mut self) {
        if matches!(self.state, State::Ready) {
            self.output.extend_from_slice(b"QUIT\r\n");
            self.state = State::Quit;
        }
    }

    fn take(&mut self, answer: Answer) {
        match std::mem::replace(&mut self.state, State::Ready) {
            State::Greeting if answer.code == 220 => self.send_ehlo(),
            State::Greeting => self.end(Stage::Greeting, answer),
            State::Ehlo if answer.is_positive() => {
                self.offered = Offered::parse(&answer.text);
                self.after_ehlo();
            }
            State::Ehlo if answer.is_permanent() => {
                self.send(&format!("HELO {}\r\n", self.options.name));
                self.state = State::Helo;
            }
            State::Ehlo => self.end(Stage::Hello, answer),
            State::Helo if answer.is_positive() => self.after_ehlo(),
            State::Helo => self.end(Stage::Hello, answer),
            State::StartTls if answer.code == 220 && self.reader.has_rest() => self.fail(Failure::Garbage),
            State::StartTls if answer.code == 220 => self.state = State::Handshake,
            State::StartTls if self.options.start_tls == StartTls::Required => {
                self.end(Stage::StartTls, answer);
            }
            State::StartTls => self.authenticate(),
            State::Auth(round) => self.take_auth(round, answer),
            State::Envelope(progress) => self.take_envelope(progress, answer),
            State::EndOfBody(progress) => self.finish(progress, Stage::EndOfBody, answer, false),
            // An answer nobody asked for: a refusal is the last word, anything else is beyond repair.
            State::Body(progress, _) if answer.code >= 400 => {
                self.finish(progress, Stage::Body, answer, true);
            }
            body @ State::Body(..) => {
                self.state = body;
                self.fail(Failure::Garbage);
            }
            State::Quit => self.state = State::Closed(SessionEnd::Quit),
            State::Ready if answer.code == 421 => self.end(Stage::Idle, answer),
            State::Closed(end) => self.state = State::Closed(end),
            State::Finished(outcomes, _) => {
                self.state = State::Finished(
                    outcomes,
                    Some(SessionEnd::Failed(Stage::Idle, Failure::Refused(answer))),
                );
            }
            State::Ready | State::Handshake => self.fail(Failure::Garbage),
        }
    }

    fn send_ehlo(&mut self) {
        self.send(&format!("EHLO {}\r\n", self.options.name));
        self.state = State::Ehlo;
    }

    fn after_ehlo(&mut self) {
        match self.options.start_tls {
            StartTls::IfOffered | StartTls::Required if self.offered.start_tls => {
                self.send("STARTTLS\r\n");
                self.state = State::StartTls;
            }
            StartTls::Required => self.fail_at(Stage::StartTls, Failure::NotOffered),
            StartTls::Never | StartTls::IfOffered => self.authenticate(),
        }
    }

    /// PLAIN where offered, else LOGIN (RFC 4954).
    fn authenticate(&mut self) {
        let Some(login) = &self.options.login else {
            self.state = State::Ready;
            return;
        };
        // A password is not told where TLS was wanted and did not come about.
        if self.options.start_tls != StartTls::Never {
            return self.fail_at(Stage::StartTls, Failure::NotOffered);
        }
        let (line, state) = match (self.offered.auth_plain, self.offered.auth_login) {
            (true, _) => {
                let message = sasl::plain_message(&login.user, &login.password);
                (format!("AUTH PLAIN {}\r\n", BASE64.encode(&message)), State::Auth(None))
            }
            (false, true) => ("AUTH LOGIN\r\n".to_owned(), State::Auth(Some(0))),
            (false, false) => return self.fail_at(Stage::Auth, Failure::NotOffered),
        };
        self.send(&line);
        self.state = state;
    }

    fn take_auth(&mut self, round: Option<usize>, answer: Answer) {
        let next = round.zip(self.options.login.as_ref()).and_then(|(round, login)| {
            let word = sasl::login_answer(round, &login.user, &login.password)?;
            Some((round, BASE64.encode(word.as_bytes())))
        });
        match (answer.code, next) {
            (235, _) => self.state = State::Ready,
            (334, Some((round, word))) => {
                self.send(&format!("{word}\r\n"));
                self.state = State::Auth(Some(round + 1));
            }
            _ => self.end(Stage::Auth, answer),
        }
    }

    fn take_envelope(&mut self, mut progress: Progress, answer: Answer) {
        if answer.code == 421 {
            let stage = progress.stage();
            return self.finish(progress, stage, answer, true);
        }
        self.state = match progress.take(answer, &self.offered, &mut self.output) {
            Step::More => State::Envelope(progress),
            Step::Body => State::Body(progress, Stuffing::new()),
            // RFC 2920 section 3.1: an answer to DATA that nobody can use is used up with an empty message.
            Step::EmptyBody => {
                self.output.extend_from_slice(b".\r\n");
                State::EndOfBody(progress)
            }
            Step::Finished(outcomes) => {
                self.needs_reset = true;
                State::Finished(outcomes, None)
            }
        };
    }

    /// The answer that ends a message; 421 ends the session too.
    fn finish(&mut self, progress: Progress, stage: Stage, answer: Answer, ends_session: bool) {
        let outcomes = progress.finish(stage, &answer);
        let end = (ends_session || answer.code == 421)
            .then_some(SessionEnd::Failed(stage, Failure::Refused(answer)));
        self.state = State::Finished(outcomes, end);
    }

    fn end(&mut self, stage: Stage, answer: Answer) {
        self.fail_at(stage, Failure::Refused(answer));
    }

    fn fail(&mut self, failure: Failure) {
        let stage = match &self.state {
            State::Greeting => Stage::Greeting,
            State::Ehlo | State::Helo => Stage::Hello,
            State::StartTls | State::Handshake => Stage::StartTls,
            State::Auth(_) => Stage::Auth,
            State::Envelope(progress) => progress.stage(),
            State::Body(..) => Stage::Body,
            State::EndOfBody(_) => Stage::EndOfBody,
            State::Quit => {
                self.state = State::Closed(SessionEnd::Quit);
                return;
            }
            State::Ready | State::Finished(..) | State::Closed(_) => Stage::Idle,
        };
        self.fail_at(stage, failure);
    }

    /// The session is over; a message under way is told first.
    fn fail_at(&mut self, stage: Stage, failure: Failure) {
        self.output.clear();
        let end = SessionEnd::Failed(stage, failure.clone());
        self.state = match std::mem::replace(&mut self.state, State::Ready) {
            State::Envelope(progress) | State::Body(progress, _) | State::EndOfBody(progress) => {
                State::Finished(progress.give_up(&Outcome::Broken(stage, failure)), Some(end))
            }
            State::Finished(outcomes, _) => State::Finished(outcomes, Some(end)),
            State::Closed(earlier) => State::Closed(earlier),
            _ => State::Closed(end),
        };
    }

    fn send(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
    }
}

#[cfg(test)]
mod tests;
