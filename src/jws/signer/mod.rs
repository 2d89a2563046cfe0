//! [`Signer`], a private key that does not leave its place.

mod bounded;
mod meter;
mod options;
#[cfg(test)]
mod tests;

use std::{future::Future, pin::Pin};

pub(super) use bounded::BoundedSigner;
pub use options::SignerOptions;

use crate::error::BoxError;

/// A private key that does not leave its place, such as a KMS, an HSM or an agent, and signs there.
///
/// A [`SigningKey`](super::SigningKey) is made of it by [`from_signer`](super::SigningKey::from_signer). Whoever
/// signs with that key waits: [`Issuer::sign_async`](crate::Issuer::sign_async), and so
/// [`Sessions`](crate::session::Sessions). Verifying goes by the public key, which is here.
///
/// [The manual](crate::manual::signers) has a signer for Vault, says what PKCS#11 and AWS KMS want, what a signer costs, and
/// what happens if it fails.
///
/// ```
/// use tower_bearer::{
///     Algorithm, KeySet, SigningKey, VerifyingKey,
///     jws::{KeyError, Signer, SignerOptions},
/// };
/// # struct Kms;
/// # impl Kms {
/// #     async fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, std::io::Error> { Ok(vec![]) }
/// # }
///
/// struct KmsKey {
///     kms: Kms,
///     name: String,
/// }
///
/// impl Signer for KmsKey {
///     type Error = std::io::Error;
///
///     async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Self::Error> {
///         self.kms.sign(&self.name, message).await
///     }
/// }
///
/// fn keys(public_pem: &str, signer: KmsKey) -> Result<KeySet, KeyError> {
///     let public = VerifyingKey::from_pem(Algorithm::ES256, public_pem)?;
///     let key = SigningKey::from_signer(public, signer, SignerOptions::new())?;
///     Ok(KeySet::new(key))
/// }
/// ```
pub trait Signer: Send + Sync + 'static {
    /// Why it did not sign. It goes to the log, so it must not contain a secret.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// Signs these bytes, in the form that JWS has for the algorithm of the key (RFC 7518 §3). For ES256 that is
    /// r and s, 32 bytes each: what many devices give instead is read by
    /// [`Algorithm::signature_from_der`](crate::Algorithm::signature_from_der). The bytes are not hashed yet. They are
    /// ASCII, and at most 8 KiB for the tokens of sessions.
    ///
    /// The call may be cancelled at any time: the client hangs up, or the
    /// [time](SignerOptions::timeout) is over. It must not block its thread.
    fn sign(&self, message: &[u8]) -> impl Future<Output = Result<Vec<u8>, Self::Error>> + Send;
}

type Signing<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, BoxError>> + Send + 'a>>;

/// [`Signer`] with its type hidden.
trait AnySigner: Send + Sync {
    fn sign<'a>(&'a self, message: &'a [u8]) -> Signing<'a>;
}

impl<S: Signer> AnySigner for S {
    fn sign<'a>(&'a self, message: &'a [u8]) -> Signing<'a> {
        Box::pin(async move { Signer::sign(self, message).await.map_err(Into::into) })
    }
}
