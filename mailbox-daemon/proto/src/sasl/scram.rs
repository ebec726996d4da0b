use super::plain::same_name;
use super::{ChannelBinding, SaslError};
use aws_lc_rs::{digest, hmac, pbkdf2};
use data_encoding::BASE64;
use std::borrow::Cow;
use std::num::NonZeroU32;
use subtle::ConstantTimeEq;
use types::ScramKeys;
use zeroize::Zeroizing;

/// What the server keeps of one account's passwords: every key set is under the same salt and rounds, because the salt is
/// sent before it is known which password the client holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramRecord {
    /// The account's salt.
    pub salt: Vec<u8>,
    /// PBKDF2 rounds.
    pub iterations: u32,
    /// One set a password; the proof may fit any of them.
    pub keys: Vec<ScramKeys>,
}

/// Derives what is kept of a password (RFC 5802 section 3). Zero iterations count as one.
pub fn scram_keys(password: &str, salt: &[u8], iterations: u32) -> ScramKeys {
    let prepared = super::prepare(password).unwrap_or(Cow::Borrowed(password));
    let mut salted = Zeroizing::new([0u8; 32]);
    let rounds = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, prepared.as_bytes(), salted.as_mut_slice());
    let client_key = Zeroizing::new(hmac_sha256(salted.as_slice(), b"Client Key"));
    ScramKeys {
        stored_key: sha256(client_key.as_slice()),
        server_key: hmac_sha256(salted.as_slice(), b"Server Key"),
    }
}

/// The client's first message, taken apart (RFC 5802 section 7, `client-first-message`).
pub(super) struct ClientFirst {
    pub(super) user: String,
    /// `c=` of the final message must be the base64 of this.
    pub(super) binding_input: Vec<u8>,
    bare: String,
    nonce: String,
}

/// What the server said first and needs again to check the proof.
pub(super) struct Challenge {
    first: ClientFirst,
    server_first: String,
    nonce: String,
    record: ScramRecord,
}

/// A proof that fits.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) server_final: String,
    pub(super) key_index: usize,
}

impl ClientFirst {
    pub(super) fn parse(
        message: &[u8],
        binding: &ChannelBinding,
        plus: bool,
    ) -> Result<ClientFirst, SaslError> {
        let text = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SaslError::Malformed);
        };
        let bound = bound_data(flag, binding, plus)?;
        let (user, nonce) = parse_bare(bare)?;
        check_authzid(authzid, &user)?;
        let header = &text[..text.len() - bare.len()];
        Ok(ClientFirst {
            user,
            binding_input: [header.as_bytes(), bound].concat(),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
        })
    }
}

/// The channel's data for the `gs2-cbind-flag` (RFC 5802 section 6): empty for none.
fn bound_data<'a>(flag: &str, binding: &'a ChannelBinding, plus: bool) -> Result<&'a [u8], SaslError> {
    match (flag, plus) {
        ("n", false) => Ok(&[]),
        ("y", false) if binding.plus_offered => Err(SaslError::Downgraded),
        ("y", false) => Ok(&[]),
        ("p=tls-exporter", true) => {
            binding.tls_exporter.as_ref().map(|data| &data[..]).ok_or(SaslError::BindingMismatch)
        }
        ("p=tls-server-end-point", true) => {
            binding.server_end_point.as_deref().ok_or(SaslError::BindingMismatch)
        }
        (flag, _) if flag.starts_with("p=") => Err(SaslError::BindingMismatch),
        ("n" | "y", true) => Err(SaslError::BindingMismatch),
        _ => Err(SaslError::Malformed),
    }
}

fn parse_bare(bare: &str) -> Result<(String, &str), SaslError> {
    if bare.starts_with("m=") {
        return Err(SaslError::UnknownExtension);
    }
    let mut attributes = bare.split(',');
    let user = attributes.next().and_then(|field| field.strip_prefix("n=")).ok_or(SaslError::Malformed)?;
    let nonce = attributes.next().and_then(|field| field.strip_prefix("r=")).ok_or(SaslError::Malformed)?;
    let user = decode_name(user)?;
    match !user.is_empty() && !nonce.is_empty() && nonce.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok((user, nonce)),
        false => Err(SaslError::Malformed),
    }
}

fn check_authzid(field: &str, user: &str) -> Result<(), SaslError> {
    if field.is_empty() {
        return Ok(());
    }
    let name = decode_name(field.strip_prefix("a=").ok_or(SaslError::Malformed)?)?;
    if same_name(&name, user) { Ok(()) } else { Err(SaslError::OtherIdentity) }
}

/// `saslname`: comma and equals sign are written `=2C` and `=3D`.
fn decode_name(encoded: &str) -> Result<String, SaslError> {
    let mut name = String::with_capacity(encoded.len());
    let mut pieces = encoded.split('=');
    name.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (c, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(SaslError::Malformed),
        };
        name.push(c);
        name.push_str(rest);
    }
    match name.chars().any(char::is_control) {
        true => Err(SaslError::ControlCharacter),
        false => Ok(name),
    }
}

impl Challenge {
    pub(super) fn new(first: ClientFirst, server_nonce: &str, record: ScramRecord) -> Challenge {
        let nonce = format!("{}{server_nonce}", first.nonce);
        let server_first = format!("r={nonce},s={},i={}", BASE64.encode(&record.salt), record.iterations);
        Challenge { first, server_first, nonce, record }
    }

    pub(super) fn server_first(&self) -> &str {
        &self.server_first
    }

    pub(super) fn into_user(self) -> String {
        self.first.user
    }

    /// Checks `client-final-message` against every key set.
    pub(super) fn prove(&self, message: &[u8]) -> Result<Proven, SaslError> {
        let text = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(SaslError::Malformed)?;
        let proof: [u8; 32] = decode(proof)?.try_into().map_err(|_| SaslError::Malformed)?;
        let mut attributes = without_proof.split(',');
        let binding =
            attributes.next().and_then(|field| field.strip_prefix("c=")).ok_or(SaslError::Malformed)?;
        let nonce =
            attributes.next().and_then(|field| field.strip_prefix("r=")).ok_or(SaslError::Malformed)?;
        if decode(binding)? != self.first.binding_input {
            return Err(SaslError::BindingMismatch);
        }
        if nonce != self.nonce {
            return Err(SaslError::Malformed);
        }
        let auth_message = format!("{},{},{without_proof}", self.first.bare, self.server_first);
        let fits = |keys: &ScramKeys| proof_fits(keys, &proof, auth_message.as_bytes());
        let key_index = self.record.keys.iter().position(fits).ok_or(SaslError::WrongProof)?;
        let signature = hmac_sha256(&self.record.keys[key_index].server_key, auth_message.as_bytes());
        Ok(Proven { server_final: format!("v={}", BASE64.encode(&signature)), key_index })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, SaslError> {
    BASE64.decode(text.as_bytes()).map_err(|_| SaslError::Malformed)
}

/// `H(ClientProof XOR HMAC(StoredKey, AuthMessage)) == StoredKey`.
fn proof_fits(keys: &ScramKeys, proof: &[u8; 32], auth_message: &[u8]) -> bool {
    let mut client_key = hmac_sha256(&keys.stored_key, auth_message);
    client_key.iter_mut().zip(proof).for_each(|(byte, proof)| *byte ^= proof);
    sha256(&client_key).ct_eq(&keys.stored_key).into()
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref());
    out
}

fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    out
}
