//! The DMARC aggregate report about one domain (RFC 7489 section 7.2).

use super::counted::{self, Gathered, fingerprint};
use super::round::{Kind, Round, Sent, gzip};
use crate::disk;
use policy::dmarc::organizational_domain;
use policy::report_schedule::day_of;
use proto::reports::dmarc::{DmarcLetter, DmarcRequest};
use proto::reports::{ReportUri, date_name};
use store::{StoreError, Subject};
use types::{Address, DmarcRow, Domain};

/// DMARC reports sent by day.
const SENT: Subject = Subject { name: "reports-sent", rows_max: 8 };
/// Messages of one kind a report tells apart; the most frequent ones are told.
const ROWS_MAX: usize = 2000;

pub(super) struct DmarcReports;

/// A place a report may go to.
struct Place {
    address: Address,
    bytes_max: Option<u64>,
}

impl Kind for DmarcReports {
    type Row = DmarcRow;
    const COUNTED: Subject = counted::DMARC;

    async fn send(round: &Round<'_>, gathered: &Gathered<DmarcRow>) -> Result<Sent, StoreError> {
        let domain = &gathered.domain;
        let Some(records) = round.texts(&format!("_dmarc.{domain}")).await else { return Ok(Sent::Later) };
        let Some(request) = DmarcRequest::of(&records) else { return Ok(Sent::Unwanted) };
        let Some(places) = places(round, domain, &request).await else { return Ok(Sent::Later) };
        if places.is_empty() {
            return Ok(Sent::Unwanted);
        }
        let sent_today = sent_today(round)?;
        if sent_today >= round.settings.reports.dmarc_daily_max {
            tracing::info!(%domain, "no DMARC report: reports.dmarc_daily_max were sent today");
            return Ok(Sent::Unwanted);
        }
        let is_sent = write(round, gathered, &request, &places).await?;
        if is_sent {
            disk(|| {
                round.host.notes.put(SENT, &day_of(round.now).to_string(), &(sent_today + 1), round.now)
            })?;
        }
        Ok(if is_sent { Sent::Yes } else { Sent::Unwanted })
    }
}

/// Puts the report to every place in the queue that takes one of its size.
async fn write(
    round: &Round<'_>,
    gathered: &Gathered<DmarcRow>,
    request: &DmarcRequest,
    places: &[Place],
) -> Result<bool, StoreError> {
    let Gathered { domain, day, .. } = gathered;
    let mut rows = gathered.rows.clone();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows.truncate(ROWS_MAX);
    let time = round.time_of(*day);
    let content = fingerprint(&serde_json::to_vec(&rows).map_err(std::io::Error::other)?);
    let report_id = format!("dmarc.{}.{content}", date_name(time.0));
    let letter =
        DmarcLetter { head: round.head("noreply-dmarc", report_id), domain, request, time, rows: &rows };
    let packed = gzip(&letter.xml());
    let mut is_sent = false;
    for place in places {
        let mail = letter.mail(&place.address, &packed);
        if place.bytes_max.is_some_and(|most| mail.len() as u64 > most) {
            tracing::info!(%domain, to = %place.address, bytes = mail.len(), "the DMARC report is larger than its receiver wants");
            continue;
        }
        round.enqueue(&place.address, &mail).await?;
        tracing::info!(%domain, to = %place.address, rows = rows.len(), "DMARC report queued");
        is_sent = true;
    }
    Ok(is_sent)
}

/// Where reports go that a record asks for, others' consent looked up (RFC 7489 section 7.1); `None` where somebody could not
/// be asked.
async fn places(round: &Round<'_>, domain: &Domain, request: &DmarcRequest) -> Option<Vec<Place>> {
    let mut places = Vec::new();
    for uri in &request.destinations {
        let ReportUri::Mailto { address, bytes_max } = uri else { continue };
        let host = &address.domain;
        if organizational_domain(host) == organizational_domain(domain) {
            places.push(Place { address: address.clone(), bytes_max: *bytes_max });
            continue;
        }
        let records = round.texts(&format!("{domain}._report._dmarc.{host}")).await?;
        let Some(consent) = DmarcRequest::consent(&records) else { continue };
        if consent.is_empty() {
            places.push(Place { address: address.clone(), bytes_max: *bytes_max });
        } else if consent.iter().all(|uri| uri.mail_domain() == Some(host)) {
            places.extend(consent.into_iter().filter_map(|uri| match uri {
                ReportUri::Mailto { address, bytes_max } => Some(Place { address, bytes_max }),
                ReportUri::Https(_) => None,
            }));
        }
    }
    places.dedup_by(|one, other| one.address == other.address);
    Some(places)
}

fn sent_today(round: &Round<'_>) -> Result<usize, StoreError> {
    let sent: Option<usize> = disk(|| round.host.notes.get(SENT, &day_of(round.now).to_string()))?;
    Ok(sent.unwrap_or_default())
}
