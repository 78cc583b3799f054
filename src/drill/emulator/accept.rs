//! The accept loop, and the way from a socket to [`Core`] and back.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Limited};
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::body::{self, Body};
use super::core::{Arrival, Core, Reply};
use super::server::lock;
use super::trap::Caught;
use super::wire::{Fuse, Wire};
use super::{Answer, Request, SERVICES, Service, http};

/// Largest body of a request.
const LARGEST: usize = 16 << 20;

/// Called before the effect of a changing request.
pub(super) type OnChange = Arc<dyn Fn(&str, &Request) + Send + Sync>;

/// What connections share.
pub(super) struct Shared {
    pub(super) core: Mutex<Core>,
    pub(super) on_change: Mutex<Option<OnChange>>,
    pub(super) caught: Caught,
    /// Open connections and requests in work.
    pub(super) busy: Mutex<u64>,
    pub(super) quiet: Condvar,
    address: SocketAddr,
    started: Instant,
}

impl Shared {
    pub(super) fn new(core: Core, address: SocketAddr, started: Instant) -> Self {
        Self {
            core: Mutex::new(core),
            on_change: Mutex::new(None),
            caught: Caught::default(),
            busy: Mutex::new(0),
            quiet: Condvar::new(),
            address,
            started,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Something in work; counted until dropped.
struct Busy(Arc<Shared>);

impl Busy {
    fn new(shared: &Arc<Shared>) -> Self {
        *lock(&shared.busy) += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut busy = lock(&self.0.busy);
        *busy -= 1;
        if *busy == 0 {
            self.0.quiet.notify_all();
        }
    }
}

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let busy = Busy::new(&shared);
                    connections.spawn(connection(stream, Arc::clone(&shared), busy));
                }
                // Out of descriptors: others will close.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, busy: Busy) {
    let _busy = busy;
    // Small answers at once; where that fails they come a little later.
    let _ = stream.set_nodelay(true);
    let fuse = Fuse::default();
    let io = TokioIo::new(Wire::new(stream, fuse.clone()));
    let answer = service_fn(move |request| answer(request, Arc::clone(&shared), fuse.clone()));
    // A client that shuts its side, or dies, has still sent its request; errors are the client's going away, or ours.
    let _ = http1::Builder::new().half_close(true).serve_connection(io, answer).await;
}

/// An error here closes the connection without an answer.
async fn answer(
    incoming: hyper::Request<Incoming>,
    shared: Arc<Shared>,
    fuse: Fuse,
) -> io::Result<Response<Body>> {
    let lost = || io::Error::from(io::ErrorKind::ConnectionAborted);
    let faults = lock(&shared.core).faults.clone();
    let (head, body) = incoming.into_parts();
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return Ok(body::response(Answer::empty(413), None, &faults));
    };
    let (service, request) = mount(&head, body.to_bytes().to_vec(), shared.address);
    // Its own task: the effect happens whether or not the client is still there for the answer.
    let busy = Busy::new(&shared);
    let work = tokio::spawn(work(shared, service, request, busy));
    match work.await.map_err(io::Error::other)? {
        Reply::Answer(answer, dress) => Ok(body::response(answer, dress, &faults)),
        Reply::Hold => {
            tokio::time::sleep(Duration::from_millis(faults.hold_ms)).await;
            Err(lost())
        }
        Reply::Reset => {
            fuse.blow();
            Err(lost())
        }
    }
}

async fn work(
    shared: Arc<Shared>,
    service: Option<&'static dyn Service>,
    request: Request,
    busy: Busy,
) -> Reply {
    let _busy = busy;
    let arrival: Arrival = lock(&shared.core).arrive(service, &request, shared.now());
    if let Some(service) = service.filter(|service| service.changes(&request)) {
        // Called without the lock, so that it may ask the emulator.
        let call = lock(&shared.on_change).clone();
        if let Some(call) = call {
            call(service.name(), &request);
        }
    }
    tokio::time::sleep(arrival.delay).await;
    let now = shared.now();
    lock(&shared.core).act(service, &request, &arrival, now)
}

/// Finds the service of a request, and takes its prefix off.
fn mount(
    head: &hyper::http::request::Parts,
    body: Vec<u8>,
    address: SocketAddr,
) -> (Option<&'static dyn Service>, Request) {
    let path = head.uri.path();
    let (name, rest) = path
        .strip_prefix('/')
        .map_or(("", path), |path| path.find('/').map_or((path, ""), |slash| path.split_at(slash)));
    let service = SERVICES.iter().copied().find(|service| service.name() == name);
    let path = if service.is_some() { rest } else { path };
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let request = Request {
        method: head.method.to_string(),
        path: path.to_owned(),
        query: http::pairs(head.uri.query().unwrap_or_default()),
        headers: headers.collect(),
        body,
        origin: format!("http://{address}/{name}"),
    };
    (service, request)
}
