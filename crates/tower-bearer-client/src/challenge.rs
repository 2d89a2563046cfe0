//! What a refusal says about the token (RFC 9110 §11.6.1, RFC 6750 §3).

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// The headers are read up to this length, which is more than servers send.
const MAX_BYTES: usize = 8 * 1024;

/// Whether one of the challenges is `Bearer` with `error="invalid_token"`. A malformed header is
/// ignored as a whole.
pub(crate) fn is_invalid_token(headers: &HeaderMap) -> bool {
    let values = headers.get_all(WWW_AUTHENTICATE);
    let mut left = MAX_BYTES;
    values.iter().any(|value| {
        let value = value.as_bytes();
        match left.checked_sub(value.len()) {
            Some(rest) => left = rest,
            None => return false,
        }
        Challenges(value).any_invalid_token() == Some(true)
    })
}

/// What is left to read of a list of challenges.
struct Challenges<'a>(&'a [u8]);

impl<'a> Challenges<'a> {
    /// `None` if the list is malformed, even if only behind the challenge that is looked for.
    fn any_invalid_token(mut self) -> Option<bool> {
        let mut found = false;
        self.skip_commas();
        while !self.0.is_empty() {
            found |= self.challenge()?;
            if !self.0.is_empty() && !self.skip_commas() {
                return None;
            }
        }
        Some(found)
    }

    /// Reads one challenge and tells whether it is the one that is looked for.
    fn challenge(&mut self) -> Option<bool> {
        let is_bearer = self.token()?.eq_ignore_ascii_case(b"bearer");
        let has_space = self.0.starts_with(b" ");
        self.skip_space();
        if self.is_at_end() {
            return Some(false);
        }
        if !has_space {
            return None;
        }
        if self.token68() {
            return Some(false);
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
                return Some(is_bearer && error.as_deref() == Some(b"invalid_token"));
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

    fn says(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        is_invalid_token(&headers)
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
