//! Who is told of an event: the log, the metrics, the application's hook, and the streams.

use std::{
    fmt,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    SessionEvent, SessionEventKind,
    stream::{Readers, SessionEvents},
};
use crate::{
    claims::SessionId,
    clock::{Clock, SystemClock},
    session::{Refusal, meter::EventMeter},
    trace,
};

type EventHook = Arc<dyn Fn(&SessionEvent) + Send + Sync>;

/// An event as it is told. What it takes memory for is made only if somebody listens.
pub(in crate::session) struct Told<'a> {
    pub(in crate::session) kind: SessionEventKind,
    pub(in crate::session) session: SessionId,
    pub(in crate::session) subject: Option<&'a str>,
    pub(in crate::session) actor: Option<&'a str>,
    pub(in crate::session) distance: i64,
    pub(in crate::session) address: Option<IpAddr>,
}

/// Those who listen.
#[derive(Default)]
pub(in crate::session) struct Events {
    hook: Option<EventHook>,
    readers: Arc<Readers>,
    meter: EventMeter,
}

impl Events {
    pub(in crate::session) fn new(hook: impl Fn(&SessionEvent) + Send + Sync + 'static) -> Self {
        Self {
            hook: Some(Arc::new(hook)),
            readers: Arc::default(),
            meter: EventMeter::default(),
        }
    }

    pub(in crate::session) fn stream(&self) -> SessionEvents {
        self.readers.add()
    }

    pub(in crate::session) fn tell(&self, told: &Told<'_>) {
        told.log();
        self.meter.told(told.kind);
        if self.hook.is_none() && self.readers.is_empty() {
            return;
        }
        let event = told.event();
        self.readers.tell(&event);
        if let Some(hook) = &self.hook {
            // What it is told has been written: the client must get its answer all the same.
            let called = catch_unwind(AssertUnwindSafe(|| hook(&event)));
            if called.is_err() {
                trace::error!("the hook of events has panicked");
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.readers.close();
    }
}

impl Told<'_> {
    fn event(&self) -> SessionEvent {
        SessionEvent {
            time: SystemClock.now(),
            kind: self.kind,
            session: self.session,
            subject: self.subject.map(str::to_owned),
            actor: self.actor.map(str::to_owned),
            distance: self.distance,
            address: self.address,
        }
    }

    fn log(&self) {
        match self.kind {
            SessionEventKind::Refused(Refusal::Forged) => trace::error!(
                session = %self.session,
                distance = self.distance,
                "a forged refresh token: the signing key is out"
            ),
            SessionEventKind::Refused(Refusal::Unproven | Refusal::UnprovenDevice) => {
                trace::error!(
                    session = %self.session,
                    distance = self.distance,
                    "a refresh token without its key: it is in other hands, or its client is set up wrongly"
                )
            }
            SessionEventKind::Reused(_) | SessionEventKind::StoreLostWrites => trace::warn!(
                kind = self.kind.as_str(),
                session = %self.session,
                distance = self.distance,
                "session event"
            ),
            _ => trace::debug!(
                kind = self.kind.as_str(),
                detail = ?self.kind,
                session = %self.session,
                distance = self.distance,
                "session event"
            ),
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.hook.is_some()).finish()
    }
}
