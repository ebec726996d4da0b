//! IMAP sessions (RFC 9051, RFC 3501): reads commands, hands each to the function named after it, tells what changed.
//!
//! **Drive rule:** a session sleeps in [`Session::wait`] holding no buffer; when woken it works in a boxed future until the client's
//! bytes are used up and its own are written, and gives all buffers back before it sleeps again.
//!
//! A new command is a function in one of the files here and a line in [`Session::dispatch`].

mod acl;
mod all_mailboxes;
mod append;
mod compress;
mod copy;
pub(crate) mod digest;
mod entry;
mod events;
mod fetch;
mod idle;
mod list;
mod login;
mod mailboxes;
mod metadata;
mod news;
mod notify;
mod progress;
mod quota;
mod reply;
mod resolve;
mod resync;
mod search;
mod select;
mod session;
mod store;
mod teach;

use crate::disk;
use crate::gate::Guest;
use crate::host::Host;
use crate::stream::Stream;
use session::{Session, Wake};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Serves one connection until it ends.
pub async fn serve(host: Arc<Host>, stream: Stream, guest: Guest) {
    let mut session = Session::new(host, stream, guest);
    if Box::pin(session.greet()).await.is_err() {
        return;
    }
    loop {
        let flow = match session.wait().await {
            Wake::Input => Box::pin(session.work()).await,
            Wake::News => Box::pin(session.tell_awaited_news()).await,
            Wake::Stopping => Box::pin(session.bye("the server is stopping, come back soon")).await,
            Wake::TimedOut => Box::pin(session.bye("nothing was heard for too long")).await,
            Wake::Gone => ControlFlow::Break(()),
        };
        if flow.is_break() {
            break;
        }
        session.release_buffers();
    }
    // The last session on a mailbox leaves its index behind.
    disk(|| drop(session));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_bytes<F>(_: impl Fn(Arc<Host>, Stream, Guest) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_sleeping_session_is_small() {
        let bytes = future_bytes(serve);
        assert!(bytes <= 1536, "the future of an IMAP session has {bytes} bytes");
    }
}
