//! A block takes its time: what begins before it holds everywhere is ended by asking once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portcullis::drill::emulator::{Faults, Switches};

use super::check::{self, DONE, PARTIAL};
use super::stage::Stage;
use super::tenant::{beside, further};

#[test]
fn a_session_that_began_while_the_block_settled_is_ended_too() {
    let entra = further().find(|service| service.name() == "entra").unwrap();
    let mut tenant = beside(entra, 13);
    tenant.entra.settle_seconds = 1;
    let stage = Stage::new(tenant, Switches::default(), Faults::default());
    let (emulator, late) = (Arc::clone(&stage.emulator), Arc::new(AtomicBool::new(false)));
    let began = Arc::clone(&late);
    let intruder = std::thread::spawn(move || {
        for _ in 0..2_000 {
            std::thread::sleep(Duration::from_millis(5));
            let began_now = emulator.edit(|tenant| {
                let mut revoked = tenant.entra.users.values_mut().filter(|user| user.valid_from_ms.is_some());
                let user = revoked.next()?;
                let from = user.valid_from_ms?;
                user.sessions.insert("late".to_owned(), from + 1);
                Some(())
            });
            if began_now.is_some() {
                began.store(true, Ordering::SeqCst);
                return;
            }
        }
    });
    let run = stage.lockdown(&[], None);
    intruder.join().unwrap();
    assert!(matches!(run.code, Some(DONE | PARTIAL)), "{}{}", run.stdout, run.stderr);
    assert!(late.load(Ordering::SeqCst), "no session began");
    let revoked = stage.emulator.requests().into_iter();
    let revoked =
        revoked.filter(|request| request.path.ends_with("/revokeSignInSessions") && request.took_effect);
    assert_eq!(revoked.count(), 2, "once at first, and once after the time");
    let ways = check::ways_in(&stage);
    assert!(!ways.contains("entra: a session counts"), "{ways:?}");
}
