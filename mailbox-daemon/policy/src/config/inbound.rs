use serde::Deserialize;
use types::Domain;

/// More lists are not asked: each costs every stranger's connection a look-up.
const DNSBL_MAX: usize = 10;

/// Sealers of Google, Microsoft 365 and Fastmail.
const TRUSTED_SEALERS: [&str; 3] = ["google.com", "microsoft.com", "messagingengine.com"];

/// Longer, a client is not remembered anyway.
const GREYLIST_KNOWN_S_MAX: u64 = 366 * 86_400;

/// How mail from others is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// Whether SPF, DKIM, DMARC, ARC, lists and names are looked up at all. A box without DNS has to do without.
    pub authentication: bool,
    /// Lists of addresses that send unwanted mail: `[{ zone = "zen.spamhaus.org", weight = 1 }]`; none with `[]`.
    pub dnsbl: Vec<BlockList>,
    /// Forwarders and mailing lists whose word counts that a message passed DMARC before they changed it: the domains they seal
    /// with (`d=` of `ARC-Seal:`). A chain counts if it is whole and all its sealers are among them. The big providers by default.
    #[serde(deserialize_with = "super::target::domains")]
    pub trusted_sealers: Vec<Domain>,
    /// Whether mail is refused for SPF alone (`-all`, nobody else vouches for it). By default it lies in Junk, because mail that
    /// is simply forwarded fails too.
    pub spf_reject: bool,
    /// Whether the first mail of an unknown client is put off once (RFC 6647). Never of senders that pass DMARC, were written to
    /// before or are wanted.
    pub greylist: bool,
    /// Seconds after which a client that was put off is let in.
    pub greylist_wait_s: u64,
    /// Seconds after which it has to begin anew.
    pub greylist_retry_s: u64,
    /// Seconds a client is known after its last mail.
    pub greylist_known_s: u64,
}

/// A list that is asked about every client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockList {
    /// Where it is asked, with the personal key in front for lists that want one.
    #[serde(deserialize_with = "super::target::domain")]
    pub zone: Domain,
    /// How much it counts; 1 is one vote for refusal, 0 only tells.
    #[serde(default = "one_vote")]
    pub weight: u8,
}

fn one_vote() -> u8 {
    1
}

impl Default for Inbound {
    fn default() -> Inbound {
        let zen = Domain::parse("zen.spamhaus.org").map(|zone| BlockList { zone, weight: one_vote() });
        Inbound {
            authentication: true,
            dnsbl: zen.into_iter().collect(),
            trusted_sealers: TRUSTED_SEALERS.iter().filter_map(|name| Domain::parse(name).ok()).collect(),
            spf_reject: false,
            greylist: false,
            greylist_wait_s: 60,
            greylist_retry_s: 2 * 86_400,
            greylist_known_s: 36 * 86_400,
        }
    }
}

impl Inbound {
    /// What makes no sense in it.
    pub(super) fn contradiction(&self) -> Option<String> {
        let named = |zone| self.dnsbl.iter().filter(|list| list.zone == zone).count();
        if self.dnsbl.len() > DNSBL_MAX {
            return Some(format!("inbound.dnsbl names more than {DNSBL_MAX} lists"));
        }
        if self.greylist_wait_s >= self.greylist_retry_s || self.greylist_known_s > GREYLIST_KNOWN_S_MAX {
            return Some(format!(
                "inbound.greylist_wait_s must be shorter than greylist_retry_s, and greylist_known_s at most {GREYLIST_KNOWN_S_MAX}"
            ));
        }
        let twice = self.dnsbl.iter().find(|list| named(list.zone.clone()) > 1);
        twice.map(|list| format!("inbound.dnsbl names {} twice", list.zone))
    }
}
