//! Which credentials an account made, saw or could see, and who works with them.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Unexplained;
use super::spans::Stretch;
use super::{Consumer, Exposed, Sources, Verdict, project_name, time};
use crate::config::{Integration, IntegrationKind};
use crate::event::time::{TimeOptions, TimeReader};
use crate::governance::access::{Could, same};
use crate::governance::estate::Account;
use crate::governance::matrix::{Credential, CredentialKind, Matrix, Rotate};
use crate::governance::replay::Past;

/// The capability by which pipelines, imports and raw exports are set up.
const CARRIES: &str = "carry-data-out";
/// The capability by which cohorts are sent elsewhere.
const SYNCS: &str = "sync-cohorts";

/// What was found.
pub(super) struct Found {
    pub(super) credentials: Vec<Exposed>,
    pub(super) consumers: Vec<Consumer>,
    /// The account, and the service accounts that it made: by what name a log has them, in lower case.
    pub(super) actors: BTreeSet<String>,
    pub(super) gaps: Vec<String>,
}

/// When a capability was there, and by what.
struct Shown {
    could: Could,
    /// In words: `admin from … until …`.
    why: String,
    /// When it ended, where it did and that is told.
    end: Option<i64>,
}

/// Whether credentials of a project could be seen at any time. `unseen`: there are kinds of grants of which nothing is known.
pub(super) fn project(past: &Past, project: &str, unseen: bool, matrix: &Matrix) -> Could {
    let could = past.moments.iter().map(|moment| moment.reach.could(project, "api-credentials", matrix));
    could.max().unwrap_or_default().max(if unseen { Could::Maybe } else { Could::No })
}

/// Finds them.
pub(super) fn find(
    sources: &Sources<'_>,
    (past, ways): (&Past, &BTreeMap<String, Vec<Stretch>>),
    projects: &BTreeSet<String>,
    (unseen, is_active, unexplained): (bool, bool, &BTreeMap<String, Unexplained>),
    matrix: &Matrix,
) -> Found {
    let mut finder = Finder {
        sources,
        past,
        ways,
        unseen,
        is_active,
        unexplained,
        matrix,
        out: Found {
            credentials: Vec::new(),
            consumers: Vec::new(),
            actors: [sources.account.to_owned()].into(),
            gaps: Vec::new(),
        },
    };
    finder.accounts();
    for kind in [CredentialKind::ApiSecret, CredentialKind::ProjectToken] {
        projects.iter().for_each(|project| finder.of_project(kind, project));
    }
    finder.scim();
    finder.feeds(projects);
    let mut out = finder.out;
    out.credentials
        .sort_by(|one, other| (one.rotate, one.kind, &one.id).cmp(&(other.rotate, other.kind, &other.id)));
    out.consumers.sort();
    out.consumers.dedup();
    out
}

struct Finder<'a> {
    sources: &'a Sources<'a>,
    past: &'a Past,
    /// Ways into each project over time.
    ways: &'a BTreeMap<String, Vec<Stretch>>,
    unseen: bool,
    is_active: bool,
    /// What it did where no grant that is known allows it.
    unexplained: &'a BTreeMap<String, Unexplained>,
    matrix: &'a Matrix,
    out: Found,
}

impl<'a> Finder<'a> {
    /// When a capability was there in a project.
    fn shown(&self, project: &str, capability: &str) -> Vec<Shown> {
        let found = self.ways.get(project).into_iter().flatten().map(|stretch| Shown {
            could: stretch.way.could(capability, self.matrix),
            why: stretch.span(self.is_active).words(),
            end: stretch.to.filter(|_| !stretch.open),
        });
        let mut shown: Vec<Shown> = found.filter(|shown| shown.could != Could::No).collect();
        if let Some(act) = self.unexplained.get(project) {
            shown.push(Shown { could: act.could, why: act.why.clone(), end: None });
        }
        if self.unseen && shown.is_empty() {
            let why = "its roles in projects are not known".to_owned();
            shown.push(Shown { could: Could::Maybe, why, end: None });
        }
        shown
    }

    /// Service accounts: made by the account, or in a project whose credentials it could see.
    fn accounts(&mut self) {
        let made = self.made();
        let estate = self.sources.estate;
        for (id, account) in &estate.accounts {
            let rows = self.rows(*id);
            let mut reasons: Vec<String> = made.get(id).cloned().into_iter().collect();
            let by_hand = rows
                .iter()
                .any(|row| row.created_by.as_deref().is_some_and(|by| same(by) == self.sources.account));
            if by_hand && reasons.is_empty() {
                reasons
                    .push("the account made it, says the inventory, and so was shown its secret".to_owned());
            }
            let is_made = !reasons.is_empty();
            let mut could = if is_made { Could::Yes } else { Could::No };
            for project in account.projects.keys() {
                let shown = self.shown(project, "api-credentials");
                for shown in shown.iter().filter(|shown| !ended_before(shown, account)) {
                    could = could.max(shown.could);
                    reasons.push(self.reason(project, shown));
                }
            }
            if is_made {
                self.out.actors.insert(same(&account.username));
            } else if !self.maker_told(account) {
                could = could.max(Could::Maybe);
                reasons.push("who made it is not told: its maker is no member now".to_owned());
            }
            if could != Could::No {
                self.account(*id, account, &rows, (is_made, could, reasons));
            }
        }
        if !estate.accounts_told {
            self.unlisted(&made);
        }
    }

    fn account(
        &mut self,
        id: u64,
        account: &Account,
        rows: &[&'a Integration],
        (made, could, mut reasons): (bool, Could, Vec<String>),
    ) {
        if account.own {
            reasons.push("it is the credential that Portcullis works with".to_owned());
        }
        let Some(known) = self.matrix.credential(CredentialKind::ServiceAccount) else { return };
        let action = if made && rows.is_empty() && !account.own {
            "delete it: the inventory knows nobody who works with it".to_owned()
        } else {
            known.how.clone()
        };
        self.consumers(rows, &format!("service account {}", account.username));
        self.out.credentials.push(Exposed {
            rotate: verdict(known, could),
            kind: CredentialKind::ServiceAccount,
            id: id.to_string(),
            name: account.username.clone(),
            made,
            projects: account.projects.keys().map(|id| project_name(self.sources, id)).collect(),
            reasons,
            action,
            consumers: rows.iter().map(|row| row.name.clone()).collect(),
        });
    }

    /// Service accounts that the account made, with the reason; those of the log by what the list calls them.
    fn made(&self) -> BTreeMap<u64, String> {
        let estate = self.sources.estate;
        let reason = "the account made it, and so was shown its secret";
        let own = estate.made_by(self.sources.account);
        let mut made: BTreeMap<u64, String> = own.iter().map(|id| (*id, reason.to_owned())).collect();
        let events = self.sources.trail.map(|trail| trail.accounts.as_slice()).unwrap_or_default();
        // In the order of the log, so that what a service account made comes after itself.
        let mut actors: BTreeSet<String> = [self.sources.account.to_owned()].into();
        let usernames = |ids: &mut dyn Iterator<Item = &u64>| {
            ids.filter_map(|id| estate.accounts.get(id))
                .map(|account| same(&account.username))
                .collect::<Vec<_>>()
        };
        actors.extend(usernames(&mut own.iter()));
        for event in events.iter().filter(|event| event.made) {
            if !actors.contains(&event.actor) {
                continue;
            }
            let why = format!(
                "{} made it at {}, says the log, and so was shown its secret",
                event.actor,
                time(event.nanos)
            );
            for id in event.names.iter().filter_map(|name| estate.find(name)) {
                made.entry(id).or_insert_with(|| why.clone());
                actors.extend(usernames(&mut [id].iter()));
            }
        }
        made
    }

    /// Whether lists tell who made a service account: a member, or another service account.
    fn maker_told(&self, account: &Account) -> bool {
        let estate = self.sources.estate;
        let mut users = estate.accounts.values().filter_map(|other| other.user);
        let by_log = || {
            let events = self.sources.trail.map(|trail| trail.accounts.as_slice()).unwrap_or_default();
            let number = estate.find(&account.username);
            events.iter().any(|event| {
                event.made && event.names.iter().any(|name| number.is_some() && estate.find(name) == number)
            })
        };
        estate.maker(account).is_some()
            || account.creator.is_some_and(|creator| users.any(|user| user == creator))
            || by_log()
    }

    /// Where the list could not be read, the log's word is all that there is.
    fn unlisted(&mut self, made: &BTreeMap<u64, String>) {
        self.out.gaps.push(
            "service accounts could not be listed: those that it could see are not all here".to_owned(),
        );
        let events = self.sources.trail.map(|trail| trail.accounts.as_slice()).unwrap_or_default();
        let own = events.iter().filter(|event| event.actor == self.sources.account && event.made);
        for event in
            own.filter(|event| !event.names.iter().any(|name| made.keys().any(|id| id.to_string() == *name)))
        {
            let ended = events.iter().any(|other| {
                !other.made
                    && other.nanos >= event.nanos
                    && other.names.iter().any(|name| event.names.contains(name))
            });
            let Some(known) = self.matrix.credential(CredentialKind::ServiceAccount).filter(|_| !ended)
            else {
                continue;
            };
            self.out.actors.extend(event.names.iter().map(|name| same(name)));
            self.out.credentials.push(Exposed {
                rotate: Verdict::Must,
                kind: CredentialKind::ServiceAccount,
                id: event.names.first().cloned().unwrap_or_default(),
                name: event.names.last().cloned().unwrap_or_default(),
                made: true,
                projects: Vec::new(),
                reasons: vec![format!(
                    "the account made it at {}, says the log, and so was shown its secret",
                    time(event.nanos)
                )],
                action: known.how.clone(),
                consumers: Vec::new(),
            });
        }
    }

    /// API secret and token of a project.
    fn of_project(&mut self, kind: CredentialKind, project: &str) {
        let Some(known) = self.matrix.credential(kind) else { return };
        let shown = self.shown(project, &known.shown_by);
        let Some(could) = shown.iter().map(|shown| shown.could).max() else { return };
        let wanted = match kind {
            CredentialKind::ApiSecret => IntegrationKind::ApiSecret,
            _ => IntegrationKind::ProjectToken,
        };
        let sources = self.sources;
        let rows: Vec<&Integration> = sources
            .inventory
            .iter()
            .filter(|row| row.kind == wanted && row.project.as_deref() == Some(project))
            .collect();
        let name = project_name(self.sources, project);
        self.consumers(&rows, &format!("{} of {name}", known.title));
        self.out.credentials.push(Exposed {
            rotate: verdict(known, could),
            kind,
            id: project.to_owned(),
            name: name.clone(),
            made: false,
            projects: vec![name],
            reasons: shown.iter().map(|shown| self.reason(project, shown)).collect(),
            action: known.how.clone(),
            consumers: rows.iter().map(|row| row.name.clone()).collect(),
        });
    }

    /// The SCIM token, for whoever administered the organization.
    fn scim(&mut self) {
        let Some(known) = self.matrix.credential(CredentialKind::ScimToken) else { return };
        let moments = &self.past.moments;
        let could =
            moments.iter().map(|moment| moment.reach.could_organization(&known.shown_by, self.matrix)).max();
        let Some(could) = could.filter(|could| *could != Could::No) else { return };
        let (rotate, why) = if self.sources.scim {
            (verdict(known, could), "members come by SCIM")
        } else {
            (Verdict::Advised, "nothing says that members come by SCIM; if they do, it has to be")
        };
        let role = if could == Could::Yes {
            "it administered the organization"
        } else {
            "its role in the organization is not known"
        };
        self.out.credentials.push(Exposed {
            rotate,
            kind: CredentialKind::ScimToken,
            id: "organization".to_owned(),
            name: known.title.clone(),
            made: false,
            projects: Vec::new(),
            reasons: vec![format!("{role}; {why}")],
            action: known.how.clone(),
            consumers: Vec::new(),
        });
    }

    /// What carries data in or out of projects where the account could set such things up: it could have been led elsewhere.
    fn feeds(&mut self, projects: &BTreeSet<String>) {
        for project in projects {
            let name = project_name(self.sources, project);
            for (capability, kinds) in [
                (CARRIES, &[IntegrationKind::Pipeline, IntegrationKind::Warehouse][..]),
                (SYNCS, &[IntegrationKind::CohortSync][..]),
            ] {
                if self.shown(project, capability).is_empty() {
                    continue;
                }
                let rows: Vec<&Integration> = self
                    .sources
                    .inventory
                    .iter()
                    .filter(|row| kinds.contains(&row.kind) && row.project.as_deref() == Some(project))
                    .collect();
                self.consumers(&rows, &format!("{name}, where the account could have led it elsewhere"));
            }
            if self.shown(project, CARRIES).is_empty() {
                continue;
            }
            for feed in self.sources.estate.feeds.iter().filter(|feed| feed.project == *project) {
                let by = feed.creator.as_deref();
                let own = by.is_some_and(|by| same(by) == self.sources.account);
                let state = match feed.paused {
                    Some(true) => ", paused",
                    Some(false) => ", running",
                    None => "",
                };
                let maker =
                    if own { "; the account made it" } else { "; the account could have led it elsewhere" };
                self.out.consumers.push(Consumer {
                    integration: format!("{} {}", feed.kind.name(), feed.name),
                    consumer: format!("{}{state}", feed.kind.name()),
                    owner: feed.creator.clone(),
                    uses: format!("{name}{maker}"),
                    kept: None,
                    restart: None,
                });
            }
        }
    }

    fn rows(&self, id: u64) -> Vec<&'a Integration> {
        let rows = self.sources.inventory.iter();
        rows.filter(|row| row.kind == IntegrationKind::ServiceAccount)
            .filter(|row| {
                row.credential.as_deref().and_then(|name| self.sources.estate.find(name)) == Some(id)
            })
            .collect()
    }

    fn consumers(&mut self, rows: &[&Integration], uses: &str) {
        self.out.consumers.extend(rows.iter().map(|row| Consumer {
            integration: row.name.clone(),
            consumer: row.consumer.clone(),
            owner: row.owner.clone(),
            uses: uses.to_owned(),
            kept: row.stored.as_ref().map(|stored| format!("{}:{}", stored.store, stored.path)),
            restart: row.restart.clone(),
        }));
    }

    fn reason(&self, project: &str, shown: &Shown) -> String {
        let name = project_name(self.sources, project);
        match shown.could {
            Could::Yes => format!("it could see the credentials of {name}: {}", shown.why),
            _ => format!("it may have seen the credentials of {name}: {}", shown.why),
        }
    }
}

fn verdict(known: &Credential, could: Could) -> Verdict {
    match (known.rotate, could) {
        (Rotate::Advised, _) => Verdict::Advised,
        (Rotate::Must, Could::Yes) => Verdict::Must,
        (Rotate::Must, _) => Verdict::UnlessRuledOut,
    }
}

/// Whether the account could not see credentials any more when a service account was made.
fn ended_before(shown: &Shown, account: &Account) -> bool {
    let created = account.created.as_deref();
    let created = created.and_then(|text| TimeReader::new(TimeOptions::default()).read(text.as_bytes()).ok());
    shown.end.zip(created).is_some_and(|(end, created)| end <= created.nanos)
}
