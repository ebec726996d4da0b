use super::gather::{Gather, Kind};
use super::{links, words};
use proto::mime::html;

/// An HTML text: its words, how much is not words, and where it links to.
pub fn read(page: &str, gather: &mut Gather) {
    links::read(page, gather);
    let text = html::text(page);
    let is_tag =
        |(at, _): &(usize, &str)| page[at + 1..].starts_with(|letter: char| letter.is_ascii_alphabetic());
    gather.add_count(Kind::Shape, "HTML tags", page.match_indices('<').filter(is_tag).count());
    gather.add_count(Kind::Shape, "HTML comments", page.matches("<!--").count());
    gather.add_count(Kind::Shape, "tenths of a page that are text", text.len() * 10 / page.len().max(1));
    words::add_text(&text, gather);
}
