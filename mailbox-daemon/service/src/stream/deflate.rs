//! The layer of COMPRESS=DEFLATE (RFC 4978): raw DEFLATE both ways, between the session and TLS.
//!
//! What is sent is compressed piece by piece: each piece ends in a sync flush and refers to nothing before it, so a compressor
//! (some 320 KiB) is borrowed for the moment and no session owns one. What comes in may refer to the last 32 KiB; a session keeps
//! that window and the decoder's tables, 45 KiB in all, from COMPRESS to its end.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Compressed bytes read at once.
const READ_BYTES: usize = 4096;
/// Compressors kept for the next piece; more than cores would never be in use at once.
const KEPT_MAX: usize = 4;

/// What the client sends is no DEFLATE: its fault, and lasting.
#[derive(Debug, Error)]
#[error("the compressed stream is broken")]
pub struct BrokenDeflate;

impl BrokenDeflate {
    /// Whether a read failed for this.
    pub fn is_cause_of(error: &io::Error) -> bool {
        error.get_ref().and_then(|cause| cause.downcast_ref::<BrokenDeflate>()).is_some()
    }
}

impl From<BrokenDeflate> for io::Error {
    fn from(fault: BrokenDeflate) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, fault)
    }
}

/// Compressors for whoever sends something just now.
#[derive(Default)]
pub struct Deflaters {
    idle: Mutex<Vec<Compress>>,
}

impl Deflaters {
    /// The bytes as a piece of a DEFLATE stream that ends on a byte and can be read at once.
    fn pack(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut deflater = idle.unwrap_or_else(|| Compress::new(Compression::fast(), false));
        let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
        loop {
            let taken = deflater.total_in() as usize;
            deflater
                .compress_vec(&bytes[taken..], &mut packed, FlushCompress::Sync)
                .map_err(io::Error::other)?;
            // A full buffer may have cut the flush short.
            if deflater.total_in() as usize == bytes.len() && packed.len() < packed.capacity() {
                break;
            }
            packed.reserve(packed.capacity());
        }
        // The next piece is somebody else's: nothing of this one may show in it.
        deflater.reset();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_MAX {
            idle.push(deflater);
        }
        Ok(packed)
    }
}

/// Both directions of one session.
pub(super) struct Deflate {
    deflaters: Arc<Deflaters>,
    inflater: Decompress,
    /// Compressed bytes that came.
    packed: Vec<u8>,
    /// How many of them are used up.
    used: usize,
    /// The decoder may hold back text for which there was no room.
    is_full: bool,
    is_over: bool,
}

impl Deflate {
    /// `early` is what came behind the command already.
    pub(super) fn new(deflaters: Arc<Deflaters>, early: Vec<u8>) -> Deflate {
        Deflate {
            deflaters,
            inflater: Decompress::new(false),
            packed: early,
            used: 0,
            is_full: false,
            is_over: false,
        }
    }

    /// Compresses what is to be sent.
    pub(super) fn pack(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.deflaters.pack(bytes)
    }

    /// Whether text can be had without another byte from the client.
    pub(super) fn has_more(&self) -> bool {
        self.is_full || self.is_over || self.used < self.packed.len()
    }

    /// Whether the client ended its stream.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Text from what came so far; 0 when more must come.
    pub(super) fn unpack(&mut self, text: &mut [u8]) -> Result<usize, BrokenDeflate> {
        while self.has_more() && !self.is_over {
            let (in_before, out_before) = (self.inflater.total_in(), self.inflater.total_out());
            let status = self
                .inflater
                .decompress(&self.packed[self.used..], text, FlushDecompress::None)
                .map_err(|_| BrokenDeflate)?;
            let taken = (self.inflater.total_in() - in_before) as usize;
            let count = (self.inflater.total_out() - out_before) as usize;
            self.used += taken;
            self.is_full = count == text.len();
            self.is_over = status == Status::StreamEnd;
            if count > 0 {
                return Ok(count);
            }
            if taken == 0 && self.used < self.packed.len() && !self.is_over {
                return Err(BrokenDeflate);
            }
        }
        Ok(0)
    }

    /// Room for compressed bytes, once all that came before are used; say with [`Deflate::filled`] how many came. A read that
    /// is given up in between leaves nothing.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.packed.resize(READ_BYTES, 0);
        self.used = READ_BYTES;
        &mut self.packed
    }

    pub(super) fn filled(&mut self, count: usize) {
        self.packed.truncate(count);
        self.used = 0;
    }

    /// Gives back what an idle session does not need.
    pub(super) fn release(&mut self) {
        if self.used == self.packed.len() {
            self.packed = Vec::new();
            self.used = 0;
        }
    }

    /// What came behind the end of compression.
    pub(super) fn into_rest(mut self) -> Vec<u8> {
        self.packed.split_off(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Deflate, Deflate) {
        let deflaters = Arc::<Deflaters>::default();
        (Deflate::new(Arc::clone(&deflaters), Vec::new()), Deflate::new(deflaters, Vec::new()))
    }

    fn unpack_all(deflate: &mut Deflate, packed: &[u8], room: usize) -> Result<Vec<u8>, BrokenDeflate> {
        let mut all = Vec::new();
        for piece in packed.chunks(READ_BYTES) {
            deflate.space()[..piece.len()].copy_from_slice(piece);
            deflate.filled(piece.len());
            let mut text = vec![0; room];
            loop {
                match deflate.unpack(&mut text)? {
                    0 => break,
                    count => all.extend_from_slice(&text[..count]),
                }
            }
        }
        Ok(all)
    }

    #[test]
    fn pieces_of_any_size_come_through_one_stream() {
        let (sender, mut receiver) = pair();
        let noise: Vec<u8> =
            (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for (piece, room) in [
            (&b"* OK go\r\n"[..], 4096),
            (&b""[..], 10),
            (&b"* 1 FETCH (FLAGS (\\Seen))\r\n".repeat(9000)[..], 7),
            (&noise[..], 4096),
            (&b"a OK done\r\n"[..], 1),
        ] {
            let packed = sender.pack(piece).expect("deflate works");
            assert_eq!(unpack_all(&mut receiver, &packed, room).expect("deflate works"), piece);
            assert!(!receiver.is_over());
        }
        let repetitive = b"* 1 FETCH (FLAGS (\\Seen))\r\n".repeat(1000);
        assert!(sender.pack(&repetitive).expect("deflate works").len() < repetitive.len() / 20);
    }

    #[test]
    fn no_piece_refers_to_one_before() {
        let (sender, _) = pair();
        let secret = sender.pack(b"a password that somebody else sent").expect("deflate works");
        assert_eq!(secret, sender.pack(b"a password that somebody else sent").expect("deflate works"));
    }

    #[test]
    fn a_read_that_is_given_up_leaves_nothing() {
        let (sender, mut receiver) = pair();
        receiver.space();
        assert!(!receiver.has_more());
        let packed = sender.pack(b"a1 NOOP\r\n").expect("deflate works");
        assert_eq!(unpack_all(&mut receiver, &packed, 100).expect("deflate works"), b"a1 NOOP\r\n");
    }

    #[test]
    fn what_is_no_deflate_is_a_fault_and_an_end_is_an_end() {
        let (_, mut receiver) = pair();
        assert!(unpack_all(&mut receiver, b"a1 NOOP\r\n\r\n\xff\xff\xff\xff\xff\xff", 100).is_err());
        let (_, mut receiver) = pair();
        let mut whole = Vec::with_capacity(100);
        Compress::new(Compression::fast(), false)
            .compress_vec(b"a1 NOOP\r\n", &mut whole, FlushCompress::Finish)
            .expect("deflate works");
        assert_eq!(unpack_all(&mut receiver, &whole, 100).expect("deflate works"), b"a1 NOOP\r\n");
        assert!(receiver.is_over() && receiver.has_more());
    }

    #[test]
    fn no_bytes_make_it_panic_or_spin() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for length in 0..500 {
            let (sender, mut receiver) = pair();
            let mut packed = sender.pack(b"a1 UID FETCH 1:* (FLAGS)\r\n").expect("deflate works");
            // Garbage behind, or in the midst of, what is right.
            packed.truncate(length % 40);
            packed.extend((0..length).map(|_| random()));
            if let Ok(text) = unpack_all(&mut receiver, &packed, 64) {
                assert!(text.len() <= 1100 * packed.len() + 64, "{length}");
            }
        }
    }

    #[test]
    fn an_idle_session_keeps_the_window_and_little_else() {
        let (sender, mut receiver) = pair();
        let packed = sender.pack(&b"a1 NOOP\r\n".repeat(10_000)).expect("deflate works");
        unpack_all(&mut receiver, &packed, 4096).expect("deflate works");
        receiver.release();
        assert_eq!(receiver.packed.capacity(), 0);
        assert!(size_of::<Deflate>() <= 128);
    }
}
