//! Single questions about any type of record.

use super::Resolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::IpAddr;

/// What DNS says to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    /// At least one record.
    Records(Vec<T>),
    /// The name has no such record.
    NoRecords,
    /// There is no such name.
    NoDomain,
    /// No answer, or one that says to ask later.
    Failed,
}

impl<T> Answer<T> {
    /// The records, none where there are none; `None` where nobody knows.
    pub(crate) fn known(self) -> Option<Vec<T>> {
        match self {
            Answer::Records(records) => Some(records),
            Answer::NoRecords | Answer::NoDomain => Some(Vec::new()),
            Answer::Failed => None,
        }
    }

    fn of(records: Vec<T>) -> Answer<T> {
        if records.is_empty() { Answer::NoRecords } else { Answer::Records(records) }
    }
}

impl Resolver {
    /// Asks one question and keeps of the answer what `pick` takes. A name that cannot exist does not.
    pub(crate) async fn question<T>(
        &self,
        name: &str,
        kind: RecordType,
        pick: impl FnMut(&RData) -> Option<T>,
    ) -> Answer<T> {
        let labels = name.strip_suffix('.').unwrap_or(name).split('.').map(str::as_bytes);
        let Ok(name) = Name::from_labels(labels) else { return Answer::NoDomain };
        match self.hickory.lookup(name.clone(), kind).await {
            Ok(lookup) => {
                Answer::of(lookup.answers().iter().map(|record| &record.data).filter_map(pick).collect())
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NoError => Answer::NoRecords,
                ResponseCode::NXDomain => Answer::NoDomain,
                _ => Answer::Failed,
            },
            Err(error) => {
                tracing::debug!(%name, %kind, %error, "look-up failed");
                Answer::Failed
            }
        }
    }
}

/// The name a client's address has its names at (RFC 1035 section 3.5, RFC 3596 section 2.5).
pub(crate) fn reverse_name(client: IpAddr) -> String {
    Name::from(client).to_ascii()
}

/// A record's text, its strings put together.
pub(crate) fn text(data: &RData) -> Option<Vec<u8>> {
    match data {
        RData::TXT(txt) => Some(txt.txt_data.concat()),
        _ => None,
    }
}

/// A record's address.
pub(crate) fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

/// The host an MX or PTR record names, without the dot at its end.
pub(crate) fn host(data: &RData) -> Option<String> {
    let name = match data {
        RData::MX(mx) => &mx.exchange,
        RData::PTR(ptr) => &ptr.0,
        _ => return None,
    };
    Some(super::relative(&name.to_ascii()))
}
