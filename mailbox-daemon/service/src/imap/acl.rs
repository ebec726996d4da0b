//! SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314). An identifier is the address of an account, `owner` or `anyone`;
//! with a dash before it, rights are taken away from whoever has them otherwise.

use super::reply::{Answer, Refusal, Reply};
use super::resolve::{Place, no_mailbox};
use super::session::Session;
use crate::disk;
use proto::imap::acl::{AclSubject, RightsChange};
use proto::imap::command::MailboxArgument;
use proto::imap::write::{self, Code};
use store::{Acl, Who};
use types::{Address, DirectoryEntry, MailboxName, Right, Rights};

impl Session {
    pub(super) fn setacl(&mut self, subject: AclSubject, change: RightsChange) -> Answer {
        disk(|| -> Result<(), Refusal> {
            let place = self.place(subject.mailbox, Right::Administer)?;
            let (who, is_negative) = identified(&subject.identifier, &place)?;
            self.must_exist(&who)?;
            Ok(place.account.change_acl(&place.name, |acl| changed(acl, &who, is_negative, change))?)
        })?;
        Reply::ok("the rights are changed")
    }

    pub(super) fn deleteacl(&mut self, subject: AclSubject) -> Answer {
        disk(|| -> Result<(), Refusal> {
            let place = self.place(subject.mailbox, Right::Administer)?;
            let (who, is_negative) = identified(&subject.identifier, &place)?;
            Ok(place.account.change_acl(&place.name, |acl| acl.set(&who, is_negative, None))?)
        })?;
        Reply::ok("the rights are taken away")
    }

    pub(super) fn getacl(&mut self, mailbox: MailboxArgument) -> Answer {
        let name = mailbox.map_err(Refusal::unknown_name)?;
        let entries = disk(|| -> Result<_, Refusal> {
            let place = self.place(Ok(name.clone()), Right::Administer)?;
            Ok(told(&place.account.acl(&place.name)?, place.account.address()))
        })?;
        write::acl(&mut self.out, &name, self.enabled.utf8_names(), &entries);
        Reply::ok("these are the rights")
    }

    pub(super) fn listrights(&mut self, subject: AclSubject) -> Answer {
        let name = subject.mailbox.map_err(Refusal::unknown_name)?;
        let required = disk(|| -> Result<_, Refusal> {
            let place = self.existing_place(&name)?;
            place.require(Right::Administer)?;
            match identified(&subject.identifier, &place)? {
                (Who::Owner, false) => Ok(Acl::owner_keeps()),
                _ => Ok(Rights::NONE),
            }
        })?;
        write::listrights(&mut self.out, &name, self.enabled.utf8_names(), &subject.identifier, required);
        Reply::ok("these rights can be given")
    }

    pub(super) fn myrights(&mut self, mailbox: MailboxArgument) -> Answer {
        let name = mailbox.map_err(Refusal::unknown_name)?;
        let rights = disk(|| -> Result<_, Refusal> {
            let place = self.existing_place(&name)?;
            match place.rights.has_any(telling()) {
                true => Ok(place.rights),
                false => Err(no_mailbox()),
            }
        })?;
        write::myrights(&mut self.out, &name, self.enabled.utf8_names(), rights);
        Reply::ok("these are your rights")
    }

    fn existing_place(&self, name: &MailboxName) -> Result<Place, Refusal> {
        let place = self.resolve(name)?;
        match place.account.exists(&place.name) {
            true => Ok(place),
            false => Err(no_mailbox()),
        }
    }

    /// Rights are given to accounts of this box only.
    fn must_exist(&self, who: &Who) -> Result<(), Refusal> {
        let Who::Account(address) = who else { return Ok(()) };
        match self.host.directory.lookup(address)? {
            Some(DirectoryEntry::Account(_)) => Ok(()),
            _ => Err(nobody()),
        }
    }
}

/// One of these lets somebody ask for his rights (RFC 4314 section 4).
fn telling() -> Rights {
    Rights::of(&[
        Right::Lookup,
        Right::Read,
        Right::Insert,
        Right::CreateBelow,
        Right::DeleteMailbox,
        Right::Administer,
    ])
}

fn changed(acl: &mut Acl, who: &Who, is_negative: bool, change: RightsChange) {
    let is_owner = *who == Who::Owner && !is_negative;
    let before = acl.entry(who, is_negative).unwrap_or(if is_owner { Rights::ALL } else { Rights::NONE });
    let after = change.apply(before);
    let after = if is_owner { after | Acl::owner_keeps() } else { after };
    // An owner's whole rights need no entry, and a negative one without rights says nothing.
    let is_usual = if is_owner { after == Rights::ALL } else { is_negative && after.is_empty() };
    acl.set(who, is_negative, (!is_usual).then_some(after));
}

/// Who is meant.
fn identified(identifier: &str, place: &Place) -> Result<(Who, bool), Refusal> {
    let prepared =
        proto::sasl::prepare(identifier).map_err(|_| Refusal::bad("nobody can have that identifier"))?;
    let (name, is_negative) = match prepared.strip_prefix('-') {
        Some(name) => (name, true),
        None => (&*prepared, false),
    };
    let who = match name {
        "anyone" => Who::Anyone,
        "owner" => Who::Owner,
        _ => match Address::parse(name).map(|address| address.folded_without_tag()) {
            Ok(address) if address == *place.account.address() => Who::Owner,
            Ok(address) => Who::Account(address),
            Err(_) => return Err(nobody()),
        },
    };
    Ok((who, is_negative))
}

/// A list as it is told: the owner first, whether he has a line or not. Lines of other programs that mean nothing here are left out.
fn told(acl: &Acl, owner: &Address) -> Vec<(String, Rights)> {
    let owners = acl.entry(&Who::Account(owner.clone()), false).or(acl.entry(&Who::Owner, false));
    let owners = owners.map_or(Rights::ALL, |rights| rights | Acl::owner_keeps());
    let others = acl.0.iter().filter_map(|entry| {
        let name = match &entry.who {
            Who::Anyone => "anyone".to_owned(),
            Who::Account(address) if address != owner => address.to_string(),
            Who::Account(_) | Who::Owner if entry.is_negative => owner.to_string(),
            Who::Account(_) | Who::Owner | Who::Other(_) => return None,
        };
        Some((if entry.is_negative { format!("-{name}") } else { name }, entry.rights))
    });
    std::iter::once((owner.to_string(), owners)).chain(others).collect()
}

fn nobody() -> Refusal {
    Refusal::no(Code::Cannot, "nobody here is called that")
}
