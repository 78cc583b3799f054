//! Which part of an account's life an event type belongs to. A table for each source: a new source adds one.

use crate::source::mixpanel_events;

/// A lane of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Logins, sessions, factors, passwords.
    Identity,
    /// Data that leaves, and ways for it to leave.
    Exports,
    /// Settings, definitions and stored data.
    Settings,
    /// Service accounts and tokens.
    Credentials,
    /// Members, roles, teams, invitations.
    People,
    /// What others did against the account.
    Containment,
    /// Everything else: reports, boards, cohorts.
    Other,
}

impl Lane {
    /// In the order of the chart.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Exports,
        Self::Settings,
        Self::Credentials,
        Self::People,
        Self::Other,
        Self::Containment,
    ];

    /// Its name on the chart.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Exports => "exports",
            Self::Settings => "settings",
            Self::Credentials => "credentials",
            Self::People => "people",
            Self::Containment => "containment",
            Self::Other => "other work",
        }
    }
}

/// What an event of a type does, beyond belonging to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Does {
    /// Nothing that a chart has to know.
    Plain,
    /// Data leaves.
    Leaves,
    /// A way for data to leave is opened.
    Opens,
    /// Something comes into being that can act by itself, so called.
    Makes(&'static str),
    /// Somebody or something loses a right, or a change is called off.
    Ends,
}

/// An event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The lane.
    pub lane: Lane,
    /// What it does.
    pub does: Does,
}

/// What becomes of an account's way in, and at which system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// Somebody is shut out.
    Shuts(&'static str),
    /// Somebody who was shut out may come in again.
    Lets(&'static str),
}

impl Turn {
    /// The system.
    pub fn system(self) -> &'static str {
        match self {
            Self::Shuts(system) | Self::Lets(system) => system,
        }
    }
}

/// What event types that begin alike mean.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Line {
    start: &'static str,
    /// Nothing may follow.
    is_whole: bool,
    /// Their kind.
    pub kind: Kind,
    /// Whether they shut an account out or let it in.
    pub turn: Option<Turn>,
    /// What they are called, where they say nothing to people themselves.
    words: &'static str,
}

impl Line {
    /// An event of this line in words; `action` is its type.
    pub fn words(&self, action: &str) -> String {
        if self.words.is_empty() { words(action) } else { self.words.to_owned() }
    }

    fn is_of(&self, action: &str) -> bool {
        if self.is_whole { action == self.start } else { action.starts_with(self.start) }
    }
}

/// The event types of a log, as far as they are known.
#[derive(Debug)]
pub struct Table {
    source: &'static str,
    lines: &'static [&'static [Line]],
    /// Whether an event type without a line is of no interest, and not one of which nothing is known.
    is_plain: fn(&str) -> bool,
}

/// The event types of logs of this source.
pub fn table(source: &str) -> &'static Table {
    TABLES.iter().find(|table| table.source == source).unwrap_or(UNKNOWN)
}

impl Table {
    /// Whether the source is known at all. Where it is not, event types that are called as known ones are taken for these, but
    /// nothing follows from there being none.
    pub fn is_known(&self) -> bool {
        !self.source.is_empty()
    }

    /// What an event type means: the line with the longest beginning. `None` where that is not known.
    pub fn line(&self, action: &str) -> Option<&'static Line> {
        let lines = self.lines.iter().flat_map(|lines| lines.iter());
        let longest = lines.filter(|line| line.is_of(action)).max_by_key(|line| line.start.len());
        longest.or_else(|| (self.is_plain)(action).then_some(PLAIN))
    }
}

/// An event type in words: `raw_event_export.requested` becomes "raw event export requested".
pub fn words(action: &str) -> String {
    let core = PREFIXES.iter().find_map(|prefix| action.strip_prefix(prefix)).unwrap_or(action);
    core.replace(['.', '_'], " ")
}

/// Beginnings that say nothing where it is an account's chart.
const PREFIXES: &[&str] =
    &["user.authentication.", "user.account.", "user.lifecycle.", "user.mfa.", "system."];

use Does::{Ends, Leaves, Makes, Opens, Plain};
use Lane::{Credentials, Exports, Identity, Other, People, Settings};
use Turn::{Lets, Shuts};

const fn line(start: &'static str, lane: Lane, does: Does) -> Line {
    Line { start, is_whole: false, kind: Kind { lane, does }, turn: None, words: "" }
}

/// An account is shut out.
const fn shuts(system: &'static str, start: &'static str) -> Line {
    Line { turn: Some(Shuts(system)), ..line(start, People, Ends) }
}

/// An account may come in again.
const fn lets(system: &'static str, action: &'static str, lane: Lane) -> Line {
    Line { turn: Some(Lets(system)), is_whole: true, ..line(action, lane, Plain) }
}

const PLAIN: &Line = &line("", Other, Plain);

/// Of an unknown source: rules, too, take such logs by the names of their event types.
const UNKNOWN: &Table = &Table { source: "", lines: &[MIXPANEL, OKTA], is_plain: |_| false };

const TABLES: &[Table] = &[
    Table {
        source: "mixpanel-audit",
        lines: &[MIXPANEL],
        is_plain: |action| mixpanel_events::lookup(action).is_some(),
    },
    Table { source: "okta", lines: &[OKTA], is_plain: |_| false },
    // One event type, which is no act of the account.
    Table { source: "roster", lines: &[], is_plain: |_| true },
];

const MIXPANEL: &[Line] = &[
    line("session.", Identity, Plain),
    line("user.twofactor_", Identity, Plain),
    line("raw_event_export.", Exports, Leaves),
    line("event_export.", Exports, Leaves),
    line("profile_export.", Exports, Leaves),
    line("user_data_export.", Exports, Leaves),
    line("audit_log_export.", Exports, Leaves),
    line("board.exported", Exports, Leaves),
    line("bookmark.screenshot_downloaded", Exports, Leaves),
    line("board.public_access_updated", Exports, Opens),
    line("board_subscription.", Exports, Plain),
    line("board_subscription.created", Exports, Opens),
    line("cohort_sync.", Exports, Opens),
    line("data_pipeline.", Exports, Opens),
    line("data_pipeline.deleted", Exports, Ends),
    line("warehouse_source", Exports, Plain),
    line("warehouse_source.created", Exports, Opens),
    line("warehouse_source.deleted", Exports, Ends),
    line("warehouse_source_sync.created", Exports, Opens),
    line("warehouse_source_sync.deleted", Exports, Ends),
    line("organization_", Settings, Plain),
    line("billing_info.", Settings, Plain),
    line("project.", Settings, Plain),
    line("project.default_access_revoked", Settings, Ends),
    line("event_definition.", Settings, Plain),
    line("property_definition.", Settings, Plain),
    line("event_deletion.", Settings, Plain),
    line("event_deletion.canceled", Settings, Ends),
    line("user_data_deletion.", Settings, Plain),
    line("user_data_deletion.canceled", Settings, Ends),
    line("profile.", Settings, Plain),
    line("alert.deleted", Settings, Plain),
    line("alert.updated", Settings, Plain),
    line("agent_flow.", Settings, Plain),
    line("service_account.", Credentials, Plain),
    line("service_account.created", Credentials, Makes("service account")),
    line("service_account.deleted", Credentials, Ends),
    line("service_account.removed_from_project", Credentials, Ends),
    line("team.service_account_", Credentials, Plain),
    line("team.service_account_removed", Credentials, Ends),
    line("custom_role.", People, Plain),
    line("custom_role.deleted", People, Ends),
    line("invitation.", People, Plain),
    line("invitation.sent", People, Makes("invited person")),
    Line { turn: Some(Lets("mixpanel")), ..line("organization.user_added", People, Makes("member")) },
    shuts("mixpanel", "organization.user_removed"),
    line("user.role_changed", People, Plain),
    line("project.user_", People, Plain),
    line("project.user_removed", People, Ends),
    line("project.team_", People, Plain),
    line("workspace.", People, Plain),
    line("workspace.user_removed", People, Ends),
    line("team.", People, Plain),
    line("team.user_removed", People, Ends),
    line("board.", Other, Plain),
];

const OKTA: &[Line] = &[
    line("user.session.", Identity, Plain),
    line("user.session.end", Identity, Ends),
    line("user.session.clear", Identity, Ends),
    line("user.authentication.", Identity, Plain),
    line("user.mfa.", Identity, Plain),
    line("user.mfa.factor.activate", Identity, Makes("factor")),
    line("user.mfa.factor.reset_all", Identity, Ends),
    line("user.mfa.factor.deactivate", Identity, Ends),
    line("user.account.", Identity, Plain),
    line("user.account.lock", Identity, Ends),
    lets("okta", "user.account.unlock", Identity),
    lets("okta", "user.account.unlock_by_admin", Identity),
    line("user.account.reset_password", Identity, Ends),
    line("user.account.expire_password", Identity, Ends),
    line("user.account.privilege.", People, Plain),
    line("user.account.privilege.revoke", People, Ends),
    line("user.lifecycle.", People, Plain),
    line("user.lifecycle.create", People, Makes("person")),
    shuts("okta", "user.lifecycle.suspend"),
    shuts("okta", "user.lifecycle.deactivate"),
    shuts("okta", "user.lifecycle.delete"),
    line("user.lifecycle.delete.initiated", People, Plain),
    lets("okta", "user.lifecycle.unsuspend", People),
    lets("okta", "user.lifecycle.activate", People),
    lets("okta", "user.lifecycle.reactivate", People),
    line("security.", Identity, Plain),
    line("system.api_token.", Credentials, Plain),
    line("system.api_token.create", Credentials, Makes("API token")),
    line("system.api_token.revoke", Credentials, Ends),
    line("app.generic.", Other, Plain),
    line("app.oauth2.", Credentials, Plain),
    line("app.oauth2.token.revoke", Credentials, Ends),
    line("app.oauth2.client.lifecycle.create", Credentials, Makes("OAuth client")),
    line("application.user_membership.", People, Plain),
    line("application.user_membership.remove", People, Ends),
    line("application.", Settings, Plain),
    line("group.", People, Plain),
    line("group.user_membership.remove", People, Ends),
    line("group.privilege.revoke", People, Ends),
    line("policy.", Settings, Plain),
    line("zone.", Settings, Plain),
    line("system.", Settings, Plain),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mixpanel_events::EVENTS;

    #[test]
    fn the_longest_beginning_counts() {
        let cases = [
            ("mixpanel-audit", "raw_event_export.requested", Exports, Leaves),
            ("mixpanel-audit", "board.public_access_updated", Exports, Opens),
            ("mixpanel-audit", "board.updated", Other, Plain),
            ("mixpanel-audit", "bookmark.created", Other, Plain),
            ("mixpanel-audit", "service_account.created", Credentials, Makes("service account")),
            ("mixpanel-audit", "organization.user_removed", People, Ends),
            ("mixpanel-audit", "organization_setting.updated", Settings, Plain),
            ("okta", "user.mfa.factor.activate", Identity, Makes("factor")),
            ("okta", "user.lifecycle.suspend", People, Ends),
            ("okta", "system.api_token.create", Credentials, Makes("API token")),
            ("json", "user.lifecycle.suspend", People, Ends),
        ];
        for (source, action, lane, does) in cases {
            let line = table(source).line(action).unwrap();
            assert_eq!(line.kind, Kind { lane, does }, "{source}: {action}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_line() {
        for (source, action) in
            [("mixpanel-audit", "board2"), ("okta", "user.new"), ("json", "bookmark.created"), ("okta", "")]
        {
            assert_eq!(table(source).line(action), None, "{source}: {action}");
        }
        assert!(table("okta").is_known() && !table("generic").is_known() && !table("").is_known());
    }

    #[test]
    fn blocks_and_what_takes_them_back_are_of_one_system() {
        let turn = |source: &str, action: &str| table(source).line(action).and_then(|line| line.turn);
        assert_eq!(turn("okta", "user.lifecycle.delete.initiated"), None);
        assert_eq!(turn("okta", "user.account.lock"), None);
        assert_eq!(turn("okta", "user.account.unlock"), Some(Lets("okta")));
        assert_eq!(turn("okta", "user.account.unlock_failure"), None);
        for line in TABLES.iter().flat_map(|table| table.lines).flat_map(|lines| lines.iter()) {
            let Some(Shuts(system)) = line.turn else { continue };
            let mut others = TABLES.iter().flat_map(|table| table.lines).flat_map(|lines| lines.iter());
            assert!(others.any(|other| other.turn == Some(Lets(system))), "{system}");
        }
    }

    #[test]
    fn lines_are_unique_and_each_export_of_the_vendor_is_in_its_lane() {
        for Table { source, lines, .. } in TABLES {
            let lines: Vec<&Line> = lines.iter().flat_map(|lines| lines.iter()).collect();
            assert!(crate::source::find(source).is_some(), "{source}");
            for (at, line) in lines.iter().enumerate() {
                assert!(lines.iter().skip(at + 1).all(|other| other.start != line.start), "{}", line.start);
            }
        }
        for event in EVENTS.iter().filter(|event| event.category == "Exports") {
            let line = table("mixpanel-audit").line(event.name).unwrap();
            assert_eq!(line.kind.lane, Exports, "{}", event.name);
        }
    }

    #[test]
    fn names_become_words() {
        assert_eq!(words("raw_event_export.requested"), "raw event export requested");
        assert_eq!(words("user.mfa.factor.activate"), "factor activate");
        assert_eq!(words("user.session.start"), "user session start");
    }
}
