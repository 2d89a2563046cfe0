//! What servers have said about the proofs that they want: the nonce, and the time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use http::{HeaderMap, HeaderValue, header::DATE};

use tower_bearer::clock::Timestamp;

use crate::origin::Origin;

const NONCE: &str = "dpop-nonce";

/// A longer nonce is not sent back.
const LONGEST_NONCE: usize = 1024;

/// Clocks that are less apart than this agree, since a `Date` has whole seconds and travels.
const AGREE_MS: i64 = 5_000;

/// Who gives out a nonce. Those of the authorization server and of an API are not the same, even at
/// one origin (RFC 9449 §9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    TokenEndpoint,
    Api(Origin),
}

/// There is as much of it as the program has configured origins and endpoints.
#[derive(Default)]
struct Said {
    nonces: HashMap<Place, HeaderValue>,
    /// How far the clocks are ahead of ours, in milliseconds.
    ahead: HashMap<Origin, i64>,
}

#[derive(Default)]
pub(super) struct Learnt(Mutex<Said>);

impl Learnt {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn nonce(&self, place: &Place) -> Option<HeaderValue> {
        self.said().nonces.get(place).cloned()
    }

    /// How many milliseconds to put the clock ahead for this server.
    pub(super) fn ahead(&self, server: &Origin) -> i64 {
        self.said().ahead.get(server).copied().unwrap_or_default()
    }

    /// RFC 9449 §8.2: each answer may bring the next nonce.
    pub(super) fn hear_nonce(&self, place: &Place, headers: &HeaderMap) {
        let mut nonces = headers.get_all(NONCE).iter();
        if let (Some(nonce), None) = (nonces.next(), nonces.next())
            && is_nonce(nonce.as_bytes())
        {
            self.said().nonces.insert(place.clone(), nonce.clone());
        }
    }

    /// Whether the server has told another time than proofs have gone by, for which its time counts
    /// from now on.
    pub(super) fn hear_clock(&self, server: &Origin, headers: &HeaderMap, now: Timestamp) -> bool {
        let Some(theirs) = date(headers) else {
            return false;
        };
        let ahead = theirs.as_millis().saturating_sub(now.as_millis());
        let mut said = self.said();
        let known = said.ahead.entry(server.clone()).or_default();
        let is_news = ahead.saturating_sub(*known).saturating_abs() >= AGREE_MS;
        if is_news {
            *known = ahead;
        }
        is_news
    }
}

/// `1*NQCHAR` (RFC 9449 §8.1, RFC 6749 Appendix A).
fn is_nonce(nonce: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=LONGEST_NONCE).contains(&nonce.len()) && nonce.iter().all(fits)
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(i64::try_from(since.as_secs()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn nonces_are_kept_apart_and_only_good_ones() {
        let learnt = Learnt::default();
        let api = |origin: &str| Place::Api(origin.parse().unwrap());
        let places = [
            Place::TokenEndpoint,
            api("https://a.example"),
            api("https://b.example"),
        ];
        for (place, nonce) in places.iter().zip(["t", "a", "b"]) {
            learnt.hear_nonce(place, &headers(&[(NONCE, nonce)]));
        }
        let long = "n".repeat(LONGEST_NONCE + 1);
        for bad in [
            headers(&[]),
            headers(&[(NONCE, "")]),
            headers(&[(NONCE, "a b")]),
            headers(&[(NONCE, "a\"b")]),
            headers(&[(NONCE, &long)]),
            headers(&[(NONCE, "one"), (NONCE, "two")]),
        ] {
            learnt.hear_nonce(&places[0], &bad);
        }
        for (place, nonce) in places.iter().zip(["t", "a", "b"]) {
            assert_eq!(learnt.nonce(place).unwrap(), nonce);
        }
    }

    #[test]
    fn a_clock_is_news_only_if_it_is_off() {
        let learnt = Learnt::default();
        let now = Timestamp::from_secs(784_111_777);
        let server = "https://a.example".parse().unwrap();
        let hear = |date| learnt.hear_clock(&server, &headers(&[("date", date)]), now);
        assert!(!hear("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!hear("Sun, 06 Nov 1994 08:49:41 GMT"));
        assert!(!hear("yesterday"));
        assert!(hear("Sun, 06 Nov 1994 07:49:37 GMT"));
        assert!(!hear("Sun, 06 Nov 1994 07:49:37 GMT"), "it was corrected");
        assert_eq!(learnt.ahead(&server), -3_600_000);
        assert_eq!(learnt.ahead(&"https://b.example".parse().unwrap()), 0);
        assert!(!learnt.hear_clock(&server, &HeaderMap::new(), now));
    }
}
