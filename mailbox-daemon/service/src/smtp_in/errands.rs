//! What becomes of a message for each account here: its script runs, and what it wants is looked at before anything is done.

use super::compose::{Composition, body_of, own_lines};
use super::envelope::{Delivery, Transaction};
use super::judge::Judged;
use super::redirect::{Led, Passed, PassedOn};
use super::site_verdict::{FromOutside, SiteVerdict};
use super::spooled::{Raw, Spooled};
use super::{Connection, Role};
use crate::disk;
use crate::host::Host;
use crate::sieve::{
    Gathered, Mishap, Ready, Seen, Turns, active, log, tell_of_mishap, turn_of, zone_minutes,
};
use policy::sieve::{Body, Content, EnvelopeFacts, EnvironmentFacts, LED_MAX, Plan, SpamFacts};
use proto::smtp::header;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use store::{AccountMail, Mailbox, MemoryRow, ScriptMemory, StoreError};
use tokio::sync::SemaphorePermit;
use tracing::warn;
use types::{Address, MailboxName, Outcome, Recipient, SpecialUse, UnixSeconds};

/// One account's copy of a message, and what becomes of it.
pub(super) struct Errand {
    pub(super) account: Arc<AccountMail>,
    /// Lines on top of its copies that are as the message came.
    pub(super) top: Vec<u8>,
    /// As the message reaches the account: scripts of others that led it here may have changed it.
    pub(super) content: Content,
    /// The envelope's recipient.
    pub(super) recipient: Recipient,
    /// Where the implicit keep goes.
    pub(super) keep_in: MailboxName,
    /// Whether the box takes it for spam.
    pub(super) is_junk: bool,
    /// What is wanted, redirections that stay here left out.
    pub(super) plan: Plan,
    /// Copies for elsewhere.
    pub(super) external: Vec<PassedOn>,
    /// What the script remembers, for as long as the errand lives.
    pub(super) memory: Option<ScriptMemory>,
    /// What went wrong, for the script's owner.
    pub(super) mishaps: Vec<Mishap>,
}

/// What becomes of a message for everybody here, and what is held until it is done.
pub(super) struct Errands {
    pub(super) all: Vec<Errand>,
    _turns: Turns,
}

/// What has to be had before the message can be looked at.
enum Wanted {
    /// The turn of an account whose script remembers.
    Turn(usize),
    /// A place for a large message.
    Place,
}

enum Looked {
    All(Vec<Errand>),
    NeedsPlace,
    NeedsTurns(BTreeSet<usize>),
}

/// What every account's script is told.
pub(super) struct Desk<'a> {
    pub(super) connection: &'a Connection,
    transaction: &'a Transaction,
    composition: &'a Composition,
    judged: Option<&'a Judged>,
    turns: &'a Turns,
    has_place: bool,
    now: UnixSeconds,
}

impl Connection {
    /// Asks the script of every account that gets the message.
    pub(super) async fn errands(
        &self,
        transaction: &Transaction,
        composition: &Composition,
        spooled: &mut Spooled,
        judged: Option<&Judged>,
        now: UnixSeconds,
    ) -> Result<Errands, StoreError> {
        let mut turns = Turns::default();
        let mut place: Option<SemaphorePermit<'_>> = None;
        loop {
            let has_place = place.is_some() || spooled.is_in_memory();
            let desk =
                Desk { connection: self, transaction, composition, judged, turns: &turns, has_place, now };
            match disk(|| desk.look(&spooled.raw()?))? {
                Looked::All(all) => return Ok(Errands { all, _turns: turns }),
                Looked::NeedsTurns(numbers) => turns = turns.with(numbers, &self.host).await,
                // The semaphore is never closed, so the only outcome is a permit.
                Looked::NeedsPlace => place = self.host.examining.acquire().await.ok(),
            }
        }
    }

    fn environment(&self, judged: Option<&Judged>, now: UnixSeconds) -> EnvironmentFacts {
        let reverse = judged.map(|judged| &judged.evidence.reverse_dns);
        let name = reverse.filter(|reverse| reverse.outcome == Outcome::Pass);
        EnvironmentFacts {
            now,
            zone_minutes: zone_minutes(now),
            host: self.settings.hostname.to_string(),
            remote_ip: Some(self.peer.ip()),
            remote_host: name.and_then(|reverse| reverse.name.clone()),
            imap: None,
        }
    }
}

impl Desk<'_> {
    fn look(&self, raw: &Raw<'_>) -> Result<Looked, StoreError> {
        let named = &self.transaction.named;
        let recipients = &self.transaction.mailboxes;
        let first = |delivery: &Delivery| Passed {
            delivery: delivery.clone(),
            recipient: named[delivery.named].clone(),
            content: Content::Unchanged,
            marks: Vec::new(),
        };
        // What people of the house send each other is not judged.
        let header_bytes_max = self.connection.settings.limits.header_bytes_max;
        let outside = (self.connection.role == Role::Inbound)
            .then(|| FromOutside::look(raw, header_bytes_max, self.judged));
        let mut open: VecDeque<Passed> = recipients.iter().map(first).collect();
        let served = recipients.iter().map(|delivery| delivery.account.clone()).collect();
        let mut led = Led { served, steps: Vec::new(), room: LED_MAX };
        let mut all = Vec::with_capacity(open.len());
        // Those of all accounts are found at once: each look runs every script that can run.
        let mut missing = BTreeSet::new();
        while let Some(passed) = open.pop_front() {
            let mut errand = match self.errand(&passed, raw, outside.as_ref())? {
                Ok(errand) => errand,
                Err(Wanted::Place) => return Ok(Looked::NeedsPlace),
                Err(Wanted::Turn(number)) => {
                    missing.insert(number);
                    continue;
                }
            };
            if !errand.plan.redirects.is_empty() {
                open.extend(self.redirect(&mut errand, &passed, raw, &mut led)?);
            }
            all.push(errand);
        }
        if !missing.is_empty() {
            return Ok(Looked::NeedsTurns(missing));
        }
        // Counted once all is settled: the look may have begun anew.
        let host = &self.connection.host;
        all.iter_mut().try_for_each(|errand| errand.keep_what_is_too_much(host))?;
        Ok(Looked::All(all))
    }

    /// One account's errand, or what has to be had first.
    fn errand(
        &self,
        passed: &Passed,
        raw: &Raw<'_>,
        outside: Option<&FromOutside<'_>>,
    ) -> Result<Result<Errand, Wanted>, StoreError> {
        let host = &self.connection.host;
        let Passed { delivery, recipient, content, marks, .. } = passed;
        let account = host.store.account(&delivery.account)?;
        let site = outside.map_or_else(SiteVerdict::default, |outside| outside.site_verdict(host, delivery));
        let keep_in = if site.is_junk { junk(&account)?.name() } else { MailboxName::inbox() };
        let top = [&own_lines(&self.transaction.mail.from, delivery), marks, &site.fields]
            .map(Vec::as_slice)
            .concat();
        let mut errand = Errand {
            account,
            top,
            content: content.clone(),
            recipient: recipient.clone(),
            plan: Plan::keep(&keep_in),
            keep_in,
            is_junk: site.is_junk,
            external: Vec::new(),
            memory: None,
            mishaps: Vec::new(),
        };
        let Some(made) = active(host, &errand.account)? else { return Ok(Ok(errand)) };
        let ready = match &*made {
            Ok(ready) => ready,
            Err(why) => {
                let what = format!("the active script cannot run: {why}");
                errand.mishaps.push(Mishap { kind: "script", what });
                return Ok(Ok(errand));
            }
        };
        if site.is_junk && !ready.needs.spam {
            return Ok(Ok(errand));
        }
        if !self.has_place {
            return Ok(Err(Wanted::Place));
        }
        if ready.needs.memory {
            let turn = turn_of(&delivery.account);
            if !self.turns.has(turn) {
                return Ok(Err(Wanted::Turn(turn)));
            }
            errand.memory = Some(errand.account.script_memory(self.now)?);
        }
        self.run(ready, &mut errand, raw, site.spam)?;
        Ok(Ok(errand))
    }

    fn run(
        &self,
        ready: &Ready,
        errand: &mut Errand,
        raw: &Raw<'_>,
        spam: SpamFacts,
    ) -> Result<(), StoreError> {
        let host = &self.connection.host;
        let settings = host.settings.load();
        if header::end(raw, 0).unwrap_or(raw.len()) > settings.limits.header_bytes_max {
            let what = "the header of a message is too long for scripts to read".to_owned();
            errand.mishaps.push(Mishap { kind: "header", what });
            return Ok(());
        }
        let mail = &self.transaction.mail;
        let envelope = EnvelopeFacts {
            from: mail.from.clone(),
            to: errand.recipient.clone(),
            parameters: mail.parameters.clone(),
        };
        let header = self.composition.header(&errand.top, &errand.content, raw);
        let seen = Seen {
            header: &header,
            body: body_of(&errand.content, raw),
            has_body: header::end(raw, 0).is_some(),
            envelope: Some(&envelope),
            environment: &self.connection.environment(self.judged, self.now),
            keep_in: &errand.keep_in,
            spam,
        };
        let gathered = Gathered::gather(host, &errand.account, &ready.needs, errand.memory.as_ref())?;
        errand.plan = gathered.run(ready, errand.account.address(), seen, &settings.sieve);
        let trouble = errand.plan.trouble.as_ref();
        errand.mishaps.extend(
            trouble
                .map(|trouble| Mishap { kind: "run", what: format!("script \"{}\": {trouble}", ready.name) }),
        );
        Ok(())
    }
}

impl Errands {
    /// Remembers what scripts want remembered, now that the message is where it belongs: a message remembered and then lost would
    /// be taken for a duplicate of itself. Durable when this returns.
    pub(super) async fn remember(&mut self) -> Result<(), StoreError> {
        let mut tickets = Vec::new();
        for Errand { plan, memory, .. } in &mut self.all {
            if let (Some(memory), false) = (memory, plan.memory.is_empty()) {
                let rows: Vec<MemoryRow> = plan.memory.iter().map(|row| (row.key, row.until)).collect();
                tickets.push(disk(|| memory.remember(&rows))?);
            }
        }
        for ticket in tickets {
            ticket.await?;
        }
        Ok(())
    }

    /// Whether the script of a recipient refuses the message.
    pub(super) fn refuse(&self, recipient: &Address) -> bool {
        let refuses =
            |errand: &Errand| errand.plan.refusal.is_some() && errand.recipient.address == *recipient;
        self.all.iter().any(refuses)
    }

    /// Tells the scripts' owners what they said and what went wrong.
    pub(super) async fn tell_owners(self, host: &Host, now: UnixSeconds) {
        for Errand { account, plan, mishaps, .. } in &self.all {
            if plan.log.is_empty() && mishaps.is_empty() {
                continue;
            }
            let happened = mishaps.iter().map(|mishap| &mishap.what);
            let lines: Vec<String> = plan.log.iter().chain(happened).cloned().collect();
            disk(|| log(account, &lines, now));
            for mishap in mishaps {
                warn!(account = %account.address(), what = ?mishap.what, "a script did not work");
                let told = Box::pin(tell_of_mishap(host, account.address(), mishap)).await;
                let _ = told.inspect_err(|error| warn!(%error, "the owner of a script could not be told"));
            }
        }
    }
}

impl Errand {
    /// What stands on top of a copy, and the message below.
    pub(super) fn copy<'a>(&'a self, content: &Content) -> (&'a [u8], Content) {
        match content {
            Content::Unchanged => (&self.top, self.content.clone()),
            Content::Changed { .. } => (&[], whole(content, &self.content)),
        }
    }
}

/// What an action stores or sends, as it is whole: what the script left unchanged is as it reached the account.
pub(super) fn whole(content: &Content, reached: &Content) -> Content {
    match (content, reached) {
        (Content::Unchanged, reached) => reached.clone(),
        (Content::Changed { header, body: Body::Unchanged }, Content::Changed { body, .. }) => {
            Content::Changed { header: Arc::clone(header), body: body.clone() }
        }
        (changed, _) => changed.clone(),
    }
}

/// Where suspicious mail lies: the INBOX if there can be no other place.
pub(super) fn junk(account: &Arc<AccountMail>) -> Result<Arc<Mailbox>, StoreError> {
    match account.special_mailbox(SpecialUse::Junk, &SpecialUse::Junk.default_name()) {
        Err(StoreError::TooManyMailboxes | StoreError::NameUnfit) => account.mailbox(&MailboxName::inbox()),
        found => found,
    }
}
