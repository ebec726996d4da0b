//! OpenSMTPD delivers to us, and takes what our queue sends. It does not know SMTPUTF8.

use super::mail_server::{self, MailServer};
use super::unpacked::Unpacked;
use std::path::PathBuf;

struct OpenSmtpd(Unpacked);

impl MailServer for OpenSmtpd {
    const DOMAIN: &'static str = "opensmtpd.test";
    const REPORT_PARTS: &'static [&'static str] = &[];

    fn start(port: u16, next_hop: u16) -> OpenSmtpd {
        let mut server = Unpacked::prepare(port, &["opensmtpd", "opensmtpq"]);
        let configuration = CONFIGURATION
            .replace("HERE", &server.path("").display().to_string())
            .replace("NEXT_HOP", &next_hop.to_string())
            .replace("PORT", &port.to_string());
        let config_file = server.path("configuration").display().to_string();
        let program = "/run/unpacked/usr/sbin/smtpd";
        server.run("opensmtpd", &configuration, &[program, "-d", "-f", &config_file]);
        OpenSmtpd(server)
    }

    fn port(&self) -> u16 {
        self.0.port
    }

    fn mail_folder(&self) -> PathBuf {
        self.0.path("bob/Maildir")
    }

    fn log(&self) -> String {
        self.0.log()
    }
}

/// It listens without TLS: Debian 12 builds it with an OpenSSL that no longer finds the keys it keeps in another process, and
/// every handshake fails on its side.
const CONFIGURATION: &str = "
smtp max-message-size \"50M\"
table users { \"bob\" = \"bob\" }
listen on 127.0.0.1 port PORT hostname mx.opensmtpd.test
action \"local\" maildir \"HERE/bob/Maildir\" virtual <users>
action \"home\" relay host smtp+tls://127.0.0.1:NEXT_HOP tls no-verify
match from any for domain \"opensmtpd.test\" action \"local\"
match from any for domain \"home.test\" action \"home\"
";

#[test]
fn opensmtpd_delivers_to_us() {
    mail_server::delivers_to_us::<OpenSmtpd>();
}

#[test]
fn our_queue_delivers_to_opensmtpd() {
    mail_server::takes_our_mail::<OpenSmtpd>();
}

#[test]
fn a_refusal_by_opensmtpd_comes_back_as_a_report() {
    mail_server::refuses::<OpenSmtpd>();
}

#[test]
fn opensmtpd_reports_a_delivery_it_was_asked_to_report() {
    mail_server::reports_success::<OpenSmtpd>();
}
