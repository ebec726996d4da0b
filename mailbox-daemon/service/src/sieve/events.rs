//! Scripts that people set off by what they do in IMAP (RFC 6785). They run one after the other once the command is answered; what
//! waits when the power goes is not run. What a script does sets off nothing.

use super::aftermath::Scene;
use super::gathered::{Gathered, Seen, zone_minutes};
use super::letter_to_owner::{Mishap, log, tell_of_mishap};
use super::scripts::{Ready, named};
use crate::backlog::{Backlog, Next};
use crate::disk;
use crate::host::Host;
use policy::sieve::{EnvironmentFacts, ImapFacts, Plan, SpamFacts};
use proto::smtp::header;
use std::sync::Arc;
use store::{Mailbox, NewMessage, Row, StoreError};
use tracing::{debug, warn};
use types::{Address, Flags, SystemFlag, Uid};

/// The METADATA entry that names a script (RFC 6785 section 2.3.1).
pub(crate) const SCRIPT_ENTRY: &str = "/shared/imapsieve/script";
/// Read at once while a message is copied.
const READ_BYTES: usize = 64 * 1024;

/// What was done with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// APPEND and REPLACE.
    Append,
    /// COPY and MOVE.
    Copy,
    /// Flags were changed: these.
    Flag(Flags),
}

/// Something that sets off a script.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The script's name.
    pub(crate) script: Arc<str>,
    /// Who did it.
    pub(crate) user: Address,
    /// What was done.
    pub(crate) cause: Cause,
}

/// Events whose scripts have not run yet.
pub(crate) type Events = Backlog<Event>;

/// The script that is set off by what is done in a mailbox: its own entry goes before the account's, even an empty one.
pub(crate) fn script_of(mailbox: &Mailbox) -> Result<Option<Arc<str>>, StoreError> {
    let account = mailbox.account();
    let name = mailbox.name();
    for of in [Some(&name), None] {
        if let Some(script) = account.annotations(of, account.address())?.get(SCRIPT_ENTRY) {
            let script = std::str::from_utf8(script).ok().filter(|script| !script.is_empty());
            return Ok(script.map(Arc::from));
        }
    }
    Ok(None)
}

/// Runs the scripts of events until the daemon stops.
pub(crate) async fn serve_events(host: Arc<Host>) {
    loop {
        while let Some(next) = host.events.next() {
            let (mailbox, uid) = (next.mailbox.name(), next.uid);
            match answer(&host, next).await {
                Ok(()) => {}
                Err(StoreError::NoSuchMessage) => {
                    debug!(%mailbox, %uid, "a message is gone before its script ran");
                }
                Err(error) => {
                    warn!(%mailbox, %uid, %error, "a script that IMAP set off could not do its work");
                }
            }
        }
        tokio::select! {
            biased;
            () = host.events.noted() => {}
            () = host.stop.stopping() => return,
        }
    }
}

async fn answer(host: &Host, next: Next<Event>) -> Result<(), StoreError> {
    let account = Arc::clone(next.mailbox.account());
    // A name without a script is no fault (RFC 6785 section 2.3.1).
    let Some(made) = disk(|| named(host, &account, &next.deed.script))? else { return Ok(()) };
    let mut mishaps = Vec::new();
    let mut lines = Vec::new();
    match &*made {
        Ok(ready) => {
            let (message, row) = disk(|| copied(&next.mailbox, next.uid))?;
            let mut scene = Scene { host, account: &account, mailbox: &next.mailbox, row, message };
            let plan = disk(|| run(&mut scene, ready, &next.deed))?;
            lines.clone_from(&plan.log);
            match &plan.trouble {
                Some(trouble) => {
                    let what = format!("script \"{}\": {trouble}", ready.name);
                    mishaps.push(Mishap { kind: "run", what });
                }
                None => mishaps = scene.carry_out(plan).await?,
            }
        }
        Err(why) => {
            let what = format!("the script \"{}\" cannot run: {why}", next.deed.script);
            mishaps.push(Mishap { kind: "script", what });
        }
    }
    lines.extend(mishaps.iter().map(|mishap| mishap.what.clone()));
    if !lines.is_empty() {
        disk(|| log(&account, &lines, host.now()));
    }
    for mishap in &mishaps {
        warn!(account = %account.address(), trouble = mishap.what, "a script that IMAP set off did not work");
        tell_of_mishap(host, account.address(), mishap).await?;
    }
    Ok(())
}

/// A copy of the message, which nobody changes while it is looked at.
fn copied(mailbox: &Mailbox, uid: Uid) -> Result<(NewMessage, Row), StoreError> {
    let row = mailbox.row(uid).ok_or(StoreError::NoSuchMessage)?;
    let file = mailbox.open_message(uid)?;
    let mut copy = mailbox.account().new_message()?;
    let mut buffer = vec![0; READ_BYTES];
    while copy.bytes() < file.bytes() {
        match file.read_at(&mut buffer, copy.bytes())? {
            // Another program cut it.
            0 => return Err(StoreError::NoSuchMessage),
            count => copy.write(&buffer[..count])?,
        }
    }
    Ok((copy, row))
}

fn run(scene: &mut Scene<'_>, ready: &Ready, event: &Event) -> Result<Plan, StoreError> {
    let host = scene.host;
    let now = host.now();
    let settings = host.settings.load();
    let keep_in = scene.mailbox.name();
    let (cause, changed) = match event.cause {
        Cause::Append => ("APPEND", Flags::NONE),
        Cause::Copy => ("COPY", Flags::NONE),
        Cause::Flag(changed) => ("FLAG", changed),
    };
    let environment = EnvironmentFacts {
        now,
        zone_minutes: zone_minutes(now),
        host: settings.hostname.to_string(),
        remote_ip: None,
        remote_host: None,
        imap: Some(ImapFacts {
            user: event.user.clone(),
            cause: cause.to_owned(),
            mailbox: keep_in.clone(),
            changed_flags: names_of(scene.mailbox, changed),
            flags: names_of(scene.mailbox, scene.row.flags),
        }),
    };
    let view = scene.message.view()?;
    let header_end = header::end(&view, 0).unwrap_or(view.len());
    let (header, rest) = view.split_at(header_end);
    let body = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    let seen = Seen {
        header,
        body,
        has_body: !rest.is_empty(),
        envelope: None,
        environment: &environment,
        keep_in: &keep_in,
        spam: SpamFacts::default(),
    };
    let gathered = Gathered::gather(host, scene.account, &ready.needs, None)?;
    Ok(gathered.run(ready, scene.account.address(), seen, &settings.sieve))
}

fn names_of(mailbox: &Mailbox, flags: Flags) -> Vec<String> {
    let system = SystemFlag::ALL.into_iter().filter(|flag| flags.has(*flag));
    let mut names: Vec<String> = system.map(|flag| flag.imap_name().to_owned()).collect();
    let has = |slot: usize| Flags::keyword(slot).is_some_and(|keyword| flags.contains(keyword));
    let keywords = mailbox.keywords().into_iter().filter(|(slot, _)| has(*slot));
    names.extend(keywords.map(|(_, keyword)| keyword.to_string()));
    names
}
