use super::lookups::Lookups;
use crate::dns::Answer;
use std::net::IpAddr;
use types::{Outcome, ReverseDns};

/// Names of one address that are tried; whoever has more may have them for other reasons.
const NAMES_MAX: usize = 5;

/// Whether the client's address has a name that has the address (RFC 8601 sections 2.7.3 and 3).
pub(super) async fn check(lookups: Lookups, client: IpAddr) -> ReverseDns {
    let names = match lookups.names(client).await {
        Answer::Records(names) => names,
        Answer::NoRecords | Answer::NoDomain => {
            return ReverseDns { outcome: Outcome::PermError, name: None };
        }
        Answer::Failed => return ReverseDns { outcome: Outcome::TempError, name: None },
    };
    let mut outcome = Outcome::Fail;
    for name in names.iter().take(NAMES_MAX) {
        match lookups.addresses_like(client, name).await.known() {
            Some(addresses) if addresses.contains(&client) => {
                return ReverseDns { outcome: Outcome::Pass, name: Some(name.clone()) };
            }
            Some(_) => {}
            None => outcome = Outcome::TempError,
        }
    }
    ReverseDns { outcome, name: names.into_iter().next() }
}
