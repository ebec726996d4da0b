//! What became of a recipient, and why a session ended.

use super::Answer;

/// Where in a session something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before and at the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS and the handshake.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Recipient,
    /// DATA.
    Data,
    /// While the message went out.
    Body,
    /// The answer to the message.
    EndOfBody,
    /// Between messages.
    Idle,
}

/// What a message needs and the server does not announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// SMTPUTF8, for an address or header that is not ASCII (RFC 6531 section 3.2).
    SmtpUtf8,
    /// 8BITMIME, for octets above 127 (RFC 6152 section 3).
    EightBitMime,
    /// REQUIRETLS, which the sender asks for (RFC 8689 section 4.2.1).
    RequireTls,
    /// Room: the largest message the server takes, in octets (RFC 1870 section 6.1).
    Size(u64),
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took the message over, and the DSN wishes with it where `passes_dsn`.
    Delivered {
        /// Its answer to the message.
        answer: Answer,
        /// Whether it announced DSN (RFC 3461): then reports are its duty.
        passes_dsn: bool,
    },
    /// The server refused it, for now or for good.
    Refused(Stage, Answer),
    /// The server cannot take this message at all; nothing was sent.
    Unsupported(Missing),
    /// The session broke before the server answered.
    Broken(Stage, Failure),
}

/// Why a session went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server said no.
    Refused(Answer),
    /// The connection ended or time ran out.
    Lost,
    /// What came was no SMTP.
    Garbage,
    /// What was required (TLS, AUTH PLAIN or LOGIN) is not offered.
    NotOffered,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// As we wished.
    Quit,
    /// Otherwise.
    Failed(Stage, Failure),
}
