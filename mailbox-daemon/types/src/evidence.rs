//! What is known of a message that comes in before anybody decides about it: the words of RFC 8601.

use crate::Domain;
use serde::{Deserialize, Serialize};

/// The outcome of one check, in the words `Authentication-Results:` has for it (RFC 8601 section 2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Nothing was published or signed.
    #[default]
    None,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// SPF's `~all`: probably not.
    SoftFail,
    /// The domain says nothing about it.
    Neutral,
    /// The local policy does not take it into account, such as a key that is too short.
    Policy,
    /// DNS did not answer; ask again later.
    TempError,
    /// What is published or signed makes no sense.
    PermError,
}

/// What SPF says about one identity (RFC 7208).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spf {
    /// The outcome.
    pub outcome: Outcome,
    /// The domain that was asked.
    pub domain: Domain,
    /// What the domain has to say about a failure (RFC 7208 section 6.2): foreign text, printable ASCII.
    pub explanation: Option<String>,
}

/// One `DKIM-Signature:` (RFC 6376), in the order of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimSignature {
    /// The outcome.
    pub outcome: Outcome,
    /// `d=`.
    pub domain: Domain,
    /// `s=`.
    pub selector: String,
    /// `a=`, such as `rsa-sha256`.
    pub algorithm: String,
    /// The first characters of `b=`, which tell signatures of one domain apart (RFC 6008).
    pub begins: String,
    /// Why it did not pass, in a few words.
    pub reason: Option<String>,
}

/// What the author's domain wants done with mail that fails (RFC 7489 section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DmarcPolicy {
    /// Nothing.
    #[default]
    None,
    /// Suspicion.
    Quarantine,
    /// Refusal.
    Reject,
}

/// What a domain publishes at `_dmarc` (RFC 7489 section 6.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DmarcRecord {
    /// `p=`.
    pub policy: DmarcPolicy,
    /// `sp=`, where it is said.
    pub subdomain_policy: Option<DmarcPolicy>,
    /// `adkim=s`: a signature's domain has to be the author's, not one beside it.
    pub is_dkim_strict: bool,
    /// `aspf=s`.
    pub is_spf_strict: bool,
    /// `pct=`: of a hundred failing messages the policy is for so many.
    pub percent: u8,
    /// `t=y`: the policy is for the next milder step.
    pub is_in_test: bool,
    /// The `mailto:` addresses of `rua=`, as they stand there.
    pub reports_to: Vec<String>,
}

/// What DMARC says (RFC 7489).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dmarc {
    /// The outcome; `None` where the domain publishes nothing.
    pub outcome: Outcome,
    /// The author's domain.
    pub from: Domain,
    /// Whose record applies: the author's domain or its organisational domain.
    pub record_of: Option<Domain>,
    /// That record.
    pub record: Option<DmarcRecord>,
    /// What that record asks for, `sp=` and `t=`/`pct=` already applied.
    pub policy: DmarcPolicy,
    /// Whether an aligned SPF pass was found.
    pub is_spf_aligned: bool,
    /// Whether an aligned DKIM pass was found.
    pub is_dkim_aligned: bool,
}

/// What the ARC chain says (RFC 8617).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arc {
    /// `None` where there is no chain.
    pub outcome: Outcome,
    /// Who sealed, first hop first.
    pub sealers: Vec<Domain>,
    /// What the first sealer saw of DMARC, where its `ARC-Authentication-Results:` says so.
    pub first_dmarc: Option<Outcome>,
    /// Why the chain fails, in a few words.
    pub reason: Option<String>,
}

/// Whether the client's address has a name that has the address (RFC 8601 section 2.7.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReverseDns {
    /// The outcome.
    pub outcome: Outcome,
    /// A name that leads back to the address or, where none does, any.
    pub name: Option<String>,
}

/// A list the client's address is on (RFC 5782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The list's zone.
    pub list: Domain,
    /// What its operator means by the answer, such as `SBL`.
    pub meaning: String,
    /// How much it counts; 1 is one vote for refusal.
    pub weight: u8,
}

/// Whether the envelope sender's domain takes mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SenderDomain {
    /// Nobody was asked: the null sender, or an address literal.
    #[default]
    NotAsked,
    /// It has an MX or an address.
    TakesMail,
    /// It says that it takes none (RFC 7505).
    NullMx,
    /// There is no such domain, or it has neither MX nor address.
    Nowhere,
    /// DNS did not answer.
    Unknown,
}

/// Everything found out about one message and whoever brought it. All of it comes from look-ups side by side, so any part may
/// be a [`Outcome::TempError`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// SPF of the HELO name.
    pub spf_helo: Option<Spf>,
    /// SPF of the envelope sender; of `postmaster@` the HELO name where the sender is null (RFC 7208 section 2.4).
    pub spf_mail_from: Option<Spf>,
    /// Every signature.
    pub dkim: Vec<DkimSignature>,
    /// DMARC; `None` where the header names no single author.
    pub dmarc: Option<Dmarc>,
    /// The ARC chain.
    pub arc: Arc,
    /// The client's name.
    pub reverse_dns: ReverseDns,
    /// The lists the client is on.
    pub listings: Vec<Listing>,
    /// The envelope sender's domain.
    pub sender_domain: SenderDomain,
}

impl Outcome {
    /// The word of RFC 8601.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::None => "none",
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::SoftFail => "softfail",
            Outcome::Neutral => "neutral",
            Outcome::Policy => "policy",
            Outcome::TempError => "temperror",
            Outcome::PermError => "permerror",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = ();

    /// Reads the word of RFC 8601, in any case.
    fn from_str(word: &str) -> Result<Outcome, ()> {
        use Outcome::{Fail, Neutral, None, Pass, PermError, Policy, SoftFail, TempError};
        let all = [None, Pass, Fail, SoftFail, Neutral, Policy, TempError, PermError];
        all.into_iter().find(|outcome| word.eq_ignore_ascii_case(outcome.as_str())).ok_or(())
    }
}

impl DmarcPolicy {
    /// The word of RFC 7489.
    pub fn as_str(self) -> &'static str {
        match self {
            DmarcPolicy::None => "none",
            DmarcPolicy::Quarantine => "quarantine",
            DmarcPolicy::Reject => "reject",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
