//! A policy host: HTTPS with fixed answers by host name, on a port of the test's own.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A running server; dropping it ends it.
pub struct Https {
    port: u16,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What is answered to whoever asks for a host: the status line's end, the content type, the body.
pub type Page = (&'static str, &'static str, &'static str, String);

impl Https {
    /// Serves each page to those who ask for the host it begins with.
    pub fn serve(chain: &Path, key: &Path, pages: Vec<Page>) -> Https {
        let chain: Vec<_> =
            CertificateDer::pem_file_iter(chain).and_then(Iterator::collect).expect("the chain can be read");
        let key = PrivateKeyDer::from_pem_file(key).expect("the key can be read");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key belongs to the chain");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let is_over = Arc::new(AtomicBool::new(false));
        let (config, over) = (Arc::new(config), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                // A client that gives up is the client's affair.
                let _ = answer(tcp, &config, &pages);
            }
        });
        Https { port, is_over, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(tcp: TcpStream, config: &Arc<ServerConfig>, pages: &[Page]) -> std::io::Result<()> {
    tcp.set_read_timeout(Some(super::PATIENCE))?;
    let session = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(session, tcp));
    let (mut request, mut host) = (String::new(), String::new());
    stream.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("host") => {
                value.split(':').next().unwrap_or_default().clone_into(&mut host);
            }
            Some(_) => {}
            None => break,
        }
    }
    let is_asked = |page: &&Page| page.0 == host && request.starts_with("GET /.well-known/mta-sts.txt ");
    let (status, kind, body) = pages
        .iter()
        .find(is_asked)
        .map_or(("404 Not Found", "text/plain", ""), |(_, status, kind, body)| (*status, *kind, body));
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nLocation: https://mta-sts.right.test/.well-known/mta-sts.txt\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
