//! What the commands of RFC 4314 speak of.

use super::command::MailboxArgument;
use types::Rights;

/// One line of an access control list: whose rights, in which mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclSubject {
    /// The mailbox.
    pub mailbox: MailboxArgument,
    /// Who is meant, as the client spelled it; never empty, and SASLprep takes it.
    pub identifier: String,
}

/// What SETACL does to somebody's rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsChange {
    /// `+`: gives more.
    Add(Rights),
    /// `-`: takes some away.
    Remove(Rights),
    /// Gives exactly these.
    Replace(Rights),
}

impl RightsChange {
    /// The rights after the change.
    pub fn apply(self, before: Rights) -> Rights {
        match self {
            RightsChange::Add(rights) => before | rights,
            RightsChange::Remove(rights) => before - rights,
            RightsChange::Replace(rights) => rights,
        }
    }
}
