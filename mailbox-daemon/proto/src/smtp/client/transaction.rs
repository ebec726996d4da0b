//! One message's envelope on its way: MAIL, RCPT and DATA, pipelined where offered.

use super::{Answer, Missing, Offered, Outcome, Stage};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use types::{BodyType, DsnNotify, DsnReturn, Envelope};

/// Commands sent ahead of their answers; enough to hide the network, few enough for any receiver's buffers.
const OUTSTANDING_MAX: usize = 100;

/// A message to be sent to some of its recipients.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The whole envelope.
    pub envelope: Arc<Envelope>,
    /// Which of its recipients, by index.
    pub chosen: Vec<usize>,
    /// The message's size.
    pub message_bytes: u64,
    /// Whether an address or the header is not ASCII.
    pub needs_smtputf8: bool,
    /// Whether octets above 127 may occur.
    pub needs_eight_bit: bool,
}

impl Transaction {
    /// The indexes into the envelope's recipients; outcomes come in this order.
    pub fn recipients(&self) -> &[usize] {
        &self.chosen
    }

    fn requires_tls(&self) -> bool {
        self.envelope.parameters.require_tls
    }

    /// What the server lacks for this message.
    pub(super) fn missing(&self, offered: &Offered) -> Option<Missing> {
        match offered.size_bytes_max {
            // Reports go on without (RFC 8689 section 5).
            _ if self.requires_tls() && self.envelope.from.is_some() && !offered.require_tls => {
                Some(Missing::RequireTls)
            }
            _ if self.needs_smtputf8 && !offered.smtputf8 => Some(Missing::SmtpUtf8),
            _ if self.needs_eight_bit && !offered.eight_bit_mime => Some(Missing::EightBitMime),
            Some(max) if self.message_bytes > max => Some(Missing::Size(max)),
            _ => None,
        }
    }

    /// RFC 5321 section 4.1.1.2 with the parameters the server knows.
    fn write_mail(&self, offered: &Offered, out: &mut String) {
        let parameters = &self.envelope.parameters;
        match &self.envelope.from {
            Some(from) => write!(out, "MAIL FROM:<{from}>"),
            None => write!(out, "MAIL FROM:<>"),
        }
        .expect("a String takes everything");
        if offered.size {
            write!(out, " SIZE={}", self.message_bytes).expect("a String takes everything");
        }
        if offered.eight_bit_mime && parameters.body == BodyType::EightBitMime {
            out.push_str(" BODY=8BITMIME");
        }
        if offered.smtputf8 && self.needs_smtputf8 {
            out.push_str(" SMTPUTF8");
        }
        if offered.require_tls && self.requires_tls() {
            out.push_str(" REQUIRETLS");
        }
        if offered.dsn {
            match parameters.ret {
                Some(DsnReturn::Full) => out.push_str(" RET=FULL"),
                Some(DsnReturn::Headers) => out.push_str(" RET=HDRS"),
                None => {}
            }
            if let Some(id) = &parameters.envelope_id {
                out.push_str(" ENVID=");
                write_xtext(id, out);
            }
        }
        out.push_str("\r\n");
    }

    /// RFC 5321 section 4.1.1.3, RFC 3461 section 4.
    fn write_recipient(&self, position: usize, offered: &Offered, out: &mut String) {
        let recipient = &self.envelope.recipients[self.chosen[position]];
        write!(out, "RCPT TO:<{}>", recipient.address).expect("a String takes everything");
        if offered.dsn {
            if let Some(notify) = recipient.notify {
                out.push_str(" NOTIFY=");
                write_notify(notify, out);
            }
            if let Some((kind, address)) =
                recipient.original.as_deref().and_then(|original| original.split_once(';'))
            {
                write!(out, " ORCPT={kind};").expect("a String takes everything");
                match kind.eq_ignore_ascii_case("utf-8") {
                    true => write_utf8_address(address, offered.smtputf8, out),
                    false => write_xtext(address, out),
                }
            }
        }
        out.push_str("\r\n");
    }
}

fn write_notify(notify: DsnNotify, out: &mut String) {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let chosen: Vec<&str> = words.into_iter().filter_map(|(wanted, word)| wanted.then_some(word)).collect();
    out.push_str(if chosen.is_empty() { "NEVER".to_owned() } else { chosen.join(",") }.as_str());
}

/// `xchar` is `!` to `~` without `+` and `=` (RFC 3461 section 4).
fn write_xtext(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'+' && byte != b'=' => out.push(char::from(byte)),
            _ => write!(out, "+{byte:02X}").expect("a String takes everything"),
        }
    }
}

/// `utf-8-addr-unitext`, or `utf-8-addr-xtext` for a server without SMTPUTF8 (RFC 6533 section 3).
fn write_utf8_address(address: &str, smtputf8: bool, out: &mut String) {
    for c in address.chars() {
        match c {
            '+' | '=' | '\\' | '\0'..=' ' | '\x7f' => {
                write!(out, "\\x{{{:02X}}}", c as u32).expect("a String takes everything");
            }
            _ if c.is_ascii() || smtputf8 => out.push(c),
            _ => write!(out, "\\x{{{:X}}}", c as u32).expect("a String takes everything"),
        }
    }
}

/// What an outstanding answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reset,
    Mail,
    Recipient(usize),
    Data,
}

/// The next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Mail,
    Recipient(usize),
    Data,
    Nothing,
}

/// What an answer led to.
pub(super) enum Step {
    More,
    Body,
    EmptyBody,
    Finished(Vec<Outcome>),
}

/// How far the envelope has come.
pub(super) struct Progress {
    transaction: Transaction,
    /// By position in `chosen`; `None` while the server may still take the message for it.
    outcomes: Vec<Option<Outcome>>,
    accepted: Vec<bool>,
    asked: VecDeque<Asked>,
    next: Next,
    passes_dsn: bool,
    mail_refused: bool,
    must_reset: bool,
}

impl Progress {
    pub(super) fn new(transaction: Transaction, must_reset: bool) -> Progress {
        let count = transaction.chosen.len();
        Progress {
            transaction,
            outcomes: vec![None; count],
            accepted: vec![false; count],
            asked: VecDeque::new(),
            next: Next::Mail,
            passes_dsn: false,
            mail_refused: false,
            must_reset,
        }
    }

    /// Where the transaction stands, for messages.
    pub(super) fn stage(&self) -> Stage {
        match self.asked.front() {
            Some(Asked::Reset | Asked::Mail) => Stage::Mail,
            Some(Asked::Recipient(_)) => Stage::Recipient,
            Some(Asked::Data) | None => Stage::Data,
        }
    }

    pub(super) fn waits_for_data(&self) -> bool {
        self.asked.front() == Some(&Asked::Data)
    }

    /// Sends as many commands as may go out now.
    pub(super) fn send_more(&mut self, offered: &Offered, output: &mut Vec<u8>) {
        let outstanding_max = if offered.pipelining { OUTSTANDING_MAX } else { 1 };
        self.passes_dsn = offered.dsn;
        let mut lines = String::new();
        while self.asked.len() < outstanding_max && self.send_one(offered, outstanding_max > 1, &mut lines) {}
        output.extend_from_slice(lines.as_bytes());
    }

    /// Sends the next command; `false` when there is none to send now.
    fn send_one(&mut self, offered: &Offered, pipelining: bool, lines: &mut String) -> bool {
        if std::mem::take(&mut self.must_reset) {
            lines.push_str("RSET\r\n");
            self.asked.push_back(Asked::Reset);
            return true;
        }
        let is_hopeless = self.mail_refused || !pipelining && !self.accepted.contains(&true);
        match self.next {
            Next::Mail => {
                self.transaction.write_mail(offered, lines);
                self.asked.push_back(Asked::Mail);
                self.next =
                    if self.transaction.chosen.is_empty() { Next::Nothing } else { Next::Recipient(0) };
            }
            Next::Nothing => return false,
            _ if self.mail_refused => return false,
            Next::Recipient(position) => {
                self.transaction.write_recipient(position, offered, lines);
                self.asked.push_back(Asked::Recipient(position));
                let is_last = position + 1 == self.transaction.chosen.len();
                self.next = if is_last { Next::Data } else { Next::Recipient(position + 1) };
            }
            Next::Data if is_hopeless => return false,
            Next::Data => {
                lines.push_str("DATA\r\n");
                self.asked.push_back(Asked::Data);
                self.next = Next::Nothing;
            }
        }
        true
    }

    /// Takes the answer to the oldest command.
    pub(super) fn take(&mut self, answer: Answer, offered: &Offered, output: &mut Vec<u8>) -> Step {
        match self.asked.pop_front() {
            Some(Asked::Mail) if !answer.is_positive() => {
                self.mail_refused = true;
                self.settle_open(|_| Outcome::Refused(Stage::Mail, answer.clone()));
            }
            Some(Asked::Recipient(position)) => match answer.is_positive() {
                true => self.accepted[position] = true,
                false => {
                    self.outcomes[position].get_or_insert(Outcome::Refused(Stage::Recipient, answer));
                }
            },
            Some(Asked::Data) if answer.code == 354 => {
                return if self.has_open() { Step::Body } else { Step::EmptyBody };
            }
            Some(Asked::Data) => self.settle_open(|_| Outcome::Refused(Stage::Data, answer.clone())),
            Some(Asked::Reset | Asked::Mail) | None => {}
        }
        self.send_more(offered, output);
        match self.asked.is_empty() {
            true => Step::Finished(self.outcomes()),
            false => Step::More,
        }
    }

    /// The answer that ends the transaction.
    pub(super) fn finish(mut self, stage: Stage, answer: &Answer) -> Vec<Outcome> {
        let passes_dsn = self.passes_dsn;
        self.settle_open(|is_accepted| match answer.is_positive() && is_accepted {
            true => Outcome::Delivered { answer: answer.clone(), passes_dsn },
            false => Outcome::Refused(stage, answer.clone()),
        });
        self.outcomes()
    }

    /// Nothing more will come.
    pub(super) fn give_up(mut self, outcome: &Outcome) -> Vec<Outcome> {
        self.settle_open(|_| outcome.clone());
        self.outcomes()
    }

    fn has_open(&self) -> bool {
        self.outcomes.contains(&None)
    }

    fn settle_open(&mut self, outcome: impl Fn(bool) -> Outcome) {
        for (slot, accepted) in self.outcomes.iter_mut().zip(&self.accepted) {
            slot.get_or_insert_with(|| outcome(*accepted));
        }
    }

    fn outcomes(&mut self) -> Vec<Outcome> {
        // Open only when a server answered DATA before every RCPT, which counts as a broken session.
        let open = Outcome::Broken(Stage::Data, super::Failure::Garbage);
        std::mem::take(&mut self.outcomes)
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| open.clone()))
            .collect()
    }
}
