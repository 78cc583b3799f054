//! The other host, to which a fault redirects: it notes who comes, and whether with credentials.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::http::{has_credentials, pairs};

/// Somebody who followed a redirect to another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trapped {
    /// Method of the request.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Whether it carried credentials, which no client may do.
    pub with_credentials: bool,
}

/// What the trap caught.
pub(super) type Caught = Arc<Mutex<Vec<Trapped>>>;

/// Answers whoever comes, for as long as the runtime lives.
pub(super) async fn serve(listener: TcpListener, caught: Caught) {
    while let Ok((stream, _)) = listener.accept().await {
        let caught = Arc::clone(&caught);
        let note = service_fn(move |request: hyper::Request<Incoming>| {
            let caught = Arc::clone(&caught);
            async move {
                let mut trapped = Trapped {
                    method: request.method().to_string(),
                    path: request.uri().path().to_owned(),
                    with_credentials: has_credentials(
                        request.headers().keys().map(hyper::header::HeaderName::as_str),
                    ),
                };
                // A client may show its secret in a form.
                let form = request.into_body().collect().await;
                let form = form.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                trapped.with_credentials |=
                    pairs(&String::from_utf8_lossy(&form)).iter().any(|(name, _)| name == "client_secret");
                caught.lock().unwrap_or_else(PoisonError::into_inner).push(trapped);
                let body = Full::new(Bytes::from_static(br#"{"status":"ok","results":[]}"#));
                Ok::<_, Infallible>(hyper::Response::new(body))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), note));
    }
}
