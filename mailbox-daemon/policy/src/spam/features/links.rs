use super::gather::{Gather, Kind};

/// Links that are looked at.
const LINKS_MAX: usize = 60;
const LINK_BYTES_MAX: usize = 300;

/// Every link of a text or page: where it leads and how it looks.
pub fn read(text: &str, gather: &mut Gather) {
    let mut count = 0;
    for (at, _) in text.match_indices("://") {
        let scheme_start = text[..at]
            .rfind(|letter: char| !letter.is_ascii_alphanumeric())
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        let rest = &text[at + 3..];
        let end = rest
            .find(|letter: char| {
                letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | ')' | ']')
            })
            .unwrap_or(rest.len());
        let end = rest.floor_char_boundary(end.min(LINK_BYTES_MAX));
        count += 1;
        if count <= LINKS_MAX {
            link(&text[scheme_start..at].to_ascii_lowercase(), &rest[..end].to_ascii_lowercase(), gather);
        }
    }
    gather.add_count(Kind::LinkShape, "links", count);
    gather.add_count(Kind::LinkShape, "mail links", text.matches("mailto:").count());
}

fn link(scheme: &str, rest: &str, gather: &mut Gather) {
    let (place, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user), host));
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let host = host.trim_end_matches(['.', ',', ';']);
    gather.add(Kind::LinkShape, &["scheme", scheme]);
    if user.is_some() {
        gather.add(Kind::LinkShape, &["user in front of the host"]);
    }
    if let Some(port) = port {
        gather.add(Kind::LinkShape, &["port", port]);
    }
    if host.contains('%') {
        gather.add(Kind::LinkShape, &["encoded host"]);
    }
    self::host(host, Kind::LinkHost, gather);
    let path_words = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| (2..=20).contains(&word.len()));
    for word in path_words.take(12) {
        gather.add(Kind::Link, &[word]);
    }
    gather.add_count(Kind::LinkShape, "depth of path", path.matches('/').count());
    if let Some((_, query)) = path.split_once('?') {
        gather.add_count(Kind::LinkShape, "octets of query", query.len());
        if query.contains('@') {
            gather.add(Kind::LinkShape, &["mail address in query"]);
        }
    }
}

/// A host, the domain somebody registered, and its top level; an address as it is, and its network.
pub fn host(host: &str, kind: Kind, gather: &mut Gather) {
    if host.is_empty() {
        return;
    }
    gather.add(kind, &[host]);
    let is_address = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_address {
        gather.add(kind, &["an address"]);
        let network = host.rsplitn(3, '.').last().unwrap_or(host);
        gather.add(kind, &["network", network]);
        return;
    }
    let registered = psl::domain_str(host).unwrap_or(host);
    gather.add(kind, &["domain", registered]);
    gather.add(kind, &["under", host.rsplit('.').next().unwrap_or(host)]);
    let front = host.strip_suffix(registered).unwrap_or_default().trim_end_matches('.');
    if !front.is_empty() {
        gather.add(kind, &["in front", front]);
    }
    let digits = host.bytes().filter(u8::is_ascii_digit).count();
    if digits > 0 {
        gather.add_count(kind, "digits", digits);
    }
}
