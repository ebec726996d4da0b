use super::{Admin, AdminError, Answer, domain_name};
use crate::reports;

impl Admin<'_> {
    pub(super) fn reports_list(
        &self,
        domain: Option<&str>,
        month: Option<&str>,
    ) -> Result<Answer, AdminError> {
        let domain = domain.map(domain_name).transpose()?;
        if let Some(month) = month
            && !is_month(month)
        {
            return Err(AdminError::Month(month.to_owned()));
        }
        Ok(Answer::lists(reports::summary(self.notes, domain.as_ref(), month)?))
    }

    pub(super) fn reports_send(&self) -> Result<Answer, AdminError> {
        reports::ask(self.notes, self.reports, self.now)?;
        Ok(Answer::says("Reports about everything up to now go out at once, or as soon as the daemon runs."))
    }
}

/// `2026-11`.
fn is_month(text: &str) -> bool {
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}
