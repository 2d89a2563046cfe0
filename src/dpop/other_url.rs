//! What the log says of proofs for another URL: most often the server's address is set up wrongly.

use std::sync::atomic::{AtomicU8, Ordering};

use super::{
    RequestHead,
    settings::{Addresses, Settings},
    target,
    url::PlainUrl,
};
use crate::trace;

/// How many of the first proofs are for another URL, and none for this server's, before there is a
/// warning.
const ENOUGH: u8 = 3;
/// In characters.
const LONGEST: usize = 256;

/// Whether the address of the server may be wrong.
#[derive(Debug, Default)]
pub(super) struct Doubt(AtomicU8);

impl Doubt {
    /// A proof is for this server, so its address is right.
    pub(super) fn dispel(&self) {
        if self.0.load(Ordering::Relaxed) < ENOUGH {
            self.0.store(ENOUGH, Ordering::Relaxed);
        }
    }

    /// One more proof is for another URL. Tells whether this is the moment to warn.
    fn deepen(&self) -> bool {
        let more = |before: u8| (before < ENOUGH).then_some(before + 1);
        let before = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        before.is_ok_and(|before| before + 1 == ENOUGH)
    }

    /// Tells the log of a proof that is for this URL, and not for that of the request.
    pub(super) fn tell(&self, url: &str, request: RequestHead<'_>, settings: &Settings) {
        let (_found, _expected) = (shown(PlainUrl::read(url)), settings.expected(request));
        trace::debug!(
            found = ?_found,
            expected = ?_expected,
            "a DPoP proof is for another URL than the request"
        );
        if self.deepen() {
            trace::warn!(
                found = ?_found,
                expected = ?_expected,
                "the first DPoP proofs are all for another URL: is the address that was given to \
                 DpopVerifier::new the one that clients use?"
            );
        }
    }
}

impl Settings {
    /// The URLs that a proof of this request may be for.
    fn expected(&self, request: RequestHead<'_>) -> Vec<String> {
        let path = self.path_of(request);
        match &self.addresses {
            Addresses::Known(all) => all.iter().map(|own| shown(own.below(path))).collect(),
            Addresses::Any => {
                let host = target::authority(request).unwrap_or_default();
                vec![shown_text(format!("//{host}{path}"))]
            }
        }
    }
}

/// A URL for the log, where nothing is of any length.
fn shown(url: Option<PlainUrl>) -> String {
    url.map_or_else(
        || "no http(s) URL".to_owned(),
        |url| shown_text(url.to_string()),
    )
}

fn shown_text(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_if_the_first_proofs_are_all_for_another_url() {
        let doubt = Doubt::default();
        assert_eq!(
            [(); 5].map(|()| doubt.deepen()),
            [false, false, true, false, false]
        );
        let doubt = Doubt::default();
        assert!(!doubt.deepen() && !doubt.deepen());
        doubt.dispel();
        assert_eq!([(); 5].map(|()| doubt.deepen()), [false; 5]);
    }

    #[test]
    fn what_is_shown_has_an_end() {
        assert_eq!(shown_text("é".repeat(LONGEST)), "é".repeat(LONGEST));
        let long = shown_text("é".repeat(LONGEST + 1));
        assert_eq!(long, "é".repeat(LONGEST) + "…");
    }
}
