//! Input as an attacker would shape it, made on demand: too large to keep in a repository.

use std::io::{self, Write};

/// A record nested `levels` deep.
pub fn deep(levels: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(levels * 6 + 16);
    for _ in 0..levels {
        out.extend_from_slice(b"{\"a\":");
    }
    out.extend_from_slice(b"1");
    out.resize(out.len() + levels, b'}');
    out.push(b'\n');
    out
}

/// One line and its newline: a string of `bytes` bytes in an object.
pub fn long_line(bytes: u64, out: &mut dyn Write) -> io::Result<()> {
    let block = vec![b'x'; 1 << 16];
    let mut left = bytes;
    out.write_all(b"{\"a\":\"")?;
    while left > 0 {
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        out.write_all(block.get(..take).unwrap_or_default())?;
        left -= take as u64;
    }
    out.write_all(b"\"}\n")
}
