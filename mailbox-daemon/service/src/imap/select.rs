//! SELECT, EXAMINE, CHECK, CLOSE, UNSELECT (RFC 9051 sections 6.3.2, 6.4.1 and 6.4.2, RFC 3691).

use super::reply::{Answer, Refusal, Reply};
use super::resolve::Target;
use super::search::Contexts;
use super::session::{Selected, Session};
use crate::disk;
use proto::imap::command::{MailboxArgument, SelectParameters};
use proto::imap::session::State;
use proto::imap::write::{self, Code, Status};
use store::View;
use types::{Keyword, Right, Rights, SequenceSet};

impl Selected {
    /// Looks at a mailbox; who may change nothing in it looks at it read-only.
    pub(super) fn open(target: Target, rights_as_of: u64, read_only: bool) -> Result<Selected, Refusal> {
        let Target { mailbox, rights } = target;
        let watch = mailbox.watch();
        let view = if read_only { View::examine(mailbox)? } else { View::open(mailbox)? };
        Ok(Selected {
            rights,
            rights_as_of,
            read_only: read_only || !rights.has_any(changing()),
            recent: view.recent(),
            arrivals_told: view.last_uid(),
            saved: SequenceSet::new(),
            contexts: Contexts::default(),
            keywords_told: 0,
            heard: view.mailbox().bell().generation(),
            modseq_told: view.told_modseq(),
            view,
            _watch: watch,
        })
    }
}

impl Session {
    pub(super) async fn select(
        &mut self,
        mailbox: MailboxArgument,
        read_only: bool,
        parameters: SelectParameters,
    ) -> Answer {
        if parameters.resync.is_some() && !self.enabled.qresync {
            return Err(Refusal::bad("say ENABLE QRESYNC first"));
        }
        self.enabled.condstore |= parameters.condstore;
        // Whatever comes of it, the mailbox open before is closed (RFC 9051 section 6.3.2).
        let before = self.selected.take();
        if before.is_some() {
            self.state = State::Authenticated;
            write::untagged(&mut self.out, Status::Ok, Some(&Code::Closed), "the other mailbox is closed");
        }
        let name = mailbox.map_err(Refusal::unknown_name)?;
        let rights_as_of = self.host.store.sharing_changes();
        let selected = disk(|| -> Result<_, Refusal> {
            let place = self.resolve(&name)?;
            place.require(Right::Read)?;
            let selected = Selected::open(place.open()?, rights_as_of, read_only)?;
            // Only now: the same mailbox opened again need not be read again.
            drop(before);
            Ok(selected)
        })?;
        let read_only = selected.read_only;
        self.selected = Some(Box::new(selected));
        self.state = State::Selected { read_only };
        self.write_selected(&name)?;
        if let Some(resync) = &parameters.resync {
            self.resync(resync).await?;
        }
        match read_only {
            true => Reply::coded(Code::ReadOnly, "open for reading"),
            false => Reply::coded(Code::ReadWrite, "open"),
        }
    }

    fn write_selected(&mut self, name: &types::MailboxName) -> Result<(), Refusal> {
        let (revision2, uid_only) = (self.enabled.revision2, self.enabled.uid_only);
        let Some(selected) = &mut self.selected else { return Ok(()) };
        let out = &mut self.out;
        let recent_count = selected.recent_count();
        let status = selected.view.mailbox().status();
        let keywords: Vec<Keyword> =
            selected.view.mailbox().keywords().into_iter().map(|(_, keyword)| keyword).collect();
        selected.keywords_told = keywords.len();
        write::flags(out, &keywords);
        write::untagged(out, Status::Ok, Some(&selected.permanent_flags(keywords)), "flags that can be set");
        write::exists(out, selected.view.exists());
        if !revision2 {
            write::recent(out, recent_count);
            if let Some(first) = selected.view.first_unseen().filter(|_| !uid_only) {
                write::untagged(out, Status::Ok, Some(&Code::Unseen(first)), "the first unseen message");
            }
        }
        let validity = status.uid_validity.get();
        write::untagged(out, Status::Ok, Some(&Code::UidValidity(validity)), "the generation of UIDs");
        write::untagged(out, Status::Ok, Some(&Code::UidNext(status.uid_next)), "the next UID");
        let id = Code::MailboxId(selected.view.mailbox().id());
        write::untagged(out, Status::Ok, Some(&id), "the identifier of the mailbox");
        let modseq = Code::HighestModSeq(selected.modseq_told);
        write::untagged(out, Status::Ok, Some(&modseq), "the highest modification sequence");
        if revision2 {
            self.write_list_line(name)?;
        }
        Ok(())
    }

    /// Everything acknowledged is on disk already.
    pub(super) fn check(&mut self) -> Answer {
        disk(|| self.selected()?.view.mailbox().rescan().map_err(Refusal::from))?;
        Reply::ok("all is on disk")
    }

    pub(super) async fn close_mailbox(&mut self) -> Answer {
        let Some(selected) = self.selected.take() else { return Err(Refusal::bad("no mailbox is open")) };
        self.state = State::Authenticated;
        if !selected.read_only && selected.rights.has(Right::Expunge) {
            let all = SequenceSet::all();
            let mailbox = selected.view.mailbox();
            // Messages this session was never told of stay.
            let known = selected.view.uids_of(&all);
            let expunged = disk(|| mailbox.expunge(&known, true))?;
            expunged.ticket.await?;
        }
        disk(|| drop(selected));
        Reply::ok("closed, deleted messages are gone")
    }

    pub(super) fn unselect(&mut self) -> Answer {
        let selected = self.selected.take();
        self.state = State::Authenticated;
        disk(|| drop(selected));
        Reply::ok("closed")
    }
}

/// Without any of these a mailbox can be read only (RFC 4314 section 5.2).
fn changing() -> Rights {
    Rights::of(&[Right::Insert, Right::Expunge, Right::Seen, Right::Write, Right::DeleteMessages])
}
