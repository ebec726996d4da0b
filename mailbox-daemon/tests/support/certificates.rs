//! Certificates of the test's own.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData,
};
use std::fs;
use std::path::{Path, PathBuf};

/// An authority nobody else knows.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Where a certificate chain and its key lie, and what TLSA records say of it.
pub struct ServerCertificate {
    /// The chain with its root, leaf first.
    pub chain: PathBuf,
    /// The key.
    pub key: PathBuf,
    /// The leaf's key as `3 1 1` has it.
    pub key_hash: String,
    /// The authority as `2 0 1` has it.
    pub authority_hash: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "The test's own CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key can be made");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate can be made"))
    }

    /// Writes the authority's own certificate.
    pub fn write(&self, file: &Path) {
        fs::write(file, self.0.pem()).expect("the folder can be written");
    }

    /// Makes a certificate for these names, with its files beginning with `name`.
    pub fn issue(&self, folder: &Path, name: &str, names: &[&str]) -> ServerCertificate {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(names).expect("the names are names");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate can be made");
        let file = |kind: &str| folder.join(format!("{name}.{kind}.pem"));
        fs::write(file("chain"), certificate.pem() + &self.0.pem()).expect("the folder can be written");
        fs::write(file("key"), key.serialize_pem()).expect("the folder can be written");
        ServerCertificate {
            chain: file("chain"),
            key: file("key"),
            key_hash: hash(&key.subject_public_key_info()),
            authority_hash: hash(self.0.der()),
        }
    }
}

/// SHA-256 in the form TLSA records have it.
pub fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}
