use serde::Deserialize;
use types::Domain;

/// More lists are not asked: each costs every stranger's connection a look-up.
const DNSBL_MAX: usize = 10;

/// How mail from others is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// Whether SPF, DKIM, DMARC, ARC, lists and names are looked up at all. A box without DNS has to do without.
    pub authentication: bool,
    /// Lists of addresses that send unwanted mail: `[{ zone = "zen.spamhaus.org", weight = 1 }]`; none with `[]`.
    pub dnsbl: Vec<BlockList>,
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
        Inbound { authentication: true, dnsbl: zen.into_iter().collect() }
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
