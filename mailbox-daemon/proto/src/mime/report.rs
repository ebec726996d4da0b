//! Delivery status notifications: `multipart/report` (RFC 6522) with `message/delivery-status` (RFC 3464).
//!
//! The returned message is not held here: the report is a prefix and a suffix, the caller streams the message in between.

mod disposition;

pub use disposition::Disposition;

use super::date::format_rfc5322;
use super::encoded_word;
use std::fmt::Write;
use types::UnixSeconds;

/// What became of the mail for one recipient (`Action:` of RFC 3464 section 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It will not be delivered.
    Failed,
    /// It is still tried.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It was handed to a server that sends no reports.
    Relayed,
    /// It was handed to the members of a group.
    Expanded,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }
}

/// How much of the message comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Its header, streamed with the empty line at its end or without.
    Header,
    /// All of it.
    Message,
}

/// One recipient of the report's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientReport {
    /// The address it was sent to last.
    pub recipient: String,
    /// `ORCPT=` as `type;address`.
    pub original: Option<String>,
    /// What became of it.
    pub action: Action,
    /// Enhanced status code, `5.1.1`.
    pub status: String,
    /// The other server's name.
    pub remote_mta: Option<String>,
    /// What the other server answered, code first; may have several lines.
    pub smtp_reply: Option<String>,
    /// When it was last tried.
    pub last_attempt: Option<UnixSeconds>,
    /// Until when it will be tried.
    pub retry_until: Option<UnixSeconds>,
    /// One sentence for the reader.
    pub explanation: String,
}

/// The facts of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// This server's host name.
    pub reporting_mta: String,
    /// Who signs: `postmaster@...`.
    pub from: String,
    /// Who sent the message.
    pub to: String,
    /// `Message-ID` of the report without angle brackets, unique.
    pub message_id: String,
    /// When the report is written.
    pub date: UnixSeconds,
    /// A boundary that does not occur in the message: letters and digits, at most 60.
    pub boundary: String,
    /// `ENVID=` of the message.
    pub envelope_id: Option<String>,
    /// When the message came in.
    pub arrival: Option<UnixSeconds>,
    /// `Message-ID` of the message with its brackets, for threading.
    pub original_message_id: Option<String>,
    /// At least one.
    pub recipients: Vec<RecipientReport>,
    /// What comes back.
    pub returned: Returned,
    /// Whether the returned octets go above 127.
    pub eight_bit: bool,
}

impl Report {
    /// Everything before the returned message: header, the readable part, the machine-readable part. Lines end with CRLF.
    pub fn prefix(&self) -> Vec<u8> {
        let mut out = String::with_capacity(2048);
        self.write_header(&mut out);
        self.write_readable(&mut out);
        self.write_status(&mut out);
        self.write_returned_header(&mut out);
        out.replace('\n', "\r\n").into_bytes()
    }

    /// Everything behind it.
    pub fn suffix(&self) -> Vec<u8> {
        format!("\r\n--{}--\r\n", self.boundary).into_bytes()
    }

    /// Whether addresses need the forms of RFC 6533.
    fn international(&self) -> bool {
        let is_ascii = |recipient: &RecipientReport| {
            recipient.recipient.is_ascii()
                && recipient.original.as_ref().is_none_or(|original| original.is_ascii())
        };
        !self.recipients.iter().all(is_ascii)
    }

    fn write_header(&self, out: &mut String) {
        let subject = match self.recipients.first().map(|recipient| recipient.action) {
            Some(Action::Failed) | None => "Undelivered mail returned to sender",
            Some(Action::Delayed) => "Delayed mail (still being retried)",
            Some(Action::Delivered | Action::Relayed | Action::Expanded) => "Mail was delivered",
        };
        field(out, "Date", &format_rfc5322(self.date, 0));
        field(out, "From", &format!("Mail delivery system <{}>", self.from));
        field(out, "To", &format!("<{}>", self.to));
        field(out, "Subject", subject);
        field(out, "Message-ID", &format!("<{}>", self.message_id));
        if let Some(id) = &self.original_message_id {
            field(out, "In-Reply-To", id);
            field(out, "References", id);
        }
        field(out, "Auto-Submitted", "auto-replied");
        field(out, "MIME-Version", "1.0");
        let kind = if self.international() { "global-delivery-status" } else { "delivery-status" };
        let boundary = &self.boundary;
        let _ =
            write!(out, "Content-Type: multipart/report; report-type={kind};\n boundary=\"{boundary}\"\n");
        if self.eight_bit || self.international() {
            field(out, "Content-Transfer-Encoding", "8bit");
        }
        out.push_str("\nThis is a MIME message with a delivery report.\n");
    }

    fn write_readable(&self, out: &mut String) {
        let _ = write!(out, "\n--{}\n", self.boundary);
        field(out, "Content-Type", "text/plain; charset=utf-8");
        field(out, "Content-Transfer-Encoding", if self.readable_is_ascii() { "7bit" } else { "8bit" });
        let _ = write!(out, "\nThis is the mail system at {}.\n", self.reporting_mta);
        for recipient in &self.recipients {
            let outcome = match recipient.action {
                Action::Failed => "Your message could not be delivered to",
                Action::Delayed => "Your message is delayed, nothing needs to be done, it is still tried for",
                Action::Delivered => "Your message was delivered to",
                Action::Relayed => "Your message was handed on and no further report will come for",
                Action::Expanded => "Your message was handed to the members of",
            };
            let _ = write!(out, "\n{outcome}\n\n    {}\n\n", one_line(&recipient.recipient));
            wrapped(out, &one_line(&recipient.explanation));
            if let Some(until) = recipient.retry_until {
                let _ = writeln!(out, "It will be tried until {}.", format_rfc5322(until, 0));
            }
            if let Some(reply) = &recipient.smtp_reply {
                let server = recipient.remote_mta.as_deref().unwrap_or("The other server");
                let _ = writeln!(out, "{} said:", one_line(server));
                reply.lines().for_each(|line| wrapped(out, &format!("    {}", one_line(line))));
            }
        }
    }

    fn readable_is_ascii(&self) -> bool {
        let reply_is_ascii = |reply: &Option<String>| reply.as_ref().is_none_or(|reply| reply.is_ascii());
        !self.international()
            && self.recipients.iter().all(|r| r.explanation.is_ascii() && reply_is_ascii(&r.smtp_reply))
    }

    fn write_status(&self, out: &mut String) {
        let kind =
            if self.international() { "message/global-delivery-status" } else { "message/delivery-status" };
        let _ = write!(out, "\n--{}\n", self.boundary);
        field(out, "Content-Type", kind);
        if self.international() {
            field(out, "Content-Transfer-Encoding", "8bit");
        }
        out.push('\n');
        field(out, "Reporting-MTA", &format!("dns; {}", self.reporting_mta));
        if let Some(id) = &self.envelope_id {
            field(out, "Original-Envelope-Id", id);
        }
        if let Some(arrival) = self.arrival {
            field(out, "Arrival-Date", &format_rfc5322(arrival, 0));
        }
        self.recipients.iter().for_each(|recipient| recipient.write_status(out));
    }

    fn write_returned_header(&self, out: &mut String) {
        let kind = match (self.returned, self.international()) {
            (Returned::Message, false) => "message/rfc822",
            (Returned::Message, true) => "message/global",
            (Returned::Header, false) => "text/rfc822-headers",
            (Returned::Header, true) => "message/global-headers",
        };
        let _ = write!(out, "\n--{}\n", self.boundary);
        field(out, "Content-Type", kind);
        if self.eight_bit {
            field(out, "Content-Transfer-Encoding", "8bit");
        }
        out.push('\n');
    }
}

impl RecipientReport {
    /// The per-recipient fields of RFC 3464 section 2.3.
    fn write_status(&self, out: &mut String) {
        out.push('\n');
        if let Some(original) = &self.original {
            field(out, "Original-Recipient", original);
        }
        let address_type = if self.recipient.is_ascii() { "rfc822" } else { "utf-8" };
        field(out, "Final-Recipient", &format!("{address_type}; {}", self.recipient));
        field(out, "Action", self.action.name());
        field(out, "Status", &self.status);
        if let Some(remote) = &self.remote_mta {
            field(out, "Remote-MTA", &format!("dns; {remote}"));
        }
        if let Some(reply) = &self.smtp_reply {
            let reply: String =
                reply.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect();
            field(out, "Diagnostic-Code", &format!("smtp; {}", reply.lines().collect::<Vec<_>>().join(" ")));
        }
        if let Some(attempt) = self.last_attempt {
            field(out, "Last-Attempt-Date", &format_rfc5322(attempt, 0));
        }
        if let Some(until) = self.retry_until {
            field(out, "Will-Retry-Until", &format_rfc5322(until, 0));
        }
    }
}

/// The rough length of a line (RFC 5322 section 2.1.1).
const LINE_CHARS: usize = 76;

/// Writes a field, folded at blanks. Control characters in values, which others may have chosen, become blanks.
fn field(out: &mut String, name: &str, value: &str) {
    let value = one_line(value);
    let value = if name == "Subject" { encoded_word::encode(&value) } else { value };
    let mut column = name.len() + 1;
    let _ = write!(out, "{name}:");
    for word in value.split(' ').filter(|word| !word.is_empty()) {
        if column + 1 + word.len() > LINE_CHARS && column > name.len() + 1 {
            out.push('\n');
            column = 0;
        }
        let _ = write!(out, " {word}");
        column += 1 + word.len();
    }
    out.push('\n');
}

/// Writes a paragraph with lines of moderate length.
fn wrapped(out: &mut String, text: &str) {
    let indent: String = text.chars().take_while(|letter| *letter == ' ').collect();
    let mut column = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match column {
            0 => out.push_str(&indent),
            _ if column + 1 + word.len() > LINE_CHARS => {
                out.push('\n');
                out.push_str(&indent);
                column = 0;
            }
            _ => out.push(' '),
        }
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push('\n');
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
