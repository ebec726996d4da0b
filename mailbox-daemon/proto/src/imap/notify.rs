//! What a client asks to be told without asking again (RFC 5465).

use super::command::{FetchItem, MailboxArgument};

/// NOTIFY SET. Each kind of event stands for its mailboxes alone; several groups may hold for one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifySet {
    /// Whether the state of each mailbox is told first.
    pub status: bool,
    /// What is to be told of the open mailbox; nothing when missing.
    pub selected: Option<SelectedEvents>,
    /// What is to be told of others.
    pub groups: Vec<EventGroup>,
}

/// Events of the open mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectedEvents {
    /// SELECTED-DELAYED: sequence numbers stay put until a command lets them change.
    pub delayed: bool,
    /// Which events.
    pub messages: MessageEvents,
    /// What is fetched of each new message.
    pub fetch: Vec<FetchItem>,
}

/// Events of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageEvents {
    /// MessageNew and MessageExpunge, which only come together.
    pub arrivals: bool,
    /// FlagChange, which only comes with them.
    pub flags: bool,
}

/// Events of mailboxes that are not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventGroup {
    /// Which mailboxes.
    pub mailboxes: MailboxFilter,
    /// Which events of their messages.
    pub messages: MessageEvents,
    /// MailboxName: made, deleted, renamed.
    pub names: bool,
    /// SubscriptionChange.
    pub subscriptions: bool,
    /// MailboxMetadataChange.
    pub metadata: bool,
    /// ServerMetadataChange, whatever the mailboxes.
    pub server_metadata: bool,
}

/// Which mailboxes a group of events is about (RFC 5465 section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxFilter {
    /// Those mail is delivered to.
    Inboxes,
    /// These.
    Mailboxes(Vec<MailboxArgument>),
    /// All of one's own.
    Personal,
    /// All that are subscribed to.
    Subscribed,
    /// These and all below them.
    Subtree(Vec<MailboxArgument>),
}

/// The events that can be asked for, as NOTIFY's refusal tells them.
pub const EVENT_NAMES: &str = "FlagChange MailboxMetadataChange MailboxName MessageExpunge MessageNew \
    ServerMetadataChange SubscriptionChange";
