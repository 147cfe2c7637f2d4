//! TLS to Consul: whom we believe, and what we show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Where systems keep the authorities that everybody believes.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What variables say of TLS.
pub(super) struct Files {
    /// `CONSUL_HTTP_SSL_VERIFY`.
    pub verify: bool,
    /// `CONSUL_CACERT`.
    pub authorities: Option<PathBuf>,
    /// `CONSUL_CAPATH`: a folder.
    pub folder: Option<PathBuf>,
    /// `CONSUL_CLIENT_CERT`.
    pub certificate: Option<PathBuf>,
    /// `CONSUL_CLIENT_KEY`.
    pub key: Option<PathBuf>,
}

/// Reads the files.
///
/// # Errors
/// Which variable names a file that will not do.
pub(super) fn config(files: &Files) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let builder = match files.verify {
        true => builder.with_root_certificates(authorities(files)?),
        false => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody { provider }))
        }
    };
    let config = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates("CONSUL_CLIENT_CERT", certificate)?;
            let key_file = format!("CONSUL_CLIENT_KEY {}", key.display());
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| format!("{key_file}: {e}"))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| format!("{key_file}: {e}"))?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err("CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY go together".to_owned()),
    };
    Ok(Arc::new(config))
}

fn certificates(variable: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let fault = |e: &dyn std::fmt::Display| format!("{variable} {}: {e}", file.display());
    let found = CertificateDer::pem_file_iter(file).map_err(|e| fault(&e))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|e| fault(&e))?;
    match found.is_empty() {
        true => Err(fault(&"no certificate in it")),
        false => Ok(found),
    }
}

fn authorities(files: &Files) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    if let Some(file) = &files.authorities {
        store.add_parsable_certificates(certificates("CONSUL_CACERT", file)?);
    }
    if let Some(folder) = &files.folder {
        let entries = std::fs::read_dir(folder);
        let entries = entries.map_err(|e| format!("CONSUL_CAPATH {}: {e}", folder.display()))?;
        for entry in entries.flatten() {
            // Whatever else lies in the folder is no authority.
            if let Ok(found) = certificates("CONSUL_CAPATH", &entry.path()) {
                store.add_parsable_certificates(found);
            }
        }
    }
    if files.authorities.is_none() && files.folder.is_none() {
        let system = SYSTEM.iter().find_map(|f| certificates("", Path::new(f)).ok());
        store.add_parsable_certificates(system.unwrap_or_default());
    }
    match store.is_empty() {
        true => Err("TLS to Consul: no authority is known; name a file with CONSUL_CACERT".into()),
        false => Ok(store),
    }
}

/// Takes any certificate, as `CONSUL_HTTP_SSL_VERIFY=false` asks.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
