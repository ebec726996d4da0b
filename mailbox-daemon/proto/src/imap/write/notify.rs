use super::command::Writer;
use crate::imap::notify::{EventGroup, MailboxFilter, MessageEvents, NotifySet, SelectedEvents};

impl Writer<'_> {
    pub(super) fn notify(&mut self, set: Option<&NotifySet>) {
        let Some(set) = set else { return self.put("NOTIFY NONE") };
        self.put(if set.status { "NOTIFY SET STATUS" } else { "NOTIFY SET" });
        if let Some(selected) = &set.selected {
            self.selected_events(selected);
        }
        for group in &set.groups {
            self.event_group(group);
        }
    }

    fn selected_events(&mut self, selected: &SelectedEvents) {
        self.put(if selected.delayed { " (SELECTED-DELAYED " } else { " (SELECTED " });
        match (selected.messages.arrivals, selected.fetch.is_empty()) {
            (false, _) => self.put("NONE"),
            (true, true) => self.put("(MessageNew"),
            (true, false) => self.list("(MessageNew (", &selected.fetch, Self::fetch_item),
        }
        self.put(match selected.messages {
            MessageEvents { arrivals: false, .. } => ")",
            MessageEvents { flags: false, .. } => " MessageExpunge))",
            MessageEvents { flags: true, .. } => " MessageExpunge FlagChange))",
        });
    }

    pub(super) fn mailbox_filter(&mut self, filter: &MailboxFilter) {
        match filter {
            MailboxFilter::Inboxes => self.put("INBOXES"),
            MailboxFilter::Mailboxes(names) => self.list("MAILBOXES (", names, Self::mailbox),
            MailboxFilter::Personal => self.put("PERSONAL"),
            MailboxFilter::Subscribed => self.put("SUBSCRIBED"),
            MailboxFilter::Subtree(names) => self.list("SUBTREE (", names, Self::mailbox),
        }
    }

    fn event_group(&mut self, group: &EventGroup) {
        self.put(" (");
        self.mailbox_filter(&group.mailboxes);
        let events: Vec<&str> = [
            (group.messages.arrivals, "MessageNew MessageExpunge"),
            (group.messages.flags, "FlagChange"),
            (group.names, "MailboxName"),
            (group.subscriptions, "SubscriptionChange"),
            (group.metadata, "MailboxMetadataChange"),
            (group.server_metadata, "ServerMetadataChange"),
        ]
        .into_iter()
        .filter_map(|(present, word)| present.then_some(word))
        .collect();
        match events.is_empty() {
            true => self.put(" NONE)"),
            false => self.put(&format!(" ({}))", events.join(" "))),
        }
    }
}
