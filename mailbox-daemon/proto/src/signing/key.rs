use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA with 2048 bits (RFC 8301): what every verifier knows.
    Rsa,
    /// Ed25519 (RFC 8463): short, fast, known to some.
    Ed25519,
}

/// A key to sign with.
pub struct PrivateKey(Pair);

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a key cannot be made or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The bytes are no PKCS#8 key of the kind, or RSA of another size.
    #[error("this is no private key of its kind")]
    Damaged,
    /// The cryptography refused.
    #[error("the cryptographic library failed")]
    Failed,
}

impl Algorithm {
    /// Both.
    pub const ALL: [Algorithm; 2] = [Algorithm::Rsa, Algorithm::Ed25519];

    /// `k=` of the key's record (RFC 6376 section 3.6.1, RFC 8463 section 4).
    pub fn key_type(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa",
            Algorithm::Ed25519 => "ed25519",
        }
    }

    /// `a=` of a signature (RFC 6376 section 3.3.2, RFC 8463 section 3).
    pub fn signature_type(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa-sha256",
            Algorithm::Ed25519 => "ed25519-sha256",
        }
    }
}

impl PrivateKey {
    /// Makes a key; gives it and its PKCS#8 form. RSA takes some tenths of a second, on a small board some seconds.
    pub fn generate(algorithm: Algorithm) -> Result<(PrivateKey, Zeroizing<Vec<u8>>), KeyError> {
        let pkcs8 = match algorithm {
            Algorithm::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Failed)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Failed)?;
                Zeroizing::new(der.as_ref().to_vec())
            }
            Algorithm::Ed25519 => {
                let der =
                    Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(|_| KeyError::Failed)?;
                Zeroizing::new(der.as_ref().to_vec())
            }
        };
        Ok((PrivateKey::from_pkcs8(algorithm, &pkcs8)?, pkcs8))
    }

    /// Reads a key that was made before.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<PrivateKey, KeyError> {
        let pair = match algorithm {
            Algorithm::Rsa => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Damaged)?;
                if pair.public_modulus_len() < 2048 / 8 {
                    return Err(KeyError::Damaged);
                }
                Pair::Rsa(pair)
            }
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8);
                Pair::Ed25519(pair.map_err(|_| KeyError::Damaged)?)
            }
        };
        Ok(PrivateKey(pair))
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Pair::Rsa(_) => Algorithm::Rsa,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// What `p=` holds before base64: SubjectPublicKeyInfo in DER for RSA, the 32 octets themselves for Ed25519.
    pub fn public(&self) -> Vec<u8> {
        match &self.0 {
            Pair::Rsa(pair) => {
                let der = pair.public_key().as_der().expect("an RSA public key has a DER form");
                der.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// Signs what a verifier hashes. Ed25519 signs the hash of it (RFC 8463 section 3).
    pub(super) fn sign(&self, hashed: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), hashed, &mut signature)
                    .map_err(|_| KeyError::Failed)?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => {
                let hash = digest(&SHA256, hashed);
                Ok(pair.try_sign(hash.as_ref()).map_err(|_| KeyError::Failed)?.as_ref().to_vec())
            }
        }
    }
}

/// Never shows the key.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm().key_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_pkcs8_form() {
        for algorithm in Algorithm::ALL {
            let (key, pkcs8) = PrivateKey::generate(algorithm).unwrap();
            let read = PrivateKey::from_pkcs8(algorithm, &pkcs8).unwrap();
            assert_eq!(read.public(), key.public());
            assert!(PrivateKey::from_pkcs8(algorithm, &pkcs8[..pkcs8.len() - 1]).is_err());
            assert!(!format!("{key:?}").contains(['[', ',']));
        }
        let (ed25519, pkcs8) = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        assert_eq!(ed25519.public().len(), 32);
        assert_eq!(PrivateKey::from_pkcs8(Algorithm::Rsa, &pkcs8).unwrap_err(), KeyError::Damaged);
    }
}
