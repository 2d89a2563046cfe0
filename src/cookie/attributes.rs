use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use super::set_cookies::SetCookies;
use crate::error::{ConfigError, ConfigErrorKind};

/// Browsers need not keep larger ones, attributes included (RFC 6265 §6.1).
const MAX_COOKIE: usize = 4096;

/// Which requests from other sites a browser sends the cookie with (RFC 6265bis §5.6.7).
///
/// There is no `None`: a cookie that is sent with every request is what CSRF lives on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// With none.
    #[default]
    Strict,
    /// When the user follows a link: for an access token that has to be there when a page is
    /// opened from elsewhere.
    Lax,
}

/// A cookie's name and attributes, checked, and as they are written.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    name: Arc<str>,
    /// Around `Max-Age`. A cookie is overwritten and cleared only by one that has the same.
    before: Arc<str>,
    after: Arc<str>,
}

impl Attributes {
    pub(super) fn new(name: String, path: String, same_site: SameSite, is_secure: bool) -> Self {
        let secure = if is_secure { "; Secure" } else { "" };
        let same_site = match same_site {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
        };
        Self {
            name: name.into(),
            before: format!("; Path={path}; Max-Age=").into(),
            after: format!("; HttpOnly{secure}; SameSite={same_site}").into(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The cookie with this token in it. It is gone from the browser when the token has died.
    pub(super) fn set(&self, token: &str, lifetime: Duration) -> Result<SetCookies, ConfigError> {
        // A zero would clear the cookie.
        let cookie = self.write(token, lifetime.as_secs().max(1));
        if cookie.len() > MAX_COOKIE {
            let large = "it would be above 4096 bytes";
            return Err(ConfigError::new(ConfigErrorKind::Cookie, large));
        }
        let value = HeaderValue::try_from(cookie).map_err(|_| {
            ConfigError::new(ConfigErrorKind::Cookie, "the token is no cookie value")
        })?;
        Ok(SetCookies::one(value))
    }

    /// The cookie that takes the place of the one that is set, and is gone at once.
    pub(super) fn clear(&self) -> SetCookies {
        // Name and path are checked: every such text is a header value.
        let value = HeaderValue::try_from(self.write("", 0));
        SetCookies::one(value.unwrap_or(HeaderValue::from_static("")))
    }

    fn write(&self, token: &str, max_age: u64) -> String {
        let (name, before, after) = (&self.name, &self.before, &self.after);
        format!("{name}={token}{before}{max_age}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn max_age(lifetime: Duration, expected: &str) {
        let attributes = Attributes::new("a".into(), "/".into(), SameSite::Strict, true);
        let mut headers = http::HeaderMap::new();
        attributes
            .set("token", lifetime)
            .unwrap()
            .append_to(&mut headers);
        let cookie = headers["set-cookie"].to_str().unwrap();
        assert!(
            cookie.contains(&format!("; Max-Age={expected};")),
            "{cookie}"
        );
    }

    #[test]
    fn a_token_in_its_last_second_does_not_clear_the_cookie() {
        max_age(Duration::from_millis(1_999), "1");
        max_age(Duration::from_millis(999), "1");
        max_age(Duration::ZERO, "1");
    }
}
