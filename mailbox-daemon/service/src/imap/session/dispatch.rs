//! Commands: out of the input, each to the function named after it, and its tagged answer.

use super::{STRANGER_BYTES_MAX, Session};
use crate::imap::notify::Own;
use crate::imap::progress::Progress;
use crate::imap::reply::{Answer, Refusal, Reply};
use proto::imap::session::{State, asks_for_modseqs, expunge_news, uses_sequence_numbers};
use proto::imap::write::{self, Code, Status};
use proto::imap::{Command, CommandBody, Dialect, Fault, FaultKind, Next, Tag};
use std::sync::atomic::Ordering;
use tracing::debug;
use types::{Limits, SequenceSet};

impl Session {
    /// Does what was read while the session told something that took long: nothing more may come to wake it for that.
    pub(in crate::imap) async fn use_early_input(&mut self) -> Result<(), Refusal> {
        match self.input.is_empty() {
            true => Ok(()),
            false => self.use_input().await.map(drop),
        }
    }

    /// Takes everything that is complete out of the input; whether that was anything.
    pub(super) async fn use_input(&mut self) -> Result<bool, Refusal> {
        let mut is_any = false;
        loop {
            if self.idling.is_some() {
                match self.idle_line().await {
                    Some(ended) => ended?,
                    None => return Ok(is_any),
                }
                is_any = true;
                continue;
            }
            let settings = self.settings();
            let next = self.next(&settings.limits);
            is_any |= matches!(next, Next::Command(_) | Next::Refused(..));
            match next {
                Next::Incomplete => return Ok(is_any),
                Next::Continue => {
                    write::continuation(&mut self.out, "go on");
                    self.flush().await?;
                }
                Next::Command(command) => self.obey(command).await?,
                Next::Refused(tag, fault) => {
                    self.forget_saved(&fault);
                    self.answer(tag.as_ref(), Err(fault.into()))?;
                }
                Next::Hopeless => {
                    let text = "that is more than can be thrown away";
                    write::untagged(&mut self.out, Status::Bye, Some(&write::Code::TooBig), text);
                    return Err(Refusal::Gone);
                }
            }
            if self.state == State::Logout {
                return Ok(true);
            }
            if self.out.len() >= settings.limits.output_bytes_max {
                self.flush().await?;
            }
        }
    }

    /// A search that was to be saved and could not be done leaves `$` empty (RFC 5182 section 2.1).
    fn forget_saved(&mut self, fault: &Fault) {
        if let (FaultKind::BadCharset { save: true }, Some(selected)) = (fault.kind, &mut self.selected) {
            selected.saved = SequenceSet::new();
        }
    }

    fn next(&mut self, limits: &Limits) -> Next {
        let (utf8_names, utf8_only) = (self.enabled.utf8_names(), self.enabled.utf8_accept);
        if self.state != State::NotAuthenticated {
            return self.input.next(&Dialect { limits, utf8_names, utf8_only });
        }
        let limits = Limits {
            imap_line_bytes_max: limits.imap_line_bytes_max.min(STRANGER_BYTES_MAX),
            imap_literals_bytes_max: limits.imap_literals_bytes_max.min(STRANGER_BYTES_MAX),
            message_bytes_max: limits.message_bytes_max.min(STRANGER_BYTES_MAX as u64 * 8),
            ..limits.clone()
        };
        self.input.next(&Dialect { limits: &limits, utf8_names, utf8_only })
    }

    /// Does one command and writes its tagged answer.
    async fn obey(&mut self, command: Command) -> Result<(), Refusal> {
        let Command { tag, body } = command;
        self.host.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(why) = self.is_shut_out() {
            write::untagged(&mut self.out, Status::Bye, None, why);
            return Err(Refusal::Gone);
        }
        let expunges = expunge_news(&body);
        let own = Own::of(&body);
        self.progress = Some(Box::new(Progress::of(&tag)));
        let mut answer = match self.allows(&body) {
            Ok(()) => self.dispatch(&tag, body).await,
            Err(refusal) => {
                self.input.refuse_message();
                Err(refusal)
            }
        };
        if self.idling.is_none() {
            self.tell_news(expunges).await?;
            answer = self.with_highest_modseq(answer);
        }
        if self.notify.is_some() {
            self.tell_arrivals().await?;
            self.tell_notifications(own.as_ref()).await?;
        }
        self.answer(Some(&tag), answer)
    }

    fn allows(&self, body: &CommandBody) -> Result<(), Refusal> {
        self.state.allows(body).map_err(Refusal::bad)?;
        match self.enabled.uid_only && uses_sequence_numbers(body) {
            true => Err(Refusal::Bad(Some(Code::UidRequired), "messages are named by UID".into())),
            false => Ok(()),
        }
    }

    async fn dispatch(&mut self, tag: &Tag, body: CommandBody) -> Answer {
        if asks_for_modseqs(&body) {
            self.enable_condstore();
        }
        match body {
            CommandBody::Append(append) => self.append(append).await,
            CommandBody::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial).await,
            CommandBody::CancelUpdate(tags) => self.cancel_update(&tags),
            CommandBody::Capability => self.capability(),
            CommandBody::Check => self.check(),
            CommandBody::Close => self.close_mailbox().await,
            CommandBody::Compress => self.compress(tag).await,
            CommandBody::Copy(transfer) => self.copy(transfer).await,
            CommandBody::Create { mailbox, special_use } => self.create(mailbox, &special_use),
            CommandBody::Delete(mailbox) => self.delete(mailbox),
            CommandBody::DeleteAcl(subject) => self.deleteacl(subject),
            CommandBody::Enable(names) => self.enable(&names),
            CommandBody::Expunge(uids) => self.expunge(uids).await,
            CommandBody::Fetch(fetch) => self.fetch(fetch).await,
            CommandBody::GetAcl(mailbox) => self.getacl(mailbox),
            CommandBody::GetMetadata(get) => self.getmetadata(get),
            CommandBody::GetQuota(root) => self.getquota(&root),
            CommandBody::GetQuotaRoot(mailbox) => self.getquotaroot(mailbox),
            CommandBody::Id(pairs) => self.id(&pairs),
            CommandBody::Idle => self.idle(tag).await,
            CommandBody::List(list) => self.list(&list).await,
            CommandBody::ListRights(subject) => self.listrights(subject),
            CommandBody::Login { user, password } => self.login(&user, &password.0).await,
            CommandBody::Logout => self.logout(),
            CommandBody::Lsub { reference, pattern } => self.lsub(&reference, &pattern),
            CommandBody::Move(transfer) => self.move_(transfer).await,
            CommandBody::MyRights(mailbox) => self.myrights(mailbox),
            CommandBody::MultiSearch(search) => Box::pin(self.multisearch(tag, search)).await,
            CommandBody::Namespace => self.namespace(),
            CommandBody::Notify(set) => self.start_notify(set).await,
            CommandBody::Noop => Self::noop(),
            CommandBody::Rename { from, to } => self.rename(from, to),
            CommandBody::Replace(replace) => self.replace(replace).await,
            CommandBody::Search(search) => self.search(tag, search).await,
            CommandBody::Select { mailbox, read_only, parameters } => {
                self.select(mailbox, read_only, parameters).await
            }
            CommandBody::SetAcl(subject, change) => self.setacl(subject, change),
            CommandBody::Sort(sort) => self.sort(tag, sort).await,
            CommandBody::SetMetadata(set) => self.setmetadata(set),
            CommandBody::StartTls => self.starttls(tag).await,
            CommandBody::Status { mailbox, items } => self.status(mailbox, &items),
            CommandBody::Store(store) => self.store(store).await,
            CommandBody::Subscribe(mailbox) => self.subscribe(mailbox, true),
            CommandBody::Unauthenticate => self.unauthenticate(tag).await,
            CommandBody::Thread(thread) => self.thread(thread).await,
            CommandBody::Unselect => self.unselect(),
            CommandBody::Unsubscribe(mailbox) => self.subscribe(mailbox, false),
        }
    }

    /// Writes a tagged answer; fails when the session is over.
    pub(in crate::imap) fn answer(&mut self, tag: Option<&Tag>, answer: Answer) -> Result<(), Refusal> {
        match answer {
            Ok(Reply::Ok(code, text)) => write::tagged(&mut self.out, tag, Status::Ok, code.as_ref(), text),
            Ok(Reply::Later) => {}
            Err(refusal) => {
                let Some((status, code, text)) = refusal.parts() else { return Err(Refusal::Gone) };
                debug!(peer = %self.peer, ?status, text, "command refused");
                write::tagged(&mut self.out, tag, status, code, text);
                if status == Status::Bad {
                    return self.count_error();
                }
            }
        }
        self.errors = 0;
        Ok(())
    }

    /// Whoever only makes mistakes is no mail program.
    fn count_error(&mut self) -> Result<(), Refusal> {
        self.errors += 1;
        if self.errors < self.host.settings.load().limits.imap_errors_max {
            return Ok(());
        }
        write::untagged(&mut self.out, Status::Bye, None, "that were too many commands that are none");
        Err(Refusal::Gone)
    }
}
