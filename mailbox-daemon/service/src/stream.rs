//! One connection, plain or inside TLS.

use crate::tls::Tls;
use proto::sasl::ChannelBinding;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A connection to a client or another server's client side.
pub struct Stream {
    transport: Transport,
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
        Stream { transport: Transport::Plain(tcp), peer }
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

    /// Resolves when a read would find something, holding no buffer meanwhile.
    pub async fn readable(&mut self) -> io::Result<()> {
        match &mut self.transport {
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

    /// Reads what is there; 0 at the end.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.transport {
            Transport::Plain(tcp) => tcp.read(buffer).await,
            Transport::Tls(protected) => protected.stream.read(buffer).await,
        }
    }

    /// Writes everything and, under TLS, sees it off.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.transport {
            Transport::Plain(tcp) => tcp.write_all(bytes).await,
            Transport::Tls(protected) => {
                protected.stream.write_all(bytes).await?;
                protected.stream.flush().await
            }
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
        Ok(Stream { transport: Transport::Tls(Box::new(Protected { stream, end_point })), peer: self.peer })
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
