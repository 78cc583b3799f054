//! Letters of an incident: files after each run, sent at its end or by `notify`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use secrecy::SecretString;

use super::door::Process;
use super::error::CliError;
use super::ui::Ui;
use crate::config::notify::When;
use crate::config::{Config, Inventory, Reference};
use crate::letters::hook::Hook;
use crate::letters::mail::Mail;
use crate::letters::post::{Post, post};
use crate::letters::send::{self, Note, Told, Ways};
use crate::letters::{FOLDER, Letter, letters};
use crate::lockdown::incidents::Held;
use crate::lockdown::message::Fate;
use crate::lockdown::record::Record;
use crate::output::escape::Safe;
use crate::sys::fs::Pending;

/// Writes the letters. A run does not fail without them.
pub fn leave(ui: &Ui, held: &Held, record: &Record) {
    let folder = held.folder.join(FOLDER);
    match write(&folder, &letters(record)) {
        Ok(()) => ui.note(&format!("letters: {}", folder.display())),
        Err(error) => ui.warn(&format!("cannot write {}: {error}", folder.display())),
    }
}

fn write(folder: &Path, letters: &[Letter]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for letter in letters {
        let path = folder.join(&letter.file);
        let mut pending = Pending::create_private(&path)?;
        pending.write_all(letter.page().as_bytes())?;
        pending.finish(&path)?;
    }
    Ok(())
}

/// Which letter goes to whom, by the configuration and the inventory as they are now.
///
/// # Errors
/// The inventory cannot be read.
pub fn addressed(config: &Config, record: &Record) -> Result<Post, CliError> {
    let inventory = config.inventory.as_deref().map(|path| Inventory::load(path, config.known()));
    let inventory = inventory.transpose()?.unwrap_or_default();
    let owners = inventory.integrations.into_iter().filter_map(|integration| integration.owner);
    Ok(post(record, letters(record), &config.notify, &owners.collect::<BTreeSet<String>>()))
}

/// Opens the ways. What does not work is said for each message. `ask`: whether a credential may be asked for on the terminal.
pub fn ways(ui: &Ui, config: &Config, ask: bool) -> Ways {
    let resolve = |reference: &Reference| resolve(ui, reference, ask);
    let mail = config.notify.smtp.as_ref().map(|smtp| {
        let password = smtp.credential.as_ref().map(resolve).transpose()?;
        Mail::open(smtp, &config.http, password)
    });
    let hook = config.notify.webhook.as_ref().map(|webhook| {
        let token = webhook.credential.as_ref().map(resolve).transpose()?;
        Hook::open(&resolve(&webhook.url)?, webhook.form, token, &config.http)
    });
    Ways { mail, hook }
}

fn resolve(ui: &Ui, reference: &Reference, ask: bool) -> Result<SecretString, String> {
    if !ask && matches!(reference, Reference::Prompt(_)) {
        return Err(
            "its credential is asked for on the terminal: `portcullis notify INCIDENT --send`".to_owned()
        );
    }
    ui.progress_note("credential for letters");
    reference.resolve(&Process).map_err(|error| error.to_string())
}

/// Sends what the configuration wants sent at the end of a run. Whatever comes of it is said, and changes nothing else: neither the
/// verdict, which stands, nor the exit code.
pub async fn send_at_end(ui: &Ui, config: &Config, record: &Record, note: &Note<'_>) {
    if config.notify.when != When::End || !config.notify.can_send() {
        return;
    }
    let post = match addressed(config, record) {
        Ok(post) => post,
        Err(error) => return ui.warn(&format!("letters were not sent: {}", Safe(error.message()))),
    };
    if post.items.iter().all(crate::letters::post::Item::is_sent) {
        return;
    }
    let (ways, limit) = (ways(ui, config, false), config.http.deadline);
    let watch = |told: &Told| say(ui, told);
    let sent = send::send(&post.items, &ways, record, note, limit, &watch);
    tokio::select! {
        sent = sent => if let Err(error) = sent {
            ui.warn(&format!("letters are not sent any more: {error}"));
        },
        _signal = tokio::signal::ctrl_c() => {
            ui.warn("interrupted: letters that are left were not sent; `portcullis notify INCIDENT --send` sends them");
        }
    }
}

/// One line for a message whose outcome is known.
pub fn say(ui: &Ui, told: &Told) {
    if told.again {
        ui.warn(&format!("{} was sent again: it may have arrived before", line(told)));
    }
    let why = if told.why.is_empty() { String::new() } else { format!(": {}", Safe(&told.why)) };
    let text = format!("{}: {}{why}", line(told), told.fate);
    if told.fate == Fate::Accepted { ui.note(&text) } else { ui.warn(&text) }
}

fn line(told: &Told) -> String {
    let item = &told.item;
    let to = if item.to == item.way.to_string() { String::new() } else { format!(" to {}", Safe(&item.to)) };
    format!("{} by {}{to}", item.letter.file, item.way)
}
