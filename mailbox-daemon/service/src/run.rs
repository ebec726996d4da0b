//! The daemon's life: open, listen, serve, stop.

use crate::host::{Host, HostError};
use crate::listen::{ListenError, Service, accept_loop, listeners};
use crate::stop::{Stopper, stop};
use crate::watchdog::{self, Heartbeat};
use crate::{control, deliver, fulltext, notices, reports, signing, spam};
use policy::config::Settings;
use sd_notify::NotifyState;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

/// What the box remembers besides mail reaches the disk so often: a power cut takes back the last minutes of it.
const NOTES_FLUSH: Duration = Duration::from_mins(5);

/// Why the daemon did not come up.
#[derive(Debug, Error)]
pub enum RunError {
    /// Configuration, certificate or state directory.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Signals or the control socket.
    #[error("cannot set up {what}: {source}")]
    SetUp {
        /// Which part.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing to listen on.
    #[error(
        "nothing to listen on: neither systemd handed over sockets nor does [listen] in the configuration name any address"
    )]
    NoListener,
}

/// Runs until SIGTERM or SIGINT. `ready` is called once when every listener answers.
pub async fn run(settings: Settings, config_file: &Path, ready: impl FnOnce(&Host)) -> Result<(), RunError> {
    let set_up = |what| move |source| RunError::SetUp { what, source };
    let (stopper, stop) = stop();
    let host = Host::open(settings, config_file, stop)?;
    let listeners = listeners(&host).await?;
    if listeners.is_empty() {
        return Err(RunError::NoListener);
    }
    let terminate = signal(SignalKind::terminate()).map_err(set_up("signals"))?;
    let interrupt = signal(SignalKind::interrupt()).map_err(set_up("signals"))?;
    let hang_up = signal(SignalKind::hangup()).map_err(set_up("signals"))?;
    start_tasks(&host, listeners);
    ready(&host);
    notify(&[NotifyState::Ready, NotifyState::Status("receiving and serving mail")]);

    until_stopped(&host, terminate, interrupt, hang_up).await;
    drain(host, stopper).await;
    Ok(())
}

fn start_tasks(host: &Arc<Host>, listeners: Vec<(Service, TcpListener)>) {
    let mut hearts = Vec::new();
    for (service, listener) in listeners {
        if let Ok(address) = listener.local_addr() {
            info!(service = service.name(), %address, "listening");
            if service == Service::ManageSieve {
                let _ = host.managesieve_port.set(address.port());
            }
        }
        let heartbeat = Heartbeat::new();
        hearts.push((service.name(), heartbeat.clone()));
        let accepting = accept_loop(Arc::clone(host), service, listener, heartbeat);
        tokio::spawn(accepting);
    }
    match control::bind(host.state_dir()) {
        Ok(door) => drop(tokio::spawn(control::serve(Arc::clone(host), door))),
        Err(error) => error!(%error, "the command line cannot reach this daemon"),
    }
    supervise("deliver", Arc::clone(host), deliver::run);
    supervise("fulltext", Arc::clone(host), fulltext::run);
    supervise("notices", Arc::clone(host), notices::run);
    supervise("reports", Arc::clone(host), reports::run);
    supervise("notes", Arc::clone(host), keep_notes);
    supervise("events", Arc::clone(host), crate::sieve::serve_events);
    supervise("teacher", Arc::clone(host), spam::teacher::run);
    supervise("junk", Arc::clone(host), spam::expiry::run);
    supervise("keys", Arc::clone(host), signing::run);
    tokio::spawn(report_damage(Arc::clone(host)));
    tokio::spawn(watchdog::run(Arc::clone(host), hearts));
}

/// Writes the notes down from time to time.
async fn keep_notes(host: Arc<Host>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(NOTES_FLUSH) => {}
            () = host.stop.stopping() => return,
        }
        if let Err(error) = crate::disk(|| host.notes.flush()) {
            warn!(%error, "what the box remembers could not be written; it is tried again");
        }
        if let Err(error) = crate::disk(|| host.spam.flush()) {
            warn!(%error, "what was learnt about spam could not be written; it is tried again");
        }
    }
}

/// Tells about messages that were found damaged and set aside.
async fn report_damage(host: Arc<Host>) {
    loop {
        let generation = host.store.damage().generation();
        for path in host.store.take_set_aside() {
            warn!(path = %path.display(), "a damaged message was moved to quarantine; its mailbox goes on without it");
        }
        tokio::select! {
            _ = host.store.damage().changed_since(generation) => {}
            () = host.stop.stopping() => return,
        }
    }
}

/// Restarts a task that panicked: one hostile message must not end outbound mail. At most once a second.
fn supervise<F, T>(name: &'static str, host: Arc<Host>, task: F)
where
    F: Fn(Arc<Host>) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let presence = host.stop.presence();
        while let Err(panic) = tokio::spawn(task(Arc::clone(&host))).await {
            error!(task = name, %panic, "a task failed and is started again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        drop(presence);
    });
}

async fn until_stopped(host: &Host, mut terminate: Signal, mut interrupt: Signal, mut hang_up: Signal) {
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = hang_up.recv() => reload(host),
        }
    }
}

fn reload(host: &Host) {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
    match crate::disk(|| host.reload()) {
        Ok(()) => {
            info!("configuration and certificate reloaded");
            notify(&[NotifyState::Ready, NotifyState::Status("receiving and serving mail")]);
        }
        Err(error) => {
            error!(%error, "the new configuration is refused, the old one stays in force");
            notify(&[NotifyState::Ready, NotifyState::Status(&format!("reload refused: {error}"))]);
        }
    }
}

async fn drain(host: Arc<Host>, stopper: Stopper) {
    let grace = Duration::from_secs(host.settings.load().limits.drain_s);
    info!(grace_s = grace.as_secs(), "stopping: no new connections, mail in flight finishes");
    notify(&[NotifyState::Stopping, NotifyState::Status("finishing mail in flight")]);
    if !stopper.stop(grace).await {
        warn!("some sessions did not end in time and are cut off");
    }
    crate::disk(|| host.store.close());
    if let Err(error) = crate::disk(|| host.notes.flush()) {
        warn!(%error, "what the box remembers could not be written");
    }
    if let Err(error) = crate::disk(|| host.spam.flush()) {
        warn!(%error, "what was learnt about spam could not be written");
    }
    info!("stopped");
}

/// Tells systemd; without it there is nobody to tell.
fn notify(states: &[NotifyState]) {
    let _ = sd_notify::notify(states);
}
