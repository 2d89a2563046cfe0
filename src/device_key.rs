//! What a session is bound by whose key belongs to a browser's device.
//!
//! The row of a session has room for the thumbprint of a key, and for nothing that tells whose it is. So
//! the key of a device is hashed once more, and the second half of the result is a hash of the first.
//! That tells it from the thumbprint of a key of DPoP, and no proof of either kind fits a session of the
//! other.

use crate::{claims::KeyThumbprint, jws::sha256};

#[cfg(feature = "dbsc")]
const KEY: &[u8] = b"tower-bearer dbsc key v1\0";
const MARK: &[u8] = b"tower-bearer dbsc mark v1\0";
/// In bytes.
const HALF: usize = 16;

/// What a session is bound by if this is the text of the thumbprint of its device's key.
#[cfg(feature = "dbsc")]
pub(crate) fn of_device(thumbprint: &str) -> KeyThumbprint {
    let mut hash = sha256(&[KEY, thumbprint.as_bytes()].concat());
    let (half, rest) = hash.split_at_mut(HALF);
    rest.copy_from_slice(&mark(half));
    KeyThumbprint::from_bytes(hash)
}

/// Whether a session that is bound by this is bound to a device. By chance, the thumbprint of another
/// key looks like one of a device in one of 2^128 cases.
pub(crate) fn is_of_device(bound_to: &KeyThumbprint) -> bool {
    let (half, rest) = bound_to.as_bytes().split_at(HALF);
    mark(half) == rest
}

fn mark(half: &[u8]) -> [u8; HALF] {
    let hash = sha256(&[MARK, half].concat());
    *hash.first_chunk().unwrap_or(&[0; HALF])
}

#[cfg(all(test, feature = "dbsc"))]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_from_any_other_key() {
        let key = KeyThumbprint::from_bytes([7; 32]);
        let device = of_device(&key.to_string());
        assert!(is_of_device(&device));
        assert!(!is_of_device(&key));
        for at in 0..32 {
            let mut other = *device.as_bytes();
            other[at] ^= 1;
            assert!(!is_of_device(&KeyThumbprint::from_bytes(other)), "{at}");
        }
    }

    #[test]
    fn each_key_of_a_device_is_its_own() {
        let devices = (0..256).map(|number: u32| of_device(&number.to_string()));
        let devices: std::collections::HashSet<_> = devices.collect();
        assert_eq!(devices.len(), 256);
    }
}
