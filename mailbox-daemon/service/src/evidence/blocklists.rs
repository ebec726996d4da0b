use super::lookups::Lookups;
use crate::host::Host;
use policy::config::BlockList;
use policy::dnsbl::{self, Reading};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::task::JoinSet;
use types::Listing;

/// The lists the client is on. A list that does not answer has nothing to say.
pub(super) async fn check(
    host: Arc<Host>,
    lookups: Lookups,
    lists: Vec<BlockList>,
    client: IpAddr,
) -> Vec<Listing> {
    if !dnsbl::is_asked_about(client) {
        return Vec::new();
    }
    let mut questions = JoinSet::new();
    for list in lists {
        questions.spawn(ask(Arc::clone(&host), lookups.clone(), list, client));
    }
    let mut listings: Vec<Listing> = questions.join_all().await.into_iter().flatten().collect();
    listings.sort_by(|one, other| one.list.cmp(&other.list));
    listings
}

async fn ask(host: Arc<Host>, lookups: Lookups, list: BlockList, client: IpAddr) -> Option<Listing> {
    let answers = lookups.ipv4(&dnsbl::question(client, &list.zone)).await.known()?;
    let issue = format!("dnsbl/{}", list.zone);
    match dnsbl::read(&list.zone, &answers) {
        Reading::AskedWrongly(advice) => {
            host.issues.raise(&issue, &advice, host.now());
            None
        }
        Reading::NotListed => {
            host.issues.clear(&issue);
            None
        }
        Reading::Listed(meaning) => {
            host.issues.clear(&issue);
            Some(Listing { list: list.zone, meaning, weight: list.weight })
        }
    }
}
