//! Consumers that people give the new credential, and why no API does.

/// One of them.
#[derive(Debug)]
pub struct ByPeople {
    /// Its name, as one would ask for it.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Why it is left to people.
    pub why: &'static str,
    /// What a lockdown pauses there by an API until they have, and how that is configured.
    pub paused: Option<&'static str>,
}

/// Those that are known. Whatever else the inventory names no system for is a guided step too.
pub const BY_PEOPLE: &[ByPeople] = &[
    ByPeople {
        name: "census",
        title: "Census (Fivetran Activations)",
        why: "PATCH /destinations/{id} takes credentials, and no page says what becomes of those that it does not name, nor that \
              any are told again",
        paused: Some("syncs that the inventory names are paused ([consumer.census]); people let them go on"),
    },
    ByPeople {
        name: "hightouch",
        title: "Hightouch",
        why: "PATCH /destinations/{id} takes a configuration, whose keys for Mixpanel no page names, nor whether it replaces the \
              one before",
        paused: Some(
            "syncs that the inventory names are paused ([consumer.hightouch]); people let them go on",
        ),
    },
    ByPeople {
        name: "snowflake",
        title: "Snowflake",
        why: "ALTER SECRET takes the secret in the text of a statement, and no page says that no history keeps that text",
        paused: Some(
            "users that the inventory names are disabled ([consumer.snowflake]); people let them go on",
        ),
    },
    ByPeople {
        name: "mode",
        title: "Mode",
        why: "no call that changes the credential of a data source is known",
        paused: None,
    },
    ByPeople {
        name: "facebook-ads",
        title: "Facebook Ads, Google Ads and webhooks that Mixpanel sends to",
        why: "they are set up in Mixpanel (Data Management → Integrations), which has no API for them",
        paused: None,
    },
];
