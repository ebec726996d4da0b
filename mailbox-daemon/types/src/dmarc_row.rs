//! What one message adds to the report its author's domain asked for: the words of RFC 7489 appendix C.

use crate::{DmarcPolicy, Domain, Outcome};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Why a message was treated otherwise than the domain asked (`PolicyOverrideType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DmarcOverride {
    /// A trusted forwarder vouches for it.
    TrustedForwarder,
    /// The receiver's own rules.
    LocalPolicy,
}

/// One signature in a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DmarcDkim {
    /// `d=`.
    pub domain: Domain,
    /// `s=`.
    pub selector: String,
    /// The outcome.
    pub outcome: Outcome,
}

/// Messages that are alike in all a report tells of them (`RecordType`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DmarcRow {
    /// Who brought them.
    pub source_ip: IpAddr,
    /// What was done with them.
    pub disposition: DmarcPolicy,
    /// Whether an aligned signature passed.
    pub is_dkim_aligned: bool,
    /// Whether SPF passed, aligned.
    pub is_spf_aligned: bool,
    /// Why something else was done than the domain asked for.
    pub overridden: Option<DmarcOverride>,
    /// The author's domain.
    pub header_from: Domain,
    /// The envelope sender's domain; `None` for the null sender.
    pub envelope_from: Option<Domain>,
    /// Every signature that was looked at.
    pub dkim: Vec<DmarcDkim>,
    /// SPF of the envelope sender or, where that is null, of the HELO name.
    pub spf: Option<(Domain, Outcome)>,
}

impl DmarcOverride {
    /// The word of RFC 7489 appendix C.
    pub fn as_str(self) -> &'static str {
        match self {
            DmarcOverride::TrustedForwarder => "trusted_forwarder",
            DmarcOverride::LocalPolicy => "local_policy",
        }
    }
}
