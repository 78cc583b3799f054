//! Letters as JSON to a webhook, through the transport of lockdown: one request, no redirect followed elsewhere.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::Reader;
use super::post::Item;
use super::send::Outcome;
use crate::config::Http;
use crate::config::notify::{Audience, Form, webhook_address};
use crate::lockdown::http::{Auth, Call, CallError, Settings, Transport};
use crate::lockdown::record::Record;
use crate::output::escape::Safe;

/// What messages call a request: its path may be a secret.
const LABEL: &str = "the webhook";
/// Where Slack's incoming webhooks are.
const SLACK: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// A webhook, ready to be asked.
pub struct Hook {
    transport: Transport,
    address: Url,
    form: Form,
}

impl Hook {
    /// Takes an address; nothing is sent. `form`: what it takes, where that is said; `token`: for `Authorization: Bearer`, if
    /// it wants one.
    ///
    /// # Errors
    /// In words, without the address.
    pub fn open(
        address: &SecretString,
        form: Option<Form>,
        token: Option<SecretString>,
        http: &Http,
    ) -> Result<Self, String> {
        let address = webhook_address(address.expose_secret())
            .map_err(|fault| format!("the address of the webhook {fault}"))?;
        let mut base = address.clone();
        base.set_path("/");
        base.set_query(None);
        let settings = Settings {
            timeout: http.timeout,
            deadline: http.deadline,
            backoff: http.backoff,
            ca_file: http.ca_file.clone(),
            proxy: http.proxy.clone(),
            ..Settings::new(base, token.map_or(Auth::None, Auth::Bearer))
        };
        let transport = Transport::open(settings).map_err(|error| error.to_string())?;
        let form = form.unwrap_or_else(|| usual_form(&address));
        Ok(Self { transport, address, form })
    }

    /// Reaches its server with a request that holds neither its address nor its token.
    ///
    /// # Errors
    /// In words, what does not work.
    pub async fn try_out(&self) -> Result<(), String> {
        let root = (400..=499).fold(Call::get(&[]).named("the server of the webhook"), Call::also);
        match self.transport.with_auth(Auth::None).read(&root).await {
            // It answers: with a page perhaps, or by sending us elsewhere.
            Ok(_) | Err(CallError::Lost { .. } | CallError::Refused { .. } | CallError::Limited { .. }) => {
                Ok(())
            }
            Err(CallError::NotSent { what }) => Err(what),
        }
    }

    /// Posts a letter, once. `Idempotency-Key` is the item's name.
    pub async fn send(&self, item: &Item, record: &Record) -> Outcome {
        let call = Call::post(&[]).at(self.address.clone()).named(LABEL).json(match self.form {
            Form::Json => body(item, record),
            Form::Slack => message(item),
        });
        let call = self.secrets().into_iter().fold(call, Call::hiding);
        match self.transport.change(&call, &item.id).await {
            Ok(reply) => Outcome::Accepted { answer: format!("status {}", reply.status) },
            Err(CallError::Refused { status, message, .. }) => {
                Outcome::Refused { why: format!("status {status}: {message}") }
            }
            Err(CallError::NotSent { what }) => Outcome::NotSent { why: what },
            Err(error @ CallError::Limited { .. }) => Outcome::NotSent { why: error.to_string() },
            Err(CallError::Lost { what }) => Outcome::Lost { why: what },
        }
    }

    /// What an answer that repeats the address must not show of it.
    fn secrets(&self) -> Vec<SecretString> {
        let path = self.address.path().trim_start_matches('/');
        let query = self.address.query().unwrap_or_default();
        [self.address.as_str(), path, query].into_iter().map(SecretString::from).collect()
    }
}

/// Whoever takes a letter's text for a message would take a name in it for a mention: no address of Slack's gets it plain unasked.
fn usual_form(address: &Url) -> Form {
    let is_slack = address.host_str().is_some_and(|host| SLACK.contains(&host));
    if is_slack { Form::Slack } else { Form::Json }
}

/// A message as Slack documents it: `&`, `<` and `>` as entities, since mentions and links begin with `<`; no other markup.
fn message(item: &Item) -> Value {
    let text = format!("{}\n\n{}", item.letter.subject, item.letter.text);
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": text, "mrkdwn": false })
}

/// Fields of one line each, escaped as for a terminal, but for the line ends of `text`.
fn body(item: &Item, record: &Record) -> Value {
    let safe = |text: &str| Safe(text).to_string();
    let (verdict, reasons) = record.verdict.clone().map_or((None, Vec::new()), |(v, r)| (Some(v), r));
    // What is open is for security alone, as in the letters.
    let to_security = item.letter.reader == Reader::Role(Audience::Security);
    let reasons: Vec<String> = reasons.iter().filter(|_| to_security).map(|reason| safe(reason)).collect();
    json!({
        "id": item.id,
        "incident": safe(&record.incident),
        "kind": record.operation.kind,
        "account": safe(&record.account),
        "restoring": record.restoring,
        "verdict": verdict,
        "reasons": reasons,
        "letter": item.letter.file,
        "subject": item.letter.subject,
        "text": item.letter.text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letters::Letter;
    use crate::lockdown::message::Way;

    #[test]
    fn fields_are_harmless_and_reasons_are_for_security_alone() {
        let hostile = "jane\u{202e}\r\n\u{1b}[2J<!channel>".to_owned();
        let verdict = Some((crate::lockdown::record::Verdict::Unknown, vec![hostile.clone()]));
        let record = Record { account: hostile, verdict, ..Record::default() };
        for (audience, count) in [(Audience::Security, 1), (Audience::Stakeholders, 0)] {
            let letter = Letter {
                file: "f".into(),
                reader: Reader::Role(audience),
                subject: "s".into(),
                text: "t\n".into(),
            };
            let item = Item { id: "0".into(), letter, way: Way::Webhook, to: "webhook".into(), before: None };
            let body = body(&item, &record);
            assert_eq!(body["reasons"].as_array().unwrap().len(), count);
            let shown = body["account"].as_str().unwrap();
            assert_eq!(shown, "jane\\u{202e}\\r\\n\\u{1b}[2J<!channel>");
        }
    }

    fn http() -> Http {
        let known = crate::config::Catalog { providers: &[], stores: &[], consumers: &[] };
        crate::config::Config::parse(std::path::Path::new("p"), b"", &known).unwrap().http
    }

    #[test]
    fn no_name_becomes_a_mention() {
        let letter = Letter {
            file: "f".into(),
            reader: Reader::Role(Audience::Security),
            subject: "locked out: <!channel>".into(),
            text: "<@U024BE7LH> & <https://evil.example|all> &lt;!here&gt;\n".into(),
        };
        let item = Item { id: "0".into(), letter, way: Way::Webhook, to: "webhook".into(), before: None };
        let wanted = "locked out: &lt;!channel&gt;\n\n&lt;@U024BE7LH&gt; &amp; &lt;https://evil.example|all&gt; \
                      &amp;lt;!here&amp;gt;\n";
        assert_eq!(message(&item), json!({ "text": wanted, "mrkdwn": false }));
    }

    #[test]
    fn slacks_own_address_gets_slacks_form_unasked() {
        let form =
            |address: &str, form| Hook::open(&SecretString::from(address), form, None, &http()).unwrap().form;
        assert_eq!(form("https://hooks.slack.com/services/T/B/X", None), Form::Slack);
        assert_eq!(form("https://HOOKS.SLACK-GOV.COM/services/T/B/X", None), Form::Slack);
        assert_eq!(form("https://hooks.slack.com/triggers/T/1/X", Some(Form::Json)), Form::Json);
        assert_eq!(form("https://hooks.slack.com.example/x", None), Form::Json);
        assert_eq!(form("https://chat.example/hooks/x", Some(Form::Slack)), Form::Slack);
    }

    #[test]
    fn an_address_that_is_not_taken_is_not_shown() {
        for bad in ["http://hooks.example/CANARY", "https://u:CANARY@hooks.example/", "CANARY"] {
            let error = Hook::open(&SecretString::from(bad), None, None, &http()).err().unwrap();
            assert!(error.contains("the webhook") && !error.contains("CANARY"), "{error}");
        }
    }
}
