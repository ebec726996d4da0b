//! Who is logging in: passwords and SCRAM proofs against the directory.

mod password;
mod verified;

pub(crate) use password::random_bytes;
pub use password::{ITERATIONS, new_record, new_salt};
pub(crate) use verified::keyed_hash;

use crate::disk;
use crate::gate::bans::Failure;
use crate::host::Host;
use proto::sasl::{ChannelBinding, Exchange, Mechanism, SaslError, ScramRecord, Step, prepare};
use std::net::IpAddr;
use std::time::Duration;
use store::StoreError;
use thiserror::Error;
use tokio::sync::Semaphore;
use types::{Account, Address, AppPasswordRules, DirectoryEntry, ScramKeys};
use verified::Verified;

/// One argon2id computation holds 19 MiB, so they queue up.
const HASHING_MAX: usize = 1;
/// How late the first wrong password is answered.
const FAILURE_DELAY: Duration = Duration::from_millis(700);

/// The checker of passwords, with a memory of those that were right.
pub struct Auth {
    verified: Verified,
    hashing: Semaphore,
    stranger_salt_key: [u8; 32],
}

/// Somebody who proved to be allowed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The account.
    pub account: Address,
    /// The app password that was used; `None` for the account's own.
    pub app_password: Option<String>,
    /// What the password is good for.
    pub rules: AppPasswordRules,
}

/// How far a SASL exchange has come.
#[derive(Debug)]
pub enum Progress {
    /// Send this and give the answer to [`Auth::step`].
    Challenge(Vec<u8>),
    /// It is over.
    LoggedIn(Login),
}

/// Why nobody was let in.
#[derive(Debug, Error)]
pub enum AuthError {
    /// Wrong name or password; which of them is not told.
    #[error("wrong name or password")]
    Rejected,
    /// Too many were wrong: nobody is let in from there for a while.
    #[error("too many failed logins from that address")]
    Banned,
    /// The client broke off or broke the mechanism's rules.
    #[error(transparent)]
    Exchange(SaslError),
    /// The directory cannot be read right now.
    #[error("the directory cannot be read: {0}")]
    Directory(#[from] StoreError),
}

impl Auth {
    /// A checker that remembers nothing yet.
    pub fn new() -> Auth {
        Auth {
            verified: Verified::new(),
            hashing: Semaphore::new(HASHING_MAX),
            stranger_salt_key: password::random_bytes(),
        }
    }

    /// Begins a login with the client's initial response, if it sent one.
    pub async fn start(
        &self,
        host: &Host,
        client: IpAddr,
        mechanism: Mechanism,
        initial: Option<&[u8]>,
        binding: ChannelBinding,
    ) -> Result<(Exchange, Progress), AuthError> {
        refuse_banned(host, client)?;
        let (mut exchange, step) = Exchange::start(mechanism, initial, binding, password::random_bytes());
        let progress = self.advance(host, client, &mut exchange, step).await?;
        Ok((exchange, progress))
    }

    /// Goes on with the client's answer to a challenge.
    pub async fn step(
        &self,
        host: &Host,
        client: IpAddr,
        exchange: &mut Exchange,
        response: &[u8],
    ) -> Result<Progress, AuthError> {
        let step = exchange.step(response);
        self.advance(host, client, exchange, step).await
    }

    async fn advance(
        &self,
        host: &Host,
        client: IpAddr,
        exchange: &mut Exchange,
        step: Step,
    ) -> Result<Progress, AuthError> {
        let step = match step {
            Step::Scram { user } => exchange.give_keys(self.scram_record(host, &user)?),
            other => other,
        };
        match step {
            Step::Challenge(bytes) => Ok(Progress::Challenge(bytes)),
            Step::Password { user, password } => {
                Ok(Progress::LoggedIn(self.check_password(host, client, &user, &password).await?))
            }
            Step::Done { user, key_index } => {
                let found = Self::scram_login(host, &user, key_index);
                Ok(Progress::LoggedIn(weigh(host, client, Failure { user: &user, password: None }, found)?))
            }
            Step::Failed(SaslError::WrongProof) => {
                let failure = Failure { user: "", password: None };
                weigh(host, client, failure, Err(AuthError::Rejected)).map(Progress::LoggedIn)
            }
            Step::Failed(error) => Err(AuthError::Exchange(error)),
            Step::Scram { .. } => unreachable!("keys were given above"),
        }
    }

    /// Checks a name and password against the account's own password and every app password.
    pub async fn check_password(
        &self,
        host: &Host,
        client: IpAddr,
        user: &str,
        password: &str,
    ) -> Result<Login, AuthError> {
        refuse_banned(host, client)?;
        let found = self.find_login(host, user, password).await;
        weigh(host, client, Failure { user, password: Some(password) }, found)
    }

    async fn find_login(&self, host: &Host, user: &str, password: &str) -> Result<Login, AuthError> {
        let password = &*prepare(password).map_err(AuthError::Exchange)?;
        let account = disk(|| find_account(host, user))?;
        let Some(account) = account else {
            // The same work as for a wrong password, so that the time tells nothing about names.
            self.matches(password::stranger_hash(), "", password).await;
            return Err(AuthError::Rejected);
        };
        for (name, argon2id) in credentials(&account) {
            if self.matches(argon2id, &account.address.to_string(), password).await {
                return Ok(login(host, &account, name)?);
            }
        }
        Err(AuthError::Rejected)
    }

    /// What SCRAM needs about a name: for an unknown one a record that no password fits, the same every time it is asked for.
    fn scram_record(&self, host: &Host, user: &str) -> Result<ScramRecord, AuthError> {
        let Some(account) = disk(|| find_account(host, user))? else {
            let salt = verified::keyed_hash(&self.stranger_salt_key, &[user.as_bytes()]);
            let keys = vec![ScramKeys { stored_key: salt, server_key: salt }];
            return Ok(ScramRecord { salt: salt[..16].to_vec(), iterations: ITERATIONS, keys });
        };
        let own = account.password.iter().map(|password| password.scram.clone());
        let apps = account.app_passwords.iter().map(|app| app.password.scram.clone());
        let keys = own.chain(apps).collect();
        Ok(ScramRecord { salt: account.scram_salt.to_vec(), iterations: account.scram_iterations, keys })
    }

    /// The login a finished SCRAM exchange stands for: `key_index` counts as in [`Auth::scram_record`].
    fn scram_login(host: &Host, user: &str, key_index: usize) -> Result<Login, AuthError> {
        let account = disk(|| find_account(host, user))?.ok_or(AuthError::Rejected)?;
        let (name, _) = credentials(&account).nth(key_index).ok_or(AuthError::Rejected)?;
        Ok(login(host, &account, name)?)
    }

    async fn matches(&self, argon2id: &str, account: &str, password: &str) -> bool {
        let fingerprint = self.verified.fingerprint(account, argon2id, password);
        if self.verified.contains(&fingerprint) {
            return true;
        }
        let Ok(_place) = self.hashing.acquire().await else { return false };
        let right = disk(|| password::is_right(argon2id, password));
        if right {
            self.verified.remember(fingerprint);
        }
        right
    }
}

impl Default for Auth {
    fn default() -> Auth {
        Auth::new()
    }
}

/// Makes guessing slow: a wrong password is answered late, later each time.
pub(crate) async fn slow_down(host: &Host, client: IpAddr, failures: u32) {
    // Whoever is on this machine already has better ways in than guessing here.
    if !host.settings.load().access.is_own_machine(client) {
        tokio::select! {
            () = tokio::time::sleep(FAILURE_DELAY * failures) => {}
            () = host.stop.stopping() => {}
        }
    }
}

/// Somebody who proved to have the password of that name.
fn login(host: &Host, account: &Account, app_password: Option<&str>) -> Result<Login, StoreError> {
    let rules = disk(|| host.directory.sending_rules(&account.address))?.of_password(app_password);
    Ok(Login { account: account.address.clone(), app_password: app_password.map(str::to_owned), rules })
}

/// Sessions that were there before a ban learn no more than new ones.
fn refuse_banned(host: &Host, client: IpAddr) -> Result<(), AuthError> {
    match host.bans.is_banned(&host.settings.load(), client, host.now()) {
        true => Err(AuthError::Banned),
        false => Ok(()),
    }
}

/// What a login's outcome means for those that follow from there.
fn weigh(
    host: &Host,
    client: IpAddr,
    failure: Failure<'_>,
    found: Result<Login, AuthError>,
) -> Result<Login, AuthError> {
    match &found {
        Ok(login) => host.bans.succeeded(host, client, &login.account),
        Err(AuthError::Rejected) if host.bans.failed(host, client, failure) => return Err(AuthError::Banned),
        Err(_) => {}
    }
    found
}

/// The account's own password first, then the app passwords with their names.
fn credentials(account: &Account) -> impl Iterator<Item = (Option<&str>, &str)> {
    let own = account.password.iter().map(|password| (None, password.argon2id.as_str()));
    own.chain(
        account.app_passwords.iter().map(|app| (Some(app.name.as_str()), app.password.argon2id.as_str())),
    )
}

/// A whole address, or a bare name where the box has only one domain.
fn find_account(host: &Host, user: &str) -> Result<Option<Account>, StoreError> {
    let address = match user.contains('@') {
        true => Address::parse_own(user),
        false => match host.directory.domains()?.as_slice() {
            [only] => Address::parse_own(&format!("{user}@{}", only.domain)),
            _ => return Ok(None),
        },
    };
    let Ok(address) = address else { return Ok(None) };
    match host.directory.lookup(&address)? {
        Some(DirectoryEntry::Account(account)) => Ok(Some(account)),
        _ => Ok(None),
    }
}
