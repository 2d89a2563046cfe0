//! The resources that access tokens are for (RFC 8707).

use super::{Session, SessionError, SessionErrorKind};
use crate::uri;

/// How many bytes they may have together: they go into each access token.
const MAX_BYTES: usize = 4 * 1024;

/// Refuses what is no absolute URI, or has a fragment, or is more than a token can hold.
pub(super) fn check(resources: &[String]) -> Result<(), SessionError> {
    let wrong = |what| {
        Err(SessionError::with_detail(
            SessionErrorKind::InvalidTarget,
            what,
        ))
    };
    if !resources.iter().all(|resource| uri::is_absolute(resource)) {
        return wrong("a resource is an absolute URI without a fragment");
    }
    match resources.iter().map(String::len).sum::<usize>() <= MAX_BYTES {
        true => Ok(()),
        false => wrong("the resources must not be above 4 KiB"),
    }
}

/// The same resources, each of them once.
pub(super) fn distinct(mut resources: Vec<String>) -> Vec<String> {
    let given = std::mem::take(&mut resources);
    for resource in given {
        if !resources.iter().any(|other| is_same(other, &resource)) {
            resources.push(resource);
        }
    }
    resources
}

/// Whom an access token is for: its [`Audience`](crate::claims::Audience), lent by the session.
pub(super) enum Recipients<'a> {
    One(&'a str),
    Many(Vec<&'a str>),
}

/// Whom the access token is for: all that was granted if nothing is requested, and otherwise what is
/// requested, if all of it was granted. A session that was granted for nothing in particular is for the
/// issuer's audience.
///
/// # Errors
///
/// [`InvalidTarget`](SessionErrorKind::InvalidTarget) if something was not granted, and
/// [`Store`](SessionErrorKind::Store) if it cannot be read what was.
pub(super) fn audience<'a>(
    requested: &[String],
    session: &'a Session,
    default: &'a str,
) -> Result<Recipients<'a>, SessionError> {
    let mut granted = session.extra.resources()?;
    if granted.is_empty() {
        if requested.is_empty() {
            return Ok(Recipients::One(default));
        }
        granted.push(default);
    }
    let is_requested = |granted: &&str| requested.iter().any(|one| is_same(one, granted));
    let is_granted = |requested: &String| granted.iter().any(|one| is_same(one, requested));
    if !requested.iter().all(is_granted) {
        return Err(SessionError::new(SessionErrorKind::InvalidTarget));
    }
    if !requested.is_empty() {
        granted.retain(is_requested);
    }
    Ok(match granted.as_slice() {
        [one] => Recipients::One(one),
        _ => Recipients::Many(granted),
    })
}

/// Whether these are the same resource. They are compared byte for byte, except that a URL without a path
/// is the same with a slash (RFC 3986 §6.2.3): clients that keep it as a URL always write the slash.
fn is_same(one: &str, other: &str) -> bool {
    without_lone_slash(one) == without_lone_slash(other)
}

fn without_lone_slash(resource: &str) -> &str {
    match uri::split(resource) {
        Some((origin, "/")) => origin,
        _ => resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lone_slash_makes_no_difference() {
        assert!(is_same("https://a.example", "https://a.example/"));
        assert!(is_same("urn:a:b", "urn:a:b"));
        for (one, other) in [
            ("https://a.example/b", "https://a.example/b/"),
            ("https://a.example", "https://A.example"),
            ("https://a.example", "http://a.example"),
            ("https://a.example", "https://a.example:443"),
            ("https://a.example", "https://a.example//"),
            ("urn:a:b", "urn:a:b/"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn each_resource_is_kept_once() {
        let given = ["https://a.example/", "urn:b", "https://a.example", "urn:b"];
        let kept = distinct(given.map(str::to_owned).to_vec());
        assert_eq!(kept, ["https://a.example/", "urn:b"]);
    }
}
