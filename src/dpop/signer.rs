use crate::{error::BoxError, jws::VerifyingKey};

/// A private key that does not leave its place, such as a TPM, an HSM or an agent, and signs there.
///
/// A [`DpopKey`](super::DpopKey) is made of it by [`from_signer`](super::DpopKey::from_signer).
///
/// ```
/// use tower_bearer::{
///     VerifyingKey,
///     dpop::{DpopKey, DpopSigner},
///     error::BoxError,
/// };
///
/// struct Tpm {
///     public: VerifyingKey,
/// }
///
/// impl DpopSigner for Tpm {
///     fn public_key(&self) -> VerifyingKey {
///         self.public.clone()
///     }
///
///     fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BoxError> {
///         Err("ask the device here".into())
///     }
/// }
///
/// # fn make(tpm: Tpm) -> Result<(), Box<dyn std::error::Error>> {
/// let key = DpopKey::from_signer(tpm)?;
/// # Ok(())
/// # }
/// ```
pub trait DpopSigner: Send + Sync + 'static {
    /// The public half of the key, which is always the same one. It names the algorithm too, and can
    /// be read from a JWK, PEM or DER.
    fn public_key(&self) -> VerifyingKey;

    /// Signs these bytes, in the form that JWS has for the algorithm (RFC 7518 §3). For ES256 that is
    /// r and s, 32 bytes each: what many devices give as DER is taken apart by
    /// [`Algorithm::signature_from_der`](crate::Algorithm::signature_from_der).
    ///
    /// It is called once for each request, on the task of that request, so it should take no more
    /// than some milliseconds.
    ///
    /// # Errors
    ///
    /// If the key cannot be had. The request is then not sent. The error is for logs.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BoxError>;
}
