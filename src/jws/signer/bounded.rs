//! A signer within its limits, whose signatures are checked.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    super::{SignError, SignErrorKind, VerifyingKey},
    AnySigner, Signer, SignerOptions,
    meter::Meter,
};

pub(in super::super) struct BoundedSigner {
    signer: Box<dyn AnySigner>,
    calls: Semaphore,
    waiting: Semaphore,
    timeout: Duration,
    meter: Meter,
}

impl BoundedSigner {
    pub(in super::super) fn new(signer: impl Signer, options: SignerOptions) -> Self {
        Self {
            signer: Box::new(signer),
            calls: Semaphore::new(options.max_calls),
            waiting: Semaphore::new(options.max_waiting),
            timeout: options.timeout,
            meter: Meter::new(),
        }
    }

    pub(in super::super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A signature that `public` verifies. No other leaves.
    pub(in super::super) async fn sign(
        &self,
        message: &[u8],
        public: &VerifyingKey,
    ) -> Result<Vec<u8>, SignError> {
        self.meter.time(self.sign_in_time(message, public)).await
    }

    async fn sign_in_time(
        &self,
        message: &[u8],
        public: &VerifyingKey,
    ) -> Result<Vec<u8>, SignError> {
        let signature = tokio::time::timeout(self.timeout, self.ask(message))
            .await
            .map_err(|_| SignError::too_slow())??;
        match public.verify(message, &signature) {
            true => Ok(signature),
            false => Err(wrong(message, &signature, public)),
        }
    }

    async fn ask(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let _turn = self.turn().await?;
        let signature = self.signer.sign(message).await;
        signature.map_err(|error| SignError::with_source(SignErrorKind::SignerFailed, error))
    }

    /// The right to one call, which others that have come before get before.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, SignError> {
        if let Ok(turn) = self.calls.try_acquire() {
            return Ok(turn);
        }
        let busy = |_| SignError::new(SignErrorKind::SignerBusy);
        let _place = self.waiting.try_acquire().map_err(busy)?;
        let turn = self.calls.acquire().await;
        turn.map_err(|closed| SignError::with_source(SignErrorKind::SignerFailed, closed))
    }
}

/// The error for a signature that is wrong, or in the form that JWS does not have.
fn wrong(message: &[u8], signature: &[u8], public: &VerifyingKey) -> SignError {
    let raw = public.algorithm().signature_from_der(signature);
    let why = match raw.is_some_and(|raw| public.verify(message, &raw)) {
        true => "it is right but in DER: give what Algorithm::signature_from_der makes of it",
        false => "the private key may be another one, as after a rotation there",
    };
    let kid = public.kid();
    SignError::with_source(
        SignErrorKind::WrongSignature,
        format!("the key is {kid:?}; {why}"),
    )
}
