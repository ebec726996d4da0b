use super::signatures;
use crate::host::Host;
use crate::smtp_in::author;
use proto::signing::{BodyHash, BodyHasher};
use proto::smtp::header::{Field, end, fields};
use types::UnixSeconds;

/// `DKIM-Signature:` fields for a message of this header and body, for its first author.
pub(crate) fn author_signatures(host: &Host, header: &[Field], body: BodyHash, now: UnixSeconds) -> String {
    let from = header.iter().find(|field| field.name.eq_ignore_ascii_case(b"From"));
    match from.and_then(|from| author(from.value)) {
        Some(author) => signatures(host, &author.address.domain, header, body, now),
        None => String::new(),
    }
}

/// The same for a message handed over by `give`, piece by piece; the header is whole in the first of them.
pub(crate) fn whole_signatures<E>(
    host: &Host,
    now: UnixSeconds,
    give: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E>,
) -> Result<String, E> {
    let mut header: Option<Vec<u8>> = None;
    let mut body = BodyHasher::default();
    give(&mut |piece| {
        if header.is_some() {
            body.feed(piece);
            return Ok(());
        }
        let header_bytes = end(piece, 0).unwrap_or(piece.len());
        header = Some(piece[..header_bytes].to_vec());
        body.feed(piece.get(header_bytes + b"\r\n".len()..).unwrap_or_default());
        Ok(())
    })?;
    let header = header.unwrap_or_default();
    let fields: Vec<Field> = fields(&header).collect();
    Ok(author_signatures(host, &fields, body.finish(), now))
}
