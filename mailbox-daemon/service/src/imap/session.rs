use super::notify::{Notify, Own};
use super::progress::Progress;
use super::reply::{Answer, Refusal, Reply};
use super::search::Contexts;
use crate::disk;
use crate::gate::Guest;
use crate::host::Host;
use crate::places::Place;
use crate::stream::{BrokenDeflate, Stream};
use policy::config::Settings;
use proto::imap::session::{
    Enabled, ExpungeNews, State, asks_for_modseqs, expunge_news, uses_sequence_numbers,
};
use proto::imap::write::{self, Code, Status};
use proto::imap::{Command, CommandBody, Dialect, Fault, FaultKind, Input, Next, Tag};
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{AccountMail, Ring, View, WatchGuard};
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};
use types::{Address, Limits, ModSeq, Network, Rights, SequenceSet};

/// Read at once while commands come in.
const READ_BYTES: usize = 4096;
/// What a client may send while a long command runs; the rest waits in the network.
const AHEAD_BYTES_MAX: usize = 16 * 1024;
/// What a client may send before it is logged in, line and literals alike.
const STRANGER_BYTES_MAX: usize = 8192;

/// One client's session.
pub(super) struct Session {
    pub(super) host: Arc<Host>,
    /// `None` only while TLS is negotiated.
    stream: Option<Stream>,
    pub(super) peer: SocketAddr,
    guest: Guest,
    pub(super) input: Input,
    /// Written but not sent.
    pub(super) out: Vec<u8>,
    pub(super) state: State,
    pub(super) enabled: Enabled,
    pub(super) login_failures: u32,
    /// When nobody was logged in any more.
    stranger_since: Instant,
    account: Option<Arc<AccountMail>>,
    place: Presence,
    /// Commands in a row that were none.
    errors: u32,
    pub(super) selected: Option<Box<Selected>>,
    /// IDLE's tag while it runs.
    pub(super) idling: Option<Tag>,
    /// The command at hand.
    pub(super) progress: Option<Box<Progress>>,
    /// What NOTIFY asked for; `None` until it is used.
    pub(super) notify: Option<Box<Notify>>,
}

/// The open mailbox.
pub(super) struct Selected {
    pub(super) view: View,
    /// What may be done with it...
    pub(super) rights: Rights,
    /// ... as of this count of changes to anybody's rights.
    pub(super) rights_as_of: u64,
    pub(super) read_only: bool,
    /// The UIDs that are `\Recent` for this session.
    pub(super) recent: SequenceSet,
    /// The UIDs `$` stands for.
    pub(super) saved: SequenceSet,
    /// Searches whose results are kept up to date.
    pub(super) contexts: Contexts,
    /// How many keywords the client was told of.
    pub(super) keywords_told: usize,
    /// New messages up to this UID were fetched for NOTIFY, or need not be.
    pub(super) arrivals_told: u32,
    /// The bell's count before the last look.
    pub(super) heard: u64,
    /// The highest modification sequence the client was told to note.
    pub(super) modseq_told: ModSeq,
    pub(super) _watch: WatchGuard,
}

/// What keeps others out when too many are there.
pub(super) enum Presence {
    /// From this machine, where nobody is counted.
    Uncounted,
    /// Not logged in.
    Stranger { _place: Place<Network> },
    /// Logged in.
    Account { _place: Place<Address> },
}

/// Why a sleeping session wakes.
pub(super) enum Wake {
    Input,
    News,
    Stopping,
    TimedOut,
    Gone,
}

/// The session ends.
pub(super) type Flow = ControlFlow<()>;

impl Session {
    pub(super) fn new(host: Arc<Host>, stream: Stream, guest: Guest) -> Session {
        Session {
            guest,
            place: Presence::Uncounted,
            errors: 0,
            host,
            peer: stream.peer(),
            stream: Some(stream),
            input: Input::new(),
            out: Vec::new(),
            state: State::NotAuthenticated,
            enabled: Enabled::default(),
            login_failures: 0,
            stranger_since: Instant::now(),
            account: None,
            selected: None,
            idling: None,
            progress: None,
            notify: None,
        }
    }

    /// Sleeps until something happens.
    pub(super) async fn wait(&mut self) -> Wake {
        let patience = self.patience();
        let awaits_news = self.awaits_news();
        let notification = rung(self.notification());
        let Some(stream) = &mut self.stream else { return Wake::Gone };
        let news = rung(match &self.selected {
            Some(selected) if awaits_news => {
                Some(selected.view.mailbox().bell().changed_since(selected.heard))
            }
            _ => None,
        });
        tokio::select! {
            readable = stream.readable() => match readable {
                Ok(()) => Wake::Input,
                Err(_) => Wake::Gone,
            },
            () = news => Wake::News,
            () = notification => Wake::News,
            () = self.host.stop.stopping() => Wake::Stopping,
            () = tokio::time::sleep(patience) => Wake::TimedOut,
        }
    }

    /// How long the client may be silent. A stranger's time is up by the clock, however it is spent.
    fn patience(&self) -> Duration {
        let settings = self.host.settings.load();
        let limits = &settings.limits;
        match self.state {
            State::NotAuthenticated => {
                Duration::from_secs(limits.login_idle_s).min(left_of(self.stranger_since, limits.login_s))
            }
            _ => Duration::from_secs(limits.imap_idle_s),
        }
    }

    /// Reads what came and does all of it. A command that has begun must be there in time, however it drips in.
    pub(super) async fn work(&mut self) -> Flow {
        let mut begun = Instant::now();
        loop {
            let command_s = self.host.settings.load().limits.imap_command_s;
            let patience = self.patience().min(left_of(begun, command_s));
            let used = match self.fill_within(READ_BYTES, patience).await {
                Ok(0) => return Flow::Break(()),
                Ok(_) => self.use_input().await,
                Err(error) => Err(error.into()),
            };
            match used {
                Ok(true) => begun = Instant::now(),
                Ok(false) => {}
                Err(_) => {
                    // Whatever was said last may explain why.
                    let _ = self.flush().await;
                    return self.close().await;
                }
            }
            if self.flush().await.is_err() || self.state == State::Logout {
                return self.close().await;
            }
            if !self.input.is_mid_command() {
                return Flow::Continue(());
            }
        }
    }

    /// Does what was read while the session told something that took long: nothing more may come to wake it for that.
    pub(super) async fn use_early_input(&mut self) -> Result<(), Refusal> {
        match self.input.is_empty() {
            true => Ok(()),
            false => self.use_input().await.map(drop),
        }
    }

    /// Takes everything that is complete out of the input; whether that was anything.
    async fn use_input(&mut self) -> Result<bool, Refusal> {
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
    pub(super) fn answer(&mut self, tag: Option<&Tag>, answer: Answer) -> Result<(), Refusal> {
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

    /// Reads up to `bytes`; 0 when the client is gone.
    pub(super) async fn fill(&mut self, bytes: usize) -> io::Result<usize> {
        self.fill_within(bytes, self.patience()).await
    }

    /// Reads up to `bytes` from a client that may not be silent for longer than `patience`. If nothing more can come, says so.
    pub(super) async fn fill_within(&mut self, bytes: usize, patience: Duration) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let space = self.input.space(bytes);
        let read = timeout(patience, stream.read(space)).await;
        let read = read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        self.input.filled(bytes, *read.as_ref().unwrap_or(&0));
        if let Some(text) = read.as_ref().err().and_then(parting_words) {
            write::untagged(&mut self.out, Status::Bye, None, text);
        }
        read
    }

    /// Whether the client hung up while a long command runs. What it sends meanwhile is kept for its turn; that it sends no more
    /// does not say that it has stopped reading.
    pub(super) async fn is_client_gone(&mut self) -> bool {
        let Some(stream) = &mut self.stream else { return true };
        if self.input.waiting_bytes() >= AHEAD_BYTES_MAX {
            return false;
        }
        let read = timeout(Duration::ZERO, stream.read(self.input.space(READ_BYTES))).await;
        self.input.filled(READ_BYTES, read.as_ref().map_or(0, |read| *read.as_ref().unwrap_or(&0)));
        matches!(read, Ok(Err(_)))
    }

    /// Sends what was written. A client that does not take it in time is gone, also one that takes it in drips.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let send_s = self.host.settings.load().limits.imap_send_s;
        let patience = self.patience().min(Duration::from_secs(send_s));
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let sent = timeout(patience, stream.write_all(&self.out)).await;
        self.out.clear();
        sent.map_err(|_| {
            info!(peer = %self.peer, "the client reads nothing, its session ends");
            io::Error::from(io::ErrorKind::TimedOut)
        })?
    }

    /// Sends what was written once there is enough of it.
    pub(super) async fn flush_if_full(&mut self, limits: &Limits) -> io::Result<()> {
        match self.out.len() >= limits.output_bytes_max {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    /// Ends the session with a word of why.
    pub(super) async fn bye(&mut self, text: &str) -> Flow {
        write::untagged(&mut self.out, Status::Bye, None, text);
        let _ = self.flush().await;
        self.close().await
    }

    pub(super) async fn close(&mut self) -> Flow {
        if let Some(stream) = &mut self.stream {
            let _ = timeout(Duration::from_secs(5), stream.shutdown()).await;
        }
        Flow::Break(())
    }

    /// An idle session holds no buffer.
    pub(super) fn release_buffers(&mut self) {
        self.input.release();
        self.out = Vec::new();
        self.progress = None;
        if let Some(stream) = &mut self.stream {
            stream.release_buffers();
        }
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.host.settings.load_full()
    }

    pub(super) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut Stream> {
        self.stream.as_mut()
    }

    pub(super) fn take_stream(&mut self) -> Option<Stream> {
        self.stream.take()
    }

    pub(super) fn put_stream(&mut self, stream: Stream) {
        self.stream = Some(stream);
    }

    /// The mail of whoever is logged in.
    pub(super) fn mail(&self) -> Result<&Arc<AccountMail>, Refusal> {
        self.account.as_ref().ok_or(Refusal::bad("log in first"))
    }

    /// Takes a stranger's place; false when too many from there have not logged in.
    pub(super) fn enter_as_stranger(&mut self) -> bool {
        let settings = self.host.settings.load();
        if settings.access.is_own_machine(self.peer.ip()) {
            self.place = Presence::Uncounted;
            return true;
        }
        let max = settings.limits.imap_strangers_per_address_max;
        let place = self.host.strangers_present.take(Network::of_connection(self.peer.ip()), max);
        let Some(place) = place else { return false };
        self.place = Presence::Stranger { _place: place };
        true
    }

    /// Somebody is logged in.
    pub(super) fn enter_account(&mut self, mail: Arc<AccountMail>, place: Place<Address>) {
        self.guest.logged_in();
        self.place = Presence::Account { _place: place };
        self.account = Some(mail);
        self.state = State::Authenticated;
    }

    /// Nobody is logged in any more, and nothing stays of who was.
    pub(super) fn leave_account(&mut self) {
        // Whoever was let in once may stay, even if many strangers came meanwhile.
        self.place = Presence::Uncounted;
        self.enter_as_stranger();
        self.guest.logged_out();
        self.selected = None;
        self.account = None;
        self.enabled = Enabled::default();
        self.notify = None;
        self.state = State::NotAuthenticated;
        self.stranger_since = Instant::now();
    }

    /// The open mailbox.
    pub(super) fn selected(&self) -> Result<&Selected, Refusal> {
        self.selected.as_deref().ok_or(Refusal::bad("open a mailbox first"))
    }

    /// The open mailbox, to be changed.
    pub(super) fn writable(&self) -> Result<&Selected, Refusal> {
        match self.selected()? {
            selected if selected.read_only => {
                Err(Refusal::no(write::Code::ReadOnly, "the mailbox is open for reading only"))
            }
            selected => Ok(selected),
        }
    }

    /// Why nothing can be said of the open mailbox any more. Rights that were changed since count from here on.
    pub(super) fn is_shut_out(&mut self) -> Option<&'static str> {
        let changes = self.host.store.sharing_changes();
        let me = self.account.as_ref()?.address();
        let selected = self.selected.as_deref_mut()?;
        if selected.view.mailbox().is_deleted() {
            return Some("the mailbox was deleted");
        }
        if selected.rights_as_of != changes {
            let mailbox = selected.view.mailbox();
            selected.rights = disk(|| mailbox.account().rights(&mailbox.name(), me)).unwrap_or_default();
            selected.rights_as_of = changes;
        }
        (!selected.rights.has(types::Right::Read)).then_some("the mailbox is not shared with you any more")
    }

    /// A log line for faults of ours.
    pub(super) fn warn(&self, error: &store::StoreError, doing: &str) {
        warn!(peer = %self.peer, %error, doing, "IMAP command failed");
    }
}

/// Waits for a bell, for ever where there is none.
async fn rung(ring: Option<Ring>) {
    match ring {
        Some(ring) => drop(ring.await),
        None => std::future::pending().await,
    }
}

/// What is left of `allowed_s` seconds that began at `since`.
fn left_of(since: Instant, allowed_s: u64) -> Duration {
    Duration::from_secs(allowed_s).saturating_sub(since.elapsed())
}

/// Why a client that cannot be read any more is left; `None` when it is gone itself.
fn parting_words(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::TimedOut => Some("nothing was heard for too long"),
        _ => BrokenDeflate::is_cause_of(error).then_some("the compressed stream is broken"),
    }
}

/// Whether EXPUNGE may be told now.
pub(super) fn expunges(news: ExpungeNews) -> store::Expunges {
    match news {
        ExpungeNews::Told => store::Expunges::Announce,
        ExpungeNews::Held => store::Expunges::Hold,
    }
}
