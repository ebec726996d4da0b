use super::reply::{Answer, Refusal, Reply};
use crate::gate::Guest;
use crate::host::Host;
use crate::places::{Place, Presence};
use crate::stream::Stream;
use policy::config::Settings;
use proto::managesieve::session::State;
use proto::managesieve::write::{self, Code, Status};
use proto::managesieve::{Bounds, Command, Input, Next};
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::AccountMail;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};
use types::Address;

/// Read at once while commands come in.
pub(super) const READ_BYTES: usize = 4096;
/// What a client may send before it is logged in, line and literals each.
const STRANGER_BYTES_MAX: usize = 8192;
/// Literals beside the script in one command: its name.
const NAME_BYTES_MAX: usize = 1024;
/// How long the other end may take to hang up.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

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
    pub(super) login_failures: u32,
    /// When nobody was logged in any more.
    stranger_since: Instant,
    account: Option<Arc<AccountMail>>,
    place: Presence,
    /// Commands in a row that were none.
    errors: u32,
}

/// Why a sleeping session wakes.
pub(super) enum Wake {
    Input,
    Stopping,
    TimedOut,
    Gone,
}

/// The session ends.
pub(super) type Flow = ControlFlow<()>;

impl Session {
    pub(super) fn new(host: Arc<Host>, stream: Stream, guest: Guest) -> Session {
        Session {
            host,
            peer: stream.peer(),
            stream: Some(stream),
            guest,
            input: Input::new(),
            out: Vec::new(),
            state: State::default(),
            login_failures: 0,
            stranger_since: Instant::now(),
            account: None,
            place: Presence::Uncounted,
            errors: 0,
        }
    }

    /// Sleeps until something happens.
    pub(super) async fn wait(&mut self) -> Wake {
        let patience = self.patience();
        let Some(stream) = &mut self.stream else { return Wake::Gone };
        tokio::select! {
            readable = stream.readable() => match readable {
                Ok(()) => Wake::Input,
                Err(_) => Wake::Gone,
            },
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
            if used.is_err() || self.state == State::Logout {
                // Whatever was said last may explain why.
                let _ = self.flush().await;
                return self.close().await;
            }
            if used.is_ok_and(|is_any| is_any) {
                begun = Instant::now();
            }
            if self.flush().await.is_err() {
                return self.close().await;
            }
            if !self.input.is_mid_command() {
                return Flow::Continue(());
            }
        }
    }

    /// Takes everything that is complete out of the input; whether that was anything.
    async fn use_input(&mut self) -> Result<bool, Refusal> {
        let mut is_any = false;
        loop {
            let bounds = self.bounds();
            let answer = match self.input.command(&bounds) {
                Next::Incomplete => return Ok(is_any),
                Next::Complete(command) => self.obey(command).await,
                Next::Refused(fault) => Err(fault.into()),
                Next::Hopeless(fault) => Err(Refusal::Bye(None, fault.text.into())),
            };
            is_any = true;
            self.answer(answer)?;
            if self.state == State::Logout {
                return Ok(true);
            }
            if self.out.len() >= self.host.settings.load().limits.output_bytes_max {
                self.flush().await?;
            }
        }
    }

    /// How much of a command is taken now.
    pub(super) fn bounds(&self) -> Bounds {
        let settings = self.host.settings.load();
        match self.state {
            State::Authenticated => Bounds {
                line_bytes_max: settings.limits.imap_line_bytes_max,
                literals_bytes_max: settings.sieve.script_bytes_max + NAME_BYTES_MAX,
                dropped_bytes_max: settings.limits.message_bytes_max,
            },
            State::NotAuthenticated | State::Logout => Bounds {
                line_bytes_max: STRANGER_BYTES_MAX,
                literals_bytes_max: STRANGER_BYTES_MAX,
                dropped_bytes_max: STRANGER_BYTES_MAX as u64 * 8,
            },
        }
    }

    async fn obey(&mut self, command: Command) -> Answer {
        self.host.requests.fetch_add(1, Ordering::Relaxed);
        self.state.allows(&command).map_err(Refusal::Error)?;
        self.dispatch(command).await
    }

    async fn dispatch(&mut self, command: Command) -> Answer {
        match command {
            Command::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial).await,
            Command::Capability => self.capability(),
            Command::CheckScript(script) => self.checkscript(&script),
            Command::DeleteScript(name) => self.deletescript(&name),
            Command::GetScript(name) => self.getscript(&name),
            Command::HaveSpace { name, bytes } => self.havespace(&name, bytes),
            Command::ListScripts => self.listscripts(),
            Command::Logout => self.logout(),
            Command::Noop(tag) => Ok(Reply { code: tag.map(Code::Tag), text: "nothing done".into() }),
            Command::PutScript { name, script } => self.putscript(&name, &script),
            Command::RenameScript { from, to } => self.renamescript(&from, &to),
            Command::SetActive(name) => self.setactive(name.as_deref()),
            Command::StartTls => self.starttls().await,
            Command::Unauthenticate => self.unauthenticate(),
        }
    }

    /// Writes an answer; fails when the session is over.
    fn answer(&mut self, answer: Answer) -> Result<(), Refusal> {
        match answer {
            Ok(Reply { code, text }) => {
                write::response(&mut self.out, Status::Ok, code.as_ref(), &text);
            }
            Err(Refusal::No(code, text)) => {
                debug!(peer = %self.peer, %text, "command refused");
                write::response(&mut self.out, Status::No, code.as_ref(), &text);
            }
            Err(Refusal::Error(text)) => return self.count_error(text),
            Err(Refusal::Bye(code, text)) => {
                write::response(&mut self.out, Status::Bye, code.as_ref(), &text);
                return Err(Refusal::Gone);
            }
            Err(Refusal::Gone) => return Err(Refusal::Gone),
        }
        self.errors = 0;
        Ok(())
    }

    /// Whoever only makes mistakes is no mail program.
    fn count_error(&mut self, text: &str) -> Result<(), Refusal> {
        self.errors += 1;
        if self.errors < self.host.settings.load().limits.imap_errors_max {
            write::response(&mut self.out, Status::No, None, text);
            return Ok(());
        }
        write::response(&mut self.out, Status::Bye, None, "that were too many commands that are none");
        Err(Refusal::Gone)
    }

    /// Reads up to `bytes`; 0 when the client is gone.
    pub(super) async fn fill(&mut self, bytes: usize) -> io::Result<usize> {
        self.fill_within(bytes, self.patience()).await
    }

    /// Reads up to `bytes` from a client that may not be silent for longer than `patience`.
    async fn fill_within(&mut self, bytes: usize, patience: Duration) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let read = timeout(patience, stream.read(self.input.space(bytes))).await;
        let read = read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        self.input.filled(bytes, *read.as_ref().unwrap_or(&0));
        if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            write::response(&mut self.out, Status::Bye, None, "nothing was heard for too long");
        }
        read
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
        sent.unwrap_or_else(|_| {
            info!(peer = %self.peer, "the client reads nothing, its session ends");
            Err(io::ErrorKind::TimedOut.into())
        })
    }

    /// Ends the session with a word of why.
    pub(super) async fn bye(&mut self, text: &str) -> Flow {
        write::response(&mut self.out, Status::Bye, Some(&Code::TryLater), text);
        let _ = self.flush().await;
        self.close().await
    }

    async fn close(&mut self) -> Flow {
        if let Some(stream) = &mut self.stream {
            let _ = timeout(SHUTDOWN_TIMEOUT, stream.shutdown()).await;
        }
        Flow::Break(())
    }

    /// An idle session holds no buffer.
    pub(super) fn release_buffers(&mut self) {
        self.input.release();
        self.out = Vec::new();
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.host.settings.load_full()
    }

    pub(super) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    pub(super) fn take_stream(&mut self) -> Option<Stream> {
        self.stream.take()
    }

    pub(super) fn put_stream(&mut self, stream: Stream) {
        self.stream = Some(stream);
    }

    /// The scripts and mail of whoever is logged in.
    pub(super) fn mail(&self) -> Result<&Arc<AccountMail>, Refusal> {
        self.account.as_ref().ok_or(Refusal::Error("log in first"))
    }

    /// Who is logged in.
    pub(super) fn owner(&self) -> Option<&Address> {
        self.account.as_ref().map(|mail| mail.address())
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

    /// Nobody is logged in any more.
    pub(super) fn leave_account(&mut self) {
        // Whoever was let in once may stay, even if many strangers came meanwhile.
        self.place = Presence::Uncounted;
        self.enter_as_stranger();
        self.guest.logged_out();
        self.account = None;
        self.state = State::NotAuthenticated;
        self.stranger_since = Instant::now();
    }

    /// A log line for faults of ours.
    pub(super) fn warn(&self, error: &store::StoreError, doing: &str) {
        warn!(peer = %self.peer, %error, doing, "ManageSieve command failed");
    }
}

/// What is left of `allowed_s` seconds that began at `since`.
fn left_of(since: Instant, allowed_s: u64) -> Duration {
    Duration::from_secs(allowed_s).saturating_sub(since.elapsed())
}
