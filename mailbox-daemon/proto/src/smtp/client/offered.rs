//! What a server's EHLO answer announces.

/// The extensions that matter to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// STARTTLS (RFC 3207).
    pub start_tls: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// SIZE (RFC 1870).
    pub size: bool,
    /// Its limit in octets; `None` when none was told.
    pub size_bytes_max: Option<u64>,
    /// REQUIRETLS (RFC 8689); believed under TLS only.
    pub require_tls: bool,
    /// AUTH PLAIN (RFC 4954, 4616).
    pub auth_plain: bool,
    /// AUTH LOGIN.
    pub auth_login: bool,
}

impl Offered {
    /// Reads the lines after the greeting line.
    pub(super) fn parse(text: &str) -> Offered {
        let mut offered = Offered::default();
        for line in text.lines().skip(1) {
            // Some old servers write AUTH=LOGIN.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_uppercase().as_str() {
                "STARTTLS" => offered.start_tls = true,
                "PIPELINING" => offered.pipelining = true,
                "8BITMIME" => offered.eight_bit_mime = true,
                "SMTPUTF8" => offered.smtputf8 = true,
                "REQUIRETLS" => offered.require_tls = true,
                "DSN" => offered.dsn = true,
                "SIZE" => {
                    offered.size = true;
                    // Zero means that no limit is known.
                    offered.size_bytes_max =
                        words.next().and_then(|number| number.parse().ok()).filter(|max| *max > 0);
                }
                "AUTH" => words.for_each(|mechanism| {
                    offered.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                    offered.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                }),
                _ => {}
            }
        }
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_in_any_case() {
        let offered =
            Offered::parse("mail.test STARTTLS\nsize 1000\nAuth=LOGIN\nAUTH PLAIN x\n\n8bitmime\nX-STARTTLS");
        assert_eq!(
            offered,
            Offered {
                size: true,
                size_bytes_max: Some(1000),
                auth_plain: true,
                auth_login: true,
                eight_bit_mime: true,
                ..Offered::default()
            }
        );
        assert_eq!(Offered::parse("a\nSIZE 0").size_bytes_max, None);
    }
}
