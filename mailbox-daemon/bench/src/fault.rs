//! What can go wrong in a bench run: always something that the person at the keyboard has to read.

use std::fmt::Display;
use std::io;
use std::time::Duration;

/// The result of anything the bench does.
pub type Outcome<T> = Result<T, Fault>;

/// Why a piece of work, or the whole run, has no figures.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A server answered something else than the protocol's good answer.
    #[error("{sent:?} was answered {answer:?}")]
    Answer {
        /// The command.
        sent: String,
        /// The line that came back.
        answer: String,
    },
    /// Something that must happen did not.
    #[error("{what} did not happen within {} s", limit.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
    },
    /// The command line or the machine does not allow the run.
    #[error("{0}")]
    Setup(String),
}

/// Names what was being done when the system refused it.
pub trait Doing<T> {
    /// Turns an I/O error into a [`Fault`] that says what was being done.
    fn doing(self, what: impl Display) -> Outcome<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Display) -> Outcome<T> {
        self.map_err(|error| Fault::System { doing: what.to_string(), source: error.into() })
    }
}
