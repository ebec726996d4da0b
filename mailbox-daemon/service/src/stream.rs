//! One connection: TCP, inside TLS or not, and over it the layer of COMPRESS or none.

mod deflate;

use crate::tls::Tls;
use deflate::Deflate;
use proto::sasl::ChannelBinding;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub use deflate::{BrokenDeflate, Deflaters};

/// A connection to a client or another server's client side.
pub struct Stream {
    transport: Transport,
    deflate: Option<Box<Deflate>>,
    peer: SocketAddr,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<Protected>),
}

struct Protected {
    stream: TlsStream<TcpStream>,
    end_point: Option<Arc<[u8]>>,
}

impl Stream {
    /// Takes over an accepted connection.
    pub fn plain(tcp: TcpStream, peer: SocketAddr) -> Stream {
        // Replies are written whole; waiting for more to send would only delay them.
        let _ = tcp.set_nodelay(true);
        Stream { transport: Transport::Plain(tcp), deflate: None, peer }
    }

    /// Who is on the other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the other end is this machine.
    pub fn is_loopback(&self) -> bool {
        self.peer.ip().to_canonical().is_loopback()
    }

    /// Whether TLS is up.
    pub fn is_tls(&self) -> bool {
        matches!(self.transport, Transport::Tls(_))
    }

    /// Whether COMPRESS is on.
    pub fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// From now on everything is compressed, both ways; `early` is what came behind the command already.
    pub fn start_deflate(&mut self, deflaters: &Arc<Deflaters>, early: Vec<u8>) {
        self.deflate = Some(Box::new(Deflate::new(Arc::clone(deflaters), early)));
    }

    /// Ends the compression of both directions. What came behind its end is handed back.
    pub fn end_deflate(&mut self) -> Vec<u8> {
        self.deflate.take().map(|deflate| deflate.into_rest()).unwrap_or_default()
    }

    /// An idle connection holds no buffer that it can do without.
    pub fn release_buffers(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.release();
        }
    }

    /// Resolves when a read would find something, holding no buffer meanwhile.
    pub async fn readable(&mut self) -> io::Result<()> {
        match &self.deflate {
            Some(deflate) if deflate.has_more() => Ok(()),
            _ => self.transport.readable().await,
        }
    }

    /// Reads what is there; 0 at the end.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(deflate) = &mut self.deflate else { return self.transport.read(buffer).await };
        loop {
            let count = deflate.unpack(buffer)?;
            if count > 0 || deflate.is_over() {
                return Ok(count);
            }
            let count = self.transport.read(deflate.space()).await;
            deflate.filled(*count.as_ref().unwrap_or(&0));
            if count? == 0 {
                return Ok(0);
            }
        }
    }

    /// Writes everything and sees it off.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &self.deflate {
            Some(deflate) => {
                let packed = deflate.pack(bytes)?;
                self.transport.write_all(&packed).await
            }
            None => self.transport.write_all(bytes).await,
        }
    }

    /// Ends the sending side politely (TLS close_notify, then FIN).
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match &mut self.transport {
            Transport::Plain(tcp) => tcp.shutdown().await,
            Transport::Tls(protected) => protected.stream.shutdown().await,
        }
    }

    /// Does the server side of a TLS handshake. What the client sent before it in the clear must have been dropped already.
    pub async fn start_tls(self, tls: &Tls) -> io::Result<Stream> {
        let Transport::Plain(tcp) = self.transport else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "TLS is up already"));
        };
        let (stream, end_point) = tls.accept(tcp).await?;
        let transport = Transport::Tls(Box::new(Protected { stream, end_point }));
        Ok(Stream { transport, deflate: None, peer: self.peer })
    }

    /// What SASL may bind to; empty without TLS.
    pub fn channel_binding(&self) -> ChannelBinding {
        let Transport::Tls(protected) = &self.transport else { return ChannelBinding::default() };
        let session = protected.stream.get_ref().1;
        let is_tls13 = session.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
        let exported =
            is_tls13.then(|| session.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[])));
        let tls_exporter = exported.and_then(Result::ok);
        let server_end_point = protected.end_point.clone();
        let plus_offered = tls_exporter.is_some() || server_end_point.is_some();
        ChannelBinding { tls_exporter, server_end_point, plus_offered }
    }

    /// TLS version and cipher suite as `Received:` and the log tell them, such as `TLSv1_3 TLS13_AES_256_GCM_SHA384`.
    pub fn tls_description(&self) -> Option<String> {
        let Transport::Tls(protected) = &self.transport else { return None };
        let session = protected.stream.get_ref().1;
        Some(format!("{:?} {:?}", session.protocol_version()?, session.negotiated_cipher_suite()?.suite()))
    }
}

impl Transport {
    async fn readable(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(tcp) => tcp.readable().await,
            Transport::Tls(protected) => {
                let (tcp, session) = protected.stream.get_mut();
                let state = session.process_new_packets().map_err(io::Error::other)?;
                match state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                    true => Ok(()),
                    false => tcp.readable().await,
                }
            }
        }
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(tcp) => tcp.read(buffer).await,
            Transport::Tls(protected) => protected.stream.read(buffer).await,
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Transport::Plain(tcp) => tcp.write_all(bytes).await,
            Transport::Tls(protected) => {
                protected.stream.write_all(bytes).await?;
                protected.stream.flush().await
            }
        }
    }
}
