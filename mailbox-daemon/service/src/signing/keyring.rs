//! The keys of all domains, in memory and in files.

use super::key_file::{SUFFIX, SigningKey, algorithm_of, split_name};
use arc_swap::ArcSwap;
use policy::dkim_rotation::{KeyTimes, Schedule, Stage, Step, plan};
use proto::signing::{Algorithm, KeyError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use store::disk::Disk;
use store::{Secrets, StoreError};
use thiserror::Error;
use tokio::sync::Notify;
use types::{Domain, UnixSeconds};

/// Every key there is.
pub struct Keyring {
    files: Secrets,
    keys: ArcSwap<Keys>,
    /// Held while files change.
    changing: Mutex<()>,
    /// Rung when there is something to look after.
    wanted: Notify,
}

#[derive(Clone, Default)]
struct Keys {
    whole: Vec<Arc<SigningKey>>,
    damaged: Vec<Damaged>,
}

/// A file that should hold a key and does not.
#[derive(Clone, Debug)]
pub(crate) struct Damaged {
    /// Where it lies.
    pub(crate) path: String,
    /// Whose it is and how it signed, as far as its name says.
    key: Option<(Domain, Algorithm)>,
    /// What is wrong.
    pub(crate) reason: String,
}

/// Why the keys could not be changed.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its file.
    #[error("its file cannot be written: {0}")]
    Store(#[from] StoreError),
}

impl Keyring {
    /// Reads every key in a folder. What cannot be read is remembered as damaged; the others go on.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path) -> Keyring {
        let files = Secrets::new(disk, dir.to_owned());
        let keys = ArcSwap::from_pointee(read(&files));
        Keyring { files, keys, changing: Mutex::new(()), wanted: Notify::new() }
    }

    /// The keys that sign for a domain.
    pub(crate) fn signing(&self, domain: &Domain) -> Vec<Arc<SigningKey>> {
        let is_signing =
            |key: &&Arc<SigningKey>| &key.domain == domain && key.times.stage() == Stage::Signing;
        self.keys.load().whole.iter().filter(is_signing).cloned().collect()
    }

    /// Every key of a domain, oldest first.
    pub(crate) fn of(&self, domain: &Domain) -> Vec<Arc<SigningKey>> {
        self.keys.load().whole.iter().filter(|key| &key.domain == domain).cloned().collect()
    }

    /// Every file that should hold a key and does not.
    pub(crate) fn damaged(&self) -> Vec<Damaged> {
        self.keys.load().damaged.clone()
    }

    /// Makes what a domain has no key for, and lets those sign. Where a file is damaged nothing takes its place by itself: it
    /// may be mended, and what is published fits it.
    pub(crate) fn ensure(&self, domain: &Domain, now: UnixSeconds) -> Result<(), KeyringError> {
        for algorithm in Algorithm::ALL {
            if self.keys.load().lacks(domain, algorithm) {
                let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
                if self.keys.load().lacks(domain, algorithm) {
                    self.make(domain, algorithm, true, now)?;
                }
            }
        }
        Ok(())
    }

    /// Does what the schedule says now. Gives the keys that were made, which somebody has to publish.
    pub(crate) fn advance(
        &self,
        domain: &Domain,
        schedule: &Schedule,
        now: UnixSeconds,
    ) -> Result<Vec<Arc<SigningKey>>, KeyringError> {
        self.ensure(domain, now)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut made = Vec::new();
        for algorithm in Algorithm::ALL {
            let row: Vec<_> = self.row(domain, algorithm);
            let times: Vec<KeyTimes> = row.iter().map(|key| key.times).collect();
            for step in plan(&times, schedule, now) {
                match step {
                    Step::Make if row.is_empty() => {}
                    Step::Make => made.push(self.make(domain, algorithm, false, now)?),
                    Step::Sign(index) => {
                        self.change(&row[index], KeyTimes { signing_since: Some(now), ..times[index] })?;
                    }
                    Step::Retire(index) => {
                        self.change(&row[index], KeyTimes { retired_at: Some(now), ..times[index] })?;
                    }
                    Step::Remove(index) => self.remove(&row[index])?,
                }
            }
        }
        Ok(made)
    }

    /// Makes the next keys of a domain before their time, unless some wait to be published already.
    pub(crate) fn rotate(&self, domain: &Domain, now: UnixSeconds) -> Result<(), KeyringError> {
        self.ensure(domain, now)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for algorithm in Algorithm::ALL {
            let row = self.row(domain, algorithm);
            if row.iter().all(|key| key.times.stage() != Stage::New) {
                // Where the only key is damaged the new one is the first.
                self.make(domain, algorithm, row.is_empty(), now)?;
            }
        }
        Ok(())
    }

    /// Notes that a key's record was seen in DNS.
    pub(crate) fn seen(&self, key: &Arc<SigningKey>, now: UnixSeconds) -> Result<(), KeyringError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let row = self.row(&key.domain, key.private.algorithm());
        match row.iter().find(|other| other.selector == key.selector && other.times.seen_at.is_none()) {
            Some(current) => self.change(current, KeyTimes { seen_at: Some(now), ..current.times }),
            None => Ok(()),
        }
    }

    /// Has the keys looked after soon.
    pub(crate) fn wake(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody calls [`Keyring::wake`].
    pub(super) async fn woken(&self) {
        self.wanted.notified().await;
    }

    fn row(&self, domain: &Domain, algorithm: Algorithm) -> Vec<Arc<SigningKey>> {
        self.of(domain).into_iter().filter(|key| key.private.algorithm() == algorithm).collect()
    }

    fn make(
        &self,
        domain: &Domain,
        algorithm: Algorithm,
        signs: bool,
        now: UnixSeconds,
    ) -> Result<Arc<SigningKey>, KeyringError> {
        let mut key = SigningKey::make(domain, algorithm, self.free_selector(domain, algorithm, now), now)?;
        key.times.signing_since = signs.then_some(now);
        self.files.write(&key.file_name(), key.file().as_bytes())?;
        let key = Arc::new(key);
        tracing::info!(%domain, selector = key.selector, signs, "a key was made");
        self.replace(|keys| keys.whole.push(Arc::clone(&key)));
        Ok(key)
    }

    fn change(&self, key: &SigningKey, times: KeyTimes) -> Result<(), KeyringError> {
        let changed = Arc::new(key.with(times)?);
        self.files.write(&changed.file_name(), changed.file().as_bytes())?;
        tracing::info!(domain = %key.domain, selector = key.selector, stage = ?times.stage(), "a key goes on in its life");
        self.replace(|keys| {
            let is_it = |other: &&mut Arc<SigningKey>| other.file_name() == changed.file_name();
            if let Some(place) = keys.whole.iter_mut().find(is_it) {
                *place = Arc::clone(&changed);
            }
        });
        Ok(())
    }

    fn remove(&self, key: &SigningKey) -> Result<(), KeyringError> {
        self.files.remove(&key.file_name())?;
        tracing::info!(domain = %key.domain, selector = key.selector, "a key is gone");
        self.replace(|keys| keys.whole.retain(|other| other.file_name() != key.file_name()));
        Ok(())
    }

    fn replace(&self, change: impl FnOnce(&mut Keys)) {
        let mut keys = Keys::clone(&self.keys.load());
        change(&mut keys);
        self.keys.store(Arc::new(keys));
    }

    /// Such as `20261121-rsa`; a second key of a day gets a number.
    fn free_selector(&self, domain: &Domain, algorithm: Algorithm, now: UnixSeconds) -> String {
        let date = jiff::Timestamp::from_second(now).map_or_else(
            |_| now.to_string(),
            |at| at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d").to_string(),
        );
        let name = format!("{date}-{}", algorithm.key_type());
        let names = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") });
        let keys = self.keys.load();
        let is_taken = |selector: &String| {
            let file = format!("{selector}._domainkey.{domain}{SUFFIX}");
            keys.whole.iter().any(|key| key.file_name() == file)
                || keys.damaged.iter().any(|damaged| damaged.path.ends_with(&file))
        };
        names.into_iter().find(|selector| !is_taken(selector)).unwrap_or(name)
    }
}

impl Keys {
    fn lacks(&self, domain: &Domain, algorithm: Algorithm) -> bool {
        let is_it = |key: &Arc<SigningKey>| &key.domain == domain && key.private.algorithm() == algorithm;
        let could_be = |damaged: &Damaged| match &damaged.key {
            Some((other, kind)) => other == domain && *kind == algorithm,
            // The folder itself cannot be read: nobody knows what is in it.
            None => damaged.path.is_empty(),
        };
        !self.whole.iter().any(is_it) && !self.damaged.iter().any(could_be)
    }
}

fn read(files: &Secrets) -> Keys {
    let mut keys = Keys::default();
    let names = files.names(SUFFIX).unwrap_or_else(|error| {
        keys.damaged.push(Damaged { path: String::new(), key: None, reason: error.to_string() });
        Vec::new()
    });
    for name in names {
        let read = match files.read(&name) {
            Ok(contents) => {
                SigningKey::read(&name, &contents.unwrap_or_default()).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(key) => keys.whole.push(Arc::new(key)),
            Err(reason) => {
                let key =
                    split_name(&name).and_then(|(selector, domain)| Some((domain, algorithm_of(selector)?)));
                keys.damaged.push(Damaged { path: files.path(&name).display().to_string(), key, reason });
            }
        }
    }
    keys.whole.sort_by_key(|key| (key.times.made_at, key.private.algorithm(), key.selector.clone()));
    keys
}
