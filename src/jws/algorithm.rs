//! The signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2, RFC 9964 §3).

use std::{fmt, str::FromStr};

use super::{KeyError, der};

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2, RFC 9964 §3). `none` is not among them.
///
/// A key is bound to one algorithm, and a token whose `alg` is another one is refused
/// (RFC 8725 §3.1). [`EdDSA`](Self::EdDSA) and [`Ed25519`](Self::Ed25519) are two names of one
/// algorithm: a key for the one verifies tokens that name the other.
///
/// The crypto back end `rust-crypto` has no ML-DSA: keys for it are
/// [`UnsupportedAlgorithm`](super::KeyErrorKind::UnsupportedAlgorithm) there.
///
/// ```
/// use tower_bearer::Algorithm;
///
/// let algorithm: Algorithm = "ES256".parse()?;
/// assert_eq!(algorithm, Algorithm::ES256);
/// assert!("es256".parse::<Algorithm>().is_err(), "names are case-sensitive");
/// assert!("none".parse::<Algorithm>().is_err());
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519, under the name of RFC 8037 §3.1. RFC 9864 §2.2 deprecates the name, but many
    /// verifiers know no other yet, so it is the one to sign with.
    EdDSA,
    /// Ed25519, under the name of RFC 9864 §2.2. A key that signs for it writes this name into
    /// tokens and JWKs.
    Ed25519,
    /// ML-DSA with the parameter set ML-DSA-44 (FIPS 204). A token has 3.6 KB or more: see
    /// [what fits where](crate::manual::keys#tokens-that-quantum-computers-cannot-forge).
    MLDSA44,
    /// ML-DSA with the parameter set ML-DSA-65 (FIPS 204). A token has 4.8 KB or more.
    MLDSA65,
    /// ML-DSA with the parameter set ML-DSA-87 (FIPS 204). A token has 6.5 KB or more.
    MLDSA87,
}

/// The kind of key that an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// A secret that is at least as long as the hash, in bytes (RFC 7518 §3.2).
    Hmac {
        hash_bytes: usize,
    },
    Rsa,
    Ec(Curve),
    Ed25519,
    MlDsa(ParameterSet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub(super) const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A parameter set of ML-DSA (FIPS 204 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParameterSet {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl ParameterSet {
    pub(super) const fn public_key_bytes(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }
}

impl Algorithm {
    const ALL: [Self; 17] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
        Self::Ed25519,
        Self::MLDSA44,
        Self::MLDSA65,
        Self::MLDSA87,
    ];

    /// The name in a token's `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
            Self::MLDSA44 => "ML-DSA-44",
            Self::MLDSA65 => "ML-DSA-65",
            Self::MLDSA87 => "ML-DSA-87",
        }
    }

    /// The signature of ES256, ES384 or ES512 as JWS has it (RFC 7518 §3.4), which is r and s in full length, of what
    /// most devices and services give: a DER `SEQUENCE` of the two (RFC 3279 §2.2.3).
    ///
    /// `None` if it is no such sequence, strictly read, or the algorithm is another one. Whether the signature is
    /// right is not checked.
    ///
    /// ```
    /// use tower_bearer::Algorithm;
    ///
    /// let der = [0x30, 0x06, 0x02, 0x01, 0x07, 0x02, 0x01, 0x09];
    /// let signature = Algorithm::ES256.signature_from_der(&der).expect("a sequence");
    /// assert_eq!((signature.len(), signature[31], signature[63]), (64, 7, 9));
    /// ```
    pub fn signature_from_der(self, der: &[u8]) -> Option<Vec<u8>> {
        match self.family() {
            Family::Ec(curve) => der::signature(curve, der).ok(),
            _ => None,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// Whether both are the same algorithm, if under two names (RFC 9864 §2.2).
    pub(crate) fn is(self, other: Self) -> bool {
        self.rfc8037() == other.rfc8037()
    }

    /// The older of its names.
    pub(super) fn rfc8037(self) -> Self {
        match self {
            Self::Ed25519 => Self::EdDSA,
            other => other,
        }
    }

    /// Whether the key is a secret that both sides know.
    #[cfg(any(feature = "session", feature = "dpop"))]
    pub(crate) const fn is_hmac(self) -> bool {
        matches!(self.family(), Family::Hmac { .. })
    }

    /// Whether the key is one of RSA, which takes long to make.
    #[cfg(feature = "session")]
    pub(crate) const fn is_rsa(self) -> bool {
        matches!(self.family(), Family::Rsa)
    }

    /// Whether a proof that brings the public key along is no longer than is accepted, which is 8 KiB.
    #[cfg(feature = "dpop")]
    pub(crate) const fn fits_proofs(self) -> bool {
        !matches!(self, Self::MLDSA65 | Self::MLDSA87)
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Self::HS256 => Family::Hmac { hash_bytes: 32 },
            Self::HS384 => Family::Hmac { hash_bytes: 48 },
            Self::HS512 => Family::Hmac { hash_bytes: 64 },
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => {
                Family::Rsa
            }
            Self::ES256 => Family::Ec(Curve::P256),
            Self::ES384 => Family::Ec(Curve::P384),
            Self::ES512 => Family::Ec(Curve::P521),
            Self::EdDSA | Self::Ed25519 => Family::Ed25519,
            Self::MLDSA44 => Family::MlDsa(ParameterSet::MlDsa44),
            Self::MLDSA65 => Family::MlDsa(ParameterSet::MlDsa65),
            Self::MLDSA87 => Family::MlDsa(ParameterSet::MlDsa87),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    /// Reads a name as in a token's `alg`. Names are case-sensitive.
    ///
    /// # Errors
    ///
    /// [`UnsupportedAlgorithm`](super::KeyErrorKind::UnsupportedAlgorithm) on any other name.
    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::named(name).ok_or_else(|| KeyError::unsupported(name))
    }
}
