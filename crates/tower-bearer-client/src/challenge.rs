//! What a refusal says about the token (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9449 §7.1).

use http::{HeaderMap, header::WWW_AUTHENTICATE};

use crate::dpop::Flaw;

/// The headers are read up to this length, which is more than servers send.
const MAX_BYTES: usize = 8 * 1024;

/// What a refusal says is wrong. Of several, the greatest counts: without a good proof, no server gets
/// as far as the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Blame {
    /// `invalid_token`
    Token,
    /// What RFC 9449 §7.1 adds.
    Proof(Flaw),
}

/// What the challenges say about a token that was sent with a proof or without one. The scheme of
/// those that count is `Bearer`, and with a proof also `DPoP`. A malformed header is ignored as a
/// whole.
pub(crate) fn blame(headers: &HeaderMap, is_proven: bool) -> Option<Blame> {
    let mut left = MAX_BYTES;
    let mut worst = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let value = value.as_bytes();
        match left.checked_sub(value.len()) {
            Some(rest) => left = rest,
            None => break,
        }
        worst = worst.max(Challenges(value).blame(is_proven).flatten());
    }
    worst
}

impl Blame {
    fn of(scheme: &[u8], error: &[u8], is_proven: bool) -> Option<Self> {
        let is_dpop = is_proven && scheme.eq_ignore_ascii_case(b"dpop");
        match error {
            b"invalid_token" if is_dpop || scheme.eq_ignore_ascii_case(b"bearer") => {
                Some(Self::Token)
            }
            error if is_dpop => Flaw::named(error).map(Self::Proof),
            _ => None,
        }
    }
}

/// What is left to read of a list of challenges.
struct Challenges<'a>(&'a [u8]);

impl<'a> Challenges<'a> {
    /// `None` if the list is malformed, even if only behind the challenge that is looked for.
    fn blame(mut self, is_proven: bool) -> Option<Option<Blame>> {
        let mut worst = None;
        self.skip_commas();
        while !self.0.is_empty() {
            let (scheme, error) = self.challenge()?;
            let error = error.unwrap_or_default();
            worst = worst.max(Blame::of(scheme, &error, is_proven));
            if !self.0.is_empty() && !self.skip_commas() {
                return None;
            }
        }
        Some(worst)
    }

    /// Reads one challenge: its scheme, and its `error` if it has one.
    fn challenge(&mut self) -> Option<(&'a [u8], Option<Vec<u8>>)> {
        let scheme = self.token()?;
        let has_space = self.0.starts_with(b" ");
        self.skip_space();
        if self.is_at_end() {
            return Some((scheme, None));
        }
        if !has_space {
            return None;
        }
        if self.token68() {
            return Some((scheme, None));
        }
        let mut error = None;
        loop {
            let (name, value) = self.param()?;
            let is_error = name.eq_ignore_ascii_case(b"error");
            if is_error && error.replace(value).is_some() {
                return None;
            }
            self.skip_space();
            if !self.is_before_param() {
                return Some((scheme, error));
            }
        }
    }

    /// Whether another parameter of this challenge follows. If so, reads up to it.
    fn is_before_param(&mut self) -> bool {
        let mut ahead = Self(self.0);
        if !ahead.skip_commas() {
            return false;
        }
        let start = ahead.0;
        let is_param = ahead.token().is_some() && {
            ahead.skip_space();
            ahead.0.starts_with(b"=")
        };
        if is_param {
            self.0 = start;
        }
        is_param
    }

    /// `token BWS "=" BWS ( token / quoted-string )`
    fn param(&mut self) -> Option<(&'a [u8], Vec<u8>)> {
        let name = self.token()?;
        self.skip_space();
        self.0 = self.0.strip_prefix(b"=")?;
        self.skip_space();
        let value = match self.0.strip_prefix(b"\"") {
            Some(rest) => {
                self.0 = rest;
                self.quoted()?
            }
            None => self.token()?.to_vec(),
        };
        Some((name, value))
    }

    /// The rest of a quoted string, up to and with its closing quote.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            match byte {
                b'"' => return Some(text),
                b'\\' => {
                    let (escaped, rest) = self.0.split_first()?;
                    self.0 = rest;
                    text.push(*escaped);
                }
                _ => text.push(*byte),
            }
        }
    }

    /// Reads a `token68` if the challenge has one in place of parameters (RFC 9110 §11.2).
    fn token68(&mut self) -> bool {
        let mut ahead = Self(self.0);
        let body = ahead.take_while(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
        ahead.take_while(|b| b == b'=');
        ahead.skip_space();
        let is_token68 = !body.is_empty() && ahead.is_at_end();
        if is_token68 {
            self.0 = ahead.0;
        }
        is_token68
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        let token =
            self.take_while(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        (!token.is_empty()).then_some(token)
    }

    /// Whether the challenge ends here.
    fn is_at_end(&self) -> bool {
        self.0.is_empty() || self.0.starts_with(b",")
    }

    /// Skips what is between two elements of a list, which may be several commas, and tells whether
    /// there was one at least.
    fn skip_commas(&mut self) -> bool {
        let skipped = self.take_while(|b| matches!(b, b',' | b' ' | b'\t'));
        skipped.contains(&b',')
    }

    fn skip_space(&mut self) {
        self.take_while(|b| matches!(b, b' ' | b'\t'));
    }

    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !fits(*byte));
        let (taken, rest) = match end.and_then(|end| self.0.split_at_checked(end)) {
            Some(halves) => halves,
            None => (self.0, [].as_slice()),
        };
        self.0 = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blamed(values: &[&str], is_proven: bool) -> Option<Blame> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        blame(&headers, is_proven)
    }

    fn says(values: &[&str]) -> bool {
        blamed(values, false) == Some(Blame::Token)
    }

    #[test]
    fn with_a_proof_the_scheme_of_proofs_counts_too() {
        let nonce = Some(Blame::Proof(Flaw::Nonce));
        let proof = Some(Blame::Proof(Flaw::Proof));
        for (values, wanted) in [
            (
                &[r#"DPoP error="invalid_token", algs="ES256""#][..],
                Some(Blame::Token),
            ),
            (&[r#"Bearer error="invalid_token""#], Some(Blame::Token)),
            (&[r#"dpop algs="ES256", error="use_dpop_nonce""#], nonce),
            (&[r#"DPoP error=invalid_dpop_proof"#], proof),
            (
                &[r#"DPoP error="use_dpop_nonce", Bearer error="invalid_token""#],
                nonce,
            ),
            (
                &[
                    r#"Bearer error="invalid_token""#,
                    r#"DPoP error="invalid_dpop_proof""#,
                ],
                proof,
            ),
            (&[r#"Bearer error="use_dpop_nonce""#], None),
            (&[r#"DPoP algs="ES256""#, "Bearer"], None),
            (&[r#"DPoP error="insufficient_scope""#], None),
            (&[r#"DPoP error="use_dpop_nonce", error="x""#], None),
        ] {
            assert_eq!(blamed(values, true), wanted, "{values:?}");
            let unproven = blamed(values, false);
            assert!(matches!(unproven, None | Some(Blame::Token)), "{values:?}");
        }
    }

    #[test]
    fn invalid_token_is_found() {
        for value in [
            r#"Bearer error="invalid_token""#,
            r#"bearer realm="a", ERROR="invalid_token", error_description="it has expired""#,
            "Bearer error=invalid_token",
            "Bearer \t error \t=\t invalid_token\t",
            r#"Basic realm="a", Bearer error="invalid_token""#,
            r#"Bearer realm="a", error="invalid_token", Basic realm="b""#,
            r#"Negotiate, Bearer error="invalid_token""#,
            r#"Negotiate YII=, , Bearer error="invalid_token""#,
            r#"NTLM TlRMTVNTUAAC==,Bearer error="invalid_token","#,
            r#"Bearer realm="a, Basic b=\"c\"", error="invalid_token""#,
            r#"Bearer error="invalid\_token""#,
            r#"Bearer realm="a", Bearer error="invalid_token""#,
            r#"DPoP algs="ES256 PS256", error="use_dpop_nonce", Bearer error="invalid_token""#,
        ] {
            assert!(says(&[value]), "{value}");
        }
        assert!(says(&["Basic realm=\"a", "Bearer error=\"invalid_token\""]));
    }

    #[test]
    fn anything_else_says_nothing() {
        for value in [
            "",
            "Bearer",
            "Bearer realm=\"api\"",
            r#"Bearer error="insufficient_scope""#,
            r#"Bearer error="INVALID_TOKEN""#,
            r#"Bearer error="invalid_token "#,
            r#"Bearer error="invalid_token" realm="a""#,
            r#"Bearer error="invalid_token", error="x""#,
            r#"Bearer error="x", error="invalid_token""#,
            r#"Bearer realm="error=\"invalid_token\"""#,
            r#"Bearer realm=", error="invalid_token""#,
            r#"Bearerx error="invalid_token""#,
            r#"DPoP error="invalid_token""#,
            r#"Bearer, error="invalid_token""#,
            r#"Bearer , error="invalid_token""#,
            r#"Bearer=error="invalid_token""#,
            r#"Bearer error=="invalid_token""#,
            r#"Bearer "error"="invalid_token""#,
            r#"Bearer error="invalid_token", "x""#,
            r#"Bearer error="invalid_token"; x=y"#,
            r#"error="invalid_token""#,
            r#"Bearer error="invalid_token\"#,
        ] {
            assert!(!says(&[value]), "{value}");
        }
        assert!(!says(&[]));
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = format!(
            r#"Bearer realm="{}", error=invalid_token"#,
            "a".repeat(MAX_BYTES)
        );
        assert!(!says(&[&long]));
        let fits = format!(
            r#"Bearer realm="{}", error=invalid_token"#,
            "a".repeat(MAX_BYTES - 100)
        );
        assert!(says(&[&fits]));
        assert!(!says(&[&"a,".repeat(3000), &fits]));
    }
}
