//! [`CryptoProvider`]: whose cryptography is used.

use std::{fmt, sync::OnceLock};

/// Whose cryptography a key uses: that of aws-lc-rs, or that of the RustCrypto crates.
///
/// Both can be in one program, by the features `aws-lc-rs` and `rust-crypto`, and a program that needs
/// only one builds only one. They give the same verdict on each token and each key.
///
/// A key is made for one provider and keeps it. [`SigningKey::with_provider`](super::SigningKey::with_provider),
/// [`VerifyingKey::with_provider`](super::VerifyingKey::with_provider),
/// [`JwkSetReader::provider`](super::JwkSetReader::provider) and the builders of what reads keys by itself take
/// it, and so does the
/// [builder of a ring](https://docs.rs/tower-bearer/latest/tower_bearer/ring/struct.KeyRingBuilder.html#method.provider).
/// Everything else uses the default of the process: keys that are made without one, and all hashes, MACs and
/// sealed values that belong to no key, such as the refresh tokens of [`Sessions`](crate::session::Sessions).
///
/// The default is aws-lc-rs, or RustCrypto where that alone is built in. So a dependency that turns on another
/// feature can change it, unless the program chooses by [`install_default`](Self::install_default).
///
/// ```
/// # #[cfg(feature = "aws-lc-rs")] {
/// use tower_bearer::{Algorithm, SigningKey, jws::CryptoProvider};
///
/// // First of all in `main`.
/// CryptoProvider::aws_lc_rs().install_default()?;
///
/// let key = SigningKey::generate(Algorithm::EdDSA)?;
/// assert_eq!(key.provider(), CryptoProvider::aws_lc_rs());
/// assert_eq!(key.provider().name(), "aws-lc-rs");
/// # }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CryptoProvider(pub(super) Kind);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    #[cfg(feature = "aws-lc-rs")]
    AwsLc,
    #[cfg(feature = "rust-crypto")]
    RustCrypto,
}

/// Set once, by the first who installs or needs it.
static DEFAULT: OnceLock<CryptoProvider> = OnceLock::new();

impl CryptoProvider {
    /// The cryptography of the crate aws-lc-rs, which is that of AWS-LC.
    #[cfg(feature = "aws-lc-rs")]
    pub const fn aws_lc_rs() -> Self {
        Self(Kind::AwsLc)
    }

    /// The cryptography of the RustCrypto crates, which is pure Rust.
    #[cfg(feature = "rust-crypto")]
    pub const fn rust_crypto() -> Self {
        Self(Kind::RustCrypto)
    }

    /// Makes this the default of the whole process. That is possible once, before anything has used the
    /// default. Only a program may do it, and does it first; a library leaves the choice to its users.
    ///
    /// # Errors
    ///
    /// [`InstallError`] if another provider was installed, or is used as the default already. Installing the same
    /// one again is no error.
    pub fn install_default(self) -> Result<(), InstallError> {
        let installed = *DEFAULT.get_or_init(|| self);
        if installed == self {
            Ok(())
        } else {
            Err(InstallError {
                wanted: self,
                installed,
            })
        }
    }

    /// The name of the crate or crates that it is made of: `aws-lc-rs` or `rust-crypto`, as the features.
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(feature = "aws-lc-rs")]
            Kind::AwsLc => "aws-lc-rs",
            #[cfg(feature = "rust-crypto")]
            Kind::RustCrypto => "rust-crypto",
        }
    }

    /// Those that are built in, by features of this crate. The first is the default where none is installed.
    pub const fn built_in() -> &'static [Self] {
        &[
            #[cfg(feature = "aws-lc-rs")]
            Self(Kind::AwsLc),
            #[cfg(feature = "rust-crypto")]
            Self(Kind::RustCrypto),
        ]
    }

    /// The default where none was installed.
    #[cfg(not(test))]
    const fn preferred() -> Self {
        #[cfg(feature = "aws-lc-rs")]
        return Self::aws_lc_rs();
        #[cfg(not(feature = "aws-lc-rs"))]
        return Self::rust_crypto();
    }

    /// That which the tests beside the code are to run on. Other tests install it.
    #[cfg(test)]
    fn preferred() -> Self {
        let asked = std::env::var("TOWER_BEARER_TEST_PROVIDER").ok();
        let is_asked =
            |provider: &&Self| asked.as_deref().is_none_or(|name| name == provider.name());
        *Self::built_in().iter().find(is_asked).unwrap()
    }
}

impl Default for CryptoProvider {
    /// The default of the process. Reading it settles it.
    fn default() -> Self {
        *DEFAULT.get_or_init(Self::preferred)
    }
}

impl fmt::Debug for CryptoProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CryptoProvider").field(&self.name()).finish()
    }
}

/// The process has another default provider already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} cannot become the default, for the process uses {} already: install it before anything else",
    wanted.name(), installed.name()
)]
pub struct InstallError {
    wanted: CryptoProvider,
    installed: CryptoProvider,
}

impl InstallError {
    /// The default of the process, which stays as it was.
    pub fn installed(&self) -> CryptoProvider {
        self.installed
    }
}
