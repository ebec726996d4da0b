//! MTA-STS policies of the domains mail goes to (RFC 8461): fetched over HTTPS, kept over restarts, fetched again before they
//! expire and when their `id` changes.

mod fetch;

use super::Context;
use crate::dns::{Resolver, text};
use hickory_resolver::proto::rr::RecordType;
use policy::config::Settings;
use proto::mta_sts::{Mode, Policy, policy_id};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use store::Subject;
use tokio::time::sleep;
use types::{Domain, TlsFailure, TlsFailureType, TlsOutcome, TlsPolicy, TlsPolicyType, UnixSeconds};

/// Domains whose policies are kept; those fetched longest ago make room.
const KEPT: Subject = Subject { name: "mta-sts", rows_max: 2000 };
/// How old a policy may get before it is fetched again (RFC 8461 section 3.3).
const FRESH_S: i64 = 24 * 60 * 60;
/// A fetch that failed is not repeated for so long (RFC 8461 section 3.3).
const FAILED_PAUSE_S: i64 = 5 * 60;
/// How often all that is kept is looked through.
const LOOK_THROUGH: Duration = Duration::from_hours(1);

/// What is known of one domain's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The policy's `id` when it was fetched.
    id: String,
    /// The policy; empty where none was ever had.
    text: String,
    fetched_at: UnixSeconds,
    /// The `id` that could not be fetched, and when.
    failed_id: String,
    failed_at: UnixSeconds,
}

impl Known {
    /// The policy, unless it has expired.
    fn policy(&self, now: UnixSeconds) -> Option<Policy> {
        let policy = Policy::parse(&self.text)?;
        let age_s = u64::try_from(now - self.fetched_at).unwrap_or(0);
        (age_s < policy.max_age.as_secs()).then_some(policy)
    }

    /// Whether a policy announced under `id` is to be fetched now.
    fn is_fetch_due(&self, id: &str, now: UnixSeconds) -> bool {
        let is_fresh = self.id == id && self.policy(now).is_some() && now - self.fetched_at < FRESH_S;
        let has_just_failed = self.failed_id == id && now - self.failed_at < FAILED_PAUSE_S;
        !is_fresh && !has_just_failed
    }
}

/// The policy in force for a domain; `None` where there is none, or one that asks for nothing.
pub(super) async fn policy(context: &Context, settings: &Settings, domain: &Domain) -> Option<Policy> {
    if !settings.outbound.mta_sts {
        return None;
    }
    let resolver = context.resolver(settings).ok()?;
    let known = update(context, settings, &resolver, domain).await;
    known.policy(context.host.now()).filter(|policy| policy.mode != Mode::None)
}

/// Keeps what is kept fresh, so that a policy does not expire because nobody wrote to its domain for a while.
pub(super) async fn keep_fresh(context: &Context) {
    loop {
        sleep(LOOK_THROUGH).await;
        let kept = match crate::disk(|| context.host.notes.all::<Known>(KEPT, "")) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, "the MTA-STS policies that are kept cannot be read");
                continue;
            }
        };
        let settings = context.host.settings.load_full();
        let Ok(resolver) = context.resolver(&settings) else { continue };
        let now = context.host.now();
        let is_old = |known: &Known| now - known.fetched_at >= FRESH_S;
        for (domain, known) in kept.into_iter().filter(|(_, known)| is_old(known)) {
            match Domain::parse(&domain) {
                Ok(domain) if known.policy(now).is_some() => {
                    update(context, &settings, &resolver, &domain).await;
                }
                _ => drop(crate::disk(|| context.host.notes.remove(KEPT, &domain))),
            }
        }
    }
}

/// Brings what is known of a domain up to date.
async fn update(context: &Context, settings: &Settings, resolver: &Arc<Resolver>, domain: &Domain) -> Known {
    let (notes, now) = (&context.host.notes, context.host.now());
    let mut known: Known =
        crate::disk(|| notes.get(KEPT, domain.as_str())).ok().flatten().unwrap_or_default();
    let texts = resolver.question(&format!("_mta-sts.{domain}"), RecordType::TXT, text).await;
    let texts = texts.known().unwrap_or_default();
    let records = texts.iter().filter_map(|text| std::str::from_utf8(text).ok());
    // Where none is announced what is kept stays in force (RFC 8461 section 3.3).
    let Some(id) = policy_id(records) else { return known };
    if !known.is_fetch_due(&id, now) {
        return known;
    }
    match fetch::policy(settings, resolver, domain).await {
        Ok(policy) => {
            tracing::info!(%domain, id, mode = ?policy.mode, "MTA-STS policy fetched");
            known = Known { id, text: policy.lines().join("\n"), fetched_at: now, ..Known::default() };
        }
        Err(error) => {
            tracing::warn!(%domain, id, %error, has_policy = known.policy(now).is_some(), "MTA-STS policy cannot be fetched");
            crate::reports::note_tls(&context.host, &failed(domain, &error));
            known = Known { failed_id: id, failed_at: now, ..known };
        }
    }
    if let Err(error) = crate::disk(|| notes.put(KEPT, domain.as_str(), &known, now)) {
        tracing::warn!(%domain, %error, "the MTA-STS policy is not kept");
    }
    known
}

/// RFC 8461 section 6, RFC 8460 section 4.3.2.2.
fn failed(domain: &Domain, error: &fetch::FetchError) -> TlsOutcome {
    let failure_type = match error {
        fetch::FetchError::Certificate(_) => TlsFailureType::StsWebpkiInvalid,
        fetch::FetchError::NoPolicy => TlsFailureType::StsPolicyInvalid,
        _ => TlsFailureType::StsPolicyFetchError,
    };
    let failure = TlsFailure {
        failure_type,
        mx_host: None,
        receiving_ip: None,
        sending_ip: None,
        reason: Some(error.to_string()),
    };
    TlsOutcome {
        recipient_domain: domain.clone(),
        policy: TlsPolicy {
            policy_type: TlsPolicyType::Sts,
            domain: domain.clone(),
            strings: Vec::new(),
            mx_patterns: Vec::new(),
        },
        failure: Some(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_policy_is_fetched() {
        let text = "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 864000";
        let kept = Known { id: "1".to_owned(), text: text.to_owned(), fetched_at: 1000, ..Known::default() };
        let failed = Known { failed_id: "2".to_owned(), failed_at: 2000, ..kept.clone() };
        for (known, id, now, expected) in [
            (&Known::default(), "1", 1_000_000, true),
            (&kept, "1", 1001, false),
            (&kept, "2", 1001, true),
            (&kept, "1", 1000 + FRESH_S, true),
            (&failed, "2", 2000 + FAILED_PAUSE_S - 1, false),
            (&failed, "2", 2000 + FAILED_PAUSE_S, true),
            (&failed, "3", 2001, true),
        ] {
            assert_eq!(known.is_fetch_due(id, now), expected, "{known:?} {id} {now}");
        }
        assert!(failed.policy(1000 + 863_999).is_some(), "kept although a fetch failed");
        assert!(kept.policy(1000 + 864_000).is_none());
        assert!(Known::default().policy(0).is_none());
    }
}
