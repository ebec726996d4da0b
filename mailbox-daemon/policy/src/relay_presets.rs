//! What is known of the services that send mail for others: where they listen, who logs in how, and what else must be done there.

use crate::config::HostPort;

/// Submission with STARTTLS (RFC 6409).
const SUBMISSION: u16 = 587;
/// Submission inside TLS (RFC 8314).
const SUBMISSIONS: u16 = 465;

/// One service.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// What `outbound.relay` calls it.
    pub name: &'static str,
    /// What its maker calls it.
    pub title: &'static str,
    /// Its server; `{region}`, where it has that, stands for what follows the name and a colon.
    pub host: &'static str,
    /// Its ports, the usual one first.
    pub ports: &'static [u16],
    /// Who logs in.
    pub user: User,
    /// What must be set up at the service before it sends anything.
    pub setup: &'static [&'static str],
}

/// The user name a service wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Always this word; the password tells who it is.
    Fixed(&'static str),
    /// The password once more.
    SameAsPassword,
    /// A name of one's own, of this form.
    Own(&'static str),
}

const MAILGUN_USER: &str = "postmaster@your-domain, as shown under Domain settings, SMTP credentials";
const MAILGUN_SETUP: &[&str] = &[
    "Add your domain and publish its SPF and DKIM records.",
    "Set a password for an SMTP user of that domain.",
];

/// Every service we know.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "sendgrid",
        title: "Twilio SendGrid",
        host: "smtp.sendgrid.net",
        ports: &[SUBMISSION, SUBMISSIONS],
        user: User::Fixed("apikey"),
        setup: &[
            "Authenticate your domain (Settings, Sender Authentication) and publish the CNAME records it shows.",
            "Make an API key that may do Mail Send only; the key is the password.",
            "Switch click and open tracking off, they rewrite your mail.",
        ],
    },
    Preset {
        name: "postmark",
        title: "Postmark",
        host: "smtp.postmarkapp.com",
        ports: &[SUBMISSION],
        user: User::SameAsPassword,
        setup: &[
            "Verify your domain (Sender Signatures) and publish its DKIM and Return-Path records.",
            "The password is the Server API token of a transactional stream.",
            "New accounts send to their own domain only until Postmark approves them.",
        ],
    },
    Preset {
        name: "mailgun",
        title: "Mailgun",
        host: "smtp.mailgun.org",
        ports: &[SUBMISSION, SUBMISSIONS],
        user: User::Own(MAILGUN_USER),
        setup: MAILGUN_SETUP,
    },
    Preset {
        name: "mailgun-eu",
        title: "Mailgun, accounts of the EU region",
        host: "smtp.eu.mailgun.org",
        ports: &[SUBMISSION, SUBMISSIONS],
        user: User::Own(MAILGUN_USER),
        setup: MAILGUN_SETUP,
    },
    Preset {
        name: "ses",
        title: "Amazon SES (ses:REGION, such as ses:eu-west-1)",
        host: "email-smtp.{region}.amazonaws.com",
        ports: &[SUBMISSION, SUBMISSIONS],
        user: User::Own("the SMTP user name (20 letters and digits), not your access key"),
        setup: &[
            "Verify your domain as an identity and publish its DKIM records.",
            "Make SMTP credentials in the same region; an access key does not work.",
            "Ask for production access: until then SES sends to verified addresses only.",
        ],
    },
    Preset {
        name: "google-workspace",
        title: "Google Workspace SMTP relay",
        host: "smtp-relay.gmail.com",
        ports: &[SUBMISSION, SUBMISSIONS],
        user: User::Own("the full address of an account of your Workspace"),
        setup: &[
            "In the admin console (Gmail, Routing) switch the SMTP relay service on, with SMTP authentication and TLS required.",
            "Make an app password for the account (it needs 2-step verification); that is the password.",
            "Senders outside your Workspace's domains are refused unless the relay service allows them.",
        ],
    },
    Preset {
        name: "office365",
        title: "Microsoft 365 (Exchange Online)",
        host: "smtp.office365.com",
        ports: &[SUBMISSION],
        user: User::Own("the full address of a mailbox with a licence"),
        setup: &[
            "Switch Authenticated SMTP on for that mailbox (admin centre, Mail, Manage email apps); security defaults forbid it.",
            "The mailbox needs the right to Send As for every other address that sends.",
            "30 messages a minute and 10,000 recipients a day are the most it takes.",
        ],
    },
];

/// Where to connect, worked out of a name such as `ses:eu-west-1` or `sendgrid:465`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The service.
    pub preset: &'static Preset,
    /// Its server.
    pub target: HostPort,
}

/// The service a text names, `None` where it names none: then it is a host and a port.
pub fn find(text: &str) -> Option<Result<Found, String>> {
    let mut words = text.split(':');
    let name = words.next()?;
    let preset = PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(name))?;
    Some(preset.resolve(words))
}

impl Preset {
    fn resolve(&'static self, words: std::str::Split<'_, char>) -> Result<Found, String> {
        let (mut port, mut region) = (self.ports[0], None);
        for word in words {
            match word.parse::<u16>() {
                Ok(number) if self.ports.contains(&number) => port = number,
                Ok(number) => {
                    return Err(format!(
                        "{} does not listen on port {number}, but on {:?}",
                        self.title, self.ports
                    ));
                }
                Err(_) if self.has_region() && is_region(word) => region = Some(word),
                Err(_) => return Err(format!("`{word}` means nothing to {}", self.title)),
            }
        }
        if self.has_region() && region.is_none() {
            return Err(format!("{} needs its region, such as {}:eu-west-1", self.title, self.name));
        }
        let host = self.host.replace("{region}", region.unwrap_or_default());
        Ok(Found { preset: self, target: HostPort { host, port } })
    }

    fn has_region(&self) -> bool {
        self.host.contains("{region}")
    }

    /// The user that logs in, from what the owner set.
    pub fn login_user(&self, user: Option<&str>, password: &str) -> Option<String> {
        match (self.user, user) {
            (_, Some(user)) => Some(user.to_owned()),
            (User::Fixed(word), None) => Some(word.to_owned()),
            (User::SameAsPassword, None) => Some(password.to_owned()),
            (User::Own(_), None) => None,
        }
    }

    /// Host, ports, user and what is to be done, as lines for a person.
    pub fn explain(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        let user = match self.user {
            User::Fixed(word) => format!("always `{word}`; leave relay_user out"),
            User::SameAsPassword => "the password once more; leave relay_user out".to_owned(),
            User::Own(form) => form.to_owned(),
        };
        let host = self.host.replace("{region}", "REGION");
        let mut text = format!(
            "{}: {}\n  server: {host}, port {} with TLS required\n  user: {user}\n",
            self.name,
            self.title,
            ports.join(" or ")
        );
        text.extend(self.setup.iter().flat_map(|step| ["  - ", step, "\n"]));
        text
    }
}

fn is_region(word: &str) -> bool {
    (1..=32).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_servers() {
        for (text, target) in [
            ("sendgrid", "smtp.sendgrid.net:587"),
            ("SendGrid:465", "smtp.sendgrid.net:465"),
            ("postmark", "smtp.postmarkapp.com:587"),
            ("mailgun", "smtp.mailgun.org:587"),
            ("mailgun-eu:465", "smtp.eu.mailgun.org:465"),
            ("ses:eu-west-1", "email-smtp.eu-west-1.amazonaws.com:587"),
            ("ses:us-east-1:465", "email-smtp.us-east-1.amazonaws.com:465"),
            ("google-workspace", "smtp-relay.gmail.com:587"),
            ("office365", "smtp.office365.com:587"),
        ] {
            let found = find(text).unwrap().unwrap();
            assert_eq!(found.target.to_string(), target, "{text}");
        }
        for text in ["ses", "ses:Ä", "postmark:465", "sendgrid:eu", "ses:a.b", "sendgrid:"] {
            assert!(find(text).unwrap().is_err(), "{text}");
        }
        assert_eq!(find("relay.test:587"), None);
    }

    #[test]
    fn users_are_known_where_the_service_decides_them() {
        let user = |name: &str, user| find(name).unwrap().unwrap().preset.login_user(user, "secret");
        assert_eq!(user("sendgrid", None).as_deref(), Some("apikey"));
        assert_eq!(user("postmark", None).as_deref(), Some("secret"));
        assert_eq!(user("office365", None), None);
        assert_eq!(user("office365", Some("a@b.test")).as_deref(), Some("a@b.test"));
    }

    #[test]
    fn every_service_says_what_to_do() {
        for preset in PRESETS {
            let text = preset.explain();
            assert!(text.contains("server: ") && text.contains("user: ") && text.contains("  - "), "{text}");
            assert!(!text.contains('{'), "{text}");
        }
    }
}
