use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use super::set_cookies::SetCookies;
use crate::error::{ConfigError, ConfigErrorKind};

/// The largest cookie, attributes included, that browsers have to keep (RFC 6265 §6.1).
const MAX_COOKIE: usize = 4096;

/// With which requests from other sites a browser sends the cookie (RFC 6265bis §5.6.7).
///
/// There is no `None` here: a cookie that is sent with every request makes CSRF attacks possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// The browser sends the cookie with no request from another site.
    #[default]
    Strict,
    /// The browser also sends the cookie when the user follows a link from another site. An
    /// access cookie needs this if pages that are opened in this way require a token.
    Lax,
}

/// How long a browser keeps a cookie (RFC 6265 §5.3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Age {
    /// As long as its token lives.
    OfToken(Duration),
    /// Until the browser is closed.
    OfBrowser,
}

impl Age {
    pub(super) fn of(lifetime: Duration, ends_with_browser: bool) -> Self {
        match ends_with_browser {
            true => Self::OfBrowser,
            false => Self::OfToken(lifetime),
        }
    }
}

/// The name and the attributes of a cookie, after they were checked, as text.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    name: Arc<str>,
    path: Arc<str>,
    /// The attributes behind `Path` and `Max-Age`. They must always be the same: a cookie is
    /// overwritten and removed only by one with the same name and path.
    others: Arc<str>,
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
            path: path.into(),
            others: format!("; HttpOnly{secure}; SameSite={same_site}").into(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The cookie with this token.
    pub(super) fn set(&self, token: &str, age: Age) -> Result<SetCookies, ConfigError> {
        let cookie = match age {
            // A `Max-Age` of 0 would remove the cookie.
            Age::OfToken(lifetime) => self.write(token, Some(lifetime.as_secs().max(1))),
            Age::OfBrowser => self.write(token, None),
        };
        if cookie.len() > MAX_COOKIE {
            let large = "it would be above 4096 bytes";
            return Err(ConfigError::new(ConfigErrorKind::Cookie, large));
        }
        let value = HeaderValue::try_from(cookie).map_err(|_| {
            ConfigError::new(ConfigErrorKind::Cookie, "the token is no cookie value")
        })?;
        Ok(SetCookies::one(value))
    }

    /// An expired cookie, which removes the cookie from the browser.
    pub(super) fn clear(&self) -> SetCookies {
        // The name and the path were checked, so the text is always a valid header value.
        let value = HeaderValue::try_from(self.write("", Some(0)));
        SetCookies::one(value.unwrap_or(HeaderValue::from_static("")))
    }

    /// The attributes without `Max-Age`, as a browser that binds the cookie to a device expects to
    /// find them.
    #[cfg(feature = "dbsc")]
    pub(super) fn without_age(&self) -> String {
        format!("Path={}{}", self.path, self.others)
    }

    #[cfg(feature = "dbsc")]
    pub(super) fn is_secure(&self) -> bool {
        self.others.contains("; Secure")
    }

    /// Whether browsers send the cookie to this path (RFC 6265 §5.1.4).
    #[cfg(feature = "dbsc")]
    pub(super) fn is_sent_to(&self, path: &str) -> bool {
        path.strip_prefix(&*self.path).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/')
        })
    }

    fn write(&self, token: &str, max_age: Option<u64>) -> String {
        let (name, path, others) = (&self.name, &self.path, &self.others);
        let max_age = max_age.map_or(String::new(), |secs| format!("; Max-Age={secs}"));
        format!("{name}={token}; Path={path}{max_age}{others}")
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
            .set("token", Age::OfToken(lifetime))
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
