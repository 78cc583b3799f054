//! Decompression with caps: bounded memory, and bombs are errors.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::input::Limits;

/// Output before the ratio is judged: honest logs can start very repetitive.
const JUDGED_AFTER: u64 = 64 << 20;
/// Largest zstd window, as a power of two: 128 MiB.
const MAX_WINDOW_LOG: u32 = 27;

/// Counts compressed bytes as they are read.
pub(super) type Counter = Arc<AtomicU64>;

/// A reader that counts.
pub(super) struct Counting<R> {
    reader: R,
    count: Counter,
}

impl<R: Read> Counting<R> {
    pub(super) fn new(reader: R) -> (Self, Counter) {
        let count = Counter::default();
        (Self { reader, count: Arc::clone(&count) }, count)
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A decompressor under limits, whose errors say where in the compressed stream they are.
pub(super) struct Capped<R> {
    reader: R,
    packed: Counter,
    unpacked: u64,
    limits: Limits,
}

impl<R: Read> Capped<R> {
    pub(super) fn new(reader: R, packed: Counter, limits: Limits) -> Self {
        Self { reader, packed, unpacked: 0, limits }
    }

    fn check(&self) -> io::Result<()> {
        let packed = self.packed.load(Ordering::Relaxed).max(1);
        let refuse = |text: String| Err(io::Error::new(io::ErrorKind::InvalidData, text));
        if self.unpacked > self.limits.max_expanded {
            return refuse(format!(
                "decompressed stream is larger than {} bytes: raise --max-expanded if that is right",
                self.limits.max_expanded
            ));
        }
        if self.unpacked > JUDGED_AFTER && self.unpacked / packed > self.limits.max_ratio {
            return refuse(format!(
                "{} compressed bytes became {}, more than {} to 1: raise --max-ratio if that is right",
                packed, self.unpacked, self.limits.max_ratio
            ));
        }
        Ok(())
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        match self.reader.read(buffer) {
            Ok(read) => {
                self.unpacked += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let at = self.packed.load(Ordering::Relaxed);
                let what =
                    if error.kind() == io::ErrorKind::UnexpectedEof { "is cut off" } else { "is damaged" };
                Err(io::Error::new(
                    error.kind(),
                    format!(
                        "compressed stream {what} near compressed byte {at} ({error}): all before it was read"
                    ),
                ))
            }
        }
    }
}

/// A gzip stream of one or more members.
pub(super) fn gzip<R: Read + Send + 'static>(reader: R, limits: &Limits) -> impl Read + Send + use<R> {
    let (counting, count) = Counting::new(reader);
    Capped::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, counting)), count, *limits)
}

/// A zstd stream of one or more frames.
pub(super) fn zstd<R: Read + Send + 'static>(
    reader: R,
    limits: &Limits,
) -> io::Result<impl Read + Send + use<R>> {
    let (counting, count) = Counting::new(reader);
    let mut decoder = zstd::stream::read::Decoder::new(counting)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    Ok(Capped::new(decoder, count, *limits))
}
