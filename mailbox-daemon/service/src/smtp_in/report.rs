//! Reports about mail, which come in as mail.

use super::Connection;
use super::envelope::Transaction;
use super::judge::Judged;
use super::receive::Incoming;
use crate::{disk, reports};
use store::StoreError;

impl Connection {
    /// Takes in the report that a message to an address for reports may be; the summary is durable when this returns. Then the
    /// mail itself goes only to those who have such an address as theirs. Says whether it was one.
    pub(super) async fn take_in_report(
        &self,
        transaction: &mut Transaction,
        incoming: &mut Incoming,
        judged: Option<&Judged>,
    ) -> Result<bool, StoreError> {
        let settings = &self.settings.reports;
        let Some(judged) = judged else { return Ok(false) };
        if transaction.named.iter().all(|recipient| !settings.is_address(&recipient.address)) {
            return Ok(false);
        }
        let message = disk(|| incoming.spooled.raw())?;
        let Some(arrived) = Box::pin(reports::read(&self.host, &judged.evidence, &message)).await else {
            return Ok(false);
        };
        disk(|| reports::take_in(&self.host, arrived, self.host.now()))?;
        transaction.mailboxes.retain(|delivery| !delivery.unless_report);
        Ok(true)
    }
}
