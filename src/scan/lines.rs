//! Lines of a part of a plain file, in blocks that hold only whole lines.
//!
//! A line belongs to the part in which its first byte lies. So parts can be read side by side, and where the borders
//! are changes nothing in what is read.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::decode::PADDING;

/// Bytes read at first where the rest of a line is looked for.
const PROBE: usize = 4096;

/// A piece of a part.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Whole lines: the first `len` bytes of the buffer, which stand at `offset`.
    Lines {
        /// Offset in the file.
        offset: u64,
        /// Bytes in the buffer.
        len: usize,
    },
    /// A line longer than the limit, its line end included.
    TooLong {
        /// Offset in the file.
        offset: u64,
        /// Bytes.
        length: u64,
        /// Whether it ends in a newline (or with the file).
        ended: bool,
    },
}

/// Reads a part of a file piece by piece into one buffer.
pub struct Lines<'a> {
    file: &'a File,
    buffer: &'a mut Vec<u8>,
    at: u64,
    end: u64,
    block: usize,
    max_record: usize,
}

impl<'a> Lines<'a> {
    /// The lines that start in `part`. `buffer` is the reader's from now on; `block` bytes are read at a time. A part
    /// that starts at 0 starts with a line, after `skip` bytes that are none (a byte order mark).
    pub fn new(
        file: &'a File,
        part: Range<u64>,
        skip: u64,
        block: usize,
        max_record: usize,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<Self> {
        let mut lines = Self { file, buffer, at: part.start + skip, end: part.end, block, max_record };
        if part.start > 0 {
            lines.at = lines.first_line_start(part.start - 1)?;
        }
        Ok(lines)
    }

    /// The buffer with the lines of the last piece; padded.
    pub fn buffer(&self) -> &[u8] {
        self.buffer
    }

    /// Reads the next piece; `None` at the part's end.
    pub fn read(&mut self) -> io::Result<Option<Piece>> {
        if self.at >= self.end {
            return Ok(None);
        }
        // No more than the part's last line is likely to need.
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let mut want = self.block.min(left.saturating_add(PROBE));
        loop {
            let filled = self.fill(want)?;
            let content = self.buffer.get(..filled).unwrap_or_default();
            if let Some(len) = self.cut(content) {
                return Ok(Some(self.lines(len)));
            }
            if filled < want {
                return Ok(self.last_line(filled));
            }
            if filled > self.max_record {
                return self.skip_long().map(Some);
            }
            want = want
                .saturating_mul(2)
                .max(self.block.min(self.max_record + 1))
                .min(self.max_record + self.block);
        }
    }

    /// The file ends in a line without newline.
    fn last_line(&mut self, filled: usize) -> Option<Piece> {
        if filled == 0 || filled <= self.max_record {
            return (filled > 0).then(|| self.lines(filled));
        }
        let (offset, length) = (self.at, filled as u64);
        self.at += length;
        Some(Piece::TooLong { offset, length, ended: false })
    }

    fn lines(&mut self, len: usize) -> Piece {
        let offset = self.at;
        self.at += len as u64;
        self.buffer.truncate(len);
        self.buffer.resize(len + PADDING, 0);
        Piece::Lines { offset, len }
    }

    /// Length of the whole lines at the buffer's start that are this part's.
    fn cut(&self, content: &[u8]) -> Option<usize> {
        let reach = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        if content.len() < reach {
            return memchr::memrchr(b'\n', content).map(|newline| newline + 1);
        }
        // The last line to start before the end stops at the first newline from there on.
        let from = reach - 1;
        let tail = content.get(from..).unwrap_or_default();
        match memchr::memchr(b'\n', tail) {
            Some(newline) => Some(from + newline + 1),
            None => memchr::memrchr(b'\n', content.get(..from)?).map(|newline| newline + 1),
        }
    }

    fn fill(&mut self, want: usize) -> io::Result<usize> {
        self.buffer.resize(want, 0);
        let mut filled = 0;
        while filled < want {
            let Some(rest) = self.buffer.get_mut(filled..) else { break };
            match self.file.read_at(rest, self.at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// A line over the limit starts at `self.at`: finds its end without keeping it.
    fn skip_long(&mut self) -> io::Result<Piece> {
        let offset = self.at;
        loop {
            let filled = self.fill(self.block)?;
            let content = self.buffer.get(..filled).unwrap_or_default();
            let newline = memchr::memchr(b'\n', content);
            self.at += newline.map_or(filled, |newline| newline + 1) as u64;
            if newline.is_some() || filled < self.block {
                return Ok(Piece::TooLong { offset, length: self.at - offset, ended: newline.is_some() });
            }
        }
    }

    /// Where the first line starts whose preceding newline is at or after `from`; the part's end if there is none
    /// within it.
    fn first_line_start(&mut self, from: u64) -> io::Result<u64> {
        self.at = from;
        while self.at + 1 < self.end {
            let filled = self.fill(PROBE)?;
            let content = self.buffer.get(..filled).unwrap_or_default();
            if let Some(newline) = memchr::memchr(b'\n', content) {
                return Ok(self.at + newline as u64 + 1);
            }
            if filled < PROBE {
                break;
            }
            self.at += filled as u64;
        }
        Ok(self.end)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// Every line with its offset and length, read in parts of `part` bytes.
    fn read(file: &File, size: u64, part: u64, block: usize, max_record: usize) -> Vec<(u64, u64, bool)> {
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        let mut start = 0;
        while start < size {
            let range = start..(start + part).min(size);
            let mut lines = Lines::new(file, range, 0, block, max_record, &mut buffer).unwrap();
            while let Some(piece) = lines.read().unwrap() {
                match piece {
                    Piece::TooLong { offset, length, .. } => found.push((offset, length, true)),
                    Piece::Lines { offset, len } => {
                        let mut at = offset;
                        for line in lines.buffer()[..len].split_inclusive(|&byte| byte == b'\n') {
                            // The decoder refuses lines over the limit that came along in a block.
                            let content = line.len() - usize::from(line.ends_with(b"\n"));
                            found.push((at, line.len() as u64, content > max_record));
                            at += line.len() as u64;
                        }
                    }
                }
            }
            start += part;
        }
        found
    }

    proptest! {
        #[test]
        fn borders_change_nothing(
            lengths in prop::collection::vec(0usize..40, 0..20),
            last in 0usize..10,
            part in 1u64..60,
            block in 1usize..50,
        ) {
            let mut text: String = lengths.iter().map(|&length| "x".repeat(length) + "\n").collect();
            text.push_str(&"y".repeat(last));
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let mut at = 0;
            let expected: Vec<_> = text.split_inclusive('\n').map(|line| {
                let start = at;
                at += line.len() as u64;
                (start, line.len() as u64, line.trim_end_matches('\n').len() > 25)
            }).collect();
            prop_assert_eq!(read(&file, text.len() as u64, part, block, 25), expected);
        }
    }
}
