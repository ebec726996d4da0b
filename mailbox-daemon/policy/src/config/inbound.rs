use serde::Deserialize;
use types::Domain;

/// More lists are not asked: each costs every stranger's connection a look-up.
const DNSBL_MAX: usize = 10;

/// Sealers of Google, Microsoft 365 and Fastmail.
const TRUSTED_SEALERS: [&str; 3] = ["google.com", "microsoft.com", "messagingengine.com"];

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
        let twice = self.dnsbl.iter().find(|list| named(list.zone.clone()) > 1);
        twice.map(|list| format!("inbound.dnsbl names {} twice", list.zone))
    }
}
