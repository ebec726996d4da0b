use policy::access::Entry;
use policy::config::Settings;
use types::{Address, Domain, Keyword, MailboxName, Network};

/// A configuration is taken or refused with a line that exists.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Settings::parse(text) {
        assert!(!error.message.is_empty());
        let lines = text.split('\n').count();
        assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
    }
}

/// Addresses, domains, networks, entries of lists, mailbox names, keywords: what is a word stays one when written and read again.
pub fn words(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(address) = Address::parse(text) {
        assert_eq!(Address::parse(&address.to_string()).as_ref(), Ok(&address));
        let folded = address.folded_without_tag();
        assert_eq!(folded.folded_without_tag(), folded);
    }
    if let Ok(domain) = Domain::parse(text) {
        assert_eq!(Domain::parse(domain.as_str()).as_ref(), Ok(&domain));
    }
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.to_string().parse(), Ok(network));
        assert!(network.contains(network.address()));
    }
    if let Ok(entry) = text.parse::<Entry>() {
        assert_eq!(entry.to_string().parse::<Entry>().as_ref(), Ok(&entry));
    }
    if let Ok(name) = MailboxName::parse(text) {
        assert_eq!(MailboxName::parse(name.as_str()).as_ref(), Ok(&name));
        assert!(name.levels().all(|level| !level.is_empty() && level != "." && level != ".."));
        assert!(!name.as_str().contains(['\0', '\r', '\n']));
    }
    if let Ok(keyword) = Keyword::parse(text) {
        assert_eq!(Keyword::parse(keyword.as_str()).as_ref(), Ok(&keyword));
    }
}
