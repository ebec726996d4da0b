//! The octets of a message as a server is given them: as they lie in the queue, or told in seven bits for a server that knows
//! no 8BITMIME (RFC 6152 section 3).

use crate::host::Host;
use crate::signing::whole_signatures;
use proto::mime::reencode::header_with_encoding;
use proto::mime::seven_bit::{Act, Contents, Encoder, Impossible, Piece, pieces, plan};
use proto::mime::{DigestView, Scanner};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use store::queue::QueuedMessage;
use store::{NewMessage, StoreError};

/// Read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Queued(&'a QueuedMessage),
    Converted(&'a Converted),
}

/// A message in seven bits, in a file without a name that goes with it.
pub(super) struct Converted {
    /// Signatures for what it has become.
    top: Vec<u8>,
    file: Mutex<NewMessage>,
    bytes: u64,
}

/// A queued message in seven bits.
pub(super) enum SevenBit {
    /// It is so already.
    Already,
    Converted(Box<Converted>),
    Impossible(Impossible),
}

impl Content<'_> {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Content::Queued(message) => message.message_bytes(),
            Content::Converted(converted) => converted.bytes,
        }
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StoreError> {
        match self {
            Content::Queued(message) => message.read_at(buffer, offset),
            Content::Converted(converted) => converted.read_at(buffer, offset),
        }
    }
}

impl Converted {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StoreError> {
        let from_top = &self.top[self.top.len().min(offset as usize)..];
        let from_top = &from_top[..from_top.len().min(buffer.len())];
        let (above, below) = buffer.split_at_mut(from_top.len());
        above.copy_from_slice(from_top);
        let offset = offset.saturating_sub(self.top.len() as u64);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(from_top.len() + if below.is_empty() { 0 } else { file.read_at(below, offset)? })
    }
}

/// Tells a message in seven bits, reading it three times and never whole: for its structure, for what is in each piece, and
/// to write it.
pub(super) fn in_seven_bits(host: &Host, message: &QueuedMessage) -> Result<SevenBit, StoreError> {
    let all = 0..message.message_bytes();
    let mut whole = Contents::default();
    let mut scanner = Scanner::new(crate::smtp_in::scan_limits(&host.settings.load().limits));
    read(message, all, |chunk| {
        whole.feed(chunk);
        scanner.feed(chunk);
        Ok(())
    })?;
    if !whole.has_eight_bit() {
        return Ok(SevenBit::Already);
    }
    let digest = scanner.finish().into_bytes();
    let structure = DigestView::parse(&digest).and_then(|digest| digest.structure());
    let Ok(structure) = structure else { return Ok(SevenBit::Impossible(Impossible::Part)) };
    let pieces = pieces(&structure);
    let contents = pieces.iter().map(|piece| measure(message, piece)).collect::<Result<Vec<_>, _>>()?;
    match plan(&pieces, &contents) {
        Ok(acts) => write(host, message, &pieces, &acts).map(|file| SevenBit::Converted(Box::new(file))),
        Err(reason) => Ok(SevenBit::Impossible(reason)),
    }
}

fn measure(message: &QueuedMessage, piece: &Piece) -> Result<Contents, StoreError> {
    let mut contents = Contents::default();
    read(message, piece.range.clone(), |chunk| {
        contents.feed(chunk);
        Ok(())
    })?;
    Ok(contents)
}

fn write(
    host: &Host,
    message: &QueuedMessage,
    pieces: &[Piece],
    acts: &[Act],
) -> Result<Converted, StoreError> {
    let mut file = host.queue.new_entry()?;
    for (piece, act) in pieces.iter().zip(acts) {
        if let Act::Header { encoding, is_message } = *act {
            let mut header = Vec::new();
            read(message, piece.range.clone(), |chunk| {
                header.extend_from_slice(chunk);
                Ok(())
            })?;
            file.write(&header_with_encoding(&header, encoding, is_message))?;
            continue;
        }
        let mut encoder = Encoder::new(*act);
        let mut out = Vec::new();
        read(message, piece.range.clone(), |chunk| {
            encoder.feed(chunk, &mut out);
            file.write(&out)?;
            out.clear();
            Ok(())
        })?;
        encoder.finish(&mut out);
        file.write(&out)?;
    }
    // Other octets are another message to whoever verifies it; what people here send is signed again.
    let top = match message.header().account {
        Some(_) => {
            let view = file.view()?;
            whole_signatures::<StoreError>(host, host.now(), |take| take(&view))?.into_bytes()
        }
        None => Vec::new(),
    };
    let bytes = top.len() as u64 + file.bytes();
    Ok(Converted { top, file: Mutex::new(file), bytes })
}

fn read(
    message: &QueuedMessage,
    range: Range<u64>,
    mut take: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut chunk = vec![0; (range.end - range.start).min(CHUNK_BYTES as u64) as usize];
    let mut offset = range.start;
    while offset < range.end {
        let wanted = (range.end - offset).min(chunk.len() as u64) as usize;
        match message.read_at(&mut chunk[..wanted], offset)? {
            0 => break,
            count => {
                take(&chunk[..count])?;
                offset += count as u64;
            }
        }
    }
    Ok(())
}
