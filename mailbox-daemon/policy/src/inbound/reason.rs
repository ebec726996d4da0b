use super::Verdict;
use thiserror::Error;
use types::{Domain, Listing};

/// Why a message is judged as it is. Its words are for the header, the log and the sender, and printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// RFC 7505: nobody could be told of anything.
    #[error("the sender's domain {0} says that it takes no mail")]
    SenderTakesNoMail(Domain),
    /// Together they weigh enough to refuse.
    #[error("the client's address is listed by {}", names(.0))]
    ListedByMany(Vec<Listing>),
    /// A list or two, not enough to refuse.
    #[error("the client's address is listed by {}", names(.0))]
    Listed(Vec<Listing>),
    /// `p=reject`.
    #[error("DMARC fails, and {0} asks for its refusal")]
    DmarcAsksForRefusal(Domain),
    /// `p=quarantine`.
    #[error("DMARC fails, and {0} asks for suspicion")]
    DmarcAsksForSuspicion(Domain),
    /// `p=none`.
    #[error("DMARC fails, and {0} asks for nothing")]
    DmarcFails(Domain),
    /// What DMARC needs to know cannot be asked.
    #[error("whether {0} stands for the message cannot be told, its DNS does not answer")]
    DmarcUnknown(Domain),
    /// A trusted ARC chain.
    #[error(
        "{forwarder}, which is trusted, changed the message on its way and saw it before; {from} alone would fail"
    )]
    ForwarderVouches {
        /// The author's domain.
        from: Domain,
        /// The last sealer.
        forwarder: Domain,
    },
    /// `-all`.
    #[error("{0} does not let this client send in its name (SPF)")]
    SpfForbids(Domain),
    /// `-all`, and the owner wants refusals for it.
    #[error("{domain} does not let this client send in its name (SPF){}", explained(.domain, .explanation.as_deref()))]
    SpfRefuses {
        /// The domain that was asked.
        domain: Domain,
        /// What it has to say about it.
        explanation: Option<String>,
    },
    /// No answer.
    #[error("whom {0} lets send in its name cannot be told, its DNS does not answer")]
    SpfUnknown(Domain),
    /// No answer.
    #[error("whether the sender's domain {0} takes mail cannot be told, its DNS does not answer")]
    SenderUnknown(Domain),
    /// Neither MX nor address.
    #[error("the sender's domain {0} is nowhere")]
    SenderNowhere(Domain),
    /// No `From:` that can be read, or several.
    #[error("the header does not name one author")]
    NoSingleAuthor,
    /// DMARC passes.
    #[error("{0} stands for its author (DMARC)")]
    AuthorVouches(Domain),
    /// The usual case of domains without DMARC.
    #[error("nothing speaks against it")]
    NothingAgainst,
}

impl Reason {
    /// What it calls for.
    pub fn verdict(&self) -> Verdict {
        match self {
            Reason::SenderTakesNoMail(_)
            | Reason::ListedByMany(_)
            | Reason::DmarcAsksForRefusal(_)
            | Reason::SpfRefuses { .. } => Verdict::Refuse,
            Reason::DmarcUnknown(_) | Reason::SpfUnknown(_) | Reason::SenderUnknown(_) => Verdict::Defer,
            Reason::Listed(_)
            | Reason::DmarcAsksForSuspicion(_)
            | Reason::SpfForbids(_)
            | Reason::SenderNowhere(_)
            | Reason::NoSingleAuthor => Verdict::Quarantine,
            Reason::DmarcFails(_)
            | Reason::ForwarderVouches { .. }
            | Reason::AuthorVouches(_)
            | Reason::NothingAgainst => Verdict::Accept,
        }
    }
}

fn names(listings: &[Listing]) -> String {
    let name = |listing: &Listing| match listing.meaning.is_empty() {
        true => listing.list.to_string(),
        false => format!("{} ({})", listing.list, listing.meaning),
    };
    listings.iter().map(name).collect::<Vec<_>>().join(" and ")
}

/// Foreign words are told to be foreign (RFC 7208 section 8.4).
fn explained(domain: &Domain, explanation: Option<&str>) -> String {
    explanation.map(|text| format!("; {domain} explains: {text}")).unwrap_or_default()
}
