//! An encrypted copy of a bag for whoever is to have it: a tar archive, encrypted by age as it is packed. The bag itself stays
//! as it is.

use std::io::{self, Write};
use std::path::Path;

use age::x25519::Recipient;
use walkdir::WalkDir;

use super::seal::{Order, SealError};
use crate::sys::fs::Pending;

/// Who can open the copy.
pub type Recipients = Vec<Recipient>;

/// Packs the folder under the name of the ticket; nothing where there are no recipients.
pub(super) fn pack(
    folder: &Path,
    ticket: &str,
    path: Option<&Path>,
    order: &Order<'_>,
) -> Result<Option<Pending>, SealError> {
    let Some(path) = path else { return Ok(None) };
    let packed = Pending::create_private(path).and_then(|mut pending| {
        let recipients = order.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        let writer = encryptor.wrap_output(io::BufWriter::new(&mut pending))?;
        let seconds = u64::try_from(order.at.nanos / 1_000_000_000).unwrap_or_default();
        tar(folder, ticket, seconds, writer)?.finish()?.flush()?;
        Ok(pending)
    });
    packed.map(Some).map_err(|error| SealError::Io { path: path.to_owned(), error })
}

/// Owners and modes are not those of this machine.
fn tar<W: Write>(folder: &Path, ticket: &str, seconds: u64, out: W) -> io::Result<W> {
    let mut archive = tar::Builder::new(out);
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        let name = entry.path().strip_prefix(folder).map_err(io::Error::other)?;
        let path = Path::new(ticket).join(name);
        let mut header = tar::Header::new_gnu();
        header.set_mtime(seconds);
        if entry.file_type().is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o700);
            header.set_size(0);
            archive.append_data(&mut header, path, io::empty())?;
        } else {
            let file = std::fs::File::open(entry.path())?;
            header.set_mode(0o600);
            header.set_size(file.metadata()?.len());
            archive.append_data(&mut header, path, file)?;
        }
    }
    archive.into_inner()
}
