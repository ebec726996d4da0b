//! What somebody who logged in may send: as whom, and how much.

use super::envelope::Transaction;
use super::reply_to_store;
use crate::auth::Login;
use crate::directory::belongs_to;
use crate::host::Host;
use crate::{allowance, correspondents};
use policy::allowance::Excess;
use policy::submission::{Claim, SubmissionError, may_send_as};
use proto::smtp::reply::{Reply, say};
use store::StoreError;
use tracing::{info, warn};
use types::Address;

/// Whether an address may stand on the envelope or in the header of what somebody sends, or what he is told.
pub(super) fn check_address(host: &Host, login: &Login, address: &Address) -> Result<(), Reply> {
    let known = || -> Result<_, StoreError> {
        let rules = host.directory.sending_rules(&login.account)?;
        Ok((belongs_to(&host.directory, &login.account, address)?, rules.masquerades))
    };
    let (is_own, masquerades) = known().map_err(|error| {
        warn!(%error, "the directory cannot be read");
        reply_to_store(&error)
    })?;
    let claim = Claim { is_own, masquerades: &masquerades, only: login.rules.from.as_ref() };
    may_send_as(address, claim).map_err(reply_to_submission)
}

/// Whether there is room for the message in what may be sent, or what somebody is told who sent too much.
pub(super) async fn check_allowance(
    host: &Host,
    login: Option<&Login>,
    transaction: &Transaction,
) -> Result<(), Reply> {
    within_allowance(host, login, transaction, allowance::check).await
}

/// The same, and counts the message.
pub(super) async fn take_allowance(
    host: &Host,
    login: Option<&Login>,
    transaction: &Transaction,
) -> Result<(), Reply> {
    within_allowance(host, login, transaction, allowance::take).await
}

type Allows = fn(&Host, &Login, u32) -> Result<Result<(), Excess>, StoreError>;

async fn within_allowance(
    host: &Host,
    login: Option<&Login>,
    transaction: &Transaction,
    allows: Allows,
) -> Result<(), Reply> {
    let Some(login) = login else { return Ok(()) };
    let recipients = u32::try_from(transaction.mailboxes.len() + transaction.external.len());
    match allows(host, login, recipients.unwrap_or(u32::MAX)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(excess)) => {
            info!(account = %login.account, app_password = login.app_password, %excess, "sends too much");
            Box::pin(allowance::tell(host, login, &excess)).await;
            let reply = match &excess {
                Excess::Now { .. } => say::SENT_TOO_MUCH,
                Excess::Ever { .. } => say::MAY_NOT_SEND,
            };
            Err(reply.with_text(excess.to_string()))
        }
        Err(error) => {
            warn!(account = %login.account, %error, "what was sent cannot be counted");
            Err(reply_to_store(&error))
        }
    }
}

/// Notes whom somebody wrote to, whose answer is expected then.
pub(super) fn note_correspondents(host: &Host, login: Option<&Login>, transaction: &Transaction) {
    let Some(login) = login else { return };
    let elsewhere = transaction.external.iter().map(|recipient| &recipient.address);
    if let Err(error) = correspondents::wrote(host, &login.account, elsewhere) {
        warn!(account = %login.account, %error, "whom somebody wrote to cannot be noted");
    }
}

pub(super) fn reply_to_submission(error: SubmissionError) -> Reply {
    let reply = match error {
        SubmissionError::NotOwned(_) | SubmissionError::OtherThanOnly(_) => say::NOT_YOUR_ADDRESS,
        SubmissionError::TooManyHops => say::LOOP,
        SubmissionError::NoFrom
        | SubmissionError::ManyFromFields
        | SubmissionError::UnreadableFrom
        | SubmissionError::BadSender => say::BAD_HEADER,
    };
    reply.with_text(error.to_string())
}
