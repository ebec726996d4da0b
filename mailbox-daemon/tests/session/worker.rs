//! A client that works while others do.

use super::Random;
use super::belief::{number_after, write_set};
use super::client::Client;
use super::world::FLAGS;

/// A client and what it does next.
pub struct Worker {
    pub client: Client,
    pub random: Random,
}

impl Worker {
    /// Does so many things, one after the other.
    pub fn work(&mut self, commands: usize) {
        for _ in 0..commands {
            self.command();
        }
        self.client.done();
    }

    fn command(&mut self) {
        if self.client.idling.is_some() {
            self.client.done();
            self.client.learn();
        }
        let uids = self.random.some(&self.client.belief.uids(), 5);
        let messages = write_set(&uids);
        let flag = *self.random.pick(&FLAGS);
        let text = match self.random.below(10) {
            0..2 => {
                let answer = self.client.append("INBOX", flag, "Subject: more\r\n\r\nhello\r\n");
                assert!(answer.is_ok());
                return self.client.learn();
            }
            2..5 if !uids.is_empty() => {
                format!("UID STORE {messages} {}FLAGS ({flag})", self.random.pick(&["+", "-"]))
            }
            5 if !uids.is_empty() => format!("UID COPY {messages} INBOX"),
            6 if !uids.is_empty() => format!("UID FETCH {messages} BODY[TEXT]"),
            7 => "EXPUNGE".to_owned(),
            8 => return self.client.idle(),
            _ => "NOOP".to_owned(),
        };
        let answer = self.client.command(&text);
        assert!(answer.is_ok(), "{}", self.client.report());
        assert!(number_after(&answer.verdict, "[MODIFIED ").is_none());
        self.client.learn();
    }
}
