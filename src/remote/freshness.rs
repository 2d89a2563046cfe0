//! For how long an answer is fresh (RFC 9111 §4.2), as its headers say.

use std::time::Duration;

use http::{
    HeaderMap, HeaderName,
    header::{AGE, CACHE_CONTROL, DATE, EXPIRES},
};

use crate::clock::Timestamp;

/// What the headers of an answer say about how long it may be used.
///
/// 1. `no-store`, `no-cache` and `max-age=0` count as no time at all, and the caller's floor applies.
/// 2. `max-age` comes before `Expires`, which is measured from `Date` where there is one.
/// 3. `Age`, the time that the answer has spent in caches, is taken off.
/// 4. What cannot be read, and whatever is said twice in different ways, counts as stale (RFC 9111
///    §4.2.1). `s-maxage` is for shared caches, and this is none.
///
/// `None` if the answer says nothing.
pub(super) fn lifetime(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let told = told(headers, now)?;
    Some(told.saturating_sub(age(headers)))
}

fn told(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let mut directives = headers.get_all(CACHE_CONTROL).iter().peekable();
    let mut max_age = None;
    let mut may_be_kept = true;
    for line in &mut directives {
        let Ok(line) = line.to_str() else {
            return Some(Duration::ZERO);
        };
        for directive in line.split(',').map(str::trim) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            // With a value, `no-cache` is about some headers only.
            let no_cache = name.eq_ignore_ascii_case("no-cache") && value.is_empty();
            if no_cache || name.eq_ignore_ascii_case("no-store") {
                may_be_kept = false;
            }
            if name.eq_ignore_ascii_case("max-age") {
                let seconds = seconds(value.trim_matches('"'));
                max_age = match max_age {
                    None => Some(seconds),
                    Some(other) if other == seconds => max_age,
                    Some(_) => Some(None),
                };
            }
        }
    }
    match max_age {
        _ if !may_be_kept => Some(Duration::ZERO),
        Some(max_age) => Some(max_age.unwrap_or_default()),
        None => expires(headers, now),
    }
}

fn expires(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let mut all = headers.get_all(EXPIRES).iter();
    let expires = all.next()?;
    let ends = date(expires.to_str().ok());
    match (ends, all.next()) {
        (Some(ends), None) => {
            let sent = headers.get(DATE).map(|sent| sent.to_str().ok());
            Some(ends.saturating_since(sent.and_then(date).unwrap_or(now)))
        }
        // Among them `Expires: 0` (RFC 9111 §5.3).
        _ => Some(Duration::ZERO),
    }
}

fn date(text: Option<&str>) -> Option<Timestamp> {
    Some(httpdate::parse_http_date(text?).ok()?.into())
}

/// How long the answer has been in caches (RFC 9111 §5.1).
pub(super) fn age(headers: &HeaderMap) -> Duration {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(AGE).and_then(seconds).unwrap_or_default()
}

/// delta-seconds (RFC 9111 §1.2.2): a number that is too large to be read is a long time.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[track_caller]
    fn told(lines: &[(&'static str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        lifetime(&headers, NOW).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn an_answer_says_how_long_it_is_fresh() {
        let date = "Tue, 14 Nov 2023 22:13:20 GMT"; // NOW
        let later = "Tue, 14 Nov 2023 22:23:20 GMT";
        for (lines, expected) in [
            (&[][..], None),
            (&[("etag", "\"1\"")], None),
            (&[("cache-control", "public")], None),
            (&[("cache-control", "s-maxage=60")], None),
            (&[("cache-control", "max-age=3600")], Some(3600)),
            (
                &[("cache-control", "public, Max-Age=\"3600\" , immutable")],
                Some(3600),
            ),
            (
                &[("cache-control", "public"), ("cache-control", "max-age=7")],
                Some(7),
            ),
            (&[("cache-control", "max-age=7, max-age=7")], Some(7)),
            (&[("cache-control", "max-age=7, max-age=8")], Some(0)),
            (&[("cache-control", "max-age=60"), ("age", "20")], Some(40)),
            (&[("cache-control", "max-age=60"), ("age", "61")], Some(0)),
            (&[("cache-control", "max-age=60"), ("age", "x")], Some(60)),
            (&[("cache-control", "no-store, max-age=60")], Some(0)),
            (
                &[("cache-control", "no-cache=\"set-cookie\", max-age=60")],
                Some(60),
            ),
            (&[("cache-control", "no-cache, max-age=60")], Some(0)),
            (&[("cache-control", "max-age=-1")], Some(0)),
            (&[("cache-control", "max-age=")], Some(0)),
            (&[("cache-control", "max-age=\u{e9}")], Some(0)),
            (
                &[("cache-control", "max-age=99999999999999999999999")],
                Some(u64::from(u32::MAX)),
            ),
            (&[("expires", later)], Some(600)),
            (&[("expires", later), ("date", later)], Some(0)),
            (
                &[("expires", later), ("date", date), ("age", "100")],
                Some(500),
            ),
            (&[("expires", later), ("date", "x")], Some(600)),
            (&[("expires", "0")], Some(0)),
            (&[("expires", later), ("expires", later)], Some(0)),
            (
                &[("expires", later), ("cache-control", "max-age=5")],
                Some(5),
            ),
        ] {
            assert_eq!(told(lines), expected, "{lines:?}");
        }
    }

    proptest! {
        /// Whatever a header says, it is read, and never more than it says.
        #[test]
        fn no_text_is_too_odd(control: String, expires: String, age: String, seconds: u32) {
            let line = |text: String| text.replace(|c: char| c.is_control(), "");
            let (control, expires, age) = (line(control), line(expires), line(age));
            told(&[("cache-control", &control), ("expires", &expires), ("age", &age)]);
            let exact = format!("max-age={seconds}");
            prop_assert_eq!(told(&[("cache-control", &exact)]), Some(u64::from(seconds)));
            let least = told(&[("cache-control", &exact), ("age", &age)]);
            prop_assert!(least <= Some(u64::from(seconds)));
        }
    }
}
