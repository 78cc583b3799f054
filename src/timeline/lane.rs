//! Which part of an account's life an event type belongs to. A table for each source: a new source adds one.

use super::kinds::{PLAIN, TABLES, UNKNOWN};

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
    /// How they begin.
    pub(super) start: &'static str,
    /// Nothing may follow.
    pub(super) is_whole: bool,
    /// Their kind.
    pub kind: Kind,
    /// Whether they shut an account out or let it in.
    pub turn: Option<Turn>,
    /// What they are called, where they say nothing to people themselves.
    pub(super) words: &'static str,
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
    /// The source's name; empty where it is not known.
    pub(super) source: &'static str,
    /// What is known of its event types.
    pub(super) lines: &'static [&'static [Line]],
    /// Whether an event type without a line is of no interest, and not one of which nothing is known.
    pub(super) is_plain: fn(&str) -> bool,
    /// What to look for in place of an event type that is the same whatever a call did; `None`: the event type.
    pub(super) name: fn(&str, &Call<'_>) -> Option<&'static str>,
}

/// The call to an API that a record tells of, as far as it has one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call<'a> {
    /// `patch`, in any letters.
    pub method: &'a str,
    /// With or without a query.
    pub path: &'a str,
    /// What `blocked` was set to.
    pub blocked: &'a str,
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
    pub fn line(&self, action: &str, call: &Call<'_>) -> Option<&'static Line> {
        let action = (self.name)(action, call).unwrap_or(action);
        let lines = self.lines.iter().flat_map(|lines| lines.iter());
        let longest = lines.filter(|line| line.is_of(action)).max_by_key(|line| line.start.len());
        longest.or_else(|| (self.is_plain)(action).then_some(PLAIN))
    }
}

/// An event type in words: `raw_event_export.requested` becomes "raw event export requested", `SUSPEND_USER`
/// "suspend user".
pub fn words(action: &str) -> String {
    let core = PREFIXES.iter().find_map(|prefix| action.strip_prefix(prefix)).unwrap_or(action);
    let words = core.replace(['.', '_'], " ");
    if words.chars().any(char::is_lowercase) { words } else { words.to_lowercase() }
}

/// Beginnings that say nothing where it is an account's chart.
const PREFIXES: &[&str] =
    &["user.authentication.", "user.account.", "user.lifecycle.", "user.mfa.", "system."];

#[cfg(test)]
mod tests {
    use super::Does::{Ends, Leaves, Makes, Opens, Plain};
    use super::Lane::{Credentials, Exports, Identity, Other, People, Settings};
    use super::Turn::{Lets, Shuts};
    use super::*;
    use crate::source::mixpanel_events::EVENTS;

    fn line_of(source: &str, action: &str) -> Option<&'static Line> {
        table(source).line(action, &Call::default())
    }

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
            (
                "entra",
                "Add service principal credentials",
                Credentials,
                Makes("service principal credential"),
            ),
            ("entra", "Add service principal", Credentials, Makes("service principal")),
            (
                "entra",
                "Update application – Certificates and secrets management ",
                Credentials,
                Makes("application credential"),
            ),
            ("entra", "User registered security info", Identity, Makes("factor")),
            ("entra", "Add user", People, Makes("person")),
            ("entra", "Add member to role completed (PIM activation)", People, Plain),
            ("entra", "Disable account", People, Ends),
            ("entra", "Sign-in activity", Identity, Plain),
            ("google-workspace", "2sv_enroll", Identity, Makes("factor")),
            ("google-workspace", "AUTHORIZE_API_CLIENT_ACCESS", Credentials, Makes("API client")),
            ("google-workspace", "CUSTOMER_TAKEOUT_CREATED", Exports, Leaves),
            ("google-workspace", "email_forwarding_out_of_domain", Exports, Opens),
            ("auth0", "s", Identity, Plain),
            ("auth0", "gd_enrollment_complete", Identity, Makes("factor")),
            ("onelogin", "5", Identity, Plain),
            ("onelogin", "551", People, Ends),
            ("onelogin", "13", People, Makes("person")),
            ("pingone", "DEVICE.CREATED", Identity, Makes("factor")),
            ("pingone", "USER.LOCKED", People, Ends),
            ("pingone", "ROLE_ASSIGNMENT.DELETED", People, Ends),
            ("okta", "user.mfa.factor.activate", Identity, Makes("factor")),
            ("okta", "user.lifecycle.suspend", People, Ends),
            ("okta", "system.api_token.create", Credentials, Makes("API token")),
            ("json", "user.lifecycle.suspend", People, Ends),
        ];
        for (source, action, lane, does) in cases {
            let line = line_of(source, action).unwrap();
            assert_eq!(line.kind, Kind { lane, does }, "{source}: {action}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_line() {
        for (source, action) in [
            ("mixpanel-audit", "board2"),
            ("okta", "user.new"),
            ("json", "bookmark.created"),
            ("okta", ""),
            ("auth0", "sapi"),
            ("auth0", "sz"),
            ("onelogin", "55"),
            ("onelogin", "5510"),
            ("entra", "Add userX"),
            ("google-workspace", "SUSPEND_USERS"),
        ] {
            assert_eq!(line_of(source, action), None, "{source}: {action}");
        }
        assert!(table("okta").is_known() && !table("generic").is_known() && !table("").is_known());
    }

    #[test]
    fn blocks_and_what_takes_them_back_are_of_one_system() {
        let turn = |source: &str, action: &str| line_of(source, action).and_then(|line| line.turn);
        assert_eq!(turn("okta", "user.lifecycle.delete.initiated"), None);
        assert_eq!(turn("okta", "user.account.lock"), None);
        assert_eq!(turn("okta", "user.account.unlock"), Some(Lets("okta")));
        assert_eq!(turn("okta", "user.account.unlock_failure"), None);
        for (source, block, back) in [
            ("okta", "user.lifecycle.suspend", "user.lifecycle.unsuspend"),
            ("mixpanel-audit", "organization.user_removed", "organization.user_added"),
            ("entra", "Disable account", "Enable account"),
            ("entra", "Delete user", "Restore user"),
            ("google-workspace", "SUSPEND_USER", "UNSUSPEND_USER"),
            ("auth0", "account_blocked", "account_unblocked"),
            ("pingone", "USER.LOCKED", "USER.UNLOCKED"),
            ("onelogin", "551", "16"),
            ("onelogin", "553", "16"),
            ("onelogin", "531", "16"),
            ("onelogin", "532", "16"),
        ] {
            let (Some(Shuts(one)), Some(Lets(other))) = (turn(source, block), turn(source, back)) else {
                panic!("{source}: {block}, {back}");
            };
            assert_eq!(one, other);
        }
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
            let line = line_of("mixpanel-audit", event.name).unwrap();
            assert_eq!(line.kind.lane, Exports, "{}", event.name);
        }
    }

    #[test]
    fn a_call_is_what_it_did() {
        let words = |action: &str, method: &str, path: &str, blocked: &str| {
            let line = table("auth0").line(action, &Call { method, path, blocked })?;
            Some((line.words(action), line.kind.does, line.turn))
        };
        let user = "/api/v2/users/auth0|618";
        assert_eq!(words("sapi", "patch", user, "true").unwrap().2, Some(Shuts("auth0")));
        assert_eq!(
            words("fapi", "PATCH", user, "true").unwrap().2,
            Some(Shuts("auth0")),
            "it failed, says its outcome"
        );
        assert_eq!(words("sapi", "patch", user, "false").unwrap().2, Some(Lets("auth0")));
        assert_eq!(words("sapi", "patch", user, "").unwrap(), ("user updated".to_owned(), Plain, None));
        assert_eq!(words("sapi", "delete", user, "").unwrap().2, Some(Shuts("auth0")));
        assert_eq!(words("sapi", "post", "/api/v2/clients?x=1", "").unwrap().1, Makes("application"));
        assert_eq!(
            words("sapi", "post", "/api/v2/clients/c1/credentials", "").unwrap().1,
            Makes("application credential")
        );
        assert_eq!(words("sapi", "post", "/api/v2/users/u/roles", "").unwrap().0, "role assigned");
        for (method, path) in [
            ("post", "/api/v2/elsewhere"),
            ("", ""),
            ("patch", "/api/v2/users"),
            ("get", user),
            ("patch", "users/x"),
        ] {
            assert_eq!(words("sapi", method, path, "maybe"), None, "{method} {path}");
        }
        // A field of that name in another log, or in a login, means nothing.
        assert_eq!(words("s", "patch", user, "true").unwrap().2, None);
        let call = Call { method: "patch", path: user, blocked: "true" };
        assert_eq!(table("okta").line("sapi", &call), None);
    }

    #[test]
    fn every_source_has_a_table_or_is_one_of_which_nothing_is_known() {
        for source in crate::source::SOURCES {
            let is_unknown = ["json", "generic", "mixpanel-export"].contains(&source.name);
            assert_eq!(table(source.name).is_known(), !is_unknown, "{}", source.name);
        }
    }

    #[test]
    fn names_become_words() {
        assert_eq!(words("raw_event_export.requested"), "raw event export requested");
        assert_eq!(words("user.mfa.factor.activate"), "factor activate");
        assert_eq!(words("user.session.start"), "user session start");
        assert_eq!(words("SUSPEND_USER"), "suspend user");
        assert_eq!(words("Disable account"), "Disable account");
        assert_eq!(line_of("onelogin", "551").unwrap().words("551"), "user suspended by API");
    }
}
