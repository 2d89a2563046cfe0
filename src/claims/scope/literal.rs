//! Checks the text of a scope in `const` functions, which cannot use iterators and closures.

/// Whether a scope token may contain the byte (RFC 6749 §3.3).
pub(super) const fn is_allowed(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

/// Whether the text consists of different scope tokens, separated by one space each.
pub(super) const fn is_plain(text: &[u8]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let (token, more) = first(rest);
        if token.is_empty() || has(more, token) {
            return false;
        }
        rest = match more {
            [] => return true,
            [b' ', next @ ..] if !next.is_empty() => next,
            _ => return false,
        };
    }
    true
}

/// Splits the text after its first scope token.
const fn first(text: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = text;
    while let [byte, more @ ..] = rest
        && is_allowed(*byte)
    {
        rest = more;
    }
    text.split_at(text.len() - rest.len())
}

/// Whether `wanted` is one of the scope tokens in `rest`, each of which follows a space.
const fn has(mut rest: &[u8], wanted: &[u8]) -> bool {
    while let [b' ', next @ ..] = rest {
        let (token, more) = first(next);
        if is_same(token, wanted) {
            return true;
        }
        rest = more;
    }
    false
}

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, of_one @ ..], [b, of_other @ ..]) = (one, other)
        && *a == *b
    {
        (one, other) = (of_one, of_other);
    }
    one.is_empty() && other.is_empty()
}
