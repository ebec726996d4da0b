//! The report about TLS to one domain's servers (RFC 8460).

use super::counted::{self, Gathered, fingerprint};
use super::post::post;
use super::round::{Kind, Round, Sent, gzip};
use proto::reports::tls::TlsLetter;
use proto::reports::{ReportUri, date_name, tlsrpt_destinations};
use store::{StoreError, Subject};
use types::TlsOutcome;

pub(super) struct TlsReports;

impl Kind for TlsReports {
    type Row = TlsOutcome;
    const COUNTED: Subject = counted::TLS;

    async fn send(round: &Round<'_>, gathered: &Gathered<TlsOutcome>) -> Result<Sent, StoreError> {
        let domain = &gathered.domain;
        if !round.settings.reports.tls {
            return Ok(Sent::Unwanted);
        }
        let Some(records) = round.texts(&format!("_smtp._tls.{domain}")).await else {
            return Ok(Sent::Later);
        };
        let destinations = tlsrpt_destinations(&records);
        if destinations.is_empty() {
            return Ok(Sent::Unwanted);
        }
        let time = round.time_of(gathered.day);
        let content = fingerprint(&serde_json::to_vec(&gathered.rows).map_err(std::io::Error::other)?);
        let report_id = format!("tls.{}.{content}", date_name(time.0));
        let head = round.head("noreply-tls", report_id);
        let letter = TlsLetter { head, domain, time, rows: &gathered.rows };
        deliver(round, &letter, &destinations).await
    }
}

/// To every destination; one that takes it is enough (RFC 8460 section 3).
async fn deliver(
    round: &Round<'_>,
    letter: &TlsLetter<'_>,
    destinations: &[ReportUri],
) -> Result<Sent, StoreError> {
    let packed = gzip(&letter.json());
    let mut sent = Sent::Later;
    for destination in destinations {
        match destination {
            ReportUri::Mailto { address, .. } => {
                round.enqueue(address, &letter.mail(address, &packed)).await?;
                tracing::info!(domain = %letter.domain, to = %address, "report about TLS queued");
                sent = Sent::Yes;
            }
            ReportUri::Https(url) => match post(round.resolver, url, packed.clone()).await {
                Ok(()) => {
                    tracing::info!(domain = %letter.domain, to = url, "report about TLS delivered");
                    sent = Sent::Yes;
                }
                Err(error) => {
                    tracing::info!(domain = %letter.domain, to = url, %error, "a report about TLS could not be delivered");
                }
            },
        }
    }
    Ok(sent)
}
