//! A connection as a person with a terminal would have it: bytes out, lines in, TLS when asked.

use super::PATIENCE;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

enum Transport {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A client's end of a connection to loopback.
pub struct Wire {
    transport: Transport,
    deflate: Option<Box<Deflate>>,
    unread: Vec<u8>,
}

/// Compression of both directions.
struct Deflate {
    packer: Compress,
    unpacker: Decompress,
}

impl Wire {
    /// Connects to a port.
    pub fn connect(port: u16) -> Wire {
        Wire::try_connect(port).unwrap_or_else(|error| panic!("port {port} does not answer: {error}"))
    }

    /// Connects to a port that may not answer.
    pub fn try_connect(port: u16) -> io::Result<Wire> {
        Wire::over(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?)
    }

    /// Connects from another of loopback's addresses.
    pub fn try_connect_from(source: Ipv4Addr, port: u16) -> io::Result<Wire> {
        let kind = (AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC);
        let socket = socket::socket(kind.0, kind.1, kind.2, None)?;
        let sockaddr = |address, port| SockaddrIn::from(SocketAddrV4::new(address, port));
        socket::bind(socket.as_raw_fd(), &sockaddr(source, 0))?;
        socket::connect(socket.as_raw_fd(), &sockaddr(Ipv4Addr::LOCALHOST, port))?;
        Wire::over(socket.into())
    }

    fn over(stream: TcpStream) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Wire { transport: Transport::Plain(stream), deflate: None, unread: Vec::new() })
    }

    /// Does the TLS handshake, trusting the CA in that file.
    pub fn start_tls(self, ca_file: &Path) -> Wire {
        self.try_start_tls(ca_file).expect("the TLS handshake succeeds")
    }

    /// Does the TLS handshake, which may fail.
    pub fn try_start_tls(self, ca_file: &Path) -> io::Result<Wire> {
        let Transport::Plain(stream) = self.transport else {
            return Err(io::Error::other("TLS inside TLS"));
        };
        if !self.unread.is_empty() {
            let early = String::from_utf8_lossy(&self.unread).into_owned();
            return Err(io::Error::other(format!("the server spoke before the handshake: {early:?}")));
        }
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let connection = ClientConnection::new(client_config(ca_file), name).map_err(io::Error::other)?;
        let mut tls = StreamOwned::new(connection, stream);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        Ok(Wire { transport: Transport::Tls(Box::new(tls)), deflate: None, unread: Vec::new() })
    }

    /// Compresses from here on, and expects the server to.
    pub fn start_deflate(&mut self) {
        let (packer, unpacker) = (Compress::new(Compression::best(), false), Decompress::new(false));
        self.deflate = Some(Box::new(Deflate { packer, unpacker }));
    }

    /// No more compression.
    pub fn end_deflate(&mut self) {
        self.deflate = None;
    }

    /// The certificate the server showed, as DER.
    pub fn server_certificate(&self) -> Vec<u8> {
        match &self.transport {
            Transport::Tls(tls) => tls.conn.peer_certificates().expect("the handshake is over")[0].to_vec(),
            Transport::Plain(_) => panic!("no TLS on this connection"),
        }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let packed = self.deflate.as_mut().map(|deflate| deflate.pack(bytes)).transpose()?;
        self.send_raw(packed.as_deref().unwrap_or(bytes))
    }

    /// Sends bytes as they are, past any compression.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.transport {
            Transport::Plain(stream) => stream.write_all(bytes),
            Transport::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }

    /// Sends a line, adding its CRLF.
    pub fn send_line(&mut self, line: &str) -> io::Result<()> {
        self.send(format!("{line}\r\n").as_bytes())
    }

    /// The next line without its CRLF, or `None` when the server closed.
    pub fn read_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            if !self.fill()? {
                return match self.unread.is_empty() {
                    true => Ok(None),
                    false => Ok(Some(std::mem::take(&mut self.unread))),
                };
            }
        }
    }

    /// Exactly that many bytes.
    pub fn read_exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            if !self.fill()? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// Says that nothing more comes from here.
    pub fn half_close(&mut self) -> io::Result<()> {
        match &mut self.transport {
            Transport::Plain(stream) => stream.shutdown(Shutdown::Write),
            Transport::Tls(tls) => {
                tls.conn.send_close_notify();
                tls.flush()?;
                tls.sock.shutdown(Shutdown::Write)
            }
        }
    }

    /// Waits for more bytes; `false` when the server closed, politely or not.
    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 16 * 1024];
        let read = match &mut self.transport {
            Transport::Plain(stream) => stream.read(&mut chunk),
            Transport::Tls(tls) => tls.read(&mut chunk),
        };
        match read {
            Ok(count) => {
                match &mut self.deflate {
                    Some(deflate) => deflate.unpack(&chunk[..count], &mut self.unread)?,
                    None => self.unread.extend_from_slice(&chunk[..count]),
                }
                Ok(count > 0)
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => self.fill(),
                ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => Ok(false),
                ErrorKind::WouldBlock => Err(io::Error::other("the server stays silent")),
                _ => Err(error),
            },
        }
    }
}

impl Deflate {
    /// The bytes as a piece of the stream that can be read at once.
    fn pack(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        // Deflate never makes anything longer than this.
        let mut packed = Vec::with_capacity(bytes.len() + bytes.len() / 1000 + 100);
        self.packer.compress_vec(bytes, &mut packed, FlushCompress::Sync).map_err(io::Error::other)?;
        Ok(packed)
    }

    fn unpack(&mut self, mut packed: &[u8], text: &mut Vec<u8>) -> io::Result<()> {
        loop {
            text.reserve(64 * 1024);
            let before = self.unpacker.total_in();
            self.unpacker.decompress_vec(packed, text, FlushDecompress::None).map_err(io::Error::other)?;
            packed = &packed[(self.unpacker.total_in() - before) as usize..];
            if packed.is_empty() && text.len() < text.capacity() {
                return Ok(());
            }
        }
    }
}

fn client_config(ca_file: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).expect("the CA file is there") {
        roots.add(certificate.expect("the CA file is PEM")).expect("the CA is a certificate");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}
