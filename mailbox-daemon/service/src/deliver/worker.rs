//! One worker: one destination, one connection at a time, as many messages as there are.

use super::Context;
use super::board::Hired;
use super::connection::Connection;
use super::content::{self, Content, SevenBit};
use super::entry::Job;
use super::session;
use super::verdict::Verdict;
use crate::disk;
use policy::route::Destination;
use policy::schedule::Attempt;
use proto::smtp::client::{Failure, Missing, Outcome, Stage, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use types::UnixSeconds;

/// Messages over one connection; some servers refuse more.
const MESSAGES_MAX: u32 = 100;
/// How long a connection waits for another message before it is closed.
const LINGER: Duration = Duration::from_millis(500);

/// Works off a destination's jobs.
pub(super) async fn work(context: Arc<Context>, hired: Hired) {
    let place = Place { context: &context, destination: &hired.destination, hired: &hired };
    let first = context.board().take_first(&hired.destination, context.host.now());
    let mut connection = None;
    let mut next = first;
    while let Some(job) = next {
        place.deliver(&mut connection, job).await;
        if let Some(worn) = connection.take_if(|session| session.messages() >= MESSAGES_MAX) {
            worn.quit().await;
        }
        next = place.next_job(connection.is_some()).await;
    }
    if let Some(connection) = connection {
        connection.quit().await;
    }
}

/// A place among the workers, given up however the worker ends.
struct Place<'a> {
    context: &'a Arc<Context>,
    destination: &'a Destination,
    hired: &'a Hired,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.context.board().leave(self.hired);
        self.context.changed.notify_waiters();
    }
}

impl Place<'_> {
    /// The next job; a connection that is open waits a moment for one.
    async fn next_job(&self, may_linger: bool) -> Option<Job> {
        if self.context.host.stop.is_stopping() {
            return None;
        }
        if let Some(job) = self.take() {
            return Some(job);
        }
        if !may_linger || !self.has_spare_places() {
            return None;
        }
        let waiting = async {
            loop {
                self.context.posted.notified().await;
                if let Some(job) = self.take() {
                    return job;
                }
            }
        };
        tokio::select! {
            job = timeout(LINGER, waiting) => job.ok(),
            () = self.context.host.stop.stopping() => None,
        }
    }

    fn take(&self) -> Option<Job> {
        self.context.board().take(self.destination, self.context.host.now())
    }

    fn has_spare_places(&self) -> bool {
        self.context.board().running() < self.context.host.settings.load().limits.outbound_max
    }

    /// Sends one message: to the first server that is willing, and where that one puts it off, to the next in the same attempt.
    async fn deliver(&self, connection: &mut Option<Connection>, job: Job) {
        let settings = self.context.host.settings.load_full();
        let mut round = Round::new(job.recipients.len());
        let mut trouble = None;
        while !round.open.is_empty() {
            let session = match connection.take_if(|session| !round.has_tried(session.server())) {
                Some(session) => session,
                None => match session::open(self.context, &settings, self.destination, &round.tried).await {
                    Ok(session) => session,
                    Err(verdict) if round.tried.is_empty() => return self.give_up(job, verdict).await,
                    // The last server that was reached has said why.
                    Err(_) => break,
                },
            };
            trouble = self.send(session, connection, &job, &mut round).await;
            job.note(&round.verdicts);
        }
        let reason = trouble.filter(|_| !round.has_success());
        job.finish(round.into_verdicts(), None).await;
        if let Some(reason) = reason {
            self.leave_alone(&reason).await;
        }
    }

    /// Sends it over one session, which is kept where it may be used again. Says what is wrong with a server that broke off.
    async fn send(
        &self,
        mut session: Connection,
        kept: &mut Option<Connection>,
        job: &Job,
        round: &mut Round,
    ) -> Option<String> {
        let was_used = session.messages() > 0;
        let message = Content::Queued(job.entry.message());
        let mut outcomes = session.send(job.transaction(&round.open), message).await;
        if outcomes.contains(&Outcome::Unsupported(Missing::EightBitMime)) {
            match self.send_in_seven_bits(&mut session, job, round).await {
                Ok(of_conversion) => outcomes = of_conversion,
                Err(verdict) => {
                    round.end_with(&verdict, session.server());
                    kept.get_or_insert(session);
                    return None;
                }
            }
        }
        let is_open = session.is_open();
        // A connection that was used before may have been closed by the other side meanwhile: then a new one is tried.
        if was_used && !is_open && outcomes.iter().all(is_stale) {
            return None;
        }
        let broke = broke(&outcomes, is_open);
        if !broke {
            self.context.board().worked(self.destination);
        }
        let server = session.server().to_owned();
        match is_open && kept.is_none() {
            true => *kept = Some(session),
            false => session.quit().await,
        }
        round.take_in(outcomes, server);
        let first = round.verdicts.iter().flatten().next();
        first.filter(|_| broke).map(Verdict::line)
    }

    /// Once more for a server without 8BITMIME.
    async fn send_in_seven_bits(
        &self,
        session: &mut Connection,
        job: &Job,
        round: &Round,
    ) -> Result<Vec<Outcome>, Verdict> {
        let told = disk(|| content::in_seven_bits(&self.context.host, job.entry.message()));
        match told.map_err(|error| Verdict::ours(format!("The message cannot be converted now: {error}")))? {
            SevenBit::Already => {
                job.entry.note_seven_bit();
                let message = Content::Queued(job.entry.message());
                Ok(session.send(job.transaction(&round.open), message).await)
            }
            SevenBit::Converted(converted) => {
                let message = Content::Converted(&converted);
                let transaction = Transaction {
                    message_bytes: message.bytes(),
                    needs_eight_bit: false,
                    ..job.transaction(&round.open)
                };
                Ok(session.send(transaction, message).await)
            }
            SevenBit::Impossible(reason) => Err(Verdict::not_in_seven_bits(reason)),
        }
    }

    /// No session: this message, and all others that wait for the destination, are put off without trying.
    async fn give_up(&self, job: Job, verdict: Verdict) {
        match verdict.attempt {
            Attempt::Delivered | Attempt::Refused | Attempt::Held => job.finish_all(&verdict, None).await,
            Attempt::Deferred => {
                let until = self.leave_alone(&verdict.line()).await;
                job.finish_all(&verdict, Some(until)).await;
                self.context.try_waiting_over_new_relay();
            }
        }
    }

    /// The destination is left alone for a while. Says until when.
    async fn leave_alone(&self, reason: &str) -> UnixSeconds {
        let (now, random) = (self.context.host.now(), self.context.random());
        let (waiting, until) = {
            let mut board = self.context.board();
            let waiting = board.unreachable(self.destination, reason, &self.context.rules, now, random);
            let until = board.left_alone(self.destination, now).map_or(now, |alone| alone.until);
            (waiting, until)
        };
        tracing::info!(destination = %self.destination, reason, pause_s = until - now, waiting = waiting.len(), "destination is left alone");
        let verdict = Verdict::unreachable(reason);
        for job in waiting {
            job.finish_all(&verdict, Some(until)).await;
        }
        until
    }
}

/// One attempt's way through the servers of a destination.
struct Round {
    /// By position in the job's recipients.
    verdicts: Vec<Option<Verdict>>,
    /// Positions of those who wait for another server.
    open: Vec<usize>,
    /// Servers that were asked.
    tried: Vec<String>,
}

impl Round {
    fn new(recipients: usize) -> Round {
        Round { verdicts: vec![None; recipients], open: (0..recipients).collect(), tried: Vec::new() }
    }

    fn has_tried(&self, server: &str) -> bool {
        self.tried.iter().any(|tried| tried == server)
    }

    fn has_success(&self) -> bool {
        self.verdicts.iter().flatten().any(|verdict| verdict.attempt == Attempt::Delivered)
    }

    /// What a server said of those who were open; some stay so.
    fn take_in(&mut self, outcomes: Vec<Outcome>, server: String) {
        let asked = std::mem::take(&mut self.open);
        for (position, outcome) in asked.into_iter().zip(outcomes) {
            if Verdict::leaves_to_others(&outcome) {
                self.open.push(position);
            }
            self.verdicts[position] = Some(Verdict::of(outcome, &server));
        }
        self.tried.push(server);
    }

    /// The same for all who were open, for good or for this attempt.
    fn end_with(&mut self, verdict: &Verdict, server: &str) {
        for position in std::mem::take(&mut self.open) {
            self.verdicts[position] = Some(Verdict { server: Some(server.to_owned()), ..verdict.clone() });
        }
    }

    fn into_verdicts(self) -> Vec<Verdict> {
        let unasked = || Verdict::unreachable("No server was asked.");
        self.verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(unasked)).collect()
    }
}

/// The connection was gone before anything was asked.
fn is_stale(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Broken(Stage::Mail | Stage::Idle, Failure::Lost))
}

/// Whether the session ended in a way that says the server is in trouble.
fn broke(outcomes: &[Outcome], is_open: bool) -> bool {
    let is_trouble = |outcome: &Outcome| match outcome {
        Outcome::Broken(..) => true,
        Outcome::Refused(_, answer) => answer.code == 421,
        Outcome::Delivered { .. } | Outcome::Unsupported(_) => false,
    };
    !is_open && outcomes.iter().any(is_trouble)
}
