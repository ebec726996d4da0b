//! Look-ups that DNSSEC vouches for, for DANE alone (RFC 7672 section 2). Everything else asks the plain resolver: this one
//! takes positive answers from wildcards for bogus, and needs more questions and memory.

use super::{absolute, options, relative};
use data_encoding::BASE64;
use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Algorithm, Proof, PublicKeyBuf, TrustAnchors};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use policy::hop::Tlsa;
use policy::route::MxAnswer;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use types::Domain;

/// Aliases followed from one name.
const ALIASES_MAX: usize = 8;
/// Questions after which the resolver is made anew: what it remembers of validated keys has no limit of its own.
const QUESTIONS_MAX: usize = 20_000;
/// How long it is believed that DNSSEC works, or does not.
const WORKING_FOR: Duration = Duration::from_hours(1);
const NOT_WORKING_FOR: Duration = Duration::from_mins(5);

/// A resolver that validates.
pub struct SecureResolver {
    hickory: TokioResolver,
    questions: AtomicUsize,
    /// What was found when it was last tried, and when.
    state: Mutex<Option<(Instant, Dnssec)>>,
}

/// Whether answers can be validated at all from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dnssec {
    /// The root's keys were had and hold.
    Works,
    /// Whoever answers us leaves out the signatures, as many home routers do.
    Stripped,
    /// Nobody answered.
    Unknown,
}

/// What was asked for and whether signatures vouch for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven<T> {
    /// The answer.
    pub answer: T,
    /// Whether every step to it is signed.
    pub is_secure: bool,
}

/// A server's addresses and where its TLSA records may be (RFC 7672 section 2.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Names to look for TLSA records under, in order; none where no signature vouches for the addresses.
    pub bases: Vec<String>,
}

/// Why a look-up gave nothing to build on: no answer, or one that does not validate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupFailed(pub String);

/// The records of one look-up with the aliases that led there.
struct Answer {
    records: Vec<Record>,
    /// Whether the domain exists, where there are no records.
    is_no_domain: bool,
    is_secure: bool,
}

impl SecureResolver {
    /// A resolver that asks `server`, or what `/etc/resolv.conf` names, and trusts the root's keys and those in a file.
    pub fn new(server: Option<SocketAddr>, anchors: Option<&Path>) -> Result<SecureResolver, NetError> {
        let mut builder = super::builder(server)?.with_trust_anchor(std::sync::Arc::new(trusted(anchors)?));
        options(builder.options_mut());
        // The proofs of aliases count too.
        builder.options_mut().preserve_intermediates = true;
        Ok(SecureResolver {
            hickory: builder.build()?,
            questions: AtomicUsize::new(0),
            state: Mutex::default(),
        })
    }

    /// Whether it has been asked so much that a new one should take its place.
    pub fn is_worn(&self) -> bool {
        self.questions.load(Ordering::Relaxed) > QUESTIONS_MAX
    }

    /// Whether answers can be validated; tried by the root's own keys and remembered for a while.
    pub async fn dnssec(&self) -> Dnssec {
        let mut state = self.state.lock().await;
        if let Some((at, found)) = *state {
            let lasts = if found == Dnssec::Works { WORKING_FOR } else { NOT_WORKING_FOR };
            if at.elapsed() < lasts {
                return found;
            }
        }
        let found = match self.lookup(".", RecordType::DNSKEY).await {
            Ok(answer) if answer.is_secure && !answer.records.is_empty() => Dnssec::Works,
            Ok(_) => Dnssec::Stripped,
            Err(Failure::Invalid) => Dnssec::Stripped,
            Err(Failure::Other(_)) => Dnssec::Unknown,
        };
        *state = Some((Instant::now(), found));
        found
    }

    /// The MX records of a domain.
    pub async fn mx(&self, domain: &Domain) -> Proven<MxAnswer> {
        let answer = match self.lookup(domain.as_str(), RecordType::MX).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::info!(%domain, error = error.words(), "MX look-up failed");
                return Proven { answer: MxAnswer::Failed, is_secure: false };
            }
        };
        let is_secure = answer.is_secure;
        let records: Vec<_> = answer.records.iter().filter_map(|record| super::mx_of(&record.data)).collect();
        let answer = match (records.is_empty(), answer.is_no_domain) {
            (false, _) => MxAnswer::Records(records),
            (true, true) => MxAnswer::NoDomain,
            (true, false) => MxAnswer::NoRecords,
        };
        Proven { answer, is_secure }
    }

    /// A server's addresses. Looked up before its TLSA records, so that servers in unsigned zones, whose name servers may not
    /// know the type, are never asked for them (RFC 7672 section 2.2.2).
    pub async fn host(&self, name: &str) -> Result<Host, LookupFailed> {
        let (v4, v6) = tokio::join!(self.lookup(name, RecordType::A), self.lookup(name, RecordType::AAAA));
        let failed = |error: Failure| LookupFailed(error.words().to_owned());
        let (v4, v6) = match (v4, v6) {
            // One family that cannot be had does not take away the other, if that is vouched for.
            (Ok(v4), Err(_)) if v4.has_addresses() => (v4, Answer::empty()),
            (Err(_), Ok(v6)) if v6.has_addresses() => (Answer::empty(), v6),
            (v4, v6) => (v4.map_err(failed)?, v6.map_err(failed)?),
        };
        let found = [&v4, &v6];
        let addresses = found.iter().flat_map(|answer| answer.addresses()).collect();
        let Some(first) = found.into_iter().find(|answer| answer.has_addresses()) else {
            return Ok(Host::default());
        };
        let is_secure = found.iter().all(|answer| !answer.has_addresses() || answer.is_secure);
        Ok(Host { addresses, bases: bases(name, first, is_secure) })
    }

    /// The TLSA records for a port of a server: those that are vouched for, `None` for each that SMTP cannot use.
    pub async fn tlsa(&self, base: &str, port: u16) -> Result<Vec<Option<Tlsa>>, LookupFailed> {
        let name = format!("_{port}._tcp.{base}");
        let answer = self.lookup(&name, RecordType::TLSA).await;
        let answer = answer.map_err(|error| LookupFailed(error.words().to_owned()))?;
        let records = answer.records.iter().filter(|_| answer.is_secure);
        Ok(records
            .filter_map(|record| match &record.data {
                RData::TLSA(tlsa) => Some(Tlsa::from_numbers(
                    tlsa.cert_usage.into(),
                    tlsa.selector.into(),
                    tlsa.matching.into(),
                    &tlsa.cert_data,
                )),
                _ => None,
            })
            .collect())
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Answer, Failure> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        match self.hickory.lookup(absolute(name), kind).await {
            Ok(lookup) => {
                let of_kind = |record: &&Record| [kind, RecordType::CNAME].contains(&record.record_type());
                let records: Vec<Record> = lookup.answers().iter().filter(of_kind).cloned().collect();
                let is_secure = records.iter().all(|record| record.proof.is_secure());
                if records.iter().any(|record| record.proof < Proof::Insecure) {
                    return Err(Failure::Invalid);
                }
                Ok(Answer { records, is_no_domain: false, is_secure })
            }
            Err(error) => nothing(error),
        }
    }
}

/// Why a question stayed open.
enum Failure {
    /// The answer does not validate.
    Invalid,
    /// There was none.
    Other(String),
}

impl Failure {
    fn words(&self) -> &str {
        match self {
            Failure::Invalid => "the answer does not validate (DNSSEC)",
            Failure::Other(words) => words,
        }
    }
}

/// What an answer without records says.
fn nothing(error: NetError) -> Result<Answer, Failure> {
    let none = |is_no_domain, is_secure| Ok(Answer { records: Vec::new(), is_no_domain, is_secure });
    match error {
        NetError::Dns(DnsError::NoRecordsFound(found)) => {
            let is_secure = found.soa.as_ref().is_some_and(|soa| soa.proof.is_secure());
            none(found.response_code == hickory_resolver::proto::op::ResponseCode::NXDomain, is_secure)
        }
        // The zone is signed in a way that proves nothing about this name (RFC 5155 opt-out).
        NetError::Dns(DnsError::Nsec { proof: Proof::Insecure, response, .. }) => {
            none(response.response_code == hickory_resolver::proto::op::ResponseCode::NXDomain, false)
        }
        NetError::Dns(DnsError::Nsec { .. } | DnsError::DnssecBogus) => Err(Failure::Invalid),
        error => Err(Failure::Other(error.to_string())),
    }
}

impl Answer {
    fn empty() -> Answer {
        Answer { records: Vec::new(), is_no_domain: false, is_secure: false }
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.records.iter().filter_map(|record| match record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        })
    }

    fn has_addresses(&self) -> bool {
        self.addresses().next().is_some()
    }

    /// The alias a name is, and whether that is vouched for.
    fn alias(&self, name: &str) -> Option<(String, bool)> {
        self.records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if relative(&record.name.to_ascii()) == name => {
                Some((relative(&target.0.to_ascii()), record.proof.is_secure()))
            }
            _ => None,
        })
    }
}

/// The candidates for the TLSA base domain (RFC 7672 section 2.2.2).
fn bases(name: &str, answer: &Answer, is_secure: bool) -> Vec<String> {
    let name = relative(name);
    let first = answer.alias(&name);
    match (&first, is_secure) {
        (None, true) => vec![name],
        (None, false) | (Some((_, false)), _) => Vec::new(),
        (Some(_), false) => vec![name],
        (Some((target, true)), true) => {
            let mut last = target.clone();
            for _ in 0..ALIASES_MAX {
                let Some((next, _)) = answer.alias(&last) else { break };
                last = next;
            }
            vec![last, name]
        }
    }
}

fn trusted(file: Option<&Path>) -> Result<TrustAnchors, NetError> {
    let mut trusted = TrustAnchors::default();
    let Some(file) = file else { return Ok(trusted) };
    let unusable = |error: String| NetError::from(format!("dns.trust_anchor {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let keys: Vec<PublicKeyBuf> = text.lines().filter_map(root_key).collect();
    if keys.is_empty() {
        return Err(unusable("no DNSKEY of the root in it".to_owned()));
    }
    for key in keys {
        trusted.insert(&key);
    }
    Ok(trusted)
}

/// The key in a line such as `. 3600 IN DNSKEY 257 3 13 <base64>`, as knot's `keymgr` and `dig` print it.
fn root_key(line: &str) -> Option<PublicKeyBuf> {
    let line = line.split(';').next().unwrap_or_default();
    let mut words = line.split_ascii_whitespace();
    (words.next() == Some(".")).then_some(())?;
    words.find(|word| word.eq_ignore_ascii_case("DNSKEY"))?;
    let (_flags, _protocol) = (words.next()?, words.next()?);
    let algorithm = Algorithm::from_u8(words.next()?.parse().ok()?);
    let key = BASE64.decode(words.collect::<String>().as_bytes()).ok()?;
    Some(PublicKeyBuf::new(key, algorithm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_anchors_as_tools_print_them() {
        for (line, expected) in [
            (". DNSKEY 257 3 13 kPyADV9iuK8=", true),
            (".\t3600 IN DNSKEY 257 3 8 kPyADV9i uK8= ; a comment", true),
            ("test. DNSKEY 257 3 13 kPyADV9iuK8=", false),
            (". DS 29562 13 2 4399353c", false),
            (". DNSKEY 257 3 13 not-base64", false),
            ("; . DNSKEY 257 3 13 kPyADV9iuK8=", false),
            ("", false),
        ] {
            assert_eq!(root_key(line).is_some(), expected, "{line:?}");
        }
    }
}
