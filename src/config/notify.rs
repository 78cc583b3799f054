//! Who is told of an incident, and by which way: `[notify]`. Without it, letters are files and nothing more.

use std::net::IpAddr;

use toml::de::DeTable;
use url::{Host, Url};

use super::address::{self, Use};
use super::document::{Entry, Report, Section};
use super::error::{Fault, UrlFault};
use super::reference::Reference;
use crate::rule::nearest;

/// The port for mail that is handed in, with STARTTLS (RFC 6409).
const PORT_STARTTLS: u64 = 587;
/// The same with TLS from the first byte on (RFC 8314).
const PORT_TLS: u64 = 465;
/// The port between mail servers, which the one of this machine listens on.
const PORT_NONE: u64 = 25;
/// The longest part of an address before and after its `@` (RFC 5321).
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;
/// Addresses for one role: more are a list of a mail server's.
const MAX_READERS: usize = 50;

const KEYS: [&str; 7] =
    ["send", "project-owners", "stakeholders", "security", "compliance", "smtp", "webhook"];
const SMTP_KEYS: [&str; 6] = ["host", "port", "tls", "from", "username", "credential"];
const WEBHOOK_KEYS: [&str; 4] = ["url", "credential", "roles", "form"];

/// Who has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// Those who answer for security: they read everything first.
    Security,
    /// Those who keep the record for auditors and authorities.
    Compliance,
    /// Those who answer for a project and what works with it.
    ProjectOwners,
    /// All others who are concerned.
    Stakeholders,
}

impl Audience {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Security, Self::Compliance, Self::ProjectOwners, Self::Stakeholders];

    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Compliance => "compliance",
            Self::ProjectOwners => "project-owners",
            Self::Stakeholders => "stakeholders",
        }
    }
}

/// When letters are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// By `notify INCIDENT --send` alone.
    #[default]
    Asked,
    /// At the end of each run too.
    End,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// After STARTTLS; a server that does not offer it gets nothing.
    StartTls,
    /// From the first byte on.
    Tls,
    /// Not at all: only to this machine.
    None,
}

/// Who is told, and how.
#[derive(Debug, Clone, Default)]
pub struct Notify {
    /// When.
    pub when: When,
    /// The mail server.
    pub smtp: Option<Smtp>,
    /// The webhook.
    pub webhook: Option<Webhook>,
    readers: Vec<(Audience, Vec<String>)>,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name or address; its certificate has to be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Encryption,
    /// The sender's address.
    pub from: String,
    /// The name to sign in with; `None`: no sign-in.
    pub username: Option<String>,
    /// Where the password for it is.
    pub credential: Option<Reference>,
}

/// What a webhook takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Fields of the incident and the letter.
    Json,
    /// A message as Slack's incoming webhooks take it: a text in which `&`, `<` and `>` are escaped.
    Slack,
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where its address is: with most services whoever knows the address may post.
    pub url: Reference,
    /// Where a token for it is, if it wants one.
    pub credential: Option<Reference>,
    /// Whose letters go there.
    pub roles: Vec<Audience>,
    /// What it takes; `None`: Slack's form at Slack's own address, else JSON.
    pub form: Option<Form>,
}

impl Notify {
    /// Addresses for this role.
    pub fn of(&self, audience: Audience) -> &[String] {
        let found = self.readers.iter().find(|(known, _)| *known == audience);
        found.map_or(&[], |(_, addresses)| addresses)
    }

    /// Whether anything can be sent.
    pub fn can_send(&self) -> bool {
        self.smtp.is_some() || self.webhook.is_some()
    }
}

/// Whether it is a mail address that stands in a header and in a command as it is: ASCII, nothing quoted, no comment, no literal
/// host.
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let of_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&byte);
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    (1..=MAX_LOCAL).contains(&local.len())
        && local.bytes().all(of_local)
        && !dots
        && (1..=MAX_DOMAIN).contains(&domain.len())
        && domain.split('.').all(is_label)
}

/// Reads the address of a webhook, which may have a query, unlike other addresses. The error says nothing of it.
pub fn webhook_address(text: &str) -> Result<Url, UrlFault> {
    address::parse(text, Use::Webhook)
}

/// What the file says; nothing where it is silent.
pub(super) fn read(report: &Report<'_>, top: &Section<'_>) -> Notify {
    let Some(entry) = top.get("notify") else { return Notify::default() };
    let Some(table) = entry.table() else { return Notify::default() };
    let section = Section::new(report, "[notify]", table, entry.at, &KEYS);
    let readers = Audience::ALL.into_iter().filter_map(|audience| {
        let entry = section.get(audience.name())?;
        Some((audience, addresses(&entry)?))
    });
    let table_of = |key| section.get(key).and_then(|entry| Some((entry.table()?, entry.at)));
    Notify {
        when: section.get("send").and_then(|entry| when(&entry)).unwrap_or_default(),
        smtp: table_of("smtp").and_then(|(table, at)| smtp(report, table, at)),
        webhook: table_of("webhook").and_then(|(table, at)| webhook(report, table, at)),
        readers: readers.collect(),
    }
}

fn when(entry: &Entry<'_>) -> Option<When> {
    match entry.text()? {
        "asked" => Some(When::Asked),
        "end" => Some(When::End),
        _ => entry.beyond("\"asked\" or \"end\""),
    }
}

fn addresses(entry: &Entry<'_>) -> Option<Vec<String>> {
    let addresses = entry.list()?;
    if addresses.len() > MAX_READERS {
        return entry.beyond(format!("at most {MAX_READERS} addresses"));
    }
    if addresses.iter().all(|address| is_address(address)) {
        Some(addresses)
    } else {
        entry.beyond("a list of mail addresses such as security@acme.example")
    }
}

fn smtp(report: &Report<'_>, table: &DeTable<'_>, at: usize) -> Option<Smtp> {
    let section = Section::new(report, "[notify.smtp]", table, at, &SMTP_KEYS);
    let host = section.need("host").and_then(|entry| host(&entry));
    let from = section.need("from").and_then(|entry| sender(&entry));
    let tls = section.get("tls").map_or(Some(Encryption::StartTls), |entry| encryption(&entry));
    if tls == Some(Encryption::None) && host.as_deref().is_some_and(|host| !is_this_machine(host)) {
        section.get("tls")?.beyond::<()>("\"starttls\" or \"tls\": the server is not on this machine");
    }
    let usual = match tls {
        Some(Encryption::Tls) => PORT_TLS,
        Some(Encryption::None) => PORT_NONE,
        Some(Encryption::StartTls) | None => PORT_STARTTLS,
    };
    let port = section.get("port").map_or(Some(usual), |entry| entry.number(1..=u64::from(u16::MAX)));
    let username = section.get("username").and_then(|entry| entry.text()).map(str::to_owned);
    let credential = section.get("credential");
    match (section.get("username"), &credential) {
        (Some(entry), None) => {
            entry.add::<()>(Fault::Needs { key: "username", other: "credential" });
        }
        (None, Some(entry)) => {
            entry.add::<()>(Fault::Needs { key: "credential", other: "username" });
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    Some(Smtp {
        host: host?,
        port: u16::try_from(port?).ok()?,
        tls: tls?,
        from: from?,
        username,
        credential: credential.and_then(|entry| entry.reference("password for the mail server")),
    })
}

fn webhook(report: &Report<'_>, table: &DeTable<'_>, at: usize) -> Option<Webhook> {
    let section = Section::new(report, "[notify.webhook]", table, at, &WEBHOOK_KEYS);
    let url = section.need("url").and_then(|entry| entry.reference("address of the webhook"));
    let roles = section.get("roles").map_or_else(|| Some(vec![Audience::Security]), |entry| roles(&entry));
    let credential = section.get("credential");
    let credential = credential.and_then(|entry| entry.reference("token for the webhook"));
    let form = section.get("form").map_or(Some(None), |entry| form(&entry).map(Some));
    Some(Webhook { url: url?, credential, roles: roles?, form: form? })
}

fn form(entry: &Entry<'_>) -> Option<Form> {
    match entry.text()? {
        "json" => Some(Form::Json),
        "slack" => Some(Form::Slack),
        _ => entry.beyond("\"json\" or \"slack\""),
    }
}

fn roles(entry: &Entry<'_>) -> Option<Vec<Audience>> {
    let role = |name: &String| {
        let found = Audience::ALL.into_iter().find(|audience| audience.name() == name);
        found.or_else(|| {
            let names = || Audience::ALL.into_iter().map(Audience::name);
            let near = nearest(name, names()).map(str::to_owned);
            entry.add(Fault::Unknown { what: "role", near, known: names().map(str::to_owned).collect() })
        })
    };
    entry.list()?.iter().map(role).collect()
}

fn sender(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    if is_address(text) {
        return Some(text.to_owned());
    }
    entry.beyond("a mail address such as portcullis@acme.example")
}

fn host(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    let known =
        text.parse::<IpAddr>().is_ok() || matches!(Host::parse(text), Ok(Host::Domain(name)) if name == text);
    if known {
        Some(text.to_owned())
    } else {
        entry.beyond("the name or address of a host, in small letters")
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn encryption(entry: &Entry<'_>) -> Option<Encryption> {
    match entry.text()? {
        "starttls" => Some(Encryption::StartTls),
        "tls" => Some(Encryption::Tls),
        "none" => Some(Encryption::None),
        _ => entry.beyond("\"starttls\", \"tls\" or \"none\""),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, kinds};

    fn parse(text: &str) -> Result<Notify, String> {
        let config = Config::parse(Path::new("p"), text.as_bytes(), &kinds::KNOWN);
        config.map(|config| config.notify).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_read() {
        let silent = parse("").unwrap();
        assert!(!silent.can_send() && silent.when == When::Asked && silent.of(Audience::Security).is_empty());
        let text = "[notify]\nsend = 'end'\nsecurity = ['a@acme.example', 'b+c@x.example']\n\
                    smtp = { host = 'smtp.acme.example', from = 'p@acme.example' }\n\
                    [notify.webhook]\nurl = 'env:HOOK'\nroles = ['security', 'compliance']\nform = 'slack'\n";
        let notify = parse(text).unwrap();
        assert_eq!(notify.of(Audience::Security), ["a@acme.example", "b+c@x.example"]);
        let smtp = notify.smtp.unwrap();
        assert_eq!((smtp.port, smtp.tls, notify.when), (587, Encryption::StartTls, When::End));
        let webhook = notify.webhook.unwrap();
        assert_eq!(webhook.roles, [Audience::Security, Audience::Compliance]);
        assert_eq!(webhook.form, Some(Form::Slack));
        let tls = parse(
            "[notify.smtp]\nhost = '10.0.0.1'\nfrom = 'p@x'\ntls = 'tls'\nusername = 'u'\ncredential = 'env:P'",
        );
        assert_eq!(tls.unwrap().smtp.map(|smtp| smtp.port), Some(465));
        let own = parse("[notify.smtp]\nhost = '127.0.0.1'\nfrom = 'p@x'\ntls = 'none'").unwrap();
        assert_eq!(own.smtp.map(|smtp| smtp.port), Some(25));
    }

    #[test]
    fn mistakes_are_told_and_no_value_is() {
        for (text, told) in [
            ("notify = 1", "has to be a table"),
            ("[notify]\nsecurty = []", "unknown key `securty` in [notify]"),
            ("[notify]\nsend = 'CANARY'", "`send` has to be \"asked\" or \"end\""),
            ("[notify]\nsecurity = 'CANARY'", "has to be a list"),
            ("[notify]\nsecurity = ['CANARY']", "has to be a list of mail addresses"),
            ("[notify]\nsecurity = [\"a@x\\r\\nBcc: CANARY@x\"]", "has to be"),
            ("[notify]\nsecurity = ['<CANARY@x>']", "has to be a list of mail addresses"),
            ("[notify.smtp]\nfrom = 'p@x'", "`host` is missing in [notify.smtp]"),
            ("[notify.smtp]\nhost = 'a b'\nfrom = 'p@x'", "has to be the name"),
            ("[notify.smtp]\nhost = 'x.example'\nfrom = 'P <CANARY@x>'", "has to be a mail address"),
            ("[notify.smtp]\nhost = 'x.example'\nfrom = 'p@x'\ntls = 'none'", "is not on this machine"),
            (
                "[notify.smtp]\nhost = 'x.example'\nfrom = 'p@x'\nusername = 'u'",
                "`username` without `credential`",
            ),
            (
                "[notify.smtp]\nhost = 'x.example'\nfrom = 'p@x'\ncredential = 'CANARY'\nusername = 'u'",
                "`credential` is not a reference",
            ),
            ("[notify.webhook]\nurl = 'https://hooks.example/CANARY'", "`url` is not a reference"),
            ("[notify.webhook]\nurl = 'env:H'\nform = 'CANARY'", "`form` has to be \"json\" or \"slack\""),
            ("[notify.webhook]\nurl = 'env:H'\nroles = ['securty']", "no such role"),
        ] {
            let shown = parse(text).unwrap_err();
            assert!(shown.contains(told) && !shown.contains("CANARY"), "{text}: {shown}");
        }
    }

    #[test]
    fn only_plain_addresses_are_addresses() {
        for good in ["a@x", "a.b+c@mail.acme.example", "o'neil@x.example"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@x",
            "a@",
            "a b@x",
            "a@x y",
            "a@x,b@y",
            "<a@x>",
            "a@x>",
            "\"a b\"@x",
            "a@[127.0.0.1]",
            "a@@x",
            "a@x@y",
            ".a@x",
            "a.@x",
            "a..b@x",
            "a@-x",
            "a@x.",
            "a@x\n",
            "a\r@x",
            "ä@x",
            "a@ä",
            "a@x\u{202e}",
            "a(b)@x",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
        assert!(
            !is_address(&format!("{}@x", "a".repeat(65))) && !is_address(&format!("a@{}", "x".repeat(256)))
        );
    }

    #[test]
    fn a_webhook_may_have_a_query_and_is_no_plain_http_elsewhere() {
        assert!(webhook_address("https://hooks.example/a/b?sig=1").is_ok());
        assert!(webhook_address("http://127.0.0.1:1/x").is_ok());
        for bad in ["http://hooks.example/x", "https://u:p@hooks.example", "https://hooks.example/#x", "x"] {
            assert!(webhook_address(bad).is_err(), "{bad}");
        }
    }
}
