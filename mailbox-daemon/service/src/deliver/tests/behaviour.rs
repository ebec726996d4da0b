//! Servers that are slow, lie or go away; mail that waits for other mail or for the owner; messages a server cannot take as they
//! are.

use super::*;

/// The numbers in the subjects, in the order in which the messages came.
fn subjects(remote: &Remote) -> Vec<String> {
    let seen = remote.seen();
    let subject = |message: &String| message.split("Subject: ").nth(1)?.lines().next().map(str::to_owned);
    seen.messages.iter().filter_map(subject).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_keeps_nobody_else_waiting() {
    let silent = Remote::start(Manners { whim: Some(Whim::FallsSilent), ..Manners::default() }).await;
    let good = Remote::start(Manners::default()).await;
    let boxed = TestBox::start(&format!(
        "route.\"far.test\" = \"127.0.0.1:{}\"\nroute.\"good.test\" = \"127.0.0.1:{}\"",
        silent.port, good.port
    ));
    for count in 0..40 {
        boxed.enqueue_to(&["b@far.test"], &number(count)).await;
    }
    until("the first command", || silent.seen().commands.iter().any(|line| line.starts_with("RCPT"))).await;
    boxed.enqueue_to(&["b@good.test", "c@far.test"], &number(99)).await;
    until("the other delivery", || good.seen().messages.len() == 1).await;
    let connections = silent.seen().connections;
    assert_eq!(connections, 1, "nothing has worked there yet, so one connection must do");
    assert_eq!(boxed.host.queue.len(), 41, "whoever was served leaves the entry for those who were not");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_leaves_the_message_in_the_queue() {
    for (whim, extensions, copies) in [
        (Whim::LosesWhatIsPipelined, vec!["PIPELINING", "SIZE", "CHUNKING"], 1),
        (Whim::DiesInTheMessage, vec![], 1),
        // Nobody can know whether it was taken: twice is better than never (RFC 5321 section 4.2.5).
        (Whim::DiesAfterTheDot, vec![], 2),
    ] {
        let remote = Remote::start(Manners { whim: Some(whim), extensions, ..Manners::default() }).await;
        let boxed = TestBox::start(&remote.route());
        boxed.enqueue_to(&["b@far.test"], &number(1)).await;
        let listing = boxed.until_all_deferred(1).await;
        assert!(listing[0].progress.replies[0].1.contains("lost"), "{whim:?}: {:?}", listing[0].progress);
        remote.become_like(Manners::default());
        boxed.host.queue.retry_all(boxed.host.now()).unwrap();
        until("leaving it alone is over or retried", || {
            boxed.host.queue.retry_all(boxed.host.now()).unwrap();
            !boxed.listing().iter().any(|entry| entry.is_active)
        })
        .await;
        boxed.stop_and_deliver(&remote).await;
        assert_eq!(remote.seen().messages.len(), copies, "{whim:?}");
    }
}

impl TestBox {
    /// A restart forgets which destinations are left alone.
    async fn stop_and_deliver(self, remote: &Remote) {
        let boxed = TestBox::start_in(self.stop().await, &remote.route());
        boxed.host.queue.retry_all(boxed.host.now()).unwrap();
        boxed.until_empty().await;
        boxed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_not_sent_again_when_the_server_leaves_at_once() {
    let whim = Some(Whim::DiesAfterTheAnswer);
    let remote = Remote::start(Manners { whim, ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    for count in 0..5 {
        boxed.enqueue_to(&["b@far.test"], &number(count)).await;
    }
    boxed.until_empty().await;
    let mut came = subjects(&remote);
    came.sort();
    assert_eq!(came, ["0", "1", "2", "3", "4"]);
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_overtakes_a_newsletter() {
    let remote = Remote::start(Manners::default()).await;
    let limits = "[limits]\nqueue_active_max = 16\noutbound_per_destination_max = 1";
    let boxed = TestBox::start(&format!("{}\n{limits}", remote.route()));
    boxed.host.queue.change_held(|held| held.all = true).unwrap();
    let list = |count: usize| format!("List-Id: <club.home.test>\r\nSubject: {count}\r\n\r\nnews\r\n");
    for count in 0..100 {
        boxed.enqueue_to(&["b@far.test"], list(count).as_bytes()).await;
    }
    boxed.enqueue_to(&["b@far.test"], &number(777)).await;
    boxed.host.queue.change_held(|held| held.all = false).unwrap();
    boxed.until_empty().await;
    let order = subjects(&remote);
    let place = order.iter().position(|subject| subject == "777").unwrap();
    assert_eq!(order.len(), 101);
    assert!(place < 40, "it came as number {place}");
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_holds_a_domain_and_lets_it_go() {
    let remote = Remote::start(Manners::default()).await;
    let boxed = TestBox::start(&remote.route());
    boxed.host.queue.change_held(|held| held.domains.extend(["far.test".to_owned()])).unwrap();
    boxed.enqueue_to(&["b@far.test", "c@other.test"], &number(1)).await;
    until("the other delivery", || remote.seen().messages.len() == 1).await;
    until("putting off", || boxed.listing().iter().all(|entry| !entry.is_active)).await;
    let listing = boxed.listing();
    use RecipientState::{Delivered, Pending};
    assert_eq!(listing[0].marks.recipients, [Pending, Delivered]);
    assert!(listing[0].progress.replies[0].1.contains("held"), "{:?}", listing[0].progress);
    assert_eq!(listing[0].progress.attempts, 0, "it was not tried");

    // Also over a restart.
    let boxed = TestBox::start_in(boxed.stop().await, &remote.route());
    boxed.host.queue.retry_all(boxed.host.now()).unwrap();
    boxed.enqueue_to(&["d@other.test"], &number(2)).await;
    until("another delivery", || remote.seen().messages.len() == 2).await;
    boxed.host.queue.change_held(|held| held.domains.clear()).unwrap();
    boxed.host.queue.retry_all(boxed.host.now()).unwrap();
    boxed.until_empty().await;
    let last = remote.seen().commands.iter().rfind(|line| line.starts_with("RCPT")).cloned();
    assert_eq!(last.as_deref(), Some("RCPT TO:<b@far.test>"));
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_transaction_has_more_recipients_than_every_server_takes() {
    let remote = Remote::start(Manners { extensions: vec!["PIPELINING"], ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    let names: Vec<String> = (0..250).map(|number| format!("n{number}@far.test")).collect();
    let to: Vec<&str> = names.iter().map(String::as_str).collect();
    boxed.enqueue_to(&to, &number(1)).await;
    boxed.until_empty().await;
    assert_eq!(remote.seen().messages.len(), 3);
    assert_eq!(remote.seen().commands.iter().filter(|line| line.starts_with("RCPT")).count(), 250);
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_seven_bits_gets_seven_bits_or_the_sender_a_report() {
    let remote = Remote::start(Manners::default()).await;
    let boxed = TestBox::start(&remote.route());
    let text =
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nf\u{fc}r dich\r\n";
    boxed.enqueue_to(&["b@far.test"], format!("Subject: 1\r\nMIME-Version: 1.0\r\n{text}").as_bytes()).await;
    until("the conversion", || remote.seen().messages.len() == 1).await;
    let message = remote.seen().messages[0].clone();
    assert!(
        message.contains("Content-Transfer-Encoding: quoted-printable\r\n\r\nf=C3=BCr dich\r\n"),
        "{message}"
    );

    let signed = format!(
        "Subject: 2\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n{text}\r\n--b\r\n\
         Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
    );
    boxed.enqueue_to(&["b@far.test"], signed.as_bytes()).await;
    boxed.until_empty().await;
    let inbox = boxed.inbox();
    assert!(inbox.len() == 1 && inbox[0].contains("Status: 5.6.3"), "{inbox:?}");

    remote.become_like(Manners { extensions: vec!["8BITMIME"], ..Manners::default() });
    // A session of the other kind may still be open for a moment.
    let count = |word: &str| remote.seen().commands.iter().filter(|line| line.starts_with(word)).count();
    until("its end", || count("QUIT") == count("EHLO")).await;
    boxed.enqueue_to(&["b@far.test"], signed.as_bytes()).await;
    boxed.until_empty().await;
    assert_eq!(remote.seen().messages.last(), Some(&signed));
    boxed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn smtputf8_is_asked_of_those_servers_only_whose_recipients_need_it() {
    let remote = Remote::start(Manners { extensions: vec!["8BITMIME"], ..Manners::default() }).await;
    let boxed = TestBox::start(&remote.route());
    boxed.enqueue_to(&["j\u{f6}rg@far.test", "b@other.test"], &number(1)).await;
    boxed.until_empty().await;
    assert_eq!(remote.seen().messages.len(), 1);
    let inbox = boxed.inbox();
    assert!(inbox.len() == 1 && inbox[0].contains("Status: 5.6.7"), "{inbox:?}");
    boxed.stop().await;
}
