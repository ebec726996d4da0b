//! How much mail an account may hold: its own limit, or the one `config.toml` sets for everybody.

use crate::host::Host;
use std::sync::Arc;
use store::{AccountMail, StoreError};
use types::{Address, Quota, Usage};

impl Host {
    /// An account's limits.
    pub(crate) fn quota(&self, account: &Address) -> Result<Quota, StoreError> {
        let own = self.directory.quota(account)?;
        Ok(own.unwrap_or_else(|| self.settings.load().quota))
    }

    /// An account's limits and what counts against them, which is only looked for where something is limited.
    pub(crate) fn quota_and_use(&self, account: &Arc<AccountMail>) -> Result<(Quota, Usage), StoreError> {
        let quota = self.quota(account.address())?;
        let used = if quota.is_unlimited() { Usage::default() } else { account.usage()? };
        Ok((quota, used))
    }

    /// Whether an account may take more. Two that ask at once may both be told yes, so a limit can be passed by what is on its
    /// way at one moment.
    pub(crate) fn has_room(&self, account: &Arc<AccountMail>, more: Usage) -> Result<bool, StoreError> {
        let (quota, used) = self.quota_and_use(account)?;
        Ok(quota.has_room(used, more))
    }
}
