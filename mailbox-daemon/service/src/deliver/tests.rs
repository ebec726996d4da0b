//! A whole box with only its outbound half running, against a server that says what the test wants.

use super::*;
use crate::stop::{Stopper, stop};
use policy::config::Settings;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use store::queue::{Header, QueueListing};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use types::{Address, DsnNotify, Envelope, MailParameters, Recipient};

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// Waits until something is true. What it is told by has no bell of its own.
async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let waiting = async {
        while !is_true() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what} did not happen");
}

/// A box whose mail goes to one server.
struct TestBox {
    host: Arc<Host>,
    dir: TempDir,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl TestBox {
    fn start(outbound: &str) -> TestBox {
        TestBox::start_in(tempfile::tempdir().unwrap(), outbound)
    }

    fn start_in(dir: TempDir, outbound: &str) -> TestBox {
        crate::tls::install_provider();
        certificate(&dir.path().join("tls"));
        let text = format!("hostname = \"box.home.test\"\n[outbound]\n{outbound}\n");
        let (stopper, stop) = stop();
        let host =
            Host::open(Settings::parse(&text).unwrap(), &dir.path().join("config.toml"), stop).unwrap();
        let domain = types::LocalDomain { domain: "home.test".parse_domain(), catch_all: None };
        host.directory.put_domain(&domain).unwrap();
        host.directory.put(&address("ana@home.test"), &DirectoryEntryOf::account("ana@home.test")).unwrap();
        let task = tokio::spawn(run(Arc::clone(&host)));
        TestBox { host, dir, stopper, task }
    }

    async fn stop(self) -> TempDir {
        assert!(self.stopper.stop(PATIENCE).await);
        self.task.await.unwrap();
        self.host.store.close();
        self.dir
    }

    async fn enqueue(&self, from: Option<&str>, to: &[(&str, Option<DsnNotify>)], body: &[u8]) {
        self.enqueue_of(None, from, to, body).await;
    }

    async fn enqueue_of(
        &self,
        account: Option<&str>,
        from: Option<&str>,
        to: &[(&str, Option<DsnNotify>)],
        body: &[u8],
    ) {
        let mut message = self.host.queue.new_entry().unwrap();
        message.write(body).unwrap();
        let recipients =
            to.iter().map(|(to, notify)| Recipient { address: address(to), notify: *notify, original: None });
        let envelope = Envelope {
            from: from.map(address),
            parameters: MailParameters::default(),
            recipients: recipients.collect(),
        };
        let account = account.map(address);
        let header = Header { envelope, account, arrived_at: self.host.now() };
        self.host.queue.enqueue(message, &header).unwrap().ticket.await.unwrap();
    }

    async fn enqueue_to(&self, to: &[&str], body: &[u8]) {
        let to: Vec<_> = to.iter().map(|to| (*to, None)).collect();
        self.enqueue(Some("ana@home.test"), &to, body).await;
    }

    fn listing(&self) -> Vec<QueueListing> {
        self.host.queue.list(None, 1000).unwrap()
    }

    /// Waits until every entry was tried and waits for its next attempt.
    async fn until_all_deferred(&self, count: usize) -> Vec<QueueListing> {
        let is_deferred = |entry: &QueueListing| entry.progress.attempts > 0 && !entry.is_active;
        until("putting off", || {
            let listing = self.listing();
            listing.len() == count && listing.iter().all(is_deferred)
        })
        .await;
        self.listing()
    }

    async fn until_empty(&self) {
        until("emptying the queue", || self.host.queue.is_empty()).await;
    }

    /// The messages in Ana's INBOX.
    fn inbox(&self) -> Vec<String> {
        let new = self.dir.path().join("mail/home.test/ana/new");
        let Ok(entries) = std::fs::read_dir(new) else { return Vec::new() };
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }
}

trait ParseDomain {
    fn parse_domain(&self) -> types::Domain;
}

impl ParseDomain for str {
    fn parse_domain(&self) -> types::Domain {
        types::Domain::parse(self).unwrap()
    }
}

struct DirectoryEntryOf;

impl DirectoryEntryOf {
    fn account(name: &str) -> types::DirectoryEntry {
        types::DirectoryEntry::Account(types::Account {
            address: address(name),
            password: None,
            scram_salt: [0; 16],
            scram_iterations: 4096,
            app_passwords: Vec::new(),
            created_at: 0,
        })
    }
}

fn certificate(dir: &Path) {
    if dir.exists() {
        return;
    }
    std::fs::create_dir_all(dir).unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// What the other server does.
#[derive(Clone, Default)]
struct Manners {
    /// Reply to RCPT by what the address begins with; `250` for others.
    recipients: Vec<(&'static str, &'static str)>,
    /// Reply to the message.
    message: Option<&'static str>,
    /// Reply instead of a greeting, and then the end.
    greeting: Option<&'static str>,
    /// TLS from the first byte, or by STARTTLS.
    tls: Option<(Arc<rustls::ServerConfig>, bool)>,
    extensions: Vec<&'static str>,
    /// What it does in the middle of things.
    whim: Option<Whim>,
}

/// How a server can misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whim {
    /// Answers nothing any more once a recipient is named.
    FallsSilent,
    /// Takes a recipient and throws away whatever was sent with it.
    LosesWhatIsPipelined,
    /// Goes away in the middle of the message.
    DiesInTheMessage,
    /// Takes the message and goes away without a word.
    DiesAfterTheDot,
    /// Takes the message, says so, and goes away.
    DiesAfterTheAnswer,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    handshakes: usize,
    commands: Vec<String>,
    messages: Vec<String>,
}

/// A mail server elsewhere.
struct Remote {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    manners: Arc<Mutex<Manners>>,
}

impl Remote {
    async fn start(manners: Manners) -> Remote {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = Remote {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            manners: Arc::new(Mutex::new(manners)),
        };
        let (seen, manners) = (Arc::clone(&remote.seen), Arc::clone(&remote.manners));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let visit = Visit { seen: Arc::clone(&seen), manners: Arc::clone(&manners) };
                visit.seen().connections += 1;
                tokio::spawn(visit.serve(tcp));
            }
        });
        remote
    }

    fn route(&self) -> String {
        format!("route.\"far.test\" = \"127.0.0.1:{0}\"\nroute.\"other.test\" = \"127.0.0.1:{0}\"", self.port)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn become_like(&self, manners: Manners) {
        *self.manners.lock().unwrap() = manners;
    }
}

struct Visit {
    seen: Arc<Mutex<Seen>>,
    manners: Arc<Mutex<Manners>>,
}

impl Visit {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn manners(&self) -> Manners {
        self.manners.lock().unwrap().clone()
    }

    async fn serve(self, mut tcp: TcpStream) {
        match self.manners().tls {
            Some((config, true)) => self.serve_tls(config, tcp, true).await,
            Some((config, false)) => {
                if self.session(&mut tcp, true, true).await {
                    self.serve_tls(config, tcp, false).await;
                }
            }
            None => drop(self.session(&mut tcp, true, false).await),
        }
    }

    async fn serve_tls(&self, config: Arc<rustls::ServerConfig>, tcp: TcpStream, greets: bool) {
        if let Ok(mut stream) = TlsAcceptor::from(config).accept(tcp).await {
            self.seen().handshakes += 1;
            self.session(&mut stream, greets, false).await;
        }
    }

    /// `true` when the client asked for TLS.
    async fn session<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        greets: bool,
        has_tls: bool,
    ) -> bool {
        let mut stream = BufReader::new(stream);
        if greets {
            let greeting = self.manners().greeting.unwrap_or("220 far.test");
            let _ = stream.write_all(format!("{greeting}\r\n").as_bytes()).await;
        }
        if self.manners().greeting.is_some() {
            return false;
        }
        loop {
            let Some(line) = line(&mut stream).await else { return false };
            self.seen().commands.push(line.clone());
            let whim = self.manners().whim;
            let reply = match line.split([' ', ':']).next().unwrap() {
                "EHLO" => self.ehlo(has_tls),
                "STARTTLS" => {
                    let _ = stream.write_all(b"220 go\r\n").await;
                    return true;
                }
                "RCPT" if whim == Some(Whim::FallsSilent) => std::future::pending().await,
                "RCPT" if whim == Some(Whim::LosesWhatIsPipelined) => {
                    let _ = stream.write_all(b"250 ok\r\n").await;
                    return false;
                }
                "RCPT" => self.rcpt(&line),
                "DATA" => {
                    let _ = stream.write_all(b"354 go\r\n").await;
                    if whim == Some(Whim::DiesInTheMessage) {
                        return false;
                    }
                    let Some(message) = body(&mut stream).await else { return false };
                    self.seen().messages.push(message);
                    match whim {
                        Some(Whim::DiesAfterTheDot) => return false,
                        Some(Whim::DiesAfterTheAnswer) => {
                            let _ = stream.write_all(b"250 taken\r\n").await;
                            return false;
                        }
                        _ => {}
                    }
                    format!("{}\r\n", self.manners().message.unwrap_or("250 taken"))
                }
                "AUTH" => "235 welcome\r\n".to_owned(),
                "QUIT" => "221 bye\r\n".to_owned(),
                _ => "250 ok\r\n".to_owned(),
            };
            if stream.write_all(reply.as_bytes()).await.is_err() || line == "QUIT" {
                return false;
            }
        }
    }

    fn ehlo(&self, has_tls: bool) -> String {
        let mut words = vec!["far.test"];
        words.extend(self.manners().extensions);
        words.extend(has_tls.then_some("STARTTLS"));
        let last = words.len() - 1;
        let line =
            |(index, word): (usize, &&str)| format!("250{}{word}\r\n", if index == last { ' ' } else { '-' });
        words.iter().enumerate().map(line).collect::<Vec<_>>().concat()
    }

    fn rcpt(&self, line: &str) -> String {
        let manners = self.manners();
        let known =
            manners.recipients.iter().find(|(start, _)| line.starts_with(&format!("RCPT TO:<{start}")));
        format!("{}\r\n", known.map_or("250 ok", |(_, reply)| reply))
    }
}

async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let count = stream.read_line(&mut line).await.ok()?;
    (count > 0).then(|| line.trim_end().to_owned())
}

async fn body<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut text = String::new();
    loop {
        let start = text.len();
        if stream.read_line(&mut text).await.ok()? == 0 {
            return None;
        }
        match &text[start..] {
            ".\r\n" => {
                text.truncate(start);
                return Some(text);
            }
            line if line.starts_with('.') => drop(text.remove(start)),
            _ => {}
        }
    }
}

mod behaviour;

fn number(count: usize) -> Vec<u8> {
    format!("Message-ID: <{count}@home.test>\r\nSubject: {count}\r\n\r\n.dot\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_go_over_few_connections_byte_for_byte() {
    let remote =
        Remote::start(Manners { extensions: vec!["PIPELINING", "SIZE 100000"], ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    for count in 0..30 {
        boxed.enqueue_to(&["b@far.test", "c@far.test"], &number(count)).await;
    }
    boxed.until_empty().await;
    let mut messages = std::mem::take(&mut remote.seen().messages);
    messages.sort();
    let mut expected: Vec<String> = (0..30).map(|count| String::from_utf8(number(count)).unwrap()).collect();
    expected.sort();
    assert_eq!(messages, expected);
    let connections = remote.seen().connections;
    assert!(connections <= 4, "{connections} connections");
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_served_is_not_served_again() {
    let remote =
        Remote::start(Manners { recipients: vec![("slow", "450 4.2.1 busy")], ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    boxed.enqueue_to(&["fast@far.test", "slow@far.test", "quick@other.test"], &number(1)).await;
    let listing = boxed.until_all_deferred(1).await;
    use RecipientState::{Delivered, Pending};
    assert_eq!(listing[0].marks.recipients, [Delivered, Pending, Delivered]);
    assert!(listing[0].progress.replies[0].1.contains("450 4.2.1 busy"), "{:?}", listing[0].progress);
    let wait = listing[0].progress.next_attempt_at - boxed.host.now();
    assert!((200..=400).contains(&wait), "{wait} s");

    // Even over a restart.
    let boxed = TestBox::start_in(boxed.stop().await, &remote.route());
    remote.become_like(Manners::default());
    remote.seen().commands.clear();
    boxed.host.queue.retry_all(boxed.host.now()).unwrap();
    boxed.until_empty().await;
    let told: Vec<String> =
        remote.seen().commands.iter().filter(|line| line.starts_with("RCPT")).cloned().collect();
    assert_eq!(told, ["RCPT TO:<slow@far.test>"]);
    assert_eq!(boxed.inbox(), Vec::<String>::new());
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_reported_to_the_sender_here() {
    let remote =
        Remote::start(Manners { recipients: vec![("nobody", "550 5.1.1 who?")], ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    boxed.enqueue_to(&["nobody@far.test", "b@far.test"], &number(1)).await;
    boxed.until_empty().await;
    let inbox = boxed.inbox();
    assert_eq!(inbox.len(), 1);
    for part in [
        "Return-Path: <>\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "In-Reply-To: <1@home.test>",
        "Final-Recipient: rfc822; nobody@far.test\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 who?",
        "Content-Type: text/rfc822-headers",
        "Subject: 1\r\n",
    ] {
        assert!(inbox[0].contains(part), "{part:?} is missing in\n{}", inbox[0]);
    }
    assert!(!inbox[0].contains("b@far.test") && !inbox[0].contains(".dot"));
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_to_others_go_out_and_are_never_answered() {
    let remote =
        Remote::start(Manners { recipients: vec![("nobody", "550 no")], ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    boxed.enqueue(Some("nobody@other.test"), &[("nobody@far.test", None)], &number(1)).await;
    boxed.enqueue(None, &[("nobody@far.test", None)], &number(2)).await;
    boxed.enqueue(Some("ana@home.test"), &[("nobody@far.test", Some(DsnNotify::NEVER))], &number(3)).await;
    boxed.until_empty().await;
    assert_eq!((boxed.inbox().len(), remote.seen().messages.len()), (0, 0));
    let senders: Vec<String> =
        remote.seen().commands.iter().filter(|line| line.starts_with("MAIL FROM:<>")).cloned().collect();
    assert_eq!(senders.len(), 2, "one report and the message without a sender");
    assert_eq!(issues(&boxed), ["outbound/undeliverable-report"]);
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_rules_that_nobody_takes_are_no_issue() {
    let remote =
        Remote::start(Manners { recipients: vec![("nobody", "550 no")], ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    let to = [("nobody@far.test", Some(DsnNotify::NEVER))];
    boxed.enqueue_of(Some("ana@home.test"), None, &to, &number(1)).await;
    boxed.until_empty().await;
    assert_eq!((issues(&boxed), boxed.inbox().len()), (vec![], 0));
    boxed.stop().await;
}

fn issues(boxed: &TestBox) -> Vec<String> {
    boxed.host.issues.list().into_iter().map(|issue| issue.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn success_is_reported_where_the_next_server_will_not() {
    let success = Some(DsnNotify { success: true, failure: true, delay: false });
    for (extensions, reports) in [(vec![], 1), (vec!["DSN"], 0)] {
        let remote = Remote::start(Manners { extensions, ..Manners::default() }).await;
        let boxed = TestBox::start(&remote.route());
        boxed.enqueue(Some("ana@home.test"), &[("b@far.test", success)], &number(1)).await;
        boxed.until_empty().await;
        let inbox = boxed.inbox();
        assert_eq!(inbox.len(), reports);
        assert!(inbox.iter().all(|report| report.contains("Action: relayed")));
        boxed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_costs_one_connection_not_one_a_message() {
    let remote = Remote::start(Manners { greeting: Some("421 4.3.2 closed"), ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    for count in 0..50 {
        boxed.enqueue_to(&["b@far.test"], &number(count)).await;
    }
    let listing = boxed.until_all_deferred(50).await;
    let connections = remote.seen().connections;
    assert!(connections <= 2, "{connections} connections");
    assert!(listing.iter().all(|entry| entry.progress.replies[0].1.contains("421 4.3.2 closed")));
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_is_filled_again_and_again() {
    let remote = Remote::start(Manners { message: Some("451 4.3.0 later"), ..Manners::default() }).await;
    let boxed = TestBox::start(&format!("{}\n[limits]\nqueue_active_max = 8", remote.route()));
    for count in 0..60 {
        boxed.enqueue_to(&["b@far.test"], &number(count)).await;
    }
    boxed.until_all_deferred(60).await;
    remote.become_like(Manners::default());
    boxed.host.queue.retry_all(boxed.host.now()).unwrap();
    boxed.until_empty().await;
    // Some may have waited while their destination was left alone, without a first attempt.
    let subjects: std::collections::BTreeSet<_> = remote
        .seen()
        .messages
        .iter()
        .filter_map(|m| m.split("Subject: ").nth(1).map(str::to_owned))
        .collect();
    assert_eq!(subjects.len(), 60, "each of them got through");
    boxed.stop().await;
}

fn server_tls(dir: &Path) -> Arc<rustls::ServerConfig> {
    crate::tls::install_provider();
    certificate(dir);
    let chain = CertificateDer::pem_file_iter(dir.join("cert.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
    Arc::new(rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_used_where_offered_whoever_the_server_is() {
    let dir = tempfile::tempdir().unwrap();
    let tls = Some((server_tls(&dir.path().join("tls")), false));
    let remote = Remote::start(Manners { tls, ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    boxed.enqueue_to(&["b@far.test"], &number(1)).await;
    boxed.until_empty().await;
    let handshakes = remote.seen().handshakes;
    assert_eq!((handshakes, remote.seen().messages.len()), (1, 1));
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_must_prove_who_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("tls/cert.pem");
    for (mode, is_implicit) in [("implicit", true), ("starttls", false)] {
        let tls = Some((server_tls(&dir.path().join("tls")), is_implicit));
        let remote =
            Remote::start(Manners { tls, extensions: vec!["AUTH PLAIN"], ..Manners::default() }).await;
        let relay = format!(
            "relay = \"127.0.0.1:{}\"\nrelay_tls = \"{mode}\"\nrelay_user = \"u\"\nrelay_password = \"p\"",
            remote.port
        );
        let boxed = TestBox::start(&relay);
        boxed.enqueue_to(&["b@anywhere.test", "c@elsewhere.test"], &number(1)).await;
        let listing = boxed.until_all_deferred(1).await;
        assert!(listing[0].progress.replies[0].1.contains("TLS failed"), "{:?}", listing[0].progress);
        assert!(!remote.seen().commands.iter().any(|line| line.starts_with("AUTH")), "the password was told");

        let trusting = format!("{relay}\nrelay_ca_file = \"{}\"", ca_file.display());
        let boxed = TestBox::start_in(boxed.stop().await, &trusting);
        boxed.host.queue.retry_all(boxed.host.now()).unwrap();
        boxed.until_empty().await;
        assert_eq!(remote.seen().messages.len(), 1, "one transaction for both domains");
        let is_login = |line: &String| line == "AUTH PLAIN AHUAcA==";
        assert!(remote.seen().commands.iter().any(is_login));
        boxed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn held_messages_stay() {
    let remote = Remote::start(Manners { message: Some("451 later"), ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    boxed.enqueue_to(&["b@far.test"], &number(1)).await;
    let id = boxed.until_all_deferred(1).await[0].id;
    assert!(boxed.host.queue.hold(id).unwrap());
    remote.become_like(Manners::default());
    assert_eq!(boxed.host.queue.retry_all(boxed.host.now()).unwrap(), 0);
    boxed.enqueue_to(&["c@far.test"], &number(2)).await;
    until("the other message", || remote.seen().messages.len() == 2 && boxed.host.queue.len() == 1).await;
    assert!(boxed.host.queue.release(id).unwrap());
    boxed.until_empty().await;
    boxed.stop().await;
}
