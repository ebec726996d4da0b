//! Which mail may wait for which: a letter never waits for a newsletter.

/// More recipients than a person writes to.
const RECIPIENTS_MAX: usize = 20;
/// More messages of one account on their way at once than a person writes.
const UNDER_WAY_MAX: usize = 20;

/// How long mail may wait when there is more than goes out at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for it.
    Interactive,
    /// It goes out when nothing else does.
    Bulk,
}

/// What is known of a message that is about to go out.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whether it has the null sender: a report.
    pub is_report: bool,
    /// Recipients in its envelope.
    pub recipients: usize,
    /// Messages of the same account that are on their way already.
    pub account_under_way: usize,
    /// The names of its header's fields and their values.
    pub fields: &'a [(&'a str, &'a str)],
}

/// How long it may wait.
pub fn priority(facts: &Facts<'_>) -> Priority {
    let is_bulk = !facts.is_report
        && (facts.recipients > RECIPIENTS_MAX
            || facts.account_under_way >= UNDER_WAY_MAX
            || facts.fields.iter().any(|(name, value)| tells_bulk(name, value)));
    if is_bulk { Priority::Bulk } else { Priority::Interactive }
}

/// The fields lists write: RFC 2919, RFC 2369 and the older `Precedence`.
fn tells_bulk(name: &str, value: &str) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    is("List-Id") && !value.trim().is_empty()
        || is("List-Unsubscribe")
        || is("Precedence")
            && ["bulk", "list", "junk"].iter().any(|word| value.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_wait() {
        let letter =
            Facts { is_report: false, recipients: 1, account_under_way: 0, fields: &[("Subject", "bulk")] };
        for (about, facts, expected) in [
            ("a letter", letter, Priority::Interactive),
            ("to the family", Facts { recipients: 20, ..letter }, Priority::Interactive),
            ("to the club", Facts { recipients: 21, ..letter }, Priority::Bulk),
            ("the twentieth at once", Facts { account_under_way: 19, ..letter }, Priority::Interactive),
            ("one of many", Facts { account_under_way: 20, ..letter }, Priority::Bulk),
            ("a list's", Facts { fields: &[("list-id", "<club.home.test>")], ..letter }, Priority::Bulk),
            (
                "a newsletter",
                Facts { fields: &[("List-Unsubscribe", "<mailto:x>")], ..letter },
                Priority::Bulk,
            ),
            ("it says so", Facts { fields: &[("Precedence", " Bulk ")], ..letter }, Priority::Bulk),
            (
                "it says otherwise",
                Facts { fields: &[("Precedence", "first-class")], ..letter },
                Priority::Interactive,
            ),
            ("a report", Facts { is_report: true, account_under_way: 99, ..letter }, Priority::Interactive),
        ] {
            assert_eq!(priority(&facts), expected, "{about}");
        }
    }
}
