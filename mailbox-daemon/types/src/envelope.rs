use crate::Address;
use serde::{Deserialize, Serialize};

/// The sender of the envelope: `<>` for bounces and other mail nobody may answer (RFC 5321 section 4.5.5).
pub type ReversePath = Option<Address>;

/// What a message's body is promised to hold (RFC 6152, RFC 3030).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyType {
    /// Octets above 127 may occur, lines end with CRLF.
    EightBitMime,
    /// Only octets below 128.
    #[default]
    SevenBit,
}

/// How much of the message a delivery report returns (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DsnReturn {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

/// When the sender wants a delivery report (RFC 3461 section 4.1). The default, nothing said, is failure and delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DsnNotify {
    /// On delivery.
    pub success: bool,
    /// On final failure.
    pub failure: bool,
    /// On delay.
    pub delay: bool,
}

impl DsnNotify {
    /// `NOTIFY=NEVER`.
    pub const NEVER: DsnNotify = DsnNotify { success: false, failure: false, delay: false };
}

impl Default for DsnNotify {
    fn default() -> DsnNotify {
        DsnNotify { success: false, failure: true, delay: true }
    }
}

/// The parameters of `MAIL FROM`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailParameters {
    /// `SIZE=`, in octets (RFC 1870).
    pub size_bytes: Option<u64>,
    /// `BODY=`.
    pub body: BodyType,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
    /// `RET=`.
    pub ret: Option<DsnReturn>,
    /// `ENVID=`, decoded xtext, at most 100 octets.
    pub envelope_id: Option<String>,
    /// `REQUIRETLS` (RFC 8689). Left out where the others are written down; the queue has a place of its own for it.
    #[serde(skip)]
    pub require_tls: bool,
}

/// What a message itself asks of the way to its recipients (RFC 8689).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsWish {
    /// Nothing: what the recipient's domain asks for is done.
    #[default]
    Usual,
    /// `REQUIRETLS`: TLS with a server that proves its name and asks the same of the next.
    Required,
    /// `TLS-Required: No`: it is delivered whatever the recipient's domain asks for.
    NotRequired,
}

/// One recipient of the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Where it goes.
    pub address: Address,
    /// `NOTIFY=`; `None` when nothing was said.
    pub notify: Option<DsnNotify>,
    /// `ORCPT=` as `type;address`, decoded xtext.
    pub original: Option<String>,
}

/// Who a message is from and for, apart from what its header says (RFC 5321 section 2.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Where reports go.
    pub from: ReversePath,
    /// The `MAIL FROM` parameters.
    pub parameters: MailParameters,
    /// Where the message goes.
    pub recipients: Vec<Recipient>,
}
