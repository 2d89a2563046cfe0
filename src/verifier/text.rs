//! The text of a token that is kept.

use memchr::memrchr;
use zeroize::Zeroize;

use super::tail::Tail;

/// A token. Its signature is wiped from memory when it is dropped: what is left is none.
pub(super) struct Text(Box<[u8]>);

impl Text {
    pub(super) fn new(token: &str) -> Self {
        Self(token.as_bytes().into())
    }

    /// How many bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        self.0.len()
    }

    /// Whether it is this token, to the last bit.
    ///
    /// The tails are compared first, in a time that does not tell where they differ. All the rest
    /// is only compared for somebody who has a good token's tail, and with it the token: how long
    /// that takes is no secret.
    pub(super) fn is(&self, token: &[u8]) -> bool {
        let tails: [Option<&Tail>; 2] = [self.0.last_chunk(), token.last_chunk()];
        let [Some(own_tail), Some(tail)] = tails else {
            return false;
        };
        is_same_tail(own_tail, tail) && *self.0 == *token
    }

    /// Wipes the signature. It goes a byte at a time: the whole would take as long as all the rest
    /// of an eviction.
    fn wipe(&mut self) {
        let signature = memrchr(b'.', &self.0).unwrap_or(0);
        if let Some(signature) = self.0.get_mut(signature..) {
            signature.zeroize();
        }
    }
}

/// Whether two tails are the same, in a time that does not tell where they differ. `subtle` takes
/// at least 60 instructions more for it, of the 1600 that a request with a known token takes in all.
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
