use super::lexer::{Broken, Lexer};

/// A parameter of `Content-Type` or `Content-Disposition`.
pub(super) type Parameter = (Vec<u8>, Vec<u8>);

/// A piece `name*index*=value` of RFC 2231 section 3.
struct Piece {
    name: Vec<u8>,
    index: u32,
    extended: bool,
    value: Vec<u8>,
}

/// Reads `*(";" parameter)`, passing over what cannot be read. Pieces of RFC 2231 are joined and follow the plain
/// parameters; a joined value with charset marks keeps them, under a name that ends in `*`.
pub(super) fn parse(lexer: &mut Lexer<'_>) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut pieces = Vec::new();
    while lexer.peek().is_some() {
        match parameter(lexer) {
            Ok((name, value)) => match piece(&name) {
                Some((base, index, extended)) => {
                    pieces.push(Piece { name: name[..base].to_vec(), index, extended, value });
                }
                None => parameters.push((name, value)),
            },
            Err(Broken) if lexer.peek().is_some() => lexer.bump(),
            Err(Broken) => break,
        }
    }
    join(pieces, &mut parameters);
    parameters
}

fn parameter(lexer: &mut Lexer<'_>) -> Result<Parameter, Broken> {
    if lexer.peek() != Some(b';') {
        return Err(Broken);
    }
    lexer.bump();
    let (mut name, mut value) = (Vec::new(), Vec::new());
    if !lexer.skip_blanks()? || !lexer.token(&mut name)? || lexer.peek() != Some(b'=') {
        return Err(Broken);
    }
    lexer.bump();
    if lexer.skip_blanks()? {
        match lexer.peek() {
            Some(b'"') => drop(lexer.quoted_string(&mut value)?),
            Some(b'=') => encoded_word(lexer, &mut value),
            _ => drop(lexer.token(&mut value)?),
        }
    }
    Ok((name, value))
}

/// An RFC 2047 word has no place in a parameter but is often found there: `name==?utf-8?b?...?=`.
fn encoded_word(lexer: &mut Lexer<'_>, value: &mut Vec<u8>) {
    while let Some(byte) = lexer.peek().filter(|byte| !matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n')) {
        value.push(byte);
        lexer.bump();
    }
}

/// Reads `base*`, `base*7` and `base*7*`: length of the base, index, whether percent-encoded.
fn piece(name: &[u8]) -> Option<(usize, u32, bool)> {
    let base = name.iter().position(|&byte| byte == b'*')?;
    let marks = &name[base + 1..];
    if marks.is_empty() {
        return Some((base, 0, true));
    }
    let (digits, extended) = match marks.strip_suffix(b"*") {
        Some(digits) => (digits, true),
        None => (marks, false),
    };
    let add = |index: u32, digit: &u8| index.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
    digits.iter().all(u8::is_ascii_digit).then(|| (base, digits.iter().fold(0, add), extended))
}

fn join(mut pieces: Vec<Piece>, parameters: &mut Vec<Parameter>) {
    pieces.sort_by(|a, b| a.name.cmp(&b.name).then(a.index.cmp(&b.index)));
    for group in pieces.chunk_by(|a, b| a.name.eq_ignore_ascii_case(&b.name)) {
        let complete = group.iter().enumerate().all(|(index, piece)| piece.index as usize == index);
        match complete {
            true => parameters.push(join_complete(group)),
            false => parameters.extend(group.iter().map(keep_apart)),
        }
    }
}

fn join_complete(group: &[Piece]) -> Parameter {
    let extended = group.iter().any(|piece| piece.extended);
    let mut name = group[0].name.clone();
    let mut value = Vec::new();
    if extended {
        name.push(b'*');
        if !group[0].extended {
            value.extend_from_slice(b"''");
        }
    }
    for piece in group {
        for &byte in &piece.value {
            match byte {
                b'%' if extended && !piece.extended => value.extend_from_slice(b"%25"),
                _ => value.push(byte),
            }
        }
    }
    (name, value)
}

/// With pieces missing nothing is joined.
fn keep_apart(piece: &Piece) -> Parameter {
    let mut name = piece.name.clone();
    name.push(b'*');
    name.extend_from_slice(piece.index.to_string().as_bytes());
    if piece.extended {
        name.push(b'*');
    }
    (name, piece.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        let mut lexer = Lexer::new(text.as_bytes());
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut out = String::new();
        for (name, value) in parse(&mut lexer) {
            out += &[&show(&name), "=", &show(&value), " "].concat();
        }
        out
    }

    #[test]
    fn pieces_are_joined() {
        assert_eq!(parsed("; a*1=d; b=x; a*0=\"c \""), "b=x a=c d ");
        assert_eq!(parsed("; f*0*=utf-8''%e2; f*1=50%"), "f*=utf-8''%e250%25 ");
        assert_eq!(parsed("; f*=utf-8''%e2"), "f*=utf-8''%e2 ");
        assert_eq!(parsed("; f*1=x; f*3*=y"), "f*1=x f*3*=y ");
    }

    #[test]
    fn rubbish_is_passed_over() {
        assert_eq!(parsed("; a=b junk; c=d;"), "a=b c=d ");
        assert_eq!(parsed("; n==?utf-8?q?x?=; c=d"), "n==?utf-8?q?x?= c=d ");
        assert_eq!(parsed("; a=\"unfinished"), "");
    }
}
