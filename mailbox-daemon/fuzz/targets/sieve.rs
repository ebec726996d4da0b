use policy::config;
use policy::rules::Rules;
use policy::sieve::{Outcome, Script, Trial};
use types::MailboxName;

/// What one run may do here: enough for everything, not for long.
fn limits() -> config::Sieve {
    config::Sieve { work_max: 200_000, memory_bytes_max: 100_000, ..config::Sieve::default() }
}

/// A script, then a line `.` and the message it is run on. Faults have places in the script, and whatever a run does, the message is
/// kept, sent on, refused or discarded on purpose: a run that breaks off keeps it.
pub fn script(data: &[u8]) {
    let end = data.windows(3).position(|window| window == b"\n.\n").unwrap_or(data.len());
    let (source, message) = data.split_at(end);
    let message = message.get(3..).unwrap_or_default();
    let lines = source.split(|octet| *octet == b'\n').count();
    let script = match Script::compile(source, &limits()) {
        Ok(script) => script,
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(
                faults.iter().all(|fault| (1..=lines).contains(&fault.place.line) && fault.place.column > 0)
            );
            return;
        }
    };
    let plan = Trial::default().run(&script, message, &limits());
    if plan.trouble.is_some() {
        assert_eq!((plan.filings.len(), plan.redirects.len()), (1, 0));
    }
    assert!(plan.redirects.len() <= limits().redirects_max);
    assert!(!Outcome::of(&plan, &MailboxName::inbox()).actions.is_empty());
}

/// A script read as a form writes the same script again.
pub fn form(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(rules) = Rules::from_script(text) {
        let again = rules.to_script().expect("what was read is fit");
        assert_eq!(again.replace("\r\n", "\n"), text.replace("\r\n", "\n"));
        assert!(Script::compile(again.as_bytes(), &config::Sieve::default()).is_ok(), "{again}");
    }
}
