//! Who is in which project: one sweep over all projects, shared by all who ask at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::api::{Api, Roles};
use super::wire::Grant;
use crate::lockdown::http::CallError;

/// Projects that are read side by side. More would only wait for the transport, and that wait counts against a read.
pub(super) const SIDE_BY_SIDE: usize = 64;

/// What a sweep saw.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Grants by project; or why the list was refused.
    grants: BTreeMap<u64, Result<Vec<Grant>, CallError>>,
    /// Why there may be more projects.
    incomplete: Option<CallError>,
}

impl Sweep {
    /// Roles that projects give a service account directly.
    pub(super) fn direct(&self, account: u64) -> Roles {
        self.of(account, Grant::is_direct).map(|(id, grant)| (id, grant.role.clone())).collect()
    }

    /// That every one of these projects was read, unless it is gone.
    ///
    /// # Errors
    /// Why the first that was not read was not.
    pub(super) fn has_read(&self, projects: &BTreeSet<u64>) -> Result<(), CallError> {
        let unread = |id| match self.grants.get(id) {
            Some(grants) => grants.as_ref().err(),
            None => self.incomplete.as_ref(),
        };
        projects.iter().find_map(unread).map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Projects that it reaches otherwise, and how.
    pub(super) fn indirect(&self, account: u64) -> BTreeMap<u64, String> {
        self.of(account, |grant| !grant.is_direct()).map(|(id, grant)| (id, grant.target.clone())).collect()
    }

    fn of(&self, account: u64, kind: fn(&Grant) -> bool) -> impl Iterator<Item = (u64, &Grant)> {
        self.grants.iter().flat_map(move |(project, grants)| {
            let grants = grants.iter().flatten().filter(move |grant| grant.account == account && kind(grant));
            grants.map(|grant| (*project, grant))
        })
    }
}

/// Sweeps on demand. Steps run side by side and each needs one: reading every project once for each would take the
/// provider's limit.
pub(super) struct Sweeps {
    api: Api,
    last: Mutex<Option<Last>>,
    /// When a request of ours about a service account ended last.
    changed: StdMutex<BTreeMap<u64, Instant>>,
}

/// The last sweep.
struct Last {
    began: Instant,
    ended: Instant,
    sweep: Arc<Sweep>,
}

/// A sweep that began so long ago still tells how it is, unless a request of ours came in between: others may change it at any
/// time anyway.
const RECENT: Duration = Duration::from_secs(1);
/// The longest that a sweep waits for others to ask for it too.
const GATHER: Duration = Duration::from_secs(1);

impl Sweeps {
    pub(super) fn new(api: Api) -> Self {
        Self { api, last: Mutex::new(None), changed: StdMutex::default() }
    }

    /// A request of ours about this service account has ended, whatever came of it.
    pub(super) fn note_change(&self, account: u64) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(account, Instant::now());
    }

    /// A sweep that began after this call.
    pub(super) async fn fresh(&self) -> Result<Arc<Sweep>, CallError> {
        self.since(Instant::now()).await
    }

    /// A recent sweep that began after the last request of ours about this service account.
    pub(super) async fn recent(&self, account: u64) -> Result<Arc<Sweep>, CallError> {
        let changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner).get(&account).copied();
        let recent = Instant::now().checked_sub(RECENT);
        self.since(changed.max(recent).unwrap_or_else(Instant::now)).await
    }

    async fn since(&self, asked: Instant) -> Result<Arc<Sweep>, CallError> {
        let mut last = self.last.lock().await;
        if let Some(last) = &*last {
            if last.began >= asked {
                return Ok(Arc::clone(&last.sweep));
            }
            // As long as the last one took, so that half of the time at least is left for the steps themselves.
            sleep_until(last.ended + (last.ended - last.began).min(GATHER)).await;
        }
        let began = Instant::now();
        let sweep = Arc::new(sweep(&self.api).await?);
        *last = Some(Last { began, ended: Instant::now(), sweep: Arc::clone(&sweep) });
        Ok(sweep)
    }

    /// The last sweep, whenever it was: for a request right after a look.
    pub(super) async fn latest(&self) -> Result<Arc<Sweep>, CallError> {
        if let Some(last) = &*self.last.lock().await {
            return Ok(Arc::clone(&last.sweep));
        }
        self.fresh().await
    }
}

async fn sweep(api: &Api) -> Result<Sweep, CallError> {
    let (me, listed) = tokio::join!(api.me(), api.projects());
    // The second list is undocumented: where it is missing, discovery says so.
    let (listed, incomplete) = match listed {
        Ok(listed) => (listed, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let ids: BTreeSet<u64> = me?.projects.into_iter().chain(listed).map(|(id, _)| id).collect();
    let read = ids.into_iter().map(|id| async move {
        match api.grants(id).await {
            // As in discovery, which makes a guided step of it.
            Err(error) if !is_refusal(&error) => Err(error),
            grants => Ok((id, grants)),
        }
    });
    let grants = stream::iter(read).buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    Ok(Sweep { grants, incomplete })
}

/// The credential may not read this, or it is not there; any other failure may pass.
pub(super) fn is_refusal(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status: 402..=499, .. })
}
