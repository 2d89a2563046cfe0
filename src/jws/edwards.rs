//! Detects Ed25519 public keys that must not be trusted: those that are no point of the curve, and
//! points of small order, with which one signature is valid for every message.

mod field;

use self::field::Number;

/// The `y` coordinates of the canonical points whose order divides 8, in little-endian order and
/// without the sign of `x`.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    with_ends(0x01, 0x00, 0x00),
    with_ends(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn with_ends(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// Whether a key has to be refused: it is no point of the curve, has a small order or is not
/// encoded as RFC 8032 §5.1.2 requires.
pub(super) fn is_unfit(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y) || is_not_reduced(&y) || !is_on_curve(&y)
}

/// Whether `y ≥ 2^255 − 19`.
fn is_not_reduced(y: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = y;
    *last == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *first >= 0xed
}

/// Whether the curve has a point with this `y`, by RFC 8032 §5.1.3: whether
/// `(y² − 1) / (d y² + 1)` is a square. It is one if the product of the two numbers is.
fn is_on_curve(y: &[u8; 32]) -> bool {
    let y = Number::from_bytes(y);
    let y2 = y * y;
    let numerator = y2 - Number::ONE;
    let denominator = Number::D * y2 + Number::ONE;
    (numerator * denominator).is_square()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_orders_and_unreduced_numbers_are_unfit() {
        for mut point in SMALL_ORDER {
            assert!(is_unfit(&point));
            assert!(is_on_curve(&point));
            point[31] |= 0x80;
            assert!(is_unfit(&point), "with the other sign");
        }
        for first in 0xed..=0xff {
            assert!(is_unfit(&with_ends(first, 0xff, 0x7f)));
        }
    }

    #[test]
    fn a_real_key_is_fit() {
        // RFC 8032 §7.1, test 1.
        let mut point = [0; 32];
        let hex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        for (byte, digits) in point.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        }
        assert!(!is_unfit(&point));
        // The other point of the same y.
        point[31] |= 0x80;
        assert!(!is_unfit(&point));
    }

    /// Half of all numbers are the `y` of a point. Another implementation tells which.
    #[cfg(feature = "rust-crypto")]
    #[test]
    fn what_is_on_the_curve_is_what_another_implementation_says() {
        let mut seen = [0; 2];
        for number in 0..2_000_u32 {
            let provider = crate::jws::CryptoProvider::default();
            let mut y = crate::jws::backend::sha256(provider, &number.to_le_bytes());
            y[31] &= 0x7f;
            let is_on_curve = is_on_curve(&y);
            let key = ed25519_dalek::VerifyingKey::from_bytes(&y);
            assert_eq!(is_on_curve, key.is_ok(), "{y:?}");
            seen[usize::from(is_on_curve)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 800), "{seen:?}");
    }
}
