//! Which server outgoing mail reaches: the next one where the first says "later", none where it says "never", and the relay
//! where the line lets nothing out.

// A step that fails fails the test where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use support::demo::{Demo, DemoOptions, Door};
use support::dns::Dns;
use support::far_server::{self, Heard};
use support::ports::free_port;
use support::smtp::SmtpClient;
use support::wait_for;

/// A mail server that gives every recipient the same answer.
struct Server {
    recipients: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<u32>>,
}

impl Server {
    /// On a loopback address of its own: servers of a domain share a port.
    fn start(address: Ipv4Addr, port: u16, answer: &'static str) -> Server {
        let listener = TcpListener::bind((address, port)).unwrap();
        let server = Server { recipients: Arc::default(), taken: Arc::default() };
        let (recipients, taken) = (Arc::clone(&server.recipients), Arc::clone(&server.taken));
        far_server::serve(listener, move |(): &mut (), heard| match heard {
            Heard::Command(line) if line.starts_with("RCPT") => {
                recipients.lock().unwrap().push(line.to_owned());
                Some(answer)
            }
            Heard::Message(_) => {
                *taken.lock().unwrap() += 1;
                None
            }
            _ => None,
        });
        server
    }

    fn was_asked(&self) -> usize {
        self.recipients.lock().unwrap().len()
    }

    fn taken(&self) -> u32 {
        *self.taken.lock().unwrap()
    }
}

fn start(dns: &Dns, mx_port: u16, more: &[String]) -> Demo {
    let mut settings = vec![
        format!("dns.resolver={}", dns.address()),
        format!("outbound.mx_port={mx_port}"),
        "outbound.dane=false".to_owned(),
        "outbound.mta_sts=false".to_owned(),
    ];
    settings.extend_from_slice(more);
    Demo::start_with(DemoOptions::set(&settings))
}

fn submit(demo: &Demo, to: &str) {
    let mut client = SmtpClient::connect(demo, Door::Submission).unwrap();
    assert_eq!(client.log_in("ana@home.test").unwrap().code, 235);
    let text = "From: ana@home.test\nSubject: x\n\ntext\n";
    assert_eq!(client.send_mail("ana@home.test", &[to], text).unwrap().code, 250);
}

fn wait_until_empty(demo: &Demo) {
    let is_empty = || demo.told(&["--json", "queue", "list"], "").trim() == "[]";
    wait_for("an empty queue", || is_empty().then_some(()));
}

#[test]
fn the_next_server_is_asked_after_later_and_not_after_never() {
    let port = free_port();
    let [later, takes, never, unasked] = [21, 22, 23, 24].map(|last| Ipv4Addr::new(127, 0, 0, last));
    let records = format!(
        "later.test. MX 10 a.mx.test.\nlater.test. MX 20 b.mx.test.\nnever.test. MX 10 c.mx.test.\nnever.test. MX 20 d.mx.test.\n\
         a.mx.test. A {later}\nb.mx.test. A {takes}\nc.mx.test. A {never}\nd.mx.test. A {unasked}\n"
    );
    let dns = Dns::serve(&records, &[]);
    let later = Server::start(later, port, "450 4.2.1 later");
    let takes = Server::start(takes, port, "250 ok");
    let never = Server::start(never, port, "550 5.1.1 nobody");
    let unasked = Server::start(unasked, port, "250 ok");
    let demo = start(&dns, port, &[]);
    submit(&demo, "b@later.test");
    submit(&demo, "b@never.test");
    wait_until_empty(&demo);
    assert_eq!((later.was_asked(), takes.taken()), (1, 1));
    assert_eq!((never.was_asked(), unasked.was_asked()), (1, 0));
}

#[test]
fn a_line_that_lets_nothing_out_is_found_out_and_the_relay_takes_over() {
    let (mx_port, relay_port) = (free_port(), free_port());
    // Nobody listens there.
    let domains = ["a", "b", "c", "d"]
        .map(|name| format!("{name}.test. MX 10 mx.{name}.test.\nmx.{name}.test. A 127.0.0.25\n"));
    let dns = Dns::serve(&domains.concat(), &[]);
    let relay = Server::start(Ipv4Addr::LOCALHOST, relay_port, "250 ok");
    let auto = [format!("outbound.relay=127.0.0.1:{relay_port}"), "outbound.direct=auto".to_owned()];
    let mut demo = start(&dns, mx_port, &auto);
    for name in ["a", "b"] {
        submit(&demo, &format!("x@{name}.test"));
    }
    let attempts = |demo: &Demo| demo.log().matches("destination is left alone").count();
    wait_for("two attempts in vain", || (attempts(&demo) == 2).then_some(()));
    assert_eq!(relay.was_asked(), 0, "two are not enough to judge by");
    submit(&demo, "x@c.test");
    wait_until_empty(&demo);
    assert_eq!(relay.taken(), 3, "all that waited goes over the relay at once");
    assert!(demo.log().contains("port 25"), "the owner is told");
    submit(&demo, "x@d.test");
    wait_until_empty(&demo);
    assert_eq!((relay.taken(), attempts(&demo)), (4, 3), "the direct way is not tried again today");

    // Also after a stop.
    assert!(demo.terminate().success());
    demo.start_again();
    submit(&demo, "x@d.test");
    wait_until_empty(&demo);
    assert_eq!(relay.taken(), 5);
}
