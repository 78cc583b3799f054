//! Which letter goes to whom by which way. Pure.
//!
//! **Invariants.** Only addresses that the configuration or the inventory names are written to: other names in an incident may be
//! an attacker's. The accounts that an incident shuts out are never written to.

use std::collections::BTreeSet;

use super::{Letter, Reader};
use crate::config::notify::{Audience, Notify, is_address};
use crate::lockdown::message::{Fate, Message, Way, name};
use crate::lockdown::operation::Ask;
use crate::lockdown::record::Record;

/// What stands for the address of a webhook, which may be a secret.
pub const WEBHOOK: &str = "webhook";

/// A message that is to leave, or has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// See [`name`].
    pub id: String,
    /// Its letter.
    pub letter: Letter,
    /// By which way.
    pub way: Way,
    /// An address, or [`WEBHOOK`].
    pub to: String,
    /// What is known of it from earlier runs.
    pub before: Option<Message>,
}

impl Item {
    /// Whether a server took it in an earlier run.
    pub fn is_sent(&self) -> bool {
        self.before.as_ref().is_some_and(|message| message.fate == Fate::Accepted)
    }
}

/// Messages, and letters that go to nobody by any way.
#[derive(Debug, Default)]
pub struct Post {
    /// In the order in which people are told.
    pub items: Vec<Item>,
    /// Names of letters that stay files: nobody is named who reads them.
    pub files_alone: Vec<String>,
    /// Addresses that are not written to, since the incident shuts their accounts out.
    pub withheld: BTreeSet<String>,
}

/// What `letters` come to. `owners`: addresses that the inventory names.
pub fn post(record: &Record, letters: Vec<Letter>, notify: &Notify, owners: &BTreeSet<String>) -> Post {
    let mut post = Post::default();
    let shut_out = shut_out(record);
    for letter in letters {
        let before = (post.items.len(), post.withheld.len());
        for to in readers(&letter.reader, notify, owners) {
            if shut_out.contains(&to.to_ascii_lowercase()) {
                post.withheld.insert(to);
            } else if notify.smtp.is_some() {
                add(&mut post, record, &letter, Way::Mail, to);
            }
        }
        if let (Some(webhook), Reader::Role(audience)) = (&notify.webhook, &letter.reader)
            && webhook.roles.contains(audience)
        {
            add(&mut post, record, &letter, Way::Webhook, WEBHOOK.to_owned());
        }
        if before == (post.items.len(), post.withheld.len()) {
            post.files_alone.push(letter.file);
        }
    }
    post
}

fn add(post: &mut Post, record: &Record, letter: &Letter, way: Way, to: String) {
    let id = name(&record.incident, &letter.file, way, &to, &letter.sha256());
    if post.items.iter().all(|item| item.id != id) {
        let before = record.message(&id).cloned();
        post.items.push(Item { id, letter: letter.clone(), way, to, before });
    }
}

fn readers(reader: &Reader, notify: &Notify, owners: &BTreeSet<String>) -> Vec<String> {
    match reader {
        Reader::Role(audience) => notify.of(*audience).to_vec(),
        Reader::Person(who) => {
            let named = Audience::ALL.into_iter().any(|audience| notify.of(audience).contains(who));
            // Again, whatever the inventory holds: it goes into commands and headers as it is.
            if is_address(who) && (named || owners.contains(who)) { vec![who.clone()] } else { Vec::new() }
        }
    }
}

/// In small letters.
fn shut_out(record: &Record) -> BTreeSet<String> {
    let people = record.operation.people(&record.account);
    let out =
        people.into_iter().filter(|(_, ask)| matches!(ask, Ask::ShutOut | Ask::Leave | Ask::Deactivate));
    out.map(|(email, _)| email.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, kinds};
    use crate::lockdown::message::MessageEvent;
    use crate::lockdown::record::{Entry, TrackedGuided};
    use crate::lockdown::step::{Guided, GuidedProof};

    const FILE: &str = "[notify]\nsecurity = ['sec@acme.example', 'Jane@agency.example']\nstakeholders = ['all@acme.example']\n\
                        smtp = { host = 'mail.example', from = 'p@acme.example' }\nwebhook = { url = 'env:H' }\n";

    fn notify(text: &str) -> Notify {
        Config::parse(Path::new("p"), text.as_bytes(), &kinds::KNOWN).unwrap().notify
    }

    fn record(who: &[&str]) -> Record {
        let guided = who.iter().map(|who| Guided {
            id: (*who).to_owned(),
            title: "do".into(),
            who: (*who).to_owned(),
            how: "so".into(),
            proof: GuidedProof::Attested,
            required: true,
        });
        let guided = guided.map(|guided| TrackedGuided { guided, done: None }).collect();
        Record { incident: "i".into(), account: "jane@agency.example".into(), guided, ..Record::default() }
    }

    fn to(post: &Post) -> Vec<(&str, &str, Way)> {
        post.items.iter().map(|item| (item.letter.file.as_str(), item.to.as_str(), item.way)).collect()
    }

    #[test]
    fn only_known_addresses_are_written_to_and_never_the_account_itself() {
        let known = BTreeSet::from(["data@acme.example".to_owned(), "x@y\r\nRCPT TO:<evil@z>".to_owned()]);
        let record = record(&[
            "data@acme.example",
            "evil@elsewhere.example",
            "x@y\r\nRCPT TO:<evil@z>",
            "an owner",
            "JANE@agency.example",
        ]);
        let post = post(&record, super::super::letters(&record), &notify(FILE), &known);
        assert_eq!(
            to(&post),
            [
                ("to-security.txt", "sec@acme.example", Way::Mail),
                ("to-security.txt", WEBHOOK, Way::Webhook),
                ("01-data-acme-example.txt", "data@acme.example", Way::Mail),
                ("to-all.txt", "all@acme.example", Way::Mail),
            ]
        );
        assert_eq!(post.withheld, BTreeSet::from(["Jane@agency.example".to_owned()]));
        assert!(post.files_alone.contains(&"to-compliance.txt".to_owned()), "{:?}", post.files_alone);
    }

    #[test]
    fn without_a_way_nothing_is_a_message() {
        let record = record(&[]);
        let silent = post(&record, super::super::letters(&record), &notify(""), &BTreeSet::new());
        assert!(silent.items.is_empty() && silent.files_alone.len() == 4);
    }

    #[test]
    fn what_was_sent_is_known_again_until_it_says_something_else() {
        let mut record = record(&["data@acme.example"]);
        let of =
            |record: &Record| post(record, super::super::letters(record), &notify(FILE), &BTreeSet::new());
        record.incident.clear();
        let operation = record.operation.clone();
        let (incident, account) = ("i".to_owned(), record.account.clone());
        let opened = Entry::Opened { incident, account, tag: "t".into(), version: "0".into(), operation };
        record.apply(&opened).unwrap();
        for item in of(&record).items {
            let (letter, to, way, sha256) =
                (item.letter.file.clone(), item.to, item.way, item.letter.sha256());
            for event in [
                MessageEvent::Intended { letter, to, way, sha256 },
                MessageEvent::Accepted { answer: "250".into() },
            ] {
                record.apply(&Entry::Message { message: item.id.clone(), event }).unwrap();
            }
        }
        assert!(of(&record).items.iter().all(Item::is_sent));
        record.guided[0].done = Some("ticket".into());
        let again: Vec<String> = of(&record)
            .items
            .into_iter()
            .filter(|item| !item.is_sent())
            .map(|item| item.letter.file)
            .collect();
        assert_eq!(again, ["to-security.txt"; 2], "stakeholders were told all that they are told");
    }
}
