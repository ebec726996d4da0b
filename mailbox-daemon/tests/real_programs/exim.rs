//! Exim delivers to us, and takes what our queue sends.

use super::mail_server::{self, MailServer};
use super::unpacked::Unpacked;
use std::path::PathBuf;

struct Exim(Unpacked);

impl MailServer for Exim {
    const DOMAIN: &'static str = "exim.test";

    fn start(port: u16, next_hop: u16) -> Exim {
        let mut server = Unpacked::prepare(port, &["Debian-exim"]);
        let own = server.path("Debian-exim").display().to_string();
        let configuration = CONFIGURATION
            .replace("OWN", &own)
            .replace("HERE", &server.path("").display().to_string())
            .replace("NEXT_HOP", &next_hop.to_string())
            .replace("PORT", &port.to_string());
        let config_file = server.path("configuration").display().to_string();
        let program = "/run/unpacked/usr/sbin/exim4";
        super::program::as_root("chown").arg("64901").arg(server.path("key.pem")).succeed();
        server.run("exim4-daemon-light", &configuration, &[program, "-C", &config_file, "-bdf", "-q1s"]);
        Exim(server)
    }

    fn port(&self) -> u16 {
        self.0.port
    }

    fn mail_folder(&self) -> PathBuf {
        self.0.path("Debian-exim/Maildir")
    }

    fn log(&self) -> String {
        self.0.log()
    }
}

/// One user for everything, so that nothing needs the setuid bit.
const CONFIGURATION: &str = "
exim_path = /run/unpacked/usr/sbin/exim4
primary_hostname = mx.exim.test
spool_directory = OWN
log_file_path = OWN/%slog
daemon_smtp_ports = PORT
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = HERE/cert.pem
tls_privatekey = HERE/key.pem
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
log_selector = +tls_cipher
message_size_limit = 50M
deliver_drop_privilege = true
keep_environment =
qualify_domain = exim.test
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  accept domains = exim.test
         local_parts = bob : jörg
  accept domains = home.test
  deny message = nobody of that name
begin routers
home:
  driver = manualroute
  domains = home.test
  transport = onward
  route_list = home.test 127.0.0.1::NEXT_HOP
  self = send
bob:
  driver = accept
  domains = exim.test
  transport = maildir
begin transports
onward:
  driver = smtp
  hosts_require_tls = *
  tls_try_verify_hosts =
  tls_verify_certificates =
maildir:
  driver = appendfile
  directory = OWN/Maildir
  maildir_format
  create_directory
  return_path_add
  user = Debian-exim
begin retry
* * F,1h,1s
";

#[test]
fn exim_delivers_to_us() {
    mail_server::delivers_to_us::<Exim>();
}

#[test]
fn our_queue_delivers_to_exim() {
    mail_server::takes_our_mail::<Exim>();
}

#[test]
fn a_refusal_by_exim_comes_back_as_a_report() {
    mail_server::refuses::<Exim>();
}

#[test]
fn exim_reports_a_delivery_it_was_asked_to_report() {
    mail_server::reports_success::<Exim>();
}

#[test]
fn exim_and_we_know_names_beyond_ascii() {
    mail_server::knows_utf8::<Exim>();
}
