//! Arithmetic modulo `p = 2^255 − 19`, for public numbers only: its time depends on them.

use std::ops::{Add, Mul, Sub};

/// Four times 64 bits, lowest first, below `2^256` and not always below `p`.
#[derive(Clone, Copy)]
pub(super) struct Number([u64; 4]);

/// `2^256 = 38` modulo `p`.
const OVERFLOW: u64 = 38;

impl Number {
    pub(super) const ONE: Self = Self([1, 0, 0, 0]);

    /// The constant of the curve, `−121665/121666` (RFC 8032 §5.1).
    pub(super) const D: Self = Self([
        0x75eb_4dca_1359_78a3,
        0x0070_0a4d_4141_d8ab,
        0x8cc7_4079_7779_e898,
        0x5203_6cee_2b6f_fe73,
    ]);

    const P: Self = Self([u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1]);

    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
            let bytes = bytes.iter().rev();
            *limb = bytes.fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        Self(limbs)
    }

    /// Whether it is a square modulo `p`, zero included: by Euler's criterion its power of
    /// `(p − 1) / 2 = 2^254 − 10` is then 1, or 0.
    pub(super) fn is_square(self) -> bool {
        // The exponent is 246 in its lowest byte, and has ones from there up to bit 253.
        let mut power = Self::ONE;
        for bit in (0..254).rev() {
            power = power * power;
            if bit >= 8 || 246 >> bit & 1 == 1 {
                power = power * self;
            }
        }
        matches!(power.reduced(), [0 | 1, 0, 0, 0])
    }

    fn reduced(self) -> [u64; 4] {
        let mut limbs = self.0;
        // Below 2^256 there are at most two of them.
        for _ in 0..2 {
            if let (less, false) = subtracted(limbs, Self::P.0) {
                limbs = less;
            }
        }
        limbs
    }

    /// Adds a carry out of the highest limb back in.
    fn folded(limbs: [u64; 4], carry: u64) -> Self {
        let mut limbs = limbs;
        let mut carry = u128::from(carry) * u128::from(OVERFLOW);
        while carry != 0 {
            for limb in &mut limbs {
                let sum = u128::from(*limb) + carry;
                *limb = low(sum);
                carry = sum >> 64;
            }
            carry *= u128::from(OVERFLOW);
        }
        Self(limbs)
    }
}

impl Add for Number {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let mut sum = [0; 4];
        let mut carry = 0;
        for (limb, (a, b)) in sum.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let wide = u128::from(a) + u128::from(b) + carry;
            *limb = low(wide);
            carry = wide >> 64;
        }
        Self::folded(sum, low(carry))
    }
}

impl Sub for Number {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let (mut limbs, mut borrows) = subtracted(self.0, other.reduced());
        // An underflow has added 2^256, which is 38 too much.
        while borrows {
            (limbs, borrows) = subtracted(limbs, [OVERFLOW, 0, 0, 0]);
        }
        Self(limbs)
    }
}

impl Mul for Number {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mut wide = [0_u64; 8];
        for (i, a) in self.0.into_iter().enumerate() {
            let mut carry = 0;
            let places = wide.iter_mut().skip(i);
            let others = other.0.into_iter().map(Some).chain([None]);
            for (place, b) in places.zip(others) {
                let product = b.map_or(0, |b| u128::from(a) * u128::from(b));
                let sum = product + u128::from(*place) + carry;
                *place = low(sum);
                carry = sum >> 64;
            }
        }
        let [a, b, c, d, high @ ..] = wide;
        let mut limbs = [a, b, c, d];
        let mut carry = 0;
        for (limb, high) in limbs.iter_mut().zip(high) {
            let sum = u128::from(high) * u128::from(OVERFLOW) + u128::from(*limb) + carry;
            *limb = low(sum);
            carry = sum >> 64;
        }
        Self::folded(limbs, low(carry))
    }
}

/// The difference modulo `2^256`, and whether it has underflowed.
fn subtracted(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let mut difference = [0; 4];
    let mut borrows = false;
    for (limb, (a, b)) in difference.iter_mut().zip(a.into_iter().zip(b)) {
        let (less, first) = a.overflowing_sub(b);
        let (less, second) = less.overflowing_sub(u64::from(borrows));
        *limb = less;
        borrows = first || second;
    }
    (difference, borrows)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest 64 bits are meant"
)]
fn low(wide: u128) -> u64 {
    wide as u64
}
