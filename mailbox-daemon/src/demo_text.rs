//! What the demo box says when it is up.

use std::path::Path;

/// Prints where everything is and what to try next.
pub fn announce(dir: &Path, port_base: u16) {
    let port = |offset: u16| port_base + offset;
    let (smtp, submission, imap, imaps) = (port(25), port(587), port(143), port(993));
    let dir = dir.display();
    println!(
        "\
The demo box is up. Mail for ana@home.test and ben@home.test is kept in {dir}/mail.

  accounts     ana@home.test and ben@home.test, password demo-password
  SMTP         127.0.0.1:{smtp}
  submission   127.0.0.1:{submission} (STARTTLS)   127.0.0.1:{submissions} (TLS)
  IMAP         127.0.0.1:{imap} (STARTTLS)   127.0.0.1:{imaps} (TLS)
  ManageSieve  127.0.0.1:{managesieve} (STARTTLS)
  certificate  signed by {dir}/tls/ca.pem

To try it, in another terminal:

  send a mail as a stranger would
    swaks --server 127.0.0.1:{smtp} --from friend@example.org --to ana@home.test --header 'Subject: Hello'
  send one as Ana
    swaks --server 127.0.0.1:{submission} -tls --auth-user ana@home.test --auth-password demo-password \\
          --from ana@home.test --to ben@home.test
  read Ana's mail
    curl --cacert {dir}/tls/ca.pem -u ana@home.test:demo-password 'imaps://127.0.0.1:{imaps}/INBOX;MAILINDEX=1'
  make an account
    echo 'a good password' | mailbox-daemon account add carl@home.test --password-stdin --config {dir}/config.toml

The demo needs no internet, so it does not check who sends (SPF, DKIM, DMARC, ARC, block lists). It does when it is told
whom to ask: --set dns.resolver=ADDRESS:PORT

Ctrl-C stops it; started again on the same folder it goes on.",
        submissions = port(465),
        managesieve = port(190),
    );
}
