use super::gather::{Gather, Kind};
use super::{links, markup, words};
use proto::mime::decode::{TransferDecoder, charset_to_utf8};
use proto::mime::{Part, PartKind, ScanLimits, Scanner};
use std::borrow::Cow;

const SCAN_LIMITS: ScanLimits = ScanLimits { header_bytes_max: 64 * 1024, depth_max: 8, parts_max: 50 };
/// Octets of all texts together that are read.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// A message with CRLF line breaks.
pub fn wire_form(message: &[u8]) -> Cow<'_, [u8]> {
    let is_wire = message.windows(2).all(|pair| pair[1] != b'\n' || pair[0] == b'\r')
        && message.first() != Some(&b'\n');
    if is_wire {
        return Cow::Borrowed(message);
    }
    let mut out = Vec::with_capacity(message.len() + message.len() / 16);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    Cow::Owned(out)
}

/// The MIME shape of a message and all its texts.
pub fn read(message: &[u8], gather: &mut Gather) {
    let mut scanner = Scanner::new(SCAN_LIMITS);
    scanner.feed(message);
    let digest = scanner.finish();
    let Ok(root) = digest.view().structure() else { return };
    let mut reader = Reader { message, left: TEXT_BYTES_MAX, shape: String::new() };
    reader.part(&root, gather);
    gather.add(Kind::Mime, &["parts", &reader.shape]);
}

struct Reader<'m> {
    message: &'m [u8],
    left: usize,
    shape: String,
}

const SHAPE_BYTES_MAX: usize = 120;

impl Reader<'_> {
    fn part(&mut self, part: &Part<'_>, gather: &mut Gather) {
        self.describe(part, gather);
        if part.is_text() {
            return self.text(part, gather);
        }
        if self.shape.len() < SHAPE_BYTES_MAX {
            self.shape.push('(');
        }
        for child in &part.children {
            self.part(child, gather);
        }
        if self.shape.len() < SHAPE_BYTES_MAX {
            self.shape.push(')');
        }
    }

    fn describe(&mut self, part: &Part<'_>, gather: &mut Gather) {
        let media =
            format!("{}/{}", lower(part.media_type.unwrap_or(b"-")), lower(part.subtype.unwrap_or(b"-")));
        gather.add(Kind::Mime, &[&media]);
        if self.shape.len() < SHAPE_BYTES_MAX {
            self.shape.push_str(&media);
            self.shape.push(' ');
        }
        if part.kind != PartKind::Multipart {
            let encoding = lower(part.encoding.unwrap_or(b"-"));
            gather.add(Kind::Mime, &[&media, &encoding]);
        }
        if let Some(charset) = part.parameter(b"charset") {
            gather.add(Kind::Charset, &[&lower(charset)]);
        }
        let disposition = part.disposition.as_ref();
        let file_name = disposition
            .and_then(|place| {
                place.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(b"filename"))
            })
            .map(|parameter| parameter.value)
            .or(part.parameter(b"name"));
        if let Some(name) = file_name {
            let name = lower(name);
            let ending = name.rsplit_once('.').map_or("no ending", |(_, ending)| ending);
            gather.add(Kind::File, &["*.", ending]);
            words::add(&name, Kind::File, gather);
        }
        for parameter in &part.parameters {
            gather.add(Kind::Mime, &["parameter", &lower(parameter.name)]);
        }
    }

    fn text(&mut self, part: &Part<'_>, gather: &mut Gather) {
        let end = (part.body_end as usize).min(self.message.len());
        let octets = &self.message[(part.body_start as usize).min(end)..end];
        // What is encoded takes more room than what it means.
        let octets = &octets[..octets.len().min(self.left * 2)];
        let mut decoder = TransferDecoder::of_name(part.encoding);
        let mut decoded = Vec::new();
        decoder.feed(octets, &mut decoded);
        decoder.finish(&mut decoded);
        decoded.truncate(self.left);
        self.left -= decoded.len();
        let eighth_bit = decoded.iter().filter(|byte| !byte.is_ascii()).count();
        gather.add_count(
            Kind::Shape,
            "octets beyond ASCII in a thousand",
            eighth_bit * 1000 / decoded.len().max(1),
        );
        let mut text = Vec::new();
        charset_to_utf8(part.parameter(b"charset").unwrap_or_default(), &decoded, &mut text);
        let text = String::from_utf8_lossy(&text);
        let is_html =
            part.subtype.is_some_and(|name| name.eq_ignore_ascii_case(b"html")) || looks_like_html(&text);
        match is_html {
            true => markup::read(&text, gather),
            false => {
                links::read(&text, gather);
                words::add_text(&text, gather);
            }
        }
    }
}

fn looks_like_html(text: &str) -> bool {
    let start = text.trim_start();
    ["<html", "<!doctype html", "<body"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag)))
}

fn lower(octets: &[u8]) -> String {
    String::from_utf8_lossy(&octets[..octets.len().min(60)]).to_lowercase()
}
