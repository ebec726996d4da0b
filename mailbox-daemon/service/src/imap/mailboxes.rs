//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 section 6.3).

use super::reply::{Answer, Refusal, Reply};
use super::session::Session;
use crate::disk;
use proto::imap::command::MailboxArgument;
use proto::imap::session::State;
use proto::imap::write::{self, Code, Status};
use types::{MailboxName, SpecialUse};

impl Session {
    pub(super) fn create(&mut self, mailbox: MailboxArgument, special_use: &[SpecialUse]) -> Answer {
        let name = mailbox.map_err(Refusal::unfit_name)?;
        if special_use.len() > 1 {
            return Err(Refusal::no(Code::UseAttr, "a mailbox has one use at most"));
        }
        disk(|| self.mail()?.create(&name, special_use.first().copied()).map_err(Refusal::from))?;
        Reply::ok("mailbox made")
    }

    pub(super) fn delete(&mut self, mailbox: MailboxArgument) -> Answer {
        let name = mailbox.map_err(Refusal::unknown_name)?;
        disk(|| self.mail()?.delete(&name).map_err(Refusal::from))?;
        if self.selected.as_ref().is_some_and(|selected| selected.view.mailbox().is_deleted()) {
            self.selected = None;
            self.state = State::Authenticated;
            write::untagged(&mut self.out, Status::Ok, Some(&Code::Closed), "the open mailbox was deleted");
        }
        Reply::ok("mailbox deleted")
    }

    pub(super) fn rename(&mut self, from: MailboxArgument, to: MailboxArgument) -> Answer {
        let from = from.map_err(Refusal::unknown_name)?;
        let to = to.map_err(Refusal::unfit_name)?;
        disk(|| self.mail()?.rename(&from, &to).map_err(Refusal::from))?;
        Reply::ok("mailbox renamed")
    }

    pub(super) fn subscribe(&mut self, mailbox: MailboxArgument, subscribed: bool) -> Answer {
        let name = mailbox.map_err(Refusal::unfit_name)?;
        disk(|| self.mail()?.subscribe(&name, subscribed).map_err(Refusal::from))?;
        Reply::ok(if subscribed { "subscribed" } else { "not subscribed any more" })
    }

    /// Opens the target of APPEND, COPY or MOVE.
    pub(super) fn target(&self, mailbox: MailboxArgument) -> Result<std::sync::Arc<store::Mailbox>, Refusal> {
        let name: MailboxName = mailbox.map_err(Refusal::unfit_name)?;
        disk(|| self.mail()?.mailbox(&name).map_err(|error| Refusal::from(error).or_try_create()))
    }
}
