//! The ways by which letters leave: the mail server up to the sign-in, the webhook's server. Nothing is sent to anybody.

use super::Row;
use crate::cli::letters;
use crate::cli::ui::Ui;
use crate::config::Config;
use crate::config::notify::Audience;
use crate::lockdown::provider::CheckState;

/// The name of these lines.
const SYSTEM: &str = "notify";

pub(super) async fn rows(ui: &Ui, config: &Config) -> Vec<Row> {
    let ways = letters::ways(ui, config, true);
    let mut rows = Vec::new();
    if let Some(mail) = &ways.mail {
        let what = "sign in to the mail server";
        rows.push(match mail {
            Ok(mail) => row(what, mail.try_out().await, "whether it takes a letter, only one shows"),
            Err(why) => row(what, Err(why.clone()), ""),
        });
    }
    if let Some(hook) = &ways.hook {
        let what = "reach the webhook's server";
        rows.push(match hook {
            Ok(hook) => row(what, hook.try_out().await, "whether it takes a letter, only one shows"),
            Err(why) => row(what, Err(why.clone()), ""),
        });
    }
    let unread: Vec<&str> = Audience::ALL
        .into_iter()
        .filter(|audience| config.notify.smtp.is_some() && config.notify.of(*audience).is_empty())
        .map(Audience::name)
        .collect();
    if !unread.is_empty() {
        let note = format!("[notify] names nobody for {}: these letters stay files", unread.join(", "));
        rows.push(Row::new(SYSTEM, "leave letters that nobody is sent", CheckState::Works, note));
    }
    rows
}

fn row(what: &str, tried: Result<(), String>, note: &str) -> Row {
    match tried {
        Ok(()) => Row::new(SYSTEM, what, CheckState::Works, note),
        Err(why) => {
            let note = format!("{why}; letters stay files in the incident's folder");
            Row::new(SYSTEM, what, CheckState::Missing, note)
        }
    }
}
