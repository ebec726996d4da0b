//! Mail on its way out.

use super::{Admin, AdminError, Answer, Selection, date, domain_name};
use serde_json::{Value, json};
use store::queue::{Held, QueueId, QueueListing, RecipientState};

/// Messages one list shows; more would be held in memory at once.
const LISTED_MAX: usize = 1000;

impl Admin<'_> {
    pub(super) fn queue_list(&self) -> Result<Answer, AdminError> {
        let listings = self.queue.list(None, LISTED_MAX)?;
        let total = self.queue.len();
        let shown = listings.len() as u64;
        let mut answer = Answer::lists(listings.iter().map(summary));
        if total > shown && shown > 0 {
            answer.message = format!("({shown} of {total} messages, oldest first)");
        }
        if let Some(note) = held_note(&self.queue.held()) {
            answer.message =
                if answer.message.is_empty() { note } else { format!("{note} {}", answer.message) };
        }
        Ok(answer)
    }

    pub(super) fn queue_show(&self, id: &str) -> Result<Answer, AdminError> {
        let listing = self.queue.show(queue_id(id)?)?.ok_or_else(|| unknown(id))?;
        let replies = &listing.progress.replies;
        let recipients = listing.header.envelope.recipients.iter().zip(&listing.marks.recipients).enumerate();
        Ok(Answer::lists(recipients.map(|(index, (recipient, state))| {
            let reply = replies.iter().find(|(of, _)| *of as usize == index).map(|(_, text)| text);
            json!({
                "id": listing.id.to_string(),
                "from": sender(&listing),
                "to": recipient.address.to_string(),
                "state": state_word(*state),
                "attempts": listing.progress.attempts,
                "next_attempt": next_attempt(&listing),
                "bytes": listing.message_bytes,
                "arrived": date(listing.header.arrived_at),
                "last_reply": reply,
            })
        })))
    }

    pub(super) fn queue_retry(&self, id: Option<&str>) -> Result<Answer, AdminError> {
        let Some(id) = id else {
            let count = self.queue.retry_all(self.now)?;
            return Ok(Answer::says(format!("{count} messages are tried now")));
        };
        found(id, self.queue.retry(queue_id(id)?, self.now)?, "is tried now")
    }

    pub(super) fn queue_hold(&self, what: &Selection) -> Result<Answer, AdminError> {
        match what {
            Selection::Message(id) => return found(id, self.queue.hold(queue_id(id)?)?, "is held"),
            Selection::Domain(name) => {
                let domain = domain_name(name)?;
                self.queue.change_held(|held| held.domains.extend([domain.as_str().to_owned()]))?;
            }
            Selection::All => self.queue.change_held(|held| held.all = true)?,
        }
        Ok(Answer::says(format!("{} is held until `queue release` lets it go", named(what))))
    }

    /// What was held is tried at once.
    pub(super) fn queue_release(&self, what: &Selection) -> Result<Answer, AdminError> {
        let was_held = self.queue.held();
        let is_held = match what {
            Selection::Message(id) => return found(id, self.queue.release(queue_id(id)?)?, "goes on"),
            Selection::Domain(name) => {
                let domain = domain_name(name)?;
                self.queue.change_held(|held| held.domains.retain(|held| held != domain.as_str()))?;
                was_held.domains.contains(domain.as_str())
            }
            Selection::All => {
                self.queue.change_held(|held| *held = Held::default())?;
                *was_held != Held::default()
            }
        };
        if !is_held {
            return Err(AdminError::Unknown { kind: "hold on", name: named(what) });
        }
        self.queue.retry_all(self.now)?;
        Ok(Answer::says(format!("{} goes on", named(what))))
    }

    pub(super) fn queue_delete(&self, id: &str) -> Result<Answer, AdminError> {
        found(id, self.queue.delete(queue_id(id)?)?, "is deleted; nobody is told")
    }
}

fn found(id: &str, found: bool, what: &str) -> Result<Answer, AdminError> {
    match found {
        true => Ok(Answer::says(format!("{id} {what}"))),
        false => Err(unknown(id)),
    }
}

fn named(what: &Selection) -> String {
    match what {
        Selection::Message(id) => id.clone(),
        Selection::Domain(domain) => format!("all mail to {domain}"),
        Selection::All => "all mail".to_owned(),
    }
}

/// What a reader of the list must know.
fn held_note(held: &Held) -> Option<String> {
    let domains: Vec<&str> = held.domains.iter().map(String::as_str).collect();
    match (held.all, domains.is_empty()) {
        (true, _) => Some("All mail is held; `queue release --all` lets it go.".to_owned()),
        (false, false) => Some(format!("Held is all mail to {}.", domains.join(", "))),
        (false, true) => None,
    }
}

fn summary(listing: &QueueListing) -> Value {
    let recipients = listing.header.envelope.recipients.iter().zip(&listing.marks.recipients);
    let waiting = recipients.filter(|(_, state)| **state == RecipientState::Pending);
    json!({
        "id": listing.id.to_string(),
        "from": sender(listing),
        "to": waiting.map(|(recipient, _)| recipient.address.to_string()).collect::<Vec<_>>(),
        "bytes": listing.message_bytes,
        "arrived": date(listing.header.arrived_at),
        "attempts": listing.progress.attempts,
        "next_attempt": next_attempt(listing),
        "last_reply": listing.progress.replies.first().map(|(_, text)| text),
    })
}

fn sender(listing: &QueueListing) -> String {
    listing.header.envelope.from.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string)
}

fn next_attempt(listing: &QueueListing) -> String {
    match (listing.is_active, listing.marks.held) {
        (true, _) => "now".to_owned(),
        (false, true) => "held".to_owned(),
        (false, false) => date(listing.progress.next_attempt_at),
    }
}

fn state_word(state: RecipientState) -> &'static str {
    match state {
        RecipientState::Pending => "waiting",
        RecipientState::Delivered => "delivered",
        RecipientState::Failed => "failed",
    }
}

fn queue_id(text: &str) -> Result<QueueId, AdminError> {
    text.parse().map_err(|_| unknown(text))
}

fn unknown(id: &str) -> AdminError {
    AdminError::Unknown { kind: "queued message", name: id.to_owned() }
}
