//! The connection under a session: plain, under TLS, deflated, or both.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::fault::{Doing, Outcome};

const ANSWER_LIMIT: Duration = Duration::from_mins(5);
/// Deflated bytes read at once.
const DEFLATED_BYTES: usize = 16 * 1024;

/// A connection that counts what comes in.
#[derive(Debug)]
pub struct Wire {
    layer: Layer,
    bytes_read: u64,
}

#[derive(Debug)]
enum Layer {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Deflated(Box<Deflated>),
}

/// RFC 4978: raw deflate in both directions.
#[derive(Debug)]
struct Deflated {
    below: Wire,
    inflate: Decompress,
    deflate: Compress,
    /// Read and not yet inflated.
    waiting: Vec<u8>,
}

impl Wire {
    /// In the clear.
    pub fn connect(address: SocketAddr) -> Outcome<Wire> {
        let stream = TcpStream::connect(address).doing(format!("connecting to {address}"))?;
        stream.set_nodelay(true).doing("setting TCP_NODELAY")?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).doing("setting a timeout")?;
        Ok(Wire { layer: Layer::Plain(stream), bytes_read: 0 })
    }

    /// Under TLS from the first byte; any certificate will do on the loopback.
    pub fn connect_tls(address: SocketAddr) -> Outcome<Wire> {
        let Layer::Plain(mut stream) = Wire::connect(address)?.layer else {
            unreachable!("a fresh connection is plain");
        };
        let config = ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth();
        let name = ServerName::from(address.ip());
        let mut session =
            ClientConnection::new(Arc::new(config), name).map_err(io::Error::other).doing("preparing TLS")?;
        while session.is_handshaking() {
            session.complete_io(&mut stream).doing("the TLS handshake")?;
        }
        Ok(Wire { layer: Layer::Tls(Box::new(StreamOwned::new(session, stream))), bytes_read: 0 })
    }

    /// The same connection, deflated from now on.
    pub fn deflated(self) -> Wire {
        let deflated = Deflated {
            below: self,
            inflate: Decompress::new(false),
            deflate: Compress::new(Compression::fast(), false),
            waiting: Vec::new(),
        };
        Wire { layer: Layer::Deflated(Box::new(deflated)), bytes_read: 0 }
    }

    /// Bytes that came in, before they are inflated.
    pub fn bytes_read(&self) -> u64 {
        match &self.layer {
            Layer::Deflated(deflated) => deflated.below.bytes_read - deflated.waiting.len() as u64,
            _ => self.bytes_read,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.layer {
            Layer::Plain(stream) => stream.read(buffer),
            Layer::Tls(stream) => stream.read(buffer),
            Layer::Deflated(deflated) => deflated.read(buffer),
        }?;
        self.bytes_read += count as u64;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.layer {
            Layer::Plain(stream) => stream.write(bytes),
            Layer::Tls(stream) => stream.write(bytes),
            Layer::Deflated(deflated) => deflated.write_all_deflated(bytes).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.layer {
            Layer::Plain(stream) => stream.flush(),
            Layer::Tls(stream) => stream.flush(),
            Layer::Deflated(deflated) => deflated.below.flush(),
        }
    }
}

impl Deflated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
            self.inflate.decompress(&self.waiting, buffer, FlushDecompress::Sync)?;
            self.waiting.drain(..(self.inflate.total_in() - in_before) as usize);
            let count = (self.inflate.total_out() - out_before) as usize;
            if count > 0 {
                return Ok(count);
            }
            let mut more = vec![0; DEFLATED_BYTES];
            match self.below.read(&mut more)? {
                0 => return Ok(0),
                came => self.waiting.extend_from_slice(&more[..came]),
            }
        }
    }

    fn write_all_deflated(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Commands are short: one round with room enough flushes them.
        let mut out = Vec::with_capacity(bytes.len() * 2 + 64);
        self.deflate.compress_vec(bytes, &mut out, FlushCompress::Sync)?;
        self.below.write_all(&out)
    }
}

/// The bench talks to servers it has started itself.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
