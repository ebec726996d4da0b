//! Who hears what about a message that did not simply arrive (RFC 3461 section 5, RFC 5321 section 4.5.5).

use types::{Address, DsnNotify, DsnReturn, Envelope};

/// What a report tells of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It lies in a mailbox here.
    Delivered,
    /// It was handed to a server that knows no reports, so nothing more will be heard.
    Relayed,
    /// It waits longer than expected.
    Delayed,
    /// It was given up.
    Failed,
}

/// A report to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// To whom.
    pub to: Address,
    /// About which recipients, by index, and what.
    pub about: Vec<(usize, Event)>,
    /// How much of the message goes with it.
    pub returns: DsnReturn,
}

/// The report that is owed after these events; `None` when nobody wants one. Mail from the null sender is never answered.
pub fn report(envelope: &Envelope, events: &[(usize, Event)]) -> Option<Report> {
    let to = envelope.from.clone()?;
    let about: Vec<(usize, Event)> = events
        .iter()
        .copied()
        .filter(|(index, event)| is_wanted(envelope.recipients[*index].notify, *event))
        .collect();
    let tells_failure = about.iter().any(|(_, event)| *event == Event::Failed);
    // RFC 3461 section 4.3: only a failure returns the whole message; RFC 8689 section 5: never one under REQUIRETLS.
    let returns = match envelope.parameters.ret {
        Some(DsnReturn::Full) if tells_failure && !envelope.parameters.require_tls => DsnReturn::Full,
        _ => DsnReturn::Headers,
    };
    (!about.is_empty()).then_some(Report { to, about, returns })
}

fn is_wanted(notify: Option<DsnNotify>, event: Event) -> bool {
    let notify = notify.unwrap_or_default();
    match event {
        Event::Delivered | Event::Relayed => notify.success,
        Event::Delayed => notify.delay,
        Event::Failed => notify.failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{MailParameters, Recipient};

    fn envelope(from: Option<&str>, ret: Option<DsnReturn>, notify: &[Option<DsnNotify>]) -> Envelope {
        let address = |text: &str| Address::parse(text).unwrap();
        Envelope {
            from: from.map(address),
            parameters: MailParameters { ret, ..MailParameters::default() },
            recipients: notify
                .iter()
                .map(|notify| Recipient { address: address("b@y.test"), notify: *notify, original: None })
                .collect(),
        }
    }

    #[test]
    fn who_hears_what() {
        use Event::{Delayed, Delivered, Failed, Relayed};
        let only = |success, failure, delay| Some(DsnNotify { success, failure, delay });
        for (notify, heard) in [
            (None, vec![Delayed, Failed]),
            (Some(DsnNotify::NEVER), vec![]),
            (only(true, false, false), vec![Delivered, Relayed]),
            (only(false, true, false), vec![Failed]),
            (only(false, false, true), vec![Delayed]),
            (only(true, true, true), vec![Delivered, Relayed, Delayed, Failed]),
        ] {
            for event in [Delivered, Relayed, Delayed, Failed] {
                let sent = report(&envelope(Some("a@x.test"), None, &[notify]), &[(0, event)]);
                assert_eq!(sent.is_some(), heard.contains(&event), "{notify:?} {event:?}");
                assert_eq!(report(&envelope(None, None, &[notify]), &[(0, event)]), None);
            }
        }
    }

    #[test]
    fn only_a_failure_returns_the_message_and_only_on_request() {
        for (ret, event, returns) in [
            (None, Event::Failed, DsnReturn::Headers),
            (Some(DsnReturn::Headers), Event::Failed, DsnReturn::Headers),
            (Some(DsnReturn::Full), Event::Failed, DsnReturn::Full),
            (Some(DsnReturn::Full), Event::Delayed, DsnReturn::Headers),
        ] {
            let sent = report(&envelope(Some("a@x.test"), ret, &[None]), &[(0, event)]).unwrap();
            assert_eq!(sent.returns, returns, "{ret:?} {event:?}");
        }
    }

    #[test]
    fn a_report_tells_only_of_those_who_asked() {
        let envelope = envelope(Some("a@x.test"), None, &[None, Some(DsnNotify::NEVER), None]);
        let sent = report(&envelope, &[(0, Event::Failed), (1, Event::Failed), (2, Event::Failed)]).unwrap();
        assert_eq!(sent.about, [(0, Event::Failed), (2, Event::Failed)]);
    }
}
