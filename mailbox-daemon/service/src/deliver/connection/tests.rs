use super::*;
use policy::config::TlsMode;
use proto::smtp::client::{Answer, Login};
use std::pin::Pin;
use std::task::{Context as Poller, Poll};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

/// A server that answers each connection from a script: what it says, and after each command of the client the next line.
async fn server(scripts: Vec<Vec<&'static str>>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        for script in scripts {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let (read, mut write) = tcp.split();
            let mut lines = BufReader::new(read).split(b'\n');
            for says in script {
                write.write_all(says.replace('\n', "\r\n").as_bytes()).await.unwrap();
                match lines.next_segment().await {
                    Ok(Some(line)) => heard.push(String::from_utf8_lossy(&line).trim_end().to_owned()),
                    _ => break,
                }
            }
        }
        heard
    });
    (address, heard)
}

fn relay(tls: TlsMode, login: Option<Login>) -> Server {
    Server { host: "127.0.0.1".to_owned(), port: 25, tls: TlsPolicy::from_mode(tls, None), login }
}

async fn open(address: SocketAddr, server: &Server) -> Result<Connection, NoSession> {
    let tcp = connect(address).await.unwrap();
    Connection::open(tcp, address, server, &server.tls, "box.test").await
}

#[tokio::test]
async fn greets_and_is_ready() {
    let (address, heard) = server(vec![vec!["220 hi\n", "250-hi\n250 PIPELINING\n", "221 bye\n"]]).await;
    let server = relay(TlsMode::Opportunistic, None);
    let mut connection = open(address, &server).await.unwrap();
    assert!(connection.is_open());
    connection.quit().await;
    assert_eq!(heard.await.unwrap(), ["EHLO box.test", "QUIT"]);
}

#[tokio::test]
async fn opportunistic_tls_that_fails_is_given_up() {
    crate::tls::install_provider();
    let offers = "250-hi\n250-AUTH PLAIN\n250 STARTTLS\n";
    let (address, heard) = server(vec![
        vec!["220 hi\n", offers, "220 go\n", "no TLS at all\n"],
        vec!["220 hi\n", offers, "221 bye\n"],
    ])
    .await;
    let server = relay(TlsMode::Opportunistic, None);
    let connection = open(address, &server).await.unwrap();
    assert!(matches!(connection.secured(), Secured::Clear(NoTls::Failed(Certificate::Unseen, _))));
    connection.quit().await;
    let heard = heard.await.unwrap();
    assert_eq!(
        (&heard[..2], &heard[heard.len() - 2..]),
        (
            &["EHLO box.test", "STARTTLS"].map(str::to_owned)[..],
            &["EHLO box.test", "QUIT"].map(str::to_owned)[..]
        )
    );
}

#[tokio::test]
async fn no_password_is_told_without_tls() {
    crate::tls::install_provider();
    let login = Login { user: "u".to_owned(), password: "p".to_owned() };
    let server_ = relay(TlsMode::Opportunistic, Some(login));
    let offers = "250-hi\n250-AUTH PLAIN\n250 STARTTLS\n";
    let (address, _) = server(vec![vec!["220 hi\n", offers, "220 go\n", "no TLS at all\n"]]).await;
    assert!(matches!(open(address, &server_).await.err(), Some(NoSession::Tls(_))));
    let (address, heard) = server(vec![vec!["220 hi\n", "250-hi\n250 AUTH PLAIN\n", "235 ok\n"]]).await;
    let refused = open(address, &server_).await.err();
    assert!(matches!(refused, Some(NoSession::Session(Stage::StartTls, Failure::NotOffered))), "{refused:?}");
    assert_eq!(heard.await.unwrap(), ["EHLO box.test"]);
}

/// A stream whose other end takes nothing in.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Poller<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_in_is_left() {
    let patience = timeout(2 * CLOSE_TIMEOUT, close(&mut Full)).await;
    assert!(patience.is_ok(), "it keeps us");
}

#[tokio::test]
async fn required_tls_is_required() {
    let (address, _) = server(vec![vec!["220 hi\n", "250 hi\n"]]).await;
    let refused = open(address, &relay(TlsMode::StartTls, None)).await.err();
    assert!(matches!(refused, Some(NoSession::Session(Stage::StartTls, Failure::NotOffered))), "{refused:?}");
}

#[tokio::test]
async fn servers_that_do_not_want_to() {
    let (address, _) = server(vec![vec!["554 no\n"]]).await;
    let server_ = relay(TlsMode::None, None);
    match open(address, &server_).await.err() {
        Some(NoSession::Session(Stage::Greeting, Failure::Refused(Answer { code: 554, .. }))) => {}
        other => panic!("{other:?}"),
    }
    let (address, _) = server(vec![vec![]]).await;
    match open(address, &server_).await.err() {
        Some(NoSession::Session(Stage::Greeting, Failure::Lost)) => {}
        other => panic!("{other:?}"),
    }
}
