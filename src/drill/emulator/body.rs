//! Bodies of answers: whole, dribbling, cut short, huge.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;

use super::{Answer, Faults, What};

/// A body as the server sends it.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Most pieces of a dribbling body: long ones must not take minutes.
const MOST_PIECES: usize = 24;
/// Piece of a huge body.
const BLOCK: &[u8] = &[b' '; 1 << 16];
/// How long a cut body waits before it ends, so that what was sent does arrive.
const BEFORE_CUT: Duration = Duration::from_millis(30);

/// The response for an answer, dressed in a fault of the body if there is one.
pub(super) fn response(answer: Answer, fault: Option<What>, faults: &Faults) -> Response<Body> {
    let Answer { mut status, headers, body } = answer;
    let mut length = None;
    let body = match fault {
        Some(What::SlowBody) => dribble(&body, Duration::from_millis(faults.dribble_ms)),
        Some(What::TruncatedBody) => {
            if matches!(status, 204 | 304) {
                status = 200;
            }
            length = Some(body.len() + 64);
            cut(&body)
        }
        Some(What::HugeBody) => huge(body, faults.huge_bytes),
        _ => whole(body),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    if let Some(length) = length {
        response = response.header("content-length", length);
    }
    response.body(body).unwrap_or_else(|_| {
        let mut failed = Response::new(whole(Vec::new()));
        *failed.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}

fn whole(body: Vec<u8>) -> Body {
    Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync()
}

fn dribble(body: &[u8], wait: Duration) -> Body {
    let piece = body.len().div_ceil(MOST_PIECES).max(1);
    let pieces: Vec<Bytes> = body.chunks(piece).map(Bytes::copy_from_slice).collect();
    let pieces = stream::unfold(pieces.into_iter(), move |mut left| async move {
        let next = left.next()?;
        tokio::time::sleep(wait).await;
        Some((Ok::<_, io::Error>(Frame::data(next)), left))
    });
    StreamBody::new(pieces).boxed_unsync()
}

fn cut(body: &[u8]) -> Body {
    let half = body.chunks(body.len().div_ceil(2).max(1)).next().unwrap_or_default();
    let half = Bytes::copy_from_slice(half);
    let frames = stream::unfold(Some(half), |left| async move {
        match left {
            Some(half) if !half.is_empty() => Some((Ok(Frame::data(half)), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(BEFORE_CUT).await;
                Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None))
            }
            None => None,
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Blanks, then the body: a reader that takes all of it in finds valid JSON at its end.
fn huge(body: Vec<u8>, bytes: u64) -> Body {
    let blocks = bytes / BLOCK.len() as u64;
    let frames = stream::unfold((blocks, Some(body)), |(blocks, body)| async move {
        if let Some(left) = blocks.checked_sub(1) {
            return Some((Ok::<_, io::Error>(Frame::data(Bytes::from_static(BLOCK))), (left, body)));
        }
        body.map(|body| (Ok(Frame::data(Bytes::from(body))), (0, None)))
    });
    StreamBody::new(frames).boxed_unsync()
}
