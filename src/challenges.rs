//! Reads the challenges of a `WWW-Authenticate` header (RFC 9110 §11.6.1).

/// A challenge: a scheme, and parameters in their order, unquoted. In place of parameters it may have had a
/// `token68`, which is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    pub scheme: &'a [u8],
    pub parameters: Vec<(&'a [u8], Vec<u8>)>,
}

impl Challenge<'_> {
    /// The values of the parameters of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = move |given: &[u8]| given.eq_ignore_ascii_case(name.as_bytes());
        let parameters = self.parameters.iter();
        parameters.filter_map(move |(given, value)| named(given).then_some(value.as_slice()))
    }
}

/// The challenges of one header, or `None` if it is malformed anywhere.
pub fn read(value: &[u8]) -> Option<Vec<Challenge<'_>>> {
    Reader(value).challenges()
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn challenges(mut self) -> Option<Vec<Challenge<'a>>> {
        let mut challenges = Vec::new();
        self.skip_commas();
        while !self.0.is_empty() {
            challenges.push(self.challenge()?);
            if !self.0.is_empty() && !self.skip_commas() {
                return None;
            }
        }
        Some(challenges)
    }

    fn challenge(&mut self) -> Option<Challenge<'a>> {
        let mut challenge = Challenge {
            scheme: self.token()?,
            parameters: Vec::new(),
        };
        let has_space = self.0.starts_with(b" ");
        self.skip_space();
        if self.is_at_end() {
            return Some(challenge);
        }
        if !has_space {
            return None;
        }
        if self.token68() {
            return Some(challenge);
        }
        loop {
            challenge.parameters.push(self.param()?);
            self.skip_space();
            if !self.is_before_param() {
                return Some(challenge);
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
