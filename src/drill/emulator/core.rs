//! One request's way through limits, faults and services; no sockets.

use std::time::Duration;

use super::attacker;
use super::limit::{Buckets, Taken};
use super::switches::AttackerSwitches;
use super::{Allowance, Answer, Faults, Moment, Request, Service, Switches, Tenant, What};
use crate::event::time::Timestamp;
use crate::synth::rng::Rng;

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// From 1, in the order of arrival.
    pub number: u64,
    /// Service by name; blank where the path belongs to none.
    pub service: String,
    /// Method.
    pub method: String,
    /// Path without the service's prefix and without query.
    pub path: String,
    /// Header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Whether it asked for a change.
    pub changing: bool,
    /// The status that was sent; none where the answer was withheld.
    pub status: Option<u16>,
    /// Whether the service did what was asked: it was called, and answered below 400.
    pub took_effect: bool,
    /// Since the emulator started.
    pub arrived: Duration,
    /// Whether it carried credentials.
    pub with_credentials: bool,
    /// The fault it met.
    pub fault: Option<String>,
}

/// Everything behind the lock.
pub(super) struct Core {
    pub(super) tenant: Tenant,
    pub(super) switches: Switches,
    pub(super) faults: Faults,
    pub(super) records: Vec<Record>,
    pub(super) buckets: Buckets,
    jitter: Rng,
    changes: u64,
    /// Time of day when the emulator started.
    epoch: Timestamp,
    trap: String,
}

/// What was decided when a request arrived.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) number: u64,
    pub(super) fault: Option<What>,
    pub(super) delay: Duration,
    /// Since the emulator started.
    at: Duration,
    /// Its number among the changing requests.
    change: Option<u64>,
    taken: Option<Taken>,
}

/// How a request is answered.
pub(super) enum Reply {
    /// With this, dressed in a fault of the body.
    Answer(Answer, Option<What>),
    /// By holding the connection, then closing it.
    Hold,
    /// By a reset.
    Reset,
}

impl Core {
    pub(super) fn new(
        tenant: Tenant,
        switches: Switches,
        faults: Faults,
        epoch: Timestamp,
        trap: String,
    ) -> Self {
        let jitter = Rng::new(switches.network.seed);
        let (records, buckets) = (Vec::new(), Buckets::default());
        Self { tenant, switches, faults, records, buckets, jitter, changes: 0, epoch, trap }
    }

    /// Numbers a request, and decides what it meets.
    pub(super) fn arrive(
        &mut self,
        service: Option<&dyn Service>,
        request: &Request,
        now: Duration,
    ) -> Arrival {
        let number = self.records.len() as u64 + 1;
        let name = service.map_or("", |service| service.name());
        let changing = service.is_some_and(|service| service.changes(request));
        self.changes += u64::from(changing);
        let network = &self.switches.network;
        let taken = network.limits.get(name).map(|limit| self.buckets.take(name, *limit, now));
        let change = changing.then_some(self.changes);
        // The limit stands before everything else: what it refuses meets no fault.
        let refused = taken.is_some_and(|taken| !taken.allowed);
        let fault = if refused { None } else { self.faults.meet(name, request, number, change) };
        let jitter = self.jitter.below(network.jitter_ms.saturating_add(1));
        self.records.push(Record {
            number,
            service: name.to_owned(),
            method: request.method.clone(),
            path: request.path.clone(),
            idempotency_key: request.header("idempotency-key").map(str::to_owned),
            changing,
            status: None,
            took_effect: false,
            arrived: now,
            with_credentials: request.has_credentials(),
            fault: fault.map(|fault| fault.to_string()),
        });
        let delay = Duration::from_millis(network.latency_ms.saturating_add(jitter));
        Arrival { number, fault, delay, at: now, change, taken }
    }

    /// Lets the request have its effect, if it may have one, and says how it is answered.
    pub(super) fn act(
        &mut self,
        service: Option<&dyn Service>,
        request: &Request,
        arrival: &Arrival,
        now: Duration,
    ) -> Reply {
        let limited = arrival.taken.is_some_and(|taken| !taken.allowed);
        let instead =
            if limited { Some(self.too_many(arrival)) } else { self.instead(request, arrival.fault) };
        let mut effect = false;
        let reply = match (instead, arrival.fault) {
            (Some(answer), _) => Reply::Answer(answer, None),
            (None, Some(What::TimeoutBefore)) => Reply::Hold,
            (None, Some(What::ResetBefore)) => Reply::Reset,
            (None, fault) => {
                let answer = self.handle(service, request, now);
                effect = service.is_some() && answer.status < 400;
                after(answer, fault)
            }
        };
        self.attack(arrival, now);
        let reply = self.limit_headers(service, arrival, reply);
        let record = usize::try_from(arrival.number - 1).ok().and_then(|at| self.records.get_mut(at));
        if let Some(record) = record {
            record.took_effect = effect;
            if let Reply::Answer(answer, _) = &reply {
                record.status = Some(answer.status);
            }
        }
        reply
    }

    /// The moment `now`.
    pub(super) fn wall(&self, now: Duration) -> Timestamp {
        let passed = i64::try_from(now.as_millis()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Timestamp { nanos: self.epoch.nanos.saturating_add(passed), digits: 3 }
    }

    fn handle(&mut self, service: Option<&dyn Service>, request: &Request, now: Duration) -> Answer {
        let Some(service) = service else { return Answer::text(404, "text/html", "<h1>Not Found</h1>") };
        let wall = self.wall(now);
        let moment = Moment { now, wall, switches: &self.switches };
        service.handle(&mut self.tenant, request, &moment)
    }

    /// Lets the attacker act, where it is his turn.
    fn attack(&mut self, arrival: &Arrival, now: Duration) {
        let AttackerSwitches { every, enough } = self.switches.attacker;
        let turn = every > 0 && arrival.change.is_some_and(|change| change.is_multiple_of(every));
        if turn && (enough == 0 || attacker::successes(&self.tenant, attacker::CREATE) < enough) {
            let moment = Moment { now, wall: self.wall(now), switches: &self.switches };
            attacker::act(&mut self.tenant, arrival.number, &moment);
        }
    }

    /// The answer that a fault gives in the service's place.
    fn instead(&self, request: &Request, fault: Option<What>) -> Option<Answer> {
        match fault? {
            What::Status(status) => Some(failure(status)),
            What::RateLimited(wait) => {
                let answer = failure(429);
                Some(match wait {
                    Some(seconds) => answer.header("retry-after", &seconds.to_string()),
                    None => answer,
                })
            }
            What::SlashRedirect => {
                let path = request.path.trim_end_matches('/');
                Some(
                    Answer::empty(301)
                        .header("location", &format!("{}{path}/{}", request.origin, request.query_text())),
                )
            }
            What::RedirectElsewhere => Some(
                Answer::empty(307)
                    .header("location", &format!("{}{}{}", self.trap, request.path, request.query_text())),
            ),
            _ => None,
        }
    }

    fn too_many(&self, arrival: &Arrival) -> Answer {
        let answer = failure(429);
        let wait = arrival.taken.map_or(0, |taken| whole_seconds(taken.wait));
        if self.switches.network.retry_after {
            answer.header("retry-after", &wait.to_string())
        } else {
            answer
        }
    }

    /// Some services say on every answer how much of their limit is left.
    fn limit_headers(&self, service: Option<&dyn Service>, arrival: &Arrival, reply: Reply) -> Reply {
        let (Reply::Answer(answer, dress), Some(taken)) = (&reply, arrival.taken) else { return reply };
        let wait = whole_seconds(taken.wait);
        let left = Allowance {
            limit: taken.limit,
            remaining: taken.remaining,
            wait,
            reset: self.wall(arrival.at).nanos / 1_000_000_000 + i64::try_from(wait).unwrap_or(i64::MAX),
        };
        let Some(headers) = service.and_then(|service| service.limit_headers(&left)) else { return reply };
        let mut answer = answer.clone();
        answer.headers.retain(|(name, _)| name != "retry-after");
        let answer = headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value));
        Reply::Answer(answer, *dress)
    }
}

/// What a fault makes of an answer after the effect.
fn after(answer: Answer, fault: Option<What>) -> Reply {
    match fault {
        Some(What::StatusAfter(status)) => Reply::Answer(failure(status), None),
        Some(What::TimeoutAfter) => Reply::Hold,
        Some(What::ResetAfter) => Reply::Reset,
        Some(What::NotJson) => {
            let page = "<!DOCTYPE html><title>One moment</title><p>Please wait.</p>";
            Reply::Answer(Answer::text(200, "text/html", page), None)
        }
        dress => Reply::Answer(answer, dress),
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// An error page of whatever stands before the services.
fn failure(status: u16) -> Answer {
    Answer::json(status, &serde_json::json!({"error": "injected", "status": "error"}))
}
