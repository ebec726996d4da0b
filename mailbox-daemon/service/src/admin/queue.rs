//! Mail on its way out.

use super::{Admin, AdminError, Answer, date};
use serde_json::{Value, json};
use store::queue::{QueueId, QueueListing, RecipientState};

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

    pub(super) fn queue_hold(&self, id: &str) -> Result<Answer, AdminError> {
        found(id, self.queue.hold(queue_id(id)?)?, "is held")
    }

    pub(super) fn queue_release(&self, id: &str) -> Result<Answer, AdminError> {
        found(id, self.queue.release(queue_id(id)?)?, "goes on")
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
