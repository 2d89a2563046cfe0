//! The text of a remembered token.

use memchr::memrchr;
use zeroize::Zeroize;

use super::tail::{Tail, before_hint};

/// A token. Its signature is wiped from memory when it is dropped. Without it, the rest is useless.
pub(super) struct Text(Box<[u8]>);

impl Text {
    pub(super) fn new(token: &str) -> Self {
        Self(token.as_bytes().into())
    }

    /// The size of the token in bytes.
    pub(super) fn memory(&self) -> usize {
        self.0.len()
    }

    /// Whether it is exactly this token.
    ///
    /// The parts that nobody can guess are compared first, in constant time. The rest is compared only if
    /// they are equal, and so only for someone who already has the token. The time that this takes need not
    /// be constant.
    pub(super) fn is(&self, token: &[u8]) -> bool {
        let tails: [Option<&Tail>; 2] = [self.0.last_chunk(), token.last_chunk()];
        let [Some(own_tail), Some(tail)] = tails else {
            return false;
        };
        if self.0.len() != token.len() || !is_same_tail(own_tail, tail) {
            return false;
        }
        match (before_hint(&self.0), before_hint(token)) {
            (Some(own), Some(other)) => is_same_tail(own, other) && *self.0 == *token,
            _ => *self.0 == *token,
        }
    }

    /// Wipes the signature only. Wiping goes byte by byte, and the whole token would take as long
    /// as the rest of an eviction.
    fn wipe(&mut self) {
        let signature = memrchr(b'.', &self.0).unwrap_or(0);
        if let Some(signature) = self.0.get_mut(signature..) {
            signature.zeroize();
        }
    }
}

/// Whether two tails are the same, in constant time. `subtle` would take at least 60 instructions
/// more, and a whole request with a known token takes 1600.
fn is_same_tail(one: &Tail, other: &Tail) -> bool {
    let words = one.as_chunks().0.iter().zip(other.as_chunks().0);
    let differing = words.fold(0, |differing, (one, other)| {
        differing | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other))
    });
    differing == 0
}

impl Drop for Text {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_are_the_same_to_the_last_bit() {
        let token: String = ('0'..='z').collect();
        let text = Text::new(&token);
        assert!(text.is(token.as_bytes()));
        for bit in 0..token.len() * 8 {
            let mut other = token.clone().into_bytes();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!text.is(&other), "bit {bit}");
        }
        assert!(!text.is(&token.as_bytes()[1..]));
        assert!(!text.is(format!("0{token}").as_bytes()));
        assert!(!text.is(b"") && !Text::new("").is(token.as_bytes()));
    }

    #[test]
    fn nothing_is_left_of_a_signature() {
        for (token, left) in [
            ("head.body.signed", &b"head.body\0\0\0\0\0\0\0"[..]),
            ("head..", b"head.\0"),
            ("none", b"\0\0\0\0"),
            ("", b""),
        ] {
            let mut text = Text::new(token);
            text.wipe();
            assert_eq!(*text.0, *left, "{token}");
        }
    }
}
