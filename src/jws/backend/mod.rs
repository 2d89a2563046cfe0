//! The crypto back ends. Each has the same few functions and types, and [`either`] chooses between those
//! that are built in, by the [`CryptoProvider`](super::CryptoProvider) that it is given.
//!
//! Keys are read from their formats, and judged, above: in [`der`](super::der),
//! [`jwk`](super::jwk) and [`key`](super::key). A back end turns the numbers of a key into a
//! prepared key, so that this is not done again for each token.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod either;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;

use zeroize::Zeroizing;

pub(crate) use either::MacKey;
pub(super) use either::{Checker, Signer, decrypt, encrypt, sha256, supports};

/// The back end does not accept the key, or cannot sign. It gives no reason: a peer must not learn
/// it, and callers need to know no more than that the format is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rejected;

/// A public key as the numbers of a JWK (RFC 7518 §6, RFC 8037 §2) in big-endian order. Those of
/// RSA have no leading zeros, the others have their full length. A key of ML-DSA is encoded as FIPS 204 §7.2
/// does it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
    MlDsa { key: Vec<u8> },
}

impl Public {
    /// Splits an uncompressed point into its coordinates (SEC 1 §2.3.3).
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

/// Writes an uncompressed point (SEC 1 §2.3.3).
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// A private key as the numbers of a JWK. Its [`Public`] key comes with it.
pub(super) enum Private {
    Rsa(Box<RsaPrivate>),
    Ec {
        d: Zeroizing<Vec<u8>>,
    },
    Ed25519 {
        d: Zeroizing<Vec<u8>>,
    },
    #[cfg_attr(not(feature = "aws-lc-rs"), allow(dead_code))]
    MlDsa(MlDsaPrivate),
}

/// The seed that a private key of ML-DSA is made from, and what was made from it if that came along.
#[cfg_attr(not(feature = "aws-lc-rs"), allow(dead_code))]
pub(super) struct MlDsaPrivate {
    pub(super) seed: Zeroizing<Vec<u8>>,
    pub(super) expanded: Option<Zeroizing<Vec<u8>>>,
}

/// All numbers of a private RSA key with two primes (RFC 7518 §6.3.2).
pub(super) struct RsaPrivate {
    pub(super) d: Zeroizing<Vec<u8>>,
    pub(super) p: Zeroizing<Vec<u8>>,
    pub(super) q: Zeroizing<Vec<u8>>,
    pub(super) dp: Zeroizing<Vec<u8>>,
    pub(super) dq: Zeroizing<Vec<u8>>,
    pub(super) qi: Zeroizing<Vec<u8>>,
}
