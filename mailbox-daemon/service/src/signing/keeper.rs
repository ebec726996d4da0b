//! Looks after the keys: makes them for new domains, sees whether their records are published, lets them take turns.

use crate::dns::{Resolver, text};
use crate::host::Host;
use crate::{disk, notices};
use hickory_resolver::proto::rr::RecordType;
use policy::config::Settings;
use policy::dkim_rotation::Stage;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use types::Domain;

use super::key_file::SigningKey;

/// A box that just came up has more urgent things to do. Whoever sends before has the keys made at once.
const FIRST_ROUND: Duration = Duration::from_secs(10);
/// While a record has still to be published.
const ROUND_WHILE_WAITING: Duration = Duration::from_mins(10);
const ROUND: Duration = Duration::from_hours(6);

/// Runs until the daemon stops.
pub(crate) async fn run(host: Arc<Host>) {
    let mut pause = FIRST_ROUND;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = host.keyring.woken() => {}
            () = host.stop.stopping() => return,
        }
        pause = if round(&host).await { ROUND_WHILE_WAITING } else { ROUND };
    }
}

/// Goes through all domains once. Tells whether some key waits for its record.
async fn round(host: &Host) -> bool {
    report_damage(host);
    let settings = host.settings.load_full();
    let domains = match disk(|| host.directory.domains()) {
        Ok(domains) => domains,
        Err(error) => {
            tracing::warn!(%error, "the keys cannot be looked after now");
            return true;
        }
    };
    let mut is_waiting = false;
    for local in domains {
        is_waiting |= look_after(host, &settings, &local.domain).await;
    }
    is_waiting
}

async fn look_after(host: &Host, settings: &Settings, domain: &Domain) -> bool {
    let unpublished = look_up(host, settings, domain).await;
    let now = host.now();
    match disk(|| host.keyring.advance(domain, &settings.dkim.schedule(), now)) {
        Ok(made) => {
            if !made.is_empty()
                && let Err(error) = tell_owner(host, domain, &made).await
            {
                tracing::warn!(%domain, %error, "the owner could not be told of new keys");
            }
        }
        Err(error) => {
            let text = format!("Keys for mail from {domain} cannot be made or changed: {error}");
            host.issues.raise(&format!("dkim/{domain}/keys"), &text, now);
            return true;
        }
    }
    host.issues.clear(&format!("dkim/{domain}/keys"));
    let issue = format!("dkim/{domain}/records");
    match unpublished.is_empty() {
        true => host.issues.clear(&issue),
        false => host.issues.raise(&issue, &text_of_missing(domain, &unpublished), now),
    }
    host.keyring.of(domain).iter().any(|key| key.times.stage() == Stage::New)
}

/// Asks DNS for the records not seen yet. Gives the names of those that are surely missing.
async fn look_up(host: &Host, settings: &Settings, domain: &Domain) -> Vec<String> {
    let mut unpublished = Vec::new();
    if !settings.inbound.authentication {
        // A box without DNS.
        return unpublished;
    }
    let Ok(resolver) = host.resolvers.get(settings.dns.resolver) else { return unpublished };
    for key in host.keyring.of(domain).iter().filter(|key| key.times.seen_at.is_none()) {
        match is_published(&resolver, key).await {
            Some(true) => {
                if let Err(error) = disk(|| host.keyring.seen(key, host.now())) {
                    tracing::warn!(%domain, %error, "that a key's record was seen cannot be written down");
                }
            }
            Some(false) if key.times.stage() != Stage::Retired => unpublished.push(key.record_name()),
            _ => {}
        }
    }
    unpublished
}

/// `None` where DNS does not answer.
async fn is_published(resolver: &Resolver, key: &SigningKey) -> Option<bool> {
    let records = resolver.question(&key.record_name(), RecordType::TXT, text).await.known()?;
    Some(records.iter().any(|txt| key.record().is_in(txt)))
}

fn text_of_missing(domain: &Domain, names: &[String]) -> String {
    format!(
        "Other servers cannot check the signatures on mail from {domain}: DNS does not have the TXT records {} with \
         the values that `mailbox-daemon dkim list` shows. Publish them where the domain's DNS is kept.",
        names.join(" and ")
    )
}

async fn tell_owner(host: &Host, domain: &Domain, made: &[Arc<SigningKey>]) -> Result<(), StoreError> {
    let mut text = format!(
        "It is time for new keys to sign mail from {domain} with. They are made; please publish these TXT records where the\n\
         domain's DNS is kept, and leave the old ones as they are. Until then the old keys go on signing.\n\n"
    );
    for key in made {
        let _ = write!(text, "{}\n  {}\n\n", key.record_name(), key.record().strings().join("\n  "));
    }
    text += "`mailbox-daemon dkim list` shows all records and which may go.\n";
    notices::tell_owner(host, &format!("Please publish new keys for {domain}"), &text).await
}

/// Names key files that cannot be read, and those that others can.
fn report_damage(host: &Host) {
    let damaged = host.keyring.damaged();
    let mut text: Vec<String> = damaged
        .iter()
        .map(|damaged| {
            let what = if damaged.path.is_empty() { "the folder of keys" } else { damaged.path.as_str() };
            format!("{what} cannot be used: {}", damaged.reason)
        })
        .collect();
    let dir = host.state_dir().join("dkim");
    let files = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let is_open = |mode: u32| mode & 0o077 != 0;
    text.extend(files.filter(|file| file.metadata().is_ok_and(|metadata| is_open(metadata.mode()))).map(
        |file| {
            format!(
                "{} can be read by others; make it 0600 and have the next key made",
                file.path().display()
            )
        },
    ));
    match text.is_empty() {
        true => host.issues.clear("dkim/files"),
        false => {
            let text = format!(
                "{}. Mail leaves without the signatures of keys that cannot be used. Mend the file and start the box again, or \
                 make new keys with `mailbox-daemon dkim rotate DOMAIN`.",
                text.join("; ")
            );
            host.issues.raise("dkim/files", &text, host.now());
        }
    }
}
