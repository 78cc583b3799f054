//! The emulator as others hold it: a server on the loopback interface with its own threads.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::accept::{self, OnChange, Shared};
use super::core::{Core, Record};
use super::mixpanel::{Refused, Ui};
use super::trap::{self, Trapped};
use super::{Faults, Moment, Request, Switches, Tenant, audit};
use crate::sys::clock::{self, Clock as _};

/// How long a stop waits for the listener to close.
const STOP: Duration = Duration::from_secs(2);

/// A running emulator; it stops when dropped.
pub struct Emulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    stopped: Mutex<mpsc::Receiver<()>>,
    runtime: Option<Runtime>,
}

impl Emulator {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Errors
    /// No port or no thread is to be had.
    pub fn start(tenant: Tenant, switches: Switches, faults: Faults) -> io::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("emulator").enable_all().build()?;
        let listener = bind("127.0.0.1:0")?;
        // Another address as well as another port, where the system has one.
        let trap = bind("127.0.0.2:0").or_else(|_| bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let elsewhere = format!("http://{}", trap.local_addr()?);
        let core = Core::new(tenant, switches, faults, clock::System.now(), elsewhere);
        let shared = Arc::new(Shared::new(core, address, Instant::now()));
        let (stop, stopping) = watch::channel(false);
        let (done, stopped) = mpsc::channel();
        let entered = runtime.enter();
        let (listener, trap) = (TcpListener::from_std(listener)?, TcpListener::from_std(trap)?);
        drop(entered);
        runtime.spawn(trap::serve(trap, Arc::clone(&shared.caught)));
        let serving = Arc::clone(&shared);
        runtime.spawn(async move {
            accept::serve(listener, serving, stopping).await;
            // Nobody listens where the emulator was dropped on a thread that did not wait.
            let _ = done.send(());
        });
        Ok(Self { shared, address, stop, stopped: Mutex::new(stopped), runtime: Some(runtime) })
    }

    /// Where a service's paths begin, such as `http://127.0.0.1:40123/okta`.
    pub fn base_url(&self, service: &str) -> String {
        format!("http://{}/{service}", self.address)
    }

    /// A copy of the state.
    pub fn tenant(&self) -> Tenant {
        self.core().tenant.clone()
    }

    /// What became of every request, in the order of arrival.
    pub fn requests(&self) -> Vec<Record> {
        self.core().records.clone()
    }

    /// How many requests the rate limits refused.
    pub fn refused_by_limit(&self) -> u64 {
        self.core().buckets.refused()
    }

    /// Who followed a redirect to another host.
    pub fn trapped(&self) -> Vec<Trapped> {
        lock(&self.shared.caught).clone()
    }

    /// The faults that are still to come.
    pub fn faults(&self) -> Faults {
        self.core().faults.clone()
    }

    /// The faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.core().faults = faults;
    }

    /// The switches from now on.
    pub fn set_switches(&self, switches: Switches) {
        self.core().switches = switches;
    }

    /// Changes the state as somebody else would, between two requests.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut Tenant) -> R) -> R {
        edit(&mut self.core().tenant)
    }

    /// Calls this before the effect of every changing request, with the service's name; faults do not matter. It may
    /// take its time, and may ask the emulator.
    pub fn on_change(&self, call: impl Fn(&str, &Request) + Send + Sync + 'static) {
        let call: OnChange = Arc::new(call);
        *lock(&self.shared.on_change) = Some(call);
    }

    /// Does something on the vendor's web page as a member, from an address.
    ///
    /// # Errors
    /// The person is no active member, or the page refuses.
    pub fn ui<R>(
        &self,
        email: &str,
        ip: &str,
        act: impl FnOnce(&mut Ui<'_>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let now = self.shared.now();
        let mut core = self.core();
        let wall = core.wall(now);
        let Core { tenant, switches, .. } = &mut *core;
        act(&mut Ui::new(tenant, email, ip, Moment { now, wall, switches })?)
    }

    /// The vendor's audit log as NDJSON.
    pub fn audit_log(&self) -> String {
        let core = self.core();
        audit::ndjson(&core.tenant.audit, core.tenant.mixpanel.organization())
    }

    /// Waits until no connection is open and no request in work, for instance after its client was killed. False where
    /// that did not happen within the limit.
    pub fn settle(&self, limit: Duration) -> bool {
        let busy = lock(&self.shared.busy);
        let waited = self.shared.quiet.wait_timeout_while(busy, limit, |busy| *busy > 0);
        waited.is_ok_and(|(_, waited)| !waited.timed_out())
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        lock(&self.shared.core)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if self.stop.send(true).is_ok() {
            // A time-out means a callback that does not return; the threads are left behind then.
            let _ = lock(&self.stopped).recv_timeout(STOP);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn bind(address: &str) -> io::Result<StdListener> {
    let listener = StdListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Locks a mutex: what a panic elsewhere left is still the emulator's state.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
