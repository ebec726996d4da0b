//! SASL (RFC 4422): the server's side of PLAIN, LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, and the client's side of PLAIN and LOGIN.
//!
//! Base64 belongs to the protocols around it; here are the bare messages.
//!
//! **Drive rule: [`Exchange::start`] and then [`Exchange::step`] with each answer of the client until a step is neither
//! [`Step::Challenge`] nor [`Step::Scram`]; a `Challenge` goes to the client, a `Scram` is answered with [`Exchange::give_keys`].**

mod client;
mod plain;
mod prepare;
mod scram;
mod server;

pub use client::{login_answer, plain_message};
pub use prepare::prepare;
pub use scram::{ScramRecord, scram_keys};
pub use server::{ChannelBinding, Exchange, NONCE_BYTES, Step};

use thiserror::Error;

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Never standardised, still what many programs speak.
    Login,
    /// RFC 7677: the password stays with the client.
    ScramSha256,
    /// The same, bound to the TLS connection (RFC 5929, RFC 9266).
    ScramSha256Plus,
}

/// Why an exchange failed. All of it is the client's doing and permanent for this attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SaslError {
    /// The message breaks the mechanism's grammar.
    #[error("the message is not in the form the mechanism asks for")]
    Malformed,
    /// A name or password with control characters.
    #[error("a name or password cannot have control characters")]
    ControlCharacter,
    /// The proof fits none of the passwords.
    #[error("wrong name or password")]
    WrongProof,
    /// The client asks to act as somebody else.
    #[error("acting for somebody else is not possible")]
    OtherIdentity,
    /// The client bound to another connection, or to one in a way that is not known here.
    #[error("the channel binding does not fit this connection")]
    BindingMismatch,
    /// The client could have bound to the connection and thinks it was not offered: somebody in between hid it.
    #[error("the client was not told that channel binding is offered")]
    Downgraded,
    /// A mandatory extension (`m=`) nobody knows.
    #[error("the client asks for a mandatory extension that is not known")]
    UnknownExtension,
}

impl Mechanism {
    /// All of them, the best first.
    pub const ALL: [Mechanism; 4] =
        [Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }

    /// The mechanism of a name, in any case.
    pub fn parse(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// What to offer, the best first: `-PLUS` only where there is a channel to bind to.
    pub fn offered(channel_binding: bool) -> &'static [Mechanism] {
        const ALL: &[Mechanism] = &Mechanism::ALL;
        if channel_binding { ALL } else { &ALL[1..] }
    }
}
