//! Which command is allowed when (RFC 5804 section 2), and what is announced (section 1.7).

use super::command::Command;
use super::write;

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody is logged in.
    #[default]
    NotAuthenticated,
    /// Somebody is.
    Authenticated,
    /// It ends.
    Logout,
}

impl State {
    /// Why the command is not allowed now; `Ok` when it is.
    pub fn allows(self, command: &Command) -> Result<(), &'static str> {
        match (self, command) {
            (State::Logout, _) => Err("the session is over"),
            (_, Command::Capability | Command::Logout | Command::Noop(_)) => Ok(()),
            (State::NotAuthenticated, Command::Authenticate { .. } | Command::StartTls) => Ok(()),
            (State::NotAuthenticated, _) => Err("log in first"),
            (State::Authenticated, Command::Authenticate { .. }) => Err("you are logged in already"),
            (State::Authenticated, Command::StartTls) => Err("not when you are logged in"),
            (State::Authenticated, _) => Ok(()),
        }
    }
}

/// What is announced.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Name and version of the program.
    pub implementation: &'a str,
    /// The SASL mechanisms that can be used now.
    pub mechanisms: &'a [&'a str],
    /// What scripts may require.
    pub extensions: &'a [&'a str],
    /// Whether STARTTLS can be done now.
    pub starttls: bool,
    /// Redirections one run of a script may do.
    pub redirects_max: usize,
    /// Who is logged in.
    pub owner: Option<&'a str>,
}

/// Writes the list of capabilities, without the answer that follows it.
pub fn capabilities(out: &mut Vec<u8>, offer: &Offer<'_>) {
    write::capability(out, "IMPLEMENTATION", Some(offer.implementation));
    write::capability(out, "SASL", Some(&offer.mechanisms.join(" ")));
    write::capability(out, "SIEVE", Some(&offer.extensions.join(" ")));
    if offer.extensions.contains(&"enotify") {
        write::capability(out, "NOTIFY", Some("mailto"));
    }
    // RFC 6134 section 2.8: the schemes of the names lists have.
    if offer.extensions.contains(&"extlists") {
        write::capability(out, "EXTLISTS", Some("urn"));
    }
    if offer.starttls {
        write::capability(out, "STARTTLS", None);
    }
    write::capability(out, "MAXREDIRECTS", Some(&offer.redirects_max.to_string()));
    write::capability(out, "LANGUAGE", Some("en"));
    write::capability(out, "UNAUTHENTICATE", None);
    if let Some(owner) = offer.owner {
        write::capability(out, "OWNER", Some(owner));
    }
    write::capability(out, "VERSION", Some("1.0"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_allow_what_the_rfc_says() {
        for (command, allowed) in [
            (Command::Capability, [true, true, false]),
            (Command::Noop(None), [true, true, false]),
            (Command::StartTls, [true, false, false]),
            (Command::Authenticate { mechanism: "PLAIN".into(), initial: None }, [true, false, false]),
            (Command::ListScripts, [false, true, false]),
            (Command::CheckScript(Vec::new()), [false, true, false]),
            (Command::Unauthenticate, [false, true, false]),
        ] {
            let states = [State::NotAuthenticated, State::Authenticated, State::Logout];
            assert_eq!(states.map(|state| state.allows(&command).is_ok()), allowed, "{command:?}");
        }
    }

    #[test]
    fn capabilities_tell_what_can_be_done_now() {
        let mut offer = Offer {
            implementation: "box 1",
            mechanisms: &[],
            extensions: &["fileinto", "enotify", "extlists"],
            starttls: true,
            redirects_max: 4,
            owner: None,
        };
        let told = |offer: &Offer<'_>| {
            let mut out = Vec::new();
            capabilities(&mut out, offer);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            told(&offer),
            "\"IMPLEMENTATION\" \"box 1\"\r\n\"SASL\" \"\"\r\n\"SIEVE\" \"fileinto enotify extlists\"\r\n\"NOTIFY\" \"mailto\"\r\n\
             \"EXTLISTS\" \"urn\"\r\n\"STARTTLS\"\r\n\"MAXREDIRECTS\" \"4\"\r\n\"LANGUAGE\" \"en\"\r\n\"UNAUTHENTICATE\"\r\n\"VERSION\" \"1.0\"\r\n"
        );
        offer.owner = Some("ana@home.test");
        (offer.starttls, offer.extensions) = (false, &[]);
        let told = told(&offer);
        assert!(told.contains("\"OWNER\" \"ana@home.test\"\r\n"));
        assert!(!told.contains("NOTIFY") && !told.contains("STARTTLS"));
    }
}
