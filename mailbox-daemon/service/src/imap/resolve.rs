//! Whose mailbox a name means and what may be done with it: the one place where names of mailboxes are resolved (RFC 2342,
//! RFC 4314). Mailboxes of others lie below `Other Users/<address>/`. Who may not know that a mailbox exists is told that it
//! does not.

use super::reply::Refusal;
use super::session::Session;
use crate::disk;
use proto::imap::command::MailboxArgument;
use proto::imap::write::Code;
use std::sync::Arc;
use store::{AccountMail, Mailbox};
use types::{Address, DirectoryEntry, MailboxName, Right, Rights};

/// The level above everybody else's mailboxes, as NAMESPACE tells it.
pub(super) const OTHER_USERS: &str = "Other Users";

/// Where a name leads and what may be done there.
pub(super) struct Place {
    /// Whose mailbox it is.
    pub(super) account: Arc<AccountMail>,
    /// What its owner calls it.
    pub(super) name: MailboxName,
    /// What may be done with it; everything for a name of one's own that no mailbox has.
    pub(super) rights: Rights,
}

/// An open mailbox with what may be done with it.
pub(super) struct Target {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) rights: Rights,
}

/// What a name says before anything is looked up.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// A mailbox of whoever is logged in.
    Mine,
    /// A level above mailboxes of others; never a mailbox.
    Level,
    /// A mailbox of somebody else, under its owner's name for it.
    Others(Address, MailboxName),
}

impl Place {
    /// Refuses what is not allowed. Who may not even see the mailbox learns nothing of it (RFC 4314 section 6).
    pub(super) fn require(&self, right: Right) -> Result<(), Refusal> {
        match self.rights {
            rights if rights.has(right) => Ok(()),
            rights if rights.has(Right::Lookup) && (self.account.exists(&self.name)) => Err(no_permission()),
            _ => Err(no_mailbox()),
        }
    }

    pub(super) fn open(&self) -> Result<Target, Refusal> {
        Ok(Target { mailbox: self.account.mailbox(&self.name)?, rights: self.rights })
    }
}

impl Session {
    /// Where a mailbox a command names lies, provided that `right` is there.
    pub(super) fn place(&self, mailbox: MailboxArgument, right: Right) -> Result<Place, Refusal> {
        let name = mailbox.map_err(Refusal::unknown_name)?;
        let place = self.resolve(&name)?;
        place.require(right)?;
        Ok(place)
    }

    /// Where a name leads, whatever may be done there.
    pub(super) fn resolve(&self, name: &MailboxName) -> Result<Place, Refusal> {
        let me = self.mail()?;
        match whose(name) {
            Whose::Mine => {
                let rights = me.rights(name, me.address())?;
                Ok(Place { account: Arc::clone(me), name: name.clone(), rights })
            }
            Whose::Level => Err(no_mailbox()),
            Whose::Others(owner, name) => {
                let account = self.account_of(&owner)?.ok_or_else(no_mailbox)?;
                let rights = account.rights(&name, me.address())?;
                Ok(Place { account, name, rights })
            }
        }
    }

    /// Where a mailbox that is to be made will lie, provided that one may be made there.
    pub(super) fn new_place(&self, mailbox: MailboxArgument) -> Result<Place, Refusal> {
        let name = mailbox.map_err(Refusal::unfit_name)?;
        let me = self.mail()?;
        let (account, name) = match whose(&name) {
            Whose::Mine => (Arc::clone(me), name),
            Whose::Level => return Err(Refusal::no(Code::Cannot, "that name is above mailboxes of others")),
            Whose::Others(owner, name) => (self.account_of(&owner)?.ok_or_else(no_permission)?, name),
        };
        match rights_above(&account, &name, me.address())?.has(Right::CreateBelow) {
            true => Ok(Place { account, name, rights: Rights::ALL }),
            false => Err(no_permission()),
        }
    }

    /// Opens the target of APPEND, COPY or MOVE.
    pub(super) fn target(&self, mailbox: MailboxArgument) -> Result<Target, Refusal> {
        let name = mailbox.map_err(Refusal::unfit_name)?;
        disk(|| {
            let place = self.resolve(&name)?;
            // Whether it could be made is for those to know who may make it.
            let is_mine = Arc::ptr_eq(&place.account, self.mail()?);
            let open = place.require(Right::Insert).and_then(|()| place.open());
            open.map_err(|refusal| if is_mine { refusal.or_try_create() } else { refusal })
        })
    }

    /// The mail of another account; `None` where there is none, or where it is one's own: one mailbox has one name.
    pub(super) fn account_of(&self, owner: &Address) -> Result<Option<Arc<AccountMail>>, Refusal> {
        if owner == self.mail()?.address() {
            return Ok(None);
        }
        match self.host.directory.lookup(owner)? {
            Some(DirectoryEntry::Account(_)) => Ok(Some(self.host.store.account(owner)?)),
            _ => Ok(None),
        }
    }

    /// What others share, under the names it has for this session.
    pub(super) fn shared_with_me(&self) -> Result<Vec<(MailboxName, Rights)>, Refusal> {
        let me = self.mail()?.address();
        let mut shared = Vec::new();
        for (owner, entry) in self.host.directory.entries()? {
            if owner == *me || !matches!(entry, DirectoryEntry::Account(_)) {
                continue;
            }
            let folders = self.host.store.shared_with(me, &owner)?;
            shared.extend(
                folders.into_iter().filter_map(|(name, rights)| Some((shown_as(&owner, &name)?, rights))),
            );
        }
        Ok(shared)
    }
}

/// What the mailbox of another is called; `None` when that is longer than a name can be.
pub(super) fn shown_as(owner: &Address, name: &MailboxName) -> Option<MailboxName> {
    MailboxName::parse(&format!("{OTHER_USERS}/{owner}/{name}")).ok()
}

fn whose(name: &MailboxName) -> Whose {
    let Some(rest) = name.as_str().strip_prefix(OTHER_USERS) else { return Whose::Mine };
    let rest = match (rest, rest.strip_prefix(MailboxName::SEPARATOR)) {
        ("", _) => return Whose::Level,
        (_, Some(rest)) => rest,
        (_, None) => return Whose::Mine,
    };
    let Some((owner, name)) = rest.split_once(MailboxName::SEPARATOR) else { return Whose::Level };
    match (Address::parse(owner), MailboxName::parse(name)) {
        // Another spelling of the address would be another name for the same mailbox.
        (Ok(address), Ok(name)) if address.to_string() == owner => Whose::Others(address, name),
        _ => Whose::Level,
    }
}

/// What may be done with the nearest mailbox above a name; the top of one's own tree is one's own.
fn rights_above(account: &AccountMail, name: &MailboxName, me: &Address) -> Result<Rights, Refusal> {
    let mut above = name.parent();
    while let Some(parent) = above {
        if account.exists(&parent) {
            return Ok(account.rights(&parent, me)?);
        }
        above = parent.parent();
    }
    Ok(if account.address() == me { Rights::ALL } else { Rights::NONE })
}

pub(super) fn no_mailbox() -> Refusal {
    Refusal::from(store::StoreError::NoSuchMailbox)
}

pub(super) fn no_permission() -> Refusal {
    Refusal::no(Code::NoPerm, "you have no right to do that")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_they_are() {
        let name = |text: &str| MailboxName::parse(text).expect("a name");
        let ben = Address::parse("ben@home.test").expect("an address");
        for (text, expected) in [
            ("INBOX", Whose::Mine),
            ("Other Users2/x", Whose::Mine),
            ("other users/x", Whose::Mine),
            ("Other Users", Whose::Level),
            ("Other Users/ben@home.test", Whose::Level),
            ("Other Users/nobody/x", Whose::Level),
            ("Other Users/ben@HOME.test/x", Whose::Level),
            ("Other Users/ben@home.test/inbox", Whose::Others(ben.clone(), MailboxName::inbox())),
            ("Other Users/ben@home.test/a/b", Whose::Others(ben, name("a/b"))),
        ] {
            assert_eq!(whose(&name(text)), expected, "{text}");
        }
    }
}
