//! The file that `portcullis config init` writes.

use std::fmt::Write as _;

use toml::Value;

use super::catalog::{BASE_URL, Catalog, KindSpec, Setting, SettingKind};
use super::inventory::IntegrationKind;

const HEAD: &str = "\
# Portcullis: where it locks accounts out, and where it finds the credentials for that.
# `portcullis config check` reads this file and says what is wrong with it.
# Relative paths count from the folder of this file. A line that begins with `# KEY =` shows what holds without it, or an
# example.

# Folder for incidents: their plans, journals and reports.
# incidents = \"incidents\"

# Accounts that are never locked out: the people who respond.
# responder = [\"ir-lead@acme.example\"]

# How long verification keeps asking for proof, from 1s to 2h.
# wait = \"90s\"

# Objects that one lockdown may change; `--max` overrides it.
# max-objects = 50

# Who uses which credential, so that a rotation reaches them. For each use the file has
#   [[integration]]
#   name = \"nightly-etl\"
#   type = \"service-account\"      # TYPES
#   credential = \"etl.a1b2c3.mp-service-account\"          # a username or an id, never the secret
#   consumer = \"airflow on etl-1\"
#   store = \"vault\"              # optional, as is all that follows
#   path = \"mixpanel/etl\"
#   fields = { username = \"username\", secret = \"secret\" }
#   system = \"aws-lambda\"         # the [consumer.…] through which it is given the new credential; else a person does that
#   place = \"nightly-etl\"
#   place-fields = { username = \"MIXPANEL_USER\", secret = \"MIXPANEL_SECRET\" }
#   project = \"1001\"
#   owner = \"data-team@acme.example\"
#   purpose = \"Loads yesterday's events.\"
#   created-by = \"jane@agency.example\"
#   last-rotated = 2026-01-31
#   restart = \"Airflow reads the secret at every run: nothing to do.\"
# Where `system` is one in which flows can be paused, such as census, they are named instead of a place: `pause = [\"15135\"]`.
# inventory = \"integrations.toml\"

[http]
# Certificate authorities in PEM, trusted besides the system's.
# ca-file = \"ca.pem\"
# The proxy, instead of the one that the environment names.
# proxy = \"http://proxy.acme.example:3128\"
# The time that one request has, up to 10m.
# timeout = \"10s\"
# How long a read is tried again, and a change waits for its turn under the provider's limit.
# deadline = \"60s\"
# The first wait before something is sent again; each further one is twice as long, up to a minute.
# backoff = \"2s\"

[notify]
# Who is told of an incident, by role. Each run leaves letters for them in the incident's folder; `portcullis notify INCIDENT`
# shows them. Letters for owners of integrations go to the addresses that the inventory has.
# security = [\"security@acme.example\"]
# compliance = [\"privacy@acme.example\"]
# project-owners = [\"data-team@acme.example\"]
# stakeholders = [\"analytics@acme.example\"]
# When letters are sent: \"asked\" is by `portcullis notify INCIDENT --send` alone, \"end\" at the end of each run too.
# send = \"asked\"
# The mail server; `tls` is \"starttls\" (port 587), \"tls\" (port 465) or, to this machine alone, \"none\" (port 25).
# smtp = { host = \"smtp.acme.example\", port = 587, tls = \"starttls\", from = \"portcullis@acme.example\", username = \"portcullis\", credential = \"env:PORTCULLIS_SMTP\" }
# A webhook that takes JSON. Its address is a secret with most services, and so a reference too; `credential` is a bearer token.
# `form = \"slack\"`: a message as Slack's incoming webhooks take it; at hooks.slack.com without being said.
# webhook = { url = \"env:PORTCULLIS_WEBHOOK\", credential = \"env:PORTCULLIS_WEBHOOK_TOKEN\", roles = [\"security\"] }

# Providers, stores and consumers. A section's second word is a name of your choice; where it is not that of a kind, add `kind = \"…\"`.
# Remove the sections that you do not use. None of them holds a secret, only where to find it:
#   env:NAME            an environment variable
#   file:PATH           a file of yours that no one else may read (mode 0600 or 0400)
#   prompt              asked for on the terminal; prompt:LABEL says for what
#   command:PROGRAM …   what a program writes, run without a shell, such as command:op read op://vault/item/field
";

const LIMITS: &str = "\
# How fast and how many at once.
# requests-per-second = 10
# burst = 10
# concurrency = 8
";

/// The template for these kinds. It is a configuration itself: what has to be filled in is there as an example.
pub fn template(catalog: &Catalog) -> String {
    let types: Vec<&str> = IntegrationKind::ALL.iter().map(|kind| kind.name()).collect();
    let mut text = HEAD.replace("TYPES", &types.join(", "));
    catalog.providers.iter().for_each(|kind| section(&mut text, "provider", kind));
    catalog.stores.iter().for_each(|kind| section(&mut text, "store", kind));
    catalog.consumers.iter().for_each(|kind| section(&mut text, "consumer", kind));
    text
}

fn section(text: &mut String, role: &str, kind: &KindSpec) {
    text.push_str(&format!("\n# {}.\n[{role}.{}]\n", kind.title, kind.name));
    if let Some(url) = kind.base_url {
        key(text, "Where it is.", BASE_URL, &quoted(url), false);
    }
    if let Some(setting) = kind.own_base_url() {
        own(text, setting);
    }
    if !kind.credential.is_empty() {
        let about = format!("Credential: {}.", kind.credential);
        let name = kind.name.to_ascii_uppercase().replace('-', "_");
        key(text, &about, "credential", &quoted(&format!("env:PORTCULLIS_{name}")), true);
    }
    for setting in kind.further() {
        own(text, setting);
    }
    text.push_str(LIMITS);
}

fn own(text: &mut String, setting: &Setting) {
    let shown = setting.default.unwrap_or(setting.example);
    let about = match setting.default {
        Some(default) if default != setting.example => {
            format!("{} Example: {}.", setting.about, setting.example)
        }
        _ => setting.about.to_owned(),
    };
    key(text, &about, setting.name, &value(setting, shown), setting.required);
}

fn key(text: &mut String, about: &str, name: &str, value: &str, required: bool) {
    let mark = if required { "" } else { "# " };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# {about}\n{mark}{name} = {value}");
}

/// A catalog's text as TOML.
fn value(setting: &Setting, shown: &str) -> String {
    match setting.value {
        SettingKind::Number | SettingKind::Flag => shown.to_owned(),
        SettingKind::Text | SettingKind::Path | SettingKind::Url => quoted(shown),
        SettingKind::List => {
            let parts: Vec<String> = shown.split(',').map(|part| quoted(part.trim())).collect();
            format!("[{}]", parts.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, Inventory, kinds};

    /// The template with every key in force.
    fn in_force(catalog: &Catalog) -> String {
        let is_key = |line: &str| {
            let name = line.split(" = ").next().unwrap_or_default();
            name.len() < line.len() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        };
        let uncomment = |line: &str| {
            let key = line.strip_prefix("# ").filter(|rest| is_key(rest));
            key.unwrap_or(line).to_owned() + "\n"
        };
        template(catalog).lines().map(uncomment).collect()
    }

    #[test]
    fn the_template_is_a_configuration_with_every_kind() {
        let config =
            Config::parse(Path::new("p"), template(&kinds::KNOWN).as_bytes(), &kinds::KNOWN).unwrap();
        let names = |instances: &[super::super::Instance]| {
            instances.iter().map(|instance| instance.name.clone()).collect::<Vec<_>>()
        };
        let known = |kinds: &[&KindSpec]| kinds.iter().map(|kind| kind.name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&config.providers), known(kinds::KNOWN.providers));
        assert_eq!(names(&config.stores), known(kinds::KNOWN.stores));
    }

    #[test]
    fn what_it_shows_as_defaults_are_the_defaults() {
        let parse = |text: &str| Config::parse(Path::new("p"), text.as_bytes(), &kinds::KNOWN).unwrap();
        let (silent, spoken) = (parse(&template(&kinds::KNOWN)), parse(&in_force(&kinds::KNOWN)));
        assert_eq!((silent.wait, silent.max_objects), (spoken.wait, spoken.max_objects));
        assert_eq!((silent.incidents, silent.http.timeout), (spoken.incidents, spoken.http.timeout));
        for (silent, spoken) in silent.providers.iter().zip(&spoken.providers) {
            assert_eq!(silent.base_url, spoken.base_url);
            assert_eq!((silent.burst, silent.concurrency), (spoken.burst, spoken.concurrency));
            assert!((silent.requests_per_second - spoken.requests_per_second).abs() < f64::EPSILON);
            assert_eq!(silent.settings.url("data-url"), spoken.settings.url("data-url"));
        }
    }

    #[test]
    fn the_integration_that_it_shows_is_one() {
        let text = template(&kinds::KNOWN);
        let config = Config::parse(Path::new("p"), text.as_bytes(), &kinds::KNOWN).unwrap();
        let shown: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#   ")).take(17).collect();
        let inventory =
            Inventory::parse(Path::new("i"), shown.join("\n").as_bytes(), config.known()).unwrap();
        let [one] = &inventory.integrations[..] else { panic!("{inventory:?}") };
        assert!(one.stored.is_some() && one.point.is_some() && one.restart.is_some());
    }

    #[test]
    fn with_every_key_in_force_it_still_is_a_configuration() {
        for catalog in [&kinds::KNOWN, crate::lockdown::open::catalog()] {
            Config::parse(Path::new("p"), in_force(catalog).as_bytes(), catalog).unwrap();
        }
    }

    #[test]
    fn every_key_is_in_it() {
        let text = in_force(&kinds::KNOWN);
        let table: toml::Table = text.parse().unwrap();
        let top: Vec<&String> = table.keys().collect();
        let mut keys = crate::config::KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(top, keys);
        let known = &kinds::KNOWN;
        for (role, kinds) in
            [("provider", known.providers), ("store", known.stores), ("consumer", known.consumers)]
        {
            for kind in kinds {
                let mut found: Vec<&str> =
                    table[role][kind.name].as_table().unwrap().keys().map(String::as_str).collect();
                // Only written where the name is not the kind's.
                found.push("kind");
                found.sort_unstable();
                let mut keys = crate::config::instance::keys(kind);
                keys.sort_unstable();
                assert_eq!(found, keys, "{}", kind.name);
            }
        }
    }
}
