//! A server for the tests that is nothing but sockets: what it received is what was sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// `GET /path?query`.
    pub(super) line: String,
    /// In lower case, with their values.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// The connection it came on, from 0.
    pub(super) connection: usize,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Sends these bytes and keeps the connection.
    Say(Vec<u8>),
    /// Sends these bytes and closes.
    SayAndClose(Vec<u8>),
    /// Sends these bytes and resets the connection.
    SayAndReset(Vec<u8>),
    /// Waits, then sends.
    Late(Duration, Vec<u8>),
}

/// A whole answer.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}").into_bytes()
}

pub(super) fn say(status: u16, body: &str) -> Act {
    Act::Say(answer(status, &[], body))
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) base: Url,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// Answers the request of this number, from 0, by `act`.
    pub(super) async fn start(act: impl Fn(usize, &Received) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/api", listener.local_addr().unwrap())).unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (all, act) = (Arc::clone(&received), Arc::new(act));
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, connection, Arc::clone(&all), Arc::clone(&act)));
                connection += 1;
            }
        });
        Self { base, received }
    }

    /// Always the same.
    pub(super) async fn always(act: Act) -> Self {
        Self::start(move |_, _| act.clone()).await
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

async fn serve<F>(mut stream: TcpStream, connection: usize, all: Arc<Mutex<Vec<Received>>>, act: Arc<F>)
where
    F: Fn(usize, &Received) -> Act,
{
    while let Some(request) = receive(&mut stream, connection).await {
        let number = {
            let mut all = all.lock().unwrap();
            all.push(request.clone());
            all.len() - 1
        };
        match act(number, &request) {
            Act::Say(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
            Act::SayAndClose(bytes) => return stream.write_all(&bytes).await.unwrap_or_default(),
            Act::SayAndReset(bytes) => {
                stream.write_all(&bytes).await.unwrap_or_default();
                // Long enough for the bytes to be read.
                tokio::time::sleep(Duration::from_millis(30)).await;
                return stream.set_zero_linger().unwrap_or_default();
            }
            Act::Late(wait, bytes) => {
                tokio::time::sleep(wait).await;
                stream.write_all(&bytes).await.unwrap_or_default();
            }
        }
    }
}

async fn receive(stream: &mut TcpStream, connection: usize) -> Option<Received> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head + 4..].to_vec()).unwrap();
    Some(Received { line, headers, body, connection })
}
