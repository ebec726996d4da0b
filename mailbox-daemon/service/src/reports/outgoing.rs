//! The task that writes the reports of a day when it is over. Between two nights it sleeps.

use super::Reports;
use super::round::Round;
use crate::disk;
use crate::host::{Host, State};
use policy::report_schedule::{DELAY_LEAST_S, DELAY_MOST_S, Day, day_of, next_run};
use std::sync::Arc;
use std::time::Duration;
use store::{Notes, StoreError, Subject};
use types::{Domain, UnixSeconds};

/// The task looks at the clock at least so often: a clock that is set after the start may jump by years.
const SLEEP_MAX: Duration = Duration::from_hours(1);
/// What the task has to know after a restart.
const STATE: Subject = Subject { name: "reports-state", rows_max: 16 };
/// In it: the last day that was reported on, and whether somebody asked for reports.
const THROUGH: &str = "through";
const ASKED: &str = "asked";

/// Makes reports about everything up to now due.
pub(crate) fn ask(notes: &Notes, reports: &Reports, now: UnixSeconds) -> Result<(), StoreError> {
    notes.put(STATE, ASKED, &(), now)?;
    notes.flush()?;
    reports.asked.notify_one();
    Ok(())
}

/// Runs until the daemon stops.
pub(crate) async fn run(host: Arc<Host>) {
    tokio::select! {
        () = write_reports(&host) => {}
        () = host.stop.stopping() => {}
    }
}

async fn write_reports(host: &Host) {
    let mut delay_s = random_delay_s();
    let mut retry_at = Some(host.now() + DELAY_LEAST_S);
    loop {
        let now = host.now();
        let (reported, is_asked) = disk(|| plan(host, now)).unwrap_or_else(|error| {
            tracing::warn!(%error, "it is not known which reports were sent");
            (day_of(now) - 1, false)
        });
        let due = next_run(now, reported, delay_s);
        if is_asked || due <= now || retry_at.is_some_and(|at| at <= now) {
            retry_at = write_round(host, now, is_asked).await;
            delay_s = random_delay_s();
            match disk(|| settle(host, now)) {
                Ok(()) => continue,
                Err(error) => tracing::warn!(%error, "it cannot be kept which reports were sent"),
            }
        }
        let next = retry_at.map_or(due, |at| at.min(due));
        let pause = Duration::from_secs((next - now).max(1) as u64).min(SLEEP_MAX);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = host.reports.asked.notified() => {}
        }
    }
}

/// The last day that was reported on, and whether somebody asked for more. A new box begins with its first day.
fn plan(state: &State, now: UnixSeconds) -> Result<(Day, bool), StoreError> {
    let is_asked = state.notes.get::<()>(STATE, ASKED)?.is_some();
    if let Some(day) = state.notes.get(STATE, THROUGH)? {
        return Ok((day, is_asked));
    }
    state.notes.put(STATE, THROUGH, &(day_of(now) - 1), now)?;
    Ok((day_of(now) - 1, is_asked))
}

fn settle(state: &State, now: UnixSeconds) -> Result<(), StoreError> {
    state.notes.put(STATE, THROUGH, &(day_of(now) - 1), now)?;
    state.notes.remove(STATE, ASKED)?;
    state.notes.flush()
}

/// Writes everything that is due; when to try again what could not be sent.
async fn write_round(host: &Host, now: UnixSeconds, is_asked: bool) -> Option<UnixSeconds> {
    let later = Some(now + SLEEP_MAX.as_secs() as i64);
    let settings = host.settings.load_full();
    let own = match disk(|| own_domain(host)) {
        Ok(own) => own?,
        Err(error) => {
            tracing::warn!(%error, "reports are not written now");
            return later;
        }
    };
    let Ok(resolver) = host.resolvers.get(settings.dns.resolver) else { return later };
    let round = Round { host, settings: &settings, resolver: &resolver, own: &own, now, is_asked };
    round.write_all().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "reports could not be written; they are tried again");
        later
    })
}

/// The domain reports come from: that of the oldest account. A box without accounts reports nothing.
fn own_domain(host: &Host) -> Result<Option<Domain>, StoreError> {
    Ok(crate::directory::first_account(host)?.map(|account| account.domain))
}

/// Some time after midnight, so that not all boxes of the world report at once.
fn random_delay_s() -> i64 {
    let mut bytes = [0; 4];
    // Without chance it is the same minute every night, which is no harm.
    let _ = getrandom::fill(&mut bytes);
    DELAY_LEAST_S + i64::from(u32::from_le_bytes(bytes)) % (DELAY_MOST_S - DELAY_LEAST_S)
}
