use crate::access::{Access, Entry, List};
use serde::Deserialize;
use std::net::IpAddr;
use types::Network;

/// Who is let in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessSettings {
    /// Domains, addresses, IP addresses and ranges nobody here wants mail from. `mailbox-daemon block` has more of them.
    pub block: Vec<Entry>,
    /// Those who are wanted whatever other lists say; wins over `block`. `mailbox-daemon allow` has more of them.
    pub allow: Vec<Entry>,
    /// Networks that are never banned, whatever fails to log in from there: the other end of a tunnel, say.
    pub never_ban: Vec<Network>,
    /// Has this machine's own addresses counted, slowed down and banned like anybody's. For tests: on a real box it only does harm.
    pub loopback_is_stranger: bool,
}

impl AccessSettings {
    /// Whether an address is this machine's own, where nobody is counted, slowed down or banned.
    pub fn is_own_machine(&self, address: IpAddr) -> bool {
        !self.loopback_is_stranger && address.to_canonical().is_loopback()
    }

    /// The lists, without what the command line added.
    pub fn lists(&self) -> Access {
        let mut access = Access::default();
        for (list, entries) in [(List::Block, &self.block), (List::Allow, &self.allow)] {
            for entry in entries {
                access.add(list, entry.clone());
            }
        }
        access
    }
}
