//! What either back end makes. If only one is built in, this costs nothing.

use zeroize::Zeroizing;

#[cfg(feature = "aws-lc-rs")]
use super::aws_lc;
#[cfg(feature = "rust-crypto")]
use super::rust_crypto;
use super::{Private, Public, Rejected};
use crate::jws::{
    Algorithm,
    provider::{CryptoProvider, Kind},
};

/// Calls the same function of the back end that the provider stands for.
macro_rules! by {
    ($provider:expr, $($function:ident)::+ ( $($argument:expr),* ) $(, $wrap:ident)?) => {
        match $provider.0 {
            #[cfg(feature = "aws-lc-rs")]
            Kind::AwsLc => aws_lc::$($function)::+($($argument),*)$(.map($wrap::AwsLc))?,
            #[cfg(feature = "rust-crypto")]
            Kind::RustCrypto => rust_crypto::$($function)::+($($argument),*)$(.map($wrap::RustCrypto))?,
        }
    };
}

/// Does the same with what either back end made.
macro_rules! with {
    ($type:ident, $value:expr, |$key:ident| $done:expr) => {
        match $value {
            #[cfg(feature = "aws-lc-rs")]
            $type::AwsLc($key) => $done,
            #[cfg(feature = "rust-crypto")]
            $type::RustCrypto($key) => $done,
        }
    };
}

/// A prepared key that signs.
pub(in crate::jws) enum Signer {
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::Signer),
    #[cfg(feature = "rust-crypto")]
    RustCrypto(rust_crypto::Signer),
}

impl Signer {
    /// Generates an asymmetric key.
    pub(in crate::jws) fn generate(
        provider: CryptoProvider,
        algorithm: Algorithm,
    ) -> Result<Self, Rejected> {
        by!(provider, Signer::generate(algorithm), Signer)
    }

    pub(in crate::jws) fn from_secret(
        provider: CryptoProvider,
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        by!(provider, Signer::from_secret(algorithm, secret), Signer)
    }

    /// Prepares a private key. It is refused if it does not belong to the public key, where there is
    /// one. An RSA key always has one.
    pub(in crate::jws) fn from_numbers(
        provider: CryptoProvider,
        algorithm: Algorithm,
        public: Option<&Public>,
        private: &Private,
    ) -> Result<Self, Rejected> {
        by!(
            provider,
            Signer::from_numbers(algorithm, public, private),
            Signer
        )
    }

    pub(in crate::jws) fn public(&self) -> Result<Public, Rejected> {
        with!(Signer, self, |key| key.public())
    }

    pub(in crate::jws) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        with!(Signer, self, |key| key.to_pkcs8())
    }

    pub(in crate::jws) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Rejected> {
        with!(Signer, self, |key| key.sign(message))
    }
}

/// A prepared key that verifies.
pub(in crate::jws) enum Checker {
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::Checker),
    #[cfg(feature = "rust-crypto")]
    RustCrypto(rust_crypto::Checker),
}

impl Checker {
    pub(in crate::jws) fn from_secret(
        provider: CryptoProvider,
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Rejected> {
        by!(provider, Checker::from_secret(algorithm, secret), Checker)
    }

    /// Prepares a public key. A point that is not on the curve is refused.
    pub(in crate::jws) fn from_numbers(
        provider: CryptoProvider,
        algorithm: Algorithm,
        public: &Public,
    ) -> Result<Self, Rejected> {
        by!(provider, Checker::from_numbers(algorithm, public), Checker)
    }

    /// Checks a signature, in constant time if the key is a secret.
    pub(in crate::jws) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        with!(Checker, self, |key| key.verify(message, signature))
    }

    pub(in crate::jws) fn provider(&self) -> CryptoProvider {
        match self {
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(_) => CryptoProvider::aws_lc_rs(),
            #[cfg(feature = "rust-crypto")]
            Self::RustCrypto(_) => CryptoProvider::rust_crypto(),
        }
    }
}

/// A key of HMAC-SHA-256 (RFC 2104), of the default provider.
#[cfg_attr(
    all(feature = "aws-lc-rs", feature = "rust-crypto"),
    expect(
        clippy::large_enum_variant,
        reason = "one is made for each refresh token, and shall take nothing from the heap"
    )
)]
pub(crate) enum MacKey {
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::MacKey),
    #[cfg(feature = "rust-crypto")]
    RustCrypto(rust_crypto::MacKey),
}

impl MacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        match CryptoProvider::default().0 {
            #[cfg(feature = "aws-lc-rs")]
            Kind::AwsLc => Self::AwsLc(aws_lc::MacKey::new(key)),
            #[cfg(feature = "rust-crypto")]
            Kind::RustCrypto => Self::RustCrypto(rust_crypto::MacKey::new(key)),
        }
    }

    /// The MAC of all parts in a row.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        with!(MacKey, self, |key| key.tag(parts))
    }
}

/// Whether there can be keys for the algorithm.
pub(in crate::jws) fn supports(provider: CryptoProvider, algorithm: Algorithm) -> bool {
    by!(provider, supports(algorithm))
}

/// SHA-256 (FIPS 180-4).
pub(in crate::jws) fn sha256(provider: CryptoProvider, message: &[u8]) -> [u8; 32] {
    by!(provider, sha256(message))
}

/// AES-256-GCM (NIST SP 800-38D) under a key that is used for one message only, so that its nonce may be zero.
/// The tag is at the end of what comes out.
pub(in crate::jws) fn encrypt(
    provider: CryptoProvider,
    key: &[u8; 32],
    context: &[u8],
    message: Vec<u8>,
) -> Result<Vec<u8>, Rejected> {
    by!(provider, encrypt(key, context, message))
}

/// What [`encrypt`] was given.
pub(in crate::jws) fn decrypt(
    provider: CryptoProvider,
    key: &[u8; 32],
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Rejected> {
    by!(provider, decrypt(key, context, sealed))
}
