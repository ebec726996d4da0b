use super::gather::{Gather, Kind};
use super::{links, words};
use proto::mime::html;

/// Tags that are looked at.
const TAGS_MAX: usize = 600;

/// An HTML text: its words, its tags and where it links to.
pub fn read(page: &str, gather: &mut Gather) {
    links::read(page, gather);
    let mut seen = 0;
    let mut comments = 0;
    for (at, _) in page.match_indices('<') {
        let behind = &page[at + 1..];
        comments += usize::from(behind.starts_with("!--"));
        if !behind.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            continue;
        }
        seen += 1;
        if seen <= TAGS_MAX {
            let end = behind.find(['>', '<']).unwrap_or(behind.len()).min(600);
            tag(&behind[..behind.floor_char_boundary(end)], gather);
        }
    }
    let text = html::text(page);
    gather.add_count(Kind::Shape, "HTML tags", seen);
    gather.add_count(Kind::Shape, "HTML comments", comments);
    gather.add_count(Kind::Shape, "tenths of a page that are text", text.len() * 10 / page.len().max(1));
    words::add_text(&text, gather);
}

fn tag(tag: &str, gather: &mut Gather) {
    let tag = tag.to_ascii_lowercase();
    let name_end = tag.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(tag.len());
    let (name, mut rest) = tag.split_at(name_end);
    gather.add(Kind::Tag, &[name]);
    while let Some(equals) = rest.find('=') {
        let attribute = rest[..equals].trim().rsplit(char::is_whitespace).next().unwrap_or_default();
        let behind = rest[equals + 1..].trim_start();
        let (value, after) = match behind.chars().next() {
            Some(quote @ ('"' | '\'')) => behind[1..].split_once(quote).unwrap_or((&behind[1..], "")),
            _ => behind.split_at(behind.find(char::is_whitespace).unwrap_or(behind.len())),
        };
        gather.add(Kind::Attribute, &[name, attribute]);
        let is_told = matches!(
            attribute,
            "color"
                | "bgcolor"
                | "size"
                | "face"
                | "width"
                | "height"
                | "align"
                | "type"
                | "method"
                | "border"
                | "content"
                | "name"
                | "target"
        );
        if is_told && value.len() <= 40 {
            gather.add(Kind::Attribute, &[name, attribute, value.trim()]);
        }
        rest = after;
    }
}
