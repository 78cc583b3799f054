use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use tokio::time::Instant;
use url::Url;

use super::*;

/// An authority of its own, and a certificate of it for `localhost`. They protect nothing.
const AUTHORITY: &str = include_str!("../../../tests/tls/authority.pem");
const CERTIFICATE: &str = include_str!("../../../tests/tls/certificate.pem");
const KEY: &str = include_str!("../../../tests/tls/key.pem");

/// Answers every request with `{}` over TLS; its port.
fn serve() -> u16 {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut connection) =
                (stream.unwrap(), ServerConnection::new(Arc::clone(&config)).unwrap());
            let mut tls = Stream::new(&mut connection, &mut stream);
            // A client that does not trust us hangs up.
            if tls.read(&mut [0; 4096]).is_ok() {
                tls.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").unwrap();
            }
            let _closed = stream.shutdown(Shutdown::Write);
        }
    });
    port
}

fn open(port: u16, ca_file: Option<std::path::PathBuf>) -> Transport {
    let base = Url::parse(&format!("https://localhost:{port}/")).unwrap();
    let auth = Auth::Bearer("c4n4ry-5ecret".into());
    Transport::open(Settings {
        ca_file,
        backoff: Duration::from_millis(10),
        timeout: Duration::from_secs(4),
        ..Settings::new(base, auth)
    })
    .unwrap()
}

#[tokio::test]
async fn an_own_authority_is_trusted_when_it_is_named_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    crate::sys::fs::Pending::create(&file)
        .and_then(|mut pending| {
            pending.write_all(AUTHORITY.as_bytes())?;
            pending.finish(&file)
        })
        .unwrap();
    let port = serve();
    assert_eq!(open(port, Some(file.clone())).read(&Call::get(&["a"])).await.unwrap().body, b"{}");
    // Nothing was sent, and trying again would not help.
    let start = Instant::now();
    let error = open(port, None).read(&Call::get(&["a"])).await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent { what } if what.contains("certificate")), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
    // Another name than the certificate's.
    let base = Url::parse(&format!("https://127.0.0.1:{port}/")).unwrap();
    let other = Settings { ca_file: Some(file), ..Settings::new(base, Auth::None) };
    let error = Transport::open(other).unwrap().read(&Call::get(&["a"])).await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent { what } if what.contains("certificate")), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_gets_no_request() {
    let server = super::server::Server::always(super::server::say(200, "{}")).await;
    let transport = open(server.base.port().unwrap(), None);
    let error = transport.change(&Call::post(&["a"]), "k").await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { .. }), "{error}");
    assert_eq!(server.count(), 0);
}
