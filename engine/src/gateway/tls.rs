//! Whose certificates the gateway's client believes.

use std::path::Path;

use reqwest::{Certificate, Client, ClientBuilder};

use super::GatewayError;

/// A client to be that checks certificates against the authorities in a PEM file, or against the system's.
pub(crate) fn trusting(authorities: Option<&Path>) -> Result<ClientBuilder, GatewayError> {
    crate::tls::choose_ring();
    let Some(path) = authorities else {
        return Ok(Client::builder());
    };
    let unusable = |cause: String| GatewayError::Authorities { path: path.display().to_string(), cause };
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(Client::builder().tls_certs_only(certificates))
}
