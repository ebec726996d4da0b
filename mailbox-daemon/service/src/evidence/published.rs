use super::lookups::Lookups;
use policy::dmarc::{Published, organizational_domain};
use types::Domain;

/// Finds the DMARC record for an author's domain: its own, or its organisation's (RFC 7489 section 6.6.3).
pub(super) async fn find(lookups: Lookups, author: Domain) -> Published {
    if author.literal().is_some() {
        return Published::Nothing;
    }
    let own = record_of(&lookups, &author).await;
    let organization = Domain::parse(organizational_domain(&author)).ok();
    match (own, organization) {
        (Found::No, Some(organization)) if organization != author => {
            record_of(&lookups, &organization).await.published()
        }
        (own, _) => own.published(),
    }
}

enum Found {
    /// A record, or what a senseless one amounts to.
    Yes(Published),
    No,
}

impl Found {
    fn published(self) -> Published {
        match self {
            Found::Yes(published) => published,
            Found::No => Published::Nothing,
        }
    }
}

async fn record_of(lookups: &Lookups, domain: &Domain) -> Found {
    let Some(texts) = lookups.txt(&format!("_dmarc.{domain}")).await.known() else {
        return Found::Yes(Published::Unknown);
    };
    let mut records = texts.iter().filter(|text| proto::dmarc::is_record(text));
    match (records.next(), records.next()) {
        (None, _) => Found::No,
        // Several are none (RFC 7489 section 6.6.3, step 5).
        (Some(_), Some(_)) => Found::Yes(Published::Nothing),
        (Some(record), None) => Found::Yes(match proto::dmarc::parse(record) {
            Some(record) => Published::Record(domain.clone(), record),
            None => Published::Nothing,
        }),
    }
}
