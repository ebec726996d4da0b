//! A report to a web server (RFC 8460 section 5.4).

use crate::dns::{Addresses, Resolver};
use crate::https::{self, HttpsError};
use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url};
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

/// How long a delivery may take in all.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Why a report was not taken.
#[derive(Debug, Error)]
pub(super) enum PostError {
    #[error("the address makes no sense")]
    NoUrl,
    #[error("the server's name has no address")]
    Nowhere,
    #[error(transparent)]
    Https(#[from] HttpsError),
    #[error("the server says {0}")]
    Refused(StatusCode),
}

/// Delivers a packed report. The server must prove its name: that keeps a foreign record from having us write to machines of
/// this network, none of which can. What it answers besides its status is not read, and it cannot send us elsewhere.
pub(super) async fn post(resolver: &Resolver, url: &str, packed: Vec<u8>) -> Result<(), PostError> {
    let url = Url::parse(url).map_err(|_| PostError::NoUrl)?;
    let (host, port) = url.host_str().zip(url.port_or_known_default()).ok_or(PostError::NoUrl)?;
    let Addresses::Found(found) = resolver.addresses(host).await else { return Err(PostError::Nowhere) };
    let addresses: Vec<SocketAddr> =
        found.into_iter().map(|address| SocketAddr::new(address, port)).collect();
    let request = https::client(host, &addresses, TIMEOUT)?
        .post(url.clone())
        .header(CONTENT_TYPE, "application/tlsrpt+gzip")
        .body(packed);
    let response = request.send().await.map_err(HttpsError::from)?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(PostError::Refused(status)),
    }
}
