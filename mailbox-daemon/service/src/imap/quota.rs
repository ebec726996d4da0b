//! GETQUOTA and GETQUOTAROOT (RFC 9208). Each account is one quota root, called by its address; a shared mailbox counts for its
//! owner.

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
use proto::imap::command::MailboxArgument;
use proto::imap::write::{self, Code};
use std::sync::Arc;
use store::{AccountMail, Mailbox};
use types::{Address, Right, Usage};

impl Session {
    pub(super) fn getquota(&mut self, root: &str) -> Answer {
        let account = disk(|| self.quota_root(root))?;
        self.write_quota(&account)?;
        Reply::ok("that is the quota")
    }

    pub(super) fn getquotaroot(&mut self, mailbox: MailboxArgument) -> Answer {
        let name = mailbox.map_err(Refusal::unknown_name)?;
        let place = disk(|| self.place(Ok(name.clone()), Right::Read))?;
        let root = place.account.address().to_string();
        write::quotaroot(&mut self.out, &name, self.enabled.utf8_names(), &root);
        self.write_quota(&place.account)?;
        Reply::ok("that is the quota")
    }

    /// Refuses what an account has no room for.
    pub(super) fn require_room(&self, target: &Mailbox, more: Usage) -> Result<(), Refusal> {
        match disk(|| self.host.has_room(target.account(), more))? {
            true => Ok(()),
            false => Err(Refusal::no(Code::OverQuota, "there is no room for that, delete something first")),
        }
    }

    /// One's own root, or that of somebody who shares a mailbox: how full others are is nobody else's business.
    fn quota_root(&self, root: &str) -> Result<Arc<AccountMail>, Refusal> {
        let unknown = || Refusal::no(Code::NonExistent, "there is no such quota root");
        let me = self.mail()?;
        let owner = Address::parse(root).map_err(|_| unknown())?;
        if owner == *me.address() {
            return Ok(Arc::clone(me));
        }
        let account = self.account_of(&owner)?.ok_or_else(unknown)?;
        let shared = account.shared_rights(me.address())?;
        match shared.iter().any(|(_, rights)| rights.has(Right::Read)) {
            true => Ok(account),
            false => Err(unknown()),
        }
    }

    fn write_quota(&mut self, account: &Arc<AccountMail>) -> Result<(), Refusal> {
        let (quota, used) = disk(|| self.host.quota_and_use(account))?;
        write::quota(&mut self.out, &account.address().to_string(), quota, used);
        Ok(())
    }
}
