//! Zip archives: their members as inputs. Nothing is ever written, so no member's path can leave the archive.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::decompress::Counting;
use super::input::{self, Compression, Left, Limits};

/// Most members of an archive.
const MAX_MEMBERS: usize = 10_000;

/// What an archive holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Members to read: the name in the archive, and the same as a plain relative path.
    pub(super) members: Vec<(String, String)>,
    /// Members with something wrong.
    pub(super) problems: Vec<(String, String)>,
    /// Members that are left alone, as in a folder.
    pub(super) left: Left,
}

/// Lists the members that are files.
pub(super) fn members(path: &Path) -> io::Result<Listing> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))?;
    if archive.len() > MAX_MEMBERS {
        return Err(io::Error::other("more than 10,000 members"));
    }
    let mut listing = Listing::default();
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at)?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if member.is_dir() {
            continue;
        }
        let (clean, leaves) = clean_path(&name);
        if leave(&clean, &mut listing.left) {
            continue;
        }
        if member.encrypted() {
            listing.problems.push((name, "member is encrypted: unpack it first".to_owned()));
            continue;
        }
        if !matches!(member.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            listing
                .problems
                .push((name, format!("compression method {} is not supported", member.compression())));
            continue;
        }
        if leaves {
            listing.problems.push((
                name.clone(),
                "member's path leaves the archive; read under a cleaned path".to_owned(),
            ));
        }
        listing.members.push((name, clean));
    }
    listing.members.sort();
    Ok(listing)
}

/// Whether a member is left alone; if so it is counted.
fn leave(clean: &str, left: &mut Left) -> bool {
    let is_hidden = |part: &str| part.starts_with('.');
    let count = if clean.split('/').any(|part| part == "__MACOSX") {
        &mut left.macos
    } else if clean.split('/').any(is_hidden) {
        &mut left.hidden
    } else if clean.rsplit('/').next() == Some("README.md") {
        &mut left.readme
    } else {
        return false;
    };
    *count += 1;
    true
}

/// A member's path without roots, drives and `..`; and whether it had any.
fn clean_path(name: &str) -> (String, bool) {
    let name = name.replace('\\', "/");
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let odd = |part: &&str| *part == ".." || part.ends_with(':');
    let leaves = name.starts_with('/') || parts.iter().any(&odd);
    let kept: Vec<&str> = parts.into_iter().filter(|part| !odd(part)).collect();
    (kept.join("/"), leaves)
}

/// Opens a member as its decompressed stream.
pub(super) fn open(path: &Path, name: &str, limits: &Limits) -> io::Result<Box<dyn Read + Send>> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))?;
    let at = find(&mut archive, name)?;
    let member = archive.by_index_raw(at)?;
    let start = member.data_start().ok_or_else(|| io::Error::other("member has no data"))?;
    let (packed, size, crc) = (member.compressed_size(), member.size(), member.crc32());
    let method = member.compression();
    drop(member);
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let (data, count) = Counting::new(BufReader::new(file.take(packed)));
    let checked =
        |reader: Box<dyn Read + Send>| Checked { reader, crc: flate2::Crc::new(), left: size, wanted: crc };
    let reader = match method {
        CompressionMethod::Stored => checked(Box::new(data)),
        _ => checked(Box::new(DeflateDecoder::new(data))),
    };
    refuse_nested(input::capped(reader, limits, count))
}

fn find(archive: &mut ZipArchive<BufReader<File>>, name: &str) -> io::Result<usize> {
    for at in 0..archive.len() {
        if String::from_utf8_lossy(archive.by_index_raw(at)?.name_raw()) == name {
            return Ok(at);
        }
    }
    Err(io::Error::other("member is not in the archive any more"))
}

/// An archive in the archive is not unpacked.
fn refuse_nested(mut reader: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut head)?;
    if input::magic(&head) != Compression::None {
        return Err(io::Error::other("member is itself compressed: unpack it first"));
    }
    Ok(Box::new(io::Cursor::new(head).chain(reader)))
}

/// Checks size and CRC-32 at the member's end.
struct Checked {
    reader: Box<dyn Read + Send>,
    crc: flate2::Crc,
    left: u64,
    wanted: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "member is shorter than it says"));
            }
            if self.crc.sum() != self.wanted {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "CRC-32 does not match"));
            }
            return Ok(0);
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "member is longer than it says"))?;
        self.crc.update(bytes);
        Ok(read)
    }
}
