//! The crypto back ends. Each has the same few functions and types; one is compiled in.
//!
//! What a key has to be like is decided above, in [`key`](super::key); here bytes become
//! prepared keys, so that nothing is parsed again for each token.

use zeroize::Zeroizing;

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(feature = "aws-lc-rs")]
pub(super) use aws_lc::{Checker, Signer, hmac_sha256, rsa_public, sha256};

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
mod rust_crypto;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
pub(super) use rust_crypto::{Checker, Signer, hmac_sha256, rsa_public, sha256};

/// The back end will not take the key, or cannot sign. It says no more than that: why is the
/// peer's business never, and the caller's only as far as the format goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rejected;

/// A public key in the numbers of a JWK (RFC 7518 §6, RFC 8037 §2): big-endian, RSA's without
/// leading zeros, the others of full length.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl Public {
    /// Splits an uncompressed point (SEC 1 §2.3.3).
    pub(super) fn from_point(point: &[u8]) -> Result<Self, Rejected> {
        let Some((4, coordinates)) = point.split_first() else {
            return Err(Rejected);
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        if x.len() == y.len() {
            Ok(Self::Ec {
                x: x.to_vec(),
                y: y.to_vec(),
            })
        } else {
            Err(Rejected)
        }
    }
}

/// The uncompressed point (SEC 1 §2.3.3).
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// A private key in the numbers of a JWK, to go with its [`Public`].
pub(super) enum Private {
    Rsa(Box<RsaPrivate>),
    Ec { d: Zeroizing<Vec<u8>> },
    Ed25519 { d: Zeroizing<Vec<u8>> },
}

/// RFC 7518 §6.3.2, all of them: two primes and the CRT members.
pub(super) struct RsaPrivate {
    pub(super) d: Zeroizing<Vec<u8>>,
    pub(super) p: Zeroizing<Vec<u8>>,
    pub(super) q: Zeroizing<Vec<u8>>,
    pub(super) dp: Zeroizing<Vec<u8>>,
    pub(super) dq: Zeroizing<Vec<u8>>,
    pub(super) qi: Zeroizing<Vec<u8>>,
}

/// The encodings of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrivateDer {
    /// RFC 5208.
    Pkcs8,
    /// RFC 8017 appendix A.1.2, RSA only.
    Pkcs1,
    /// RFC 5915, elliptic curves only.
    Sec1,
}
