//! Refreshes of extracts: one of the same at a time, over after a while.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Refusal, Replied, State, missing};
use crate::drill::emulator::Moment;
use crate::event::time::Timestamp;

/// A refresh.
#[derive(Clone, Serialize)]
pub struct Job {
    /// Of what: `datasources/ID`, `workbooks/ID`.
    pub of: String,
    /// When it is over, in milliseconds since the emulator started.
    pub ends_ms: u64,
    /// How it ends.
    pub code: u8,
    created: String,
    ended: String,
}

impl State {
    /// Begins a refresh of what is there under this name.
    pub(super) fn refresh(&mut self, name: &str, id: &str, gets_in: bool, moment: &Moment<'_>) -> Replied {
        let switches = &moment.switches.tableau;
        if !self.contents.get(name).is_some_and(|content| content.extract) {
            let detail = format!("Extract operation for '{name}' is not allowed.");
            return Err(Refusal(409, "409090", "Bad Request", detail));
        }
        // It runs from half of its time on.
        let open = |job: &Job| {
            let queued = job.ends_ms.saturating_sub(switches.refresh_ms / 2);
            job.of == name && moment.millis() < if switches.running_conflicts { job.ends_ms } else { queued }
        };
        if self.jobs.values().any(open) {
            let detail = format!("Job for '{name}' is already queued. Not queuing a duplicate.");
            return Err(Refusal(409, "409093", "Resource Conflict", detail));
        }
        let lasts = i64::try_from(switches.refresh_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let ended = Timestamp { nanos: moment.wall.nanos.saturating_add(lasts), ..moment.wall };
        let job = Job {
            of: name.to_owned(),
            ends_ms: moment.millis().saturating_add(switches.refresh_ms),
            code: if gets_in { switches.finish_code } else { 1 },
            created: moment.wall.to_rfc3339(),
            ended: ended.to_rfc3339(),
        };
        let begun = job.shown(id);
        self.jobs.insert(id.to_owned(), job);
        Ok((202, json!({ "job": begun })))
    }

    /// What has become of a refresh. What it could not get in with is in its notes.
    pub(super) fn job(&self, id: &str, moment: &Moment<'_>) -> Replied {
        let job = self.jobs.get(id).ok_or_else(|| missing("404009", id))?;
        let mut shown = job.shown(id);
        let over = moment.millis() >= job.ends_ms;
        let connections =
            self.contents.get(&job.of).into_iter().flat_map(|content| content.connections.values());
        let tried: Vec<String> =
            connections.map(|one| format!("{}:{}", one.username, one.password)).collect();
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("progress".to_owned(), json!(if over { 100 } else { 0 }));
            if over {
                fields.insert("completedAt".to_owned(), json!(job.ended));
                fields.insert("finishCode".to_owned(), json!(job.code));
            }
            let refresh = fields.get_mut("extractRefreshJob").and_then(Value::as_object_mut);
            if let (true, Some(refresh)) = (over && job.code == 1, refresh) {
                refresh.insert("notes".to_owned(), json!(format!("Login failed with {}", tried.join(", "))));
            }
        }
        Ok((200, json!({ "job": shown })))
    }
}

impl Job {
    fn shown(&self, id: &str) -> Value {
        let (kind, of) = self.of.split_once('/').unwrap_or_default();
        json!({
            "id": id, "mode": "Asynchronous", "type": "RefreshExtract", "createdAt": self.created,
            "extractRefreshJob": { kind.trim_end_matches('s'): { "id": of, "name": of } },
        })
    }
}
