//! What no vendor documents, and what a network may be like: each point a switch, so that a client is tried under every
//! setting. The defaults are the plainest reading of the documents, not a claim.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All switches. A switch left out of a file has its default; an unknown one is an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Latency and rate limits.
    pub network: NetworkSwitches,
    /// Open points of Mixpanel's API.
    pub mixpanel: MixpanelSwitches,
    /// Open points of its SCIM endpoint.
    pub scim: ScimSwitches,
    /// Open points of Okta's API.
    pub okta: OktaSwitches,
    /// Open points of Microsoft Entra ID.
    pub entra: EntraSwitches,
    /// Open points of Auth0's Management API.
    pub auth0: Auth0Switches,
    /// Open points of OneLogin's API.
    pub onelogin: OneLoginSwitches,
    /// Open points of AWS Secrets Manager.
    pub aws: AwsSwitches,
    /// Open points of 1Password Connect.
    pub onepassword: OnePasswordSwitches,
    /// Open points of Google Cloud Secret Manager.
    pub gcp: GcpSwitches,
    /// Open points of PingOne's platform API.
    pub pingone: PingOneSwitches,
    /// Open points of Google's Directory API.
    pub google: GoogleSwitches,
    /// Open points of AWS Lambda.
    pub lambda: LambdaSwitches,
    /// Open points of Looker.
    pub looker: LookerSwitches,
    /// Open points of Tableau.
    pub tableau: TableauSwitches,
    /// Open points of Hightouch.
    pub hightouch: HightouchSwitches,
    /// Open points of Snowflake.
    pub snowflake: SnowflakeSwitches,
    /// How long access tokens last that clients ask for.
    pub tokens: TokenSwitches,
    /// Whether the attacker is awake.
    pub attacker: AttackerSwitches,
}

/// Latency and rate limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkSwitches {
    /// Milliseconds before every answer.
    pub latency_ms: u64,
    /// Up to so many milliseconds more, drawn by `seed`.
    pub jitter_ms: u64,
    /// Seed of the jitter.
    pub seed: u64,
    /// Rate limits by service; a service without one is not limited.
    pub limits: BTreeMap<String, Limit>,
    /// Whether a 429 says when to come back: `Retry-After`. Mixpanel documents no such header.
    pub retry_after: bool,
}

impl Default for NetworkSwitches {
    fn default() -> Self {
        Self { latency_ms: 0, jitter_ms: 0, seed: 1, limits: BTreeMap::new(), retry_after: true }
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Requests that come back to the bucket each second.
    pub per_second: f64,
    /// Requests that the full bucket holds.
    pub burst: u32,
}

/// Open points of Mixpanel's API.
#[expect(clippy::struct_excessive_bools, reason = "each switch is a question of its own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixpanelSwitches {
    /// A new service account is not called what was asked for, but `name.abc123.mp-service-account`.
    pub mangle_usernames: bool,
    /// A single service account comes in the envelope of the lists instead of bare, as in the specification.
    pub envelope_single: bool,
    /// For how long credentials still work after their service account was deleted or left a project, and an API secret
    /// after it was reset.
    pub honour_old_ms: u64,
    /// Status for a service account without any project, where a call needs one.
    pub without_project: u16,
    /// A new object appears in lists only after this time.
    pub list_lag_ms: u64,
    /// A deleted object stays in lists for this time.
    pub list_ghost_ms: u64,
    /// How lists are split.
    pub paging: Paging,
    /// Objects on a page.
    pub page_size: usize,
    /// Objects move between pages while somebody pages: one is seen twice, another not at all.
    pub rotate_pages: bool,
    /// Routes without the slash at their end answer 301 with one.
    pub slash_redirect: bool,
    /// Changes through the API are in the audit log, not only raw exports.
    pub audit_covers_api: bool,
    /// A login through the identity provider makes a removed member again ("`IdP` managed access").
    pub login_readds: bool,
    /// Rows of service accounts name their maker by e-mail and name, not only by user id.
    pub creator_names: bool,
    /// A project lists a service account once for each of its grants there, not once.
    pub row_per_grant: bool,
    /// The list of legacy pipelines says which are paused.
    pub jobs_show_paused: bool,
    /// The routes that the vendor's own code uses and no document names: the organisation's people and projects.
    pub unpublished_routes: bool,
    /// Two service accounts may have the same name; otherwise the second is refused with 400.
    pub duplicate_names: bool,
}

impl Default for MixpanelSwitches {
    fn default() -> Self {
        Self {
            mangle_usernames: true,
            envelope_single: false,
            honour_old_ms: 0,
            without_project: 403,
            list_lag_ms: 0,
            list_ghost_ms: 0,
            paging: Paging::Off,
            page_size: 50,
            rotate_pages: false,
            slash_redirect: false,
            audit_covers_api: true,
            login_readds: false,
            creator_names: true,
            row_per_grant: false,
            jobs_show_paused: true,
            unpublished_routes: true,
            duplicate_names: true,
        }
    }
}

/// How a list is split into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paging {
    /// Not at all.
    Off,
    /// `?cursor=`, and `next_cursor` in the body, as the announced Platform API will do.
    Cursor,
    /// A header `Link: <…>; rel="next"`.
    Link,
}

/// Open points of the SCIM endpoint.
#[expect(clippy::struct_excessive_bools, reason = "each switch is a question of its own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScimSwitches {
    /// PATCH answers 200 with the resource instead of 204.
    pub patch_answers_body: bool,
    /// Booleans must be JSON booleans: `"False"` is refused with 400.
    pub strict_booleans: bool,
    /// `active: false` ends the member's sessions at Mixpanel.
    pub deactivation_ends_sessions: bool,
    /// Resources have versions, and a change that expects another one is refused with 412.
    pub etags: bool,
    /// A change of a person outside the claimed domains is refused with 403; otherwise it is answered as if it were done
    /// and changes nothing at Mixpanel.
    pub refuse_unclaimed: bool,
    /// Members may be removed from a group by a list of values, not only by a filter in the path.
    pub remove_by_value: bool,
    /// A filter by e-mail address is understood; otherwise it is refused as an invalid filter.
    pub filters_emails: bool,
    /// Filters and `startIndex` are heeded; otherwise every list is the first page of everything.
    pub heeds_queries: bool,
    /// Most resources on a page.
    pub page_size: usize,
}

impl Default for ScimSwitches {
    fn default() -> Self {
        Self {
            patch_answers_body: true,
            strict_booleans: false,
            deactivation_ends_sessions: true,
            etags: true,
            refuse_unclaimed: true,
            remove_by_value: true,
            filters_emails: true,
            heeds_queries: true,
            page_size: 100,
        }
    }
}

/// Open points of Okta's API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OktaSwitches {
    /// `search` shows people as they were so long ago; the documents say only that it is eventually consistent.
    pub search_lag_ms: u64,
    /// API tokens of a suspended person still work.
    pub suspended_tokens_work: bool,
    /// Revoked API tokens are still listed for this time.
    pub token_ghost_ms: u64,
    /// Most objects on a page.
    pub page_size: usize,
}

impl Default for OktaSwitches {
    fn default() -> Self {
        Self { search_lag_ms: 0, suspended_tokens_work: true, token_ghost_ms: 0, page_size: 200 }
    }
}

/// Open points of Microsoft Entra ID.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntraSwitches {
    /// Reads show what was so long ago: the directory is replicated, and no page says for how long.
    pub read_lag_ms: u64,
    /// A disabled account can still sign in for this time; the documents say "a few minutes" of revocations.
    pub block_lag_ms: u64,
    /// Accounts that another directory keeps are not disabled here.
    pub refuse_synced: bool,
    /// Administrators are disabled only by a token with a directory role of its own.
    pub admins_need_role: bool,
    /// Most objects on a page.
    pub page_size: usize,
}

impl Default for EntraSwitches {
    fn default() -> Self {
        Self { read_lag_ms: 0, block_lag_ms: 0, refuse_synced: false, admins_need_role: true, page_size: 100 }
    }
}

/// Open points of Auth0's Management API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth0Switches {
    /// The plan has the lists of sessions and refresh tokens; without, they are refused with 403.
    pub has_sessions: bool,
    /// What was accepted to be deleted is still listed, and still works, for this time.
    pub delete_lag_ms: u64,
    /// Whoever took the account over reads its mailbox: a reset of the password takes a block away.
    pub attacker_resets: bool,
    /// The search does not show accounts that were made after the start and are younger than this; the documents say only that
    /// it is eventually consistent.
    pub search_lag_ms: u64,
    /// Most objects on a page.
    pub page_size: usize,
}

impl Default for Auth0Switches {
    fn default() -> Self {
        Self { has_sessions: true, delete_lag_ms: 0, attacker_resets: false, search_lag_ms: 0, page_size: 50 }
    }
}

/// Open points of OneLogin's API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneLoginSwitches {
    /// The roles of a user come as a list in a list, as older documents have it.
    pub nested_roles: bool,
    /// Users are taken out of a role by an object, as the specification has it, not by a bare list, as the vendor's own
    /// code does it.
    pub removes_by_object: bool,
    /// Most objects on a page.
    pub page_size: usize,
}

impl Default for OneLoginSwitches {
    fn default() -> Self {
        Self { nested_roles: false, removes_by_object: false, page_size: 100 }
    }
}

/// Open points of AWS Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsSwitches {
    /// Labels are read as they were so long ago; the documents say only that it is eventually consistent.
    pub lag_ms: u64,
}

/// Open points of 1Password Connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnePasswordSwitches {
    /// Every change of an item makes its version one higher; otherwise it stays what it was.
    pub counts_versions: bool,
    /// Filters match whatever contains the text, in any case.
    pub loose_filters: bool,
}

impl Default for OnePasswordSwitches {
    fn default() -> Self {
        Self { counts_versions: true, loose_filters: false }
    }
}

/// Open points of Google Cloud Secret Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GcpSwitches {
    /// `latest` stands for what was the newest version so long ago; the documents say only that it is eventually
    /// consistent, whereas a version that was added can be accessed by its number at once.
    pub latest_lag_ms: u64,
}

/// Open points of PingOne's platform API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PingOneSwitches {
    /// The list of sessions is not called `sessions`: no document says how it is.
    pub odd_session_key: bool,
    /// Most objects on a page.
    pub page_size: usize,
}

impl Default for PingOneSwitches {
    fn default() -> Self {
        Self { odd_session_key: false, page_size: 100 }
    }
}

/// Open points of Google's Directory API.
#[expect(clippy::struct_excessive_bools, reason = "each switch is a question of its own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleSwitches {
    /// Reads show what was so long ago: no page says whether they lag behind.
    pub read_lag_ms: u64,
    /// Searches do not find who was made in this time; the documents say "up to 36 hours".
    pub search_lag_ms: u64,
    /// Cookies count for this time after a sign-out; the documents say "up to 60 minutes" of mail, and nothing of the rest.
    pub cookie_lag_ms: u64,
    /// Suspending ends sessions and deletes tokens at once: a help page says that it resets them, none says when.
    pub suspending_resets: bool,
    /// Who is suspended cannot be signed out.
    pub no_sign_out_of_suspended: bool,
    /// Who is suspended cannot be made a super administrator.
    pub no_suspended_admins: bool,
    /// Addresses of domains that the organization does not have are refused with 403, not 404.
    pub foreign_is_forbidden: bool,
    /// Most objects on a page.
    pub page_size: usize,
}

impl Default for GoogleSwitches {
    fn default() -> Self {
        Self {
            read_lag_ms: 0,
            search_lag_ms: 0,
            cookie_lag_ms: 0,
            suspending_resets: false,
            no_sign_out_of_suspended: false,
            no_suspended_admins: false,
            foreign_is_forbidden: false,
            page_size: 100,
        }
    }
}

/// Open points of AWS Lambda.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LambdaSwitches {
    /// How long an update is in progress; the documents say "a minute" of functions in a VPC, and nothing of others.
    pub update_ms: u64,
    /// The revision changes once more when an update is over.
    pub revises_twice: bool,
    /// Updates fail: invocations go on with the configuration before, as documented.
    pub updates_fail: bool,
    /// What a failed update asked for is shown all the same.
    pub shows_failed: bool,
}

impl Default for LambdaSwitches {
    fn default() -> Self {
        Self { update_ms: 20, revises_twice: false, updates_fail: false, shows_failed: false }
    }
}

/// Open points of Looker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LookerSwitches {
    /// Connections have the test `connect`: which tests there are depends on the dialect, and no page lists them.
    pub has_tests: bool,
}

impl Default for LookerSwitches {
    fn default() -> Self {
        Self { has_tests: true }
    }
}

/// Open points of Tableau.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableauSwitches {
    /// How long a refresh takes.
    pub refresh_ms: u64,
    /// A refresh is refused while another one of the same is queued, and also while it runs.
    pub running_conflicts: bool,
    /// A data source or workbook says whether it has an extract: newer versions do.
    pub tells_extracts: bool,
    /// A password is kept only where the update says so (`embedPassword`).
    pub embeds_when_told: bool,
    /// Numbers and flags are text in JSON, as in XML.
    pub as_text: bool,
    /// The code with which a refresh ends that got in: the pages say 0, and the vendor's own library takes 3 for the same.
    pub finish_code: u8,
}

impl Default for TableauSwitches {
    fn default() -> Self {
        Self {
            refresh_ms: 20,
            running_conflicts: true,
            tells_extracts: true,
            embeds_when_told: false,
            as_text: false,
            finish_code: 0,
        }
    }
}

/// Open points of Hightouch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HightouchSwitches {
    /// Identifiers are numbers, not text.
    pub numbers: bool,
    /// A disabled sync does not show that a run of it goes on.
    pub hides_runs: bool,
}

/// Open points of Snowflake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnowflakeSwitches {
    /// A description has its values in `property_value`, as newer pages say, not in `value`.
    pub long_columns: bool,
}

/// How long access tokens last that clients ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSwitches {
    /// What the answer says, in seconds.
    pub lasts_seconds: u64,
    /// Tokens end after this time, whatever the answer said: they may be revoked; 0: when it said.
    pub ends_after_ms: u64,
    /// The answer says it at all, which RFC 6749 only recommends.
    pub says_when: bool,
}

impl Default for TokenSwitches {
    fn default() -> Self {
        Self { lasts_seconds: 3600, ends_after_ms: 0, says_when: true }
    }
}

/// Whether the attacker is awake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttackerSwitches {
    /// He acts after every so many changing requests; 0 is never.
    pub every: u64,
    /// He stops after so many service accounts that he could make; 0 is never.
    pub enough: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_name_what_differs_and_nothing_unknown() {
        let text = r#"
            network = { latency_ms = 50, limits = { okta = { per_second = 10, burst = 20 } } }
            mixpanel = { paging = "cursor", honour_old_ms = 30000 }
        "#;
        let switches: Switches = toml::from_str(text).unwrap();
        assert_eq!(switches.network.limits["okta"], Limit { per_second: 10.0, burst: 20 });
        assert_eq!((switches.mixpanel.paging, switches.mixpanel.page_size), (Paging::Cursor, 50));
        assert_eq!(switches.scim, ScimSwitches::default());
        let again = toml::to_string(&switches).unwrap();
        assert_eq!(toml::from_str::<Switches>(&again).unwrap(), switches);
        assert!(toml::from_str::<Switches>("mixpanel = { pagign = \"off\" }").is_err());
    }
}
