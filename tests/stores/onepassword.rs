//! 1Password Connect, against the emulated service.

use portcullis::drill::emulator::onepassword::{Field, Item, State};
use portcullis::drill::emulator::{Switches, Tenant, What};
use portcullis::lockdown::provider::CheckState;
use portcullis::lockdown::store::{Store, Version, Write};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::emulated::{Emulated, class};
use super::{Habits, is, merge};

const KIND: &str = "onepassword-connect";
pub(crate) const HABITS: Habits =
    Habits { paths: ["census", "team/analytics é+%2F?#/mixpanel"], counts: true, kept: 1, goes_on: true };

pub(crate) fn tenant() -> Tenant {
    let mut tenant = Tenant::example(5);
    let fields = json!({"username": "old", "secret": "CANARYold", "url": "https://mixpanel.example"});
    tenant.onepassword = State::with(&mut tenant.draws, &[("etl".to_owned(), fields)]);
    tenant
}

fn new() -> Write {
    merge(&[("username", "new"), ("secret", "CANARYnew"), ("added", "CANARYadded")])
}

fn item(world: &Emulated) -> Item {
    let vaults = world.emulator.tenant().onepassword.vaults;
    vaults.values().next().unwrap().items.values().find(|item| item.title == "etl").unwrap().clone()
}

fn edit(world: &Emulated, change: impl FnOnce(&mut Item)) {
    world.emulator.edit(|tenant| {
        let vault = tenant.onepassword.vaults.values_mut().next().unwrap();
        change(vault.items.values_mut().find(|item| item.title == "etl").unwrap());
    });
}

async fn current(store: &dyn Store) -> Version {
    store.version("etl").await.unwrap().unwrap()
}

#[tokio::test]
async fn what_a_write_replaces_is_kept_in_the_item_until_it_is_brought_back() {
    for counts in [true, false] {
        let mut switches = Switches::default();
        (switches.onepassword.counts_versions, switches.onepassword.loose_filters) = (counts, !counts);
        let world = Emulated::with(KIND, tenant(), switches);
        let (store, before) = (&*world.store, item(&world));
        let first = current(store).await;
        let second = store.write("etl", new(), &first, "k").await.unwrap();
        let held = item(&world);
        assert_eq!((held.value("username"), held.value("added")), (Some("new"), Some("CANARYadded")));
        assert_eq!(held.value("Portcullis keeps version 1: secret"), Some("CANARYold"));
        assert_eq!(held.fields.len(), 7, "{:?}", held.fields);
        let old = [("secret", "CANARYold"), ("url", "https://mixpanel.example"), ("username", "old")];
        if counts {
            is(store.earlier("etl", &first).await.unwrap(), &first, &old);
        }
        store.bring_back("etl", &first, &second, "k2").await.unwrap();
        assert_eq!(item(&world).fields, before.fields, "not a field differs, nor its identifier");
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found() {
    for what in [What::ResetAfter, What::StatusAfter(502), What::TruncatedBody, What::NotJson] {
        let world = Emulated::new(KIND, tenant());
        let first = current(&*world.store).await;
        world.next_change(what);
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), "lost", "{what}");
        let entry = world.store.read("etl").await.unwrap().unwrap();
        assert_eq!((entry.fields["username"].expose_secret(), world.effects()), ("new", 1), "{what}");
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), "conflict", "{what}");
    }
    for (what, expected) in [(What::Status(403), "refused 403 "), (What::RateLimited(None), "limited")] {
        let world = Emulated::new(KIND, tenant());
        let first = current(&*world.store).await;
        world.next_change(what);
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), expected);
        assert_eq!(world.effects(), 0);
    }
}

#[tokio::test]
async fn what_somebody_else_changed_is_not_written_over_unseen() {
    let world = Emulated::new(KIND, tenant());
    let first = current(&*world.store).await;
    let second = world.store.write("etl", new(), &first, "k").await.unwrap();
    edit(&world, |item| item.version += 1);
    assert_eq!(class(world.store.bring_back("etl", &first, &second, "k2").await), "conflict");
    // Between the look and the patch.
    let world = Emulated::new(KIND, tenant());
    let (store, first) = (std::sync::Arc::clone(&world.store), first.clone());
    world.emulator.on_change(|_, _| std::thread::sleep(std::time::Duration::from_millis(100)));
    let writing = tokio::spawn(async move { store.write("etl", new(), &first, "k").await });
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    edit(&world, |item| item.version += 1);
    let error = writing.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("over one that somebody wrote after version 1"), "{error}");
}

#[tokio::test]
async fn titles_that_two_items_have_are_refused_and_identifiers_are_not() {
    let world = Emulated::new(KIND, tenant());
    let id = world.emulator.edit(|tenant| {
        let vault = tenant.onepassword.vaults.values_mut().next().unwrap();
        let (id, item) = vault.items.iter().next().map(|(id, item)| (id.clone(), item.clone())).unwrap();
        vault.items.insert("z".repeat(26), item);
        id
    });
    assert_eq!(class(world.store.read("etl").await), "invalid");
    assert_eq!(world.store.version(&id).await.unwrap(), Some(1.into()));
    edit(&world, |item| item.archived = true);
    assert_eq!(world.store.version("etl").await.unwrap(), Some(1.into()), "the other one alone");
    assert!(world.store.read(&"y".repeat(26)).await.unwrap().is_none());
    for title in ["", "a\"b", "a\\b", "a\nb"] {
        assert_eq!(class(world.store.read(title).await), "invalid", "{title:?}");
    }
    assert_eq!(class(world.store.write(&"y".repeat(26), new(), &Version::NONE, "k").await), "invalid");
}

#[tokio::test]
async fn labels_that_somebody_chose_to_deceive_change_nothing_else() {
    let world = Emulated::new(KIND, tenant());
    edit(&world, |item| {
        for (id, label) in
            [("f1", "Portcullis keeps version 9: secret"), ("f2", "\u{1b}[2Jsecret"), ("f3", "secret")]
        {
            let (id, label, value) = (id.to_owned(), Some(label.to_owned()), Some("CANARYtheirs".to_owned()));
            item.fields.push(Field { id, kind: "STRING".to_owned(), label, value, purpose: None });
        }
    });
    // Two fields are called `secret`: which one is meant is not known.
    assert_eq!(class(world.store.write("etl", new(), &1.into(), "k").await), "invalid");
    assert_eq!(world.effects(), 0);
    edit(&world, |item| item.fields.retain(|field| field.id != "f3"));
    let second = world.store.write("etl", new(), &1.into(), "k").await.unwrap();
    assert_eq!(item(&world).value("Portcullis keeps version 1: secret"), Some("CANARYold"));
    world.store.bring_back("etl", &1.into(), &second, "k2").await.unwrap();
    assert_eq!(
        (item(&world).value("username"), item(&world).value("secret")),
        (Some("old"), Some("CANARYold"))
    );
}

#[tokio::test]
async fn doctor_tells_what_is_wrong() {
    let world = Emulated::new(KIND, tenant());
    let check = async |world: &Emulated| world.store.check().await.remove(0).state;
    assert_eq!(check(&world).await, CheckState::Works);
    let world = Emulated::new(KIND, tenant());
    world.emulator.edit(|tenant| tenant.onepassword.tokens.clear());
    assert_eq!(check(&world).await, CheckState::Missing);
    assert_eq!(class(world.store.read("etl").await), "refused 401 ");
    let world = Emulated::new(KIND, tenant());
    world
        .emulator
        .edit(|tenant| tenant.onepassword.vaults.values_mut().for_each(|vault| vault.name.push('x')));
    assert_eq!(check(&world).await, CheckState::Missing);
}
