//! What signatures of a signer take.

use super::super::{SignError, SignErrorKind};
use crate::metrics::{Histogram, Metric, Stopwatch, Unit};

static DURATION: Metric = Metric {
    name: "tower_bearer.signer.duration",
    unit: Unit::Seconds,
    help: "What signatures of a signer take, the wait for their turn included, failed ones too",
};

/// The client has hung up before the signature was there.
const ABANDONED: &str = "abandoned";

pub(super) struct Meter(Histogram);

impl Meter {
    pub(super) fn new() -> Self {
        Self(Histogram::new(&DURATION, &[]))
    }

    /// Measures one signature.
    pub(super) async fn time<T>(
        &self,
        work: impl Future<Output = Result<T, SignError>>,
    ) -> Result<T, SignError> {
        let mut running = Running {
            meter: self,
            since: Stopwatch::start(),
            error_type: ABANDONED,
        };
        let outcome = work.await;
        let error = outcome.as_ref().err();
        running.error_type = error.map_or("", |error| name(error.kind()));
        outcome
    }
}

/// A signature that is waited for. Whoever gives up waiting for it drops it.
struct Running<'a> {
    meter: &'a Meter,
    since: Stopwatch,
    error_type: &'static str,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        if self.error_type.is_empty() {
            return self.meter.0.record(took);
        }
        Histogram::described(&DURATION, &[("error.type", self.error_type)]).record(took);
    }
}

fn name(kind: &SignErrorKind) -> &'static str {
    match kind {
        SignErrorKind::SignerBusy => "busy",
        SignErrorKind::SignerTimeout => "timeout",
        SignErrorKind::WrongSignature => "wrong_signature",
        _ => "failed",
    }
}
