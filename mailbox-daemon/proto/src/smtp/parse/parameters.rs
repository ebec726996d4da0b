use super::CommandError;
use data_encoding::HEXUPPER_PERMISSIVE;
use types::{BodyType, DsnNotify, DsnReturn, MailParameters};

/// Longest `ENVID`, decoded (RFC 3461 section 4.4).
const ENVELOPE_ID_BYTES_MAX: usize = 100;
/// Longest `ORCPT` value (RFC 3461 section 4.2).
const ORIGINAL_BYTES_MAX: usize = 500;

/// `esmtp-param` of RFC 5321 section 4.1.2.
pub(super) fn pairs(parameters: &str) -> Result<impl Iterator<Item = (&str, Option<&str>)>, CommandError> {
    let split = |word| match str::split_once(word, '=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let is_keyword = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_value = |value: &str| !value.is_empty() && !value.chars().any(char::is_control);
    let words = parameters.split_ascii_whitespace().map(split);
    match words.clone().all(|(name, value)| is_keyword(name) && value.is_none_or(is_value)) {
        true => Ok(words),
        false => Err(CommandError::Syntax),
    }
}

pub(super) fn mail_parameters(parameters: &str) -> Result<MailParameters, CommandError> {
    let mut found = MailParameters::default();
    let (mut has_body, mut has_auth) = (false, false);
    for (name, value) in pairs(parameters)? {
        let needed = value.ok_or(CommandError::Syntax);
        let is_new = match name.to_ascii_uppercase().as_str() {
            "SIZE" => found.size_bytes.replace(parse_size(needed?)?).is_none(),
            "BODY" => {
                found.body = parse_body(needed?)?;
                !std::mem::replace(&mut has_body, true)
            }
            "SMTPUTF8" if value.is_none() => !std::mem::replace(&mut found.smtputf8, true),
            "RET" => found.ret.replace(parse_return(needed?)?).is_none(),
            "ENVID" => found.envelope_id.replace(parse_envelope_id(needed?)?).is_none(),
            // Who says what of whom is not taken on trust here (RFC 4954 section 5).
            "AUTH" => decode_xtext(needed?).is_some() && !std::mem::replace(&mut has_auth, true),
            "REQUIRETLS" if value.is_none() => !std::mem::replace(&mut found.require_tls, true),
            "SMTPUTF8" | "REQUIRETLS" => false,
            _ => return Err(CommandError::UnknownParameter),
        };
        if !is_new {
            return Err(CommandError::Syntax);
        }
    }
    Ok(found)
}

/// RFC 1870 allows 20 digits; more than a `u64` holds is as good as its largest number.
fn parse_size(value: &str) -> Result<u64, CommandError> {
    match value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(value.parse().unwrap_or(u64::MAX)),
        false => Err(CommandError::Syntax),
    }
}

/// BINARYMIME is not announced and so not known.
fn parse_body(value: &str) -> Result<BodyType, CommandError> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(BodyType::SevenBit),
        "8BITMIME" => Ok(BodyType::EightBitMime),
        "BINARYMIME" => Err(CommandError::UnknownParameter),
        _ => Err(CommandError::Syntax),
    }
}

fn parse_return(value: &str) -> Result<DsnReturn, CommandError> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Ok(DsnReturn::Full),
        "HDRS" => Ok(DsnReturn::Headers),
        _ => Err(CommandError::Syntax),
    }
}

fn parse_envelope_id(value: &str) -> Result<String, CommandError> {
    decode_xtext(value)
        .filter(|id| id.len() <= ENVELOPE_ID_BYTES_MAX && id.bytes().all(|b| matches!(b, b' '..=b'~')))
        .ok_or(CommandError::Syntax)
}

pub(super) fn parse_notify(value: &str) -> Result<DsnNotify, CommandError> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(DsnNotify::NEVER);
    }
    let mut notify = DsnNotify::NEVER;
    for word in value.split(',') {
        let asked = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return Err(CommandError::Syntax),
        };
        *asked = true;
    }
    Ok(notify)
}

/// `addr-type ";" xtext`, for `utf-8` in the forms of RFC 6533 section 3. What could break a report's header is refused.
pub(super) fn parse_original(value: &str) -> Result<String, CommandError> {
    let (kind, address) = value.split_once(';').ok_or(CommandError::Syntax)?;
    let is_atom = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let decoded = match kind.eq_ignore_ascii_case("utf-8") {
        true => decode_utf8_address(address),
        false => decode_xtext(address),
    };
    decoded
        .filter(|text| is_atom && !text.is_empty() && !text.chars().any(char::is_control))
        .filter(|_| value.len() <= ORIGINAL_BYTES_MAX)
        .map(|text| format!("{kind};{text}"))
        .ok_or(CommandError::Syntax)
}

/// `xtext` of RFC 3461 section 4: `+` and two upper-case hexadecimal digits stand for an octet.
pub fn decode_xtext(text: &str) -> Option<String> {
    let mut pieces = text.split('+');
    let mut decoded = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let octet = HEXUPPER_PERMISSIVE.decode(piece.as_bytes().get(..2)?).ok()?;
        decoded.extend_from_slice(&octet);
        decoded.extend_from_slice(&piece.as_bytes()[2..]);
    }
    let legal = text.bytes().all(|b| matches!(b, b'!'..=b'~') && b != b'=');
    String::from_utf8(decoded).ok().filter(|_| legal)
}

/// `utf-8-addr-xtext` and `utf-8-addr-unitext` of RFC 6533 section 3: `\x{HEX}` stands for a character.
pub fn decode_utf8_address(text: &str) -> Option<String> {
    let mut pieces = text.split('\\');
    let mut decoded = pieces.next()?.to_owned();
    for piece in pieces {
        let (digits, rest) = piece.strip_prefix("x{")?.split_once('}')?;
        let fits = (2..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        decoded.push(u32::from_str_radix(digits, 16).ok().filter(|_| fits).and_then(char::from_u32)?);
        decoded.push_str(rest);
    }
    text.chars().all(|c| c.is_ascii_graphic() || !c.is_ascii()).then_some(decoded)
}
