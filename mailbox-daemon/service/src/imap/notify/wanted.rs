//! Which mailboxes the groups of a NOTIFY command are about (RFC 5465 section 6).

use super::super::resolve::OTHER_USERS;
use proto::imap::command::MailboxArgument;
use proto::imap::notify::{MailboxFilter, MessageEvents, NotifySet};
use types::MailboxName;

/// All that is wanted of one mailbox, whichever group asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) messages: MessageEvents,
    pub(super) names: bool,
    pub(super) subscriptions: bool,
    pub(super) metadata: bool,
}

impl Wanted {
    /// What is wanted of the mailbox of that name; `is_subscribed` is asked only if need be.
    pub(super) fn of(set: &NotifySet, name: &MailboxName, is_subscribed: impl Fn() -> bool) -> Wanted {
        let mut wanted = Wanted::default();
        for group in set.groups.iter().filter(|group| filter_holds(&group.mailboxes, name, &is_subscribed)) {
            wanted.messages.arrivals |= group.messages.arrivals;
            wanted.messages.flags |= group.messages.flags;
            wanted.names |= group.names;
            wanted.subscriptions |= group.subscriptions;
            wanted.metadata |= group.metadata;
        }
        wanted
    }
}

/// Whether the mailbox of that name is one of those; `is_subscribed` is asked only if need be.
pub(in crate::imap) fn filter_holds(
    filter: &MailboxFilter,
    name: &MailboxName,
    is_subscribed: &impl Fn() -> bool,
) -> bool {
    let any =
        |names: &[MailboxArgument], fits: &dyn Fn(&MailboxName) -> bool| names.iter().flatten().any(fits);
    match filter {
        // Mail is delivered to INBOX and nowhere else.
        MailboxFilter::Inboxes => name.is_inbox(),
        MailboxFilter::Mailboxes(names) => any(names, &|other| other == name),
        MailboxFilter::Personal => name.levels().next() != Some(OTHER_USERS),
        MailboxFilter::Subscribed => is_subscribed(),
        MailboxFilter::Subtree(names) => any(names, &|top| top == name || name.is_below(top)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::imap::notify::EventGroup;

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text).expect("a name")
    }

    #[test]
    fn groups_add_up() {
        let arrivals = MessageEvents { arrivals: true, flags: false };
        let group = |mailboxes, messages, names| EventGroup {
            mailboxes,
            messages,
            names,
            subscriptions: !names,
            metadata: false,
            server_metadata: false,
        };
        let set = NotifySet {
            groups: vec![
                group(MailboxFilter::Mailboxes(vec![Ok(name("INBOX"))]), arrivals, true),
                group(MailboxFilter::Subtree(vec![Ok(name("a"))]), arrivals, true),
                group(MailboxFilter::Personal, MessageEvents::default(), false),
            ],
            ..NotifySet::default()
        };
        let of = |text| Wanted::of(&set, &name(text), || false);
        assert_eq!(
            of("inbox"),
            Wanted { messages: arrivals, names: true, subscriptions: true, metadata: false }
        );
        assert_eq!(of("a/b"), of("a"));
        assert_eq!(of("ab"), Wanted { subscriptions: true, ..Wanted::default() });
        assert_eq!(of("Other Users/ben@home.test/INBOX"), Wanted::default());
    }

    #[test]
    fn subscriptions_are_read_only_if_need_be() {
        let group = |mailboxes| EventGroup {
            mailboxes,
            messages: MessageEvents { arrivals: true, flags: true },
            names: false,
            subscriptions: false,
            metadata: false,
            server_metadata: false,
        };
        let set = NotifySet { groups: vec![group(MailboxFilter::Inboxes)], ..NotifySet::default() };
        assert_eq!(Wanted::of(&set, &name("x"), || unreachable!("nobody asks")), Wanted::default());
        let set = NotifySet { groups: vec![group(MailboxFilter::Subscribed)], ..NotifySet::default() };
        assert!(Wanted::of(&set, &name("x"), || true).messages.flags);
    }
}
