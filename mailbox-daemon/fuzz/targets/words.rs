use policy::config::Settings;
use types::{Address, Domain, Keyword, MailboxName};

/// A configuration is taken or refused with a line that exists.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Settings::parse(text) {
        assert!(!error.message.is_empty());
        let lines = text.split('\n').count();
        assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
    }
}

/// Addresses, domains, mailbox names, keywords: what is a word stays one when written and read again.
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
    if let Ok(name) = MailboxName::parse(text) {
        assert_eq!(MailboxName::parse(name.as_str()).as_ref(), Ok(&name));
        assert!(name.levels().all(|level| !level.is_empty() && level != "." && level != ".."));
        assert!(!name.as_str().contains(['\0', '\r', '\n']));
    }
    if let Ok(keyword) = Keyword::parse(text) {
        assert_eq!(Keyword::parse(keyword.as_str()).as_ref(), Ok(&keyword));
    }
}
