//! Requests to web servers of others.

use crate::deliver::tls_for_https;
use reqwest::{Client, redirect};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpsError {
    #[error("HTTPS cannot be set up: {0}")]
    Ours(String),
    #[error("no answer: {0}")]
    NoAnswer(String),
}

impl From<reqwest::Error> for HttpsError {
    /// The last cause says most.
    fn from(error: reqwest::Error) -> HttpsError {
        let mut cause: &dyn Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        HttpsError::NoAnswer(cause.to_string())
    }
}

/// A client for one request to a host whose addresses are known: no redirects, no proxy, nothing kept.
pub(crate) fn client(host: &str, addresses: &[SocketAddr], timeout: Duration) -> Result<Client, HttpsError> {
    let ours = |error: &dyn Error| HttpsError::Ours(error.to_string());
    let tls = tls_for_https().map_err(|error| ours(&error))?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .https_only(true)
        .timeout(timeout)
        .pool_max_idle_per_host(0)
        .resolve_to_addrs(host, addresses)
        .build()
        .map_err(|error| ours(&error))
}
