//! ManageSieve sessions (RFC 5804): people put scripts here and choose which one sorts their mail.
//!
//! **Drive rule:** as an IMAP session's: it sleeps holding no buffer, and works in a boxed future until the client's bytes are used
//! up and its own are written.
//!
//! A new command is a function in one of the files here and a line in [`Session::dispatch`].

mod entry;
mod login;
mod reply;
mod scripts;
mod session;

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
            Wake::Stopping => Box::pin(session.bye("the server is stopping, come back soon")).await,
            Wake::TimedOut => Box::pin(session.bye("nothing was heard for too long")).await,
            Wake::Gone => ControlFlow::Break(()),
        };
        if flow.is_break() {
            return;
        }
        session.release_buffers();
    }
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
        assert!(bytes <= 1536, "the future of a ManageSieve session has {bytes} bytes");
    }
}
