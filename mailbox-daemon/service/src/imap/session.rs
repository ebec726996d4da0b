mod dispatch;
mod traffic;

use super::notify::Notify;
use super::progress::Progress;
use super::reply::Refusal;
use super::search::Contexts;
use crate::disk;
use crate::gate::Guest;
use crate::host::Host;
use crate::places::{Place, Presence};
use crate::stream::Stream;
use policy::config::Settings;
use proto::imap::session::{Enabled, ExpungeNews, State};
use proto::imap::write;
use proto::imap::{Input, Tag};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use store::{AccountMail, Ring, View, WatchGuard};
use tokio::time::Instant;
use tracing::warn;
use types::{Address, ModSeq, Rights, SequenceSet};

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
        let place = Presence::of_stranger(&self.host, self.peer.ip());
        place.map(|place| self.place = place).is_some()
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

/// Whether EXPUNGE may be told now.
pub(super) fn expunges(news: ExpungeNews) -> store::Expunges {
    match news {
        ExpungeNews::Told => store::Expunges::Announce,
        ExpungeNews::Held => store::Expunges::Hold,
    }
}
