//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 section 6.3).

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
use proto::imap::command::MailboxArgument;
use proto::imap::session::State;
use proto::imap::write::{self, Code, Status};
use std::sync::Arc;
use types::{Right, SpecialUse};

impl Session {
    pub(super) fn create(&mut self, mailbox: MailboxArgument, special_use: &[SpecialUse]) -> Answer {
        if special_use.len() > 1 {
            return Err(Refusal::no(Code::UseAttr, "a mailbox has one use at most"));
        }
        let id = disk(|| -> Result<u64, Refusal> {
            let place = self.new_place(mailbox)?;
            if !special_use.is_empty() && !Arc::ptr_eq(&place.account, self.mail()?) {
                return Err(Refusal::no(Code::UseAttr, "mailboxes of others have no use of yours"));
            }
            place.account.create(&place.name, special_use.first().copied())?;
            Ok(place.account.mailbox(&place.name)?.id())
        })?;
        Reply::coded(Code::MailboxId(id), "mailbox made")
    }

    pub(super) fn delete(&mut self, mailbox: MailboxArgument) -> Answer {
        disk(|| -> Result<(), Refusal> {
            let place = self.place(mailbox, Right::DeleteMailbox)?;
            Ok(place.account.delete(&place.name)?)
        })?;
        if self.selected.as_ref().is_some_and(|selected| selected.view.mailbox().is_deleted()) {
            disk(|| self.selected = None);
            self.state = State::Authenticated;
            write::untagged(&mut self.out, Status::Ok, Some(&Code::Closed), "the open mailbox was deleted");
        }
        Reply::ok("mailbox deleted")
    }

    pub(super) fn rename(&mut self, from: MailboxArgument, to: MailboxArgument) -> Answer {
        disk(|| -> Result<(), Refusal> {
            let from = self.place(from, Right::DeleteMailbox)?;
            let to = self.new_place(to)?;
            if to.name.is_below(&from.name) && !from.name.is_inbox() {
                return Err(Refusal::no(Code::Cannot, "a mailbox cannot lie below itself"));
            }
            match Arc::ptr_eq(&from.account, &to.account) {
                true => Ok(from.account.rename(&from.name, &to.name)?),
                false => {
                    Err(Refusal::no(Code::Cannot, "a mailbox stays with its owner; its messages can move"))
                }
            }
        })?;
        Reply::ok("mailbox renamed")
    }

    /// A name can be subscribed to whether it exists or not, so nothing is looked up and nothing told of it.
    pub(super) fn subscribe(&mut self, mailbox: MailboxArgument, subscribed: bool) -> Answer {
        let name = mailbox.map_err(Refusal::unfit_name)?;
        disk(|| self.mail()?.subscribe(&name, subscribed).map_err(Refusal::from))?;
        Reply::ok(if subscribed { "subscribed" } else { "not subscribed any more" })
    }
}
