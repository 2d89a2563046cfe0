//! What Chromium does not bind, and what would make it refresh with every request.

use std::time::Duration;

use super::{field, options::DeviceOptions};
use crate::{
    cookie::{AccessCookie, RefreshCookie},
    error::{ConfigError, ConfigErrorKind},
    paths::{DEVICE_REFRESH, REFRESH_TOKEN, TOKEN},
};

const MINUTE: Duration = Duration::from_secs(60);
/// Of a challenge and an offer.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Chromium refreshes ahead once less than two minutes are left of a cookie, so that with a life of no
/// more than that it would do so with every request.
const SHORTEST_ACCESS: Duration = Duration::from_secs(5 * 60);

pub(super) fn cookies<'a>(
    cookie: &'a RefreshCookie,
    options: &DeviceOptions,
) -> Result<&'a AccessCookie, ConfigError> {
    let wrong = |what| Err(ConfigError::new(ConfigErrorKind::Cookie, what));
    let Some(access) = cookie.access_cookie() else {
        return wrong(
            "a browser binds the access cookie: add one by RefreshCookie::with_access_cookie",
        );
    };
    if !access.is_secure() || !cookie.is_secure() {
        return wrong("browsers bind no session over plain HTTP: both cookies must be Secure");
    }
    if access.has_host_http_prefix() {
        return wrong(
            "Chromium binds no cookie whose name starts with __Host-Http-: \
             name the access cookie __Host-, __Secure- or __Http-",
        );
    }
    let paths = [&options.registration_path, &options.refresh_path];
    if !paths.into_iter().all(|path| cookie.is_sent_to(path)) {
        return wrong(
            "the refresh cookie's path must lead to the registration and the refresh endpoint",
        );
    }
    Ok(access)
}

pub(super) fn paths(options: &DeviceOptions) -> Result<(), ConfigError> {
    let own = [&options.registration_path, &options.refresh_path];
    let is_path = |path: &String| {
        let is_graphic = path.bytes().all(|b| b.is_ascii_graphic());
        path.starts_with('/')
            && !path.starts_with("//")
            && is_graphic
            && field::is_plain_string(path)
    };
    let has_more = |path: &String| path.contains(['?', '#']);
    let mut all = own.into_iter().chain(&options.excluded);
    let wrong = |what| Err(ConfigError::new(ConfigErrorKind::Url, what));
    if !all.all(|path| is_path(path) && !has_more(path)) {
        return wrong(
            "a path of the device binding starts with one / and is printable ASCII \
             without space, \", \\, ? and #",
        );
    }
    let prefix = options.refresh_path.strip_suffix(DEVICE_REFRESH);
    let prefix = prefix.unwrap_or_default();
    let tokens = [TOKEN, REFRESH_TOKEN].map(|path| format!("{prefix}{path}"));
    let is_token = |path: &String| tokens.iter().any(|token| covers(path, token));
    match options.excluded.iter().any(is_token) {
        true => wrong(
            "the token endpoint must not be excluded: a page that asks there without an access cookie \
             is told that its browser has lost the key",
        ),
        false => Ok(()),
    }
}

/// Whether an excluded path is this one or leads to it, as browsers see it.
pub(super) fn covers(excluded: &str, path: &str) -> bool {
    let rest = path.strip_prefix(excluded.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn lifetimes(
    access: Duration,
    challenge: Duration,
    offer: Duration,
) -> Result<(), ConfigError> {
    let wrong = |what| Err(ConfigError::new(ConfigErrorKind::Lifetime, what));
    let is_fit = |lifetime| (MINUTE..=LONGEST).contains(&lifetime);
    if access < SHORTEST_ACCESS {
        wrong(
            "a bound access cookie must live for at least five minutes: browsers refresh it ahead of time",
        )
    } else if !is_fit(challenge) {
        wrong("a challenge to a device lives for a minute at least and a day at most")
    } else if !is_fit(offer) {
        wrong("an offer to register a device lives for a minute at least and a day at most")
    } else {
        Ok(())
    }
}
