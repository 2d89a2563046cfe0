//! The checks of a proof (RFC 9449 §4.3), in the order in which [the module](super) lists them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};

use super::{
    DPOP, DpopError, DpopErrorKind as Kind, DpopVerifier, KeyProof, RequestHead,
    accepted::Accepted,
    claims::ProofClaims,
    nonce::Nonce,
    settings::{Addresses, Nonces},
    target,
    url::PlainUrl,
};
use crate::{
    claims::KeyThumbprint,
    clock::{Timestamp, millis},
    error::TokenError,
    jws::{SelfSigned, sha256},
    trace,
};

const TYP: &str = "dpop+jwt";
const MAX_PROOF_BYTES: usize = 8 * 1024;

/// A proof that was accepted.
pub(crate) struct Checked {
    pub(crate) proof: KeyProof,
    /// The nonce that the client should use from now on, if its own is getting old.
    pub(crate) next_nonce: Option<HeaderValue>,
    /// To be noted with the request, if it may be checked again.
    pub(crate) accepted: Accepted,
}

/// The access token that a proof comes with.
#[derive(Clone, Copy)]
pub(crate) struct BoundToken<'a> {
    pub(crate) text: &'a [u8],
    /// The key that it is bound to.
    pub(crate) key: &'a KeyThumbprint,
}

impl DpopVerifier {
    /// Checks the proof of a request, if it has one.
    pub(crate) fn check(
        &self,
        request: RequestHead<'_>,
        token: Option<BoundToken<'_>>,
    ) -> Result<Option<Checked>, DpopError> {
        let checked = only(request.headers())
            .map_err(DpopError::from)
            .and_then(|text| {
                text.map(|text| self.check_text(text, request, token))
                    .transpose()
            });
        if let Err(_error) = &checked {
            trace::debug!(
                path = self.settings.path_of(request),
                reason = %_error,
                "a DPoP proof is refused"
            );
        }
        checked
    }

    fn check_text(
        &self,
        text: &str,
        request: RequestHead<'_>,
        token: Option<BoundToken<'_>>,
    ) -> Result<Checked, DpopError> {
        let settings = &self.settings;
        let (algorithms, provider) = (&settings.algorithms, settings.provider);
        let signed = SelfSigned::open(text, TYP, algorithms, provider, None, MAX_PROOF_BYTES)
            .map_err(Kind::Token)?;
        let key = signed.thumbprint().ok_or(Kind::Claims)?;
        let claims = ProofClaims::read(&signed.payload).ok_or(Kind::Claims)?;
        if claims.method != request.method().as_str() {
            return Err(Kind::Method.into());
        }
        if !self.is_here(&claims.url, request) {
            self.doubt.tell(&claims.url, request, settings);
            return Err(Kind::Url.into());
        }
        self.doubt.dispel();
        let now = self.clock.now();
        let next_nonce = self.check_freshness(&claims, now)?;
        if let Some(token) = token {
            check_token(&claims, &key, token)?;
        }
        let memory = match token {
            Some(_) => &self.seen.with_token,
            None => &self.seen.without_token,
        };
        let accepted = Accepted::new(&self.seen, &key, &claims.jti);
        if !accepted.is_noted(request.extensions()) && !memory.note(&key, &claims.jti, now) {
            return Err(Kind::Replayed.into());
        }
        Ok(Checked {
            proof: KeyProof::dpop(key),
            next_nonce,
            accepted,
        })
    }

    /// Whether the URL is that of the request.
    fn is_here(&self, url: &str, request: RequestHead<'_>) -> bool {
        let Some(url) = PlainUrl::read(url) else {
            return false;
        };
        let path = self.settings.path_of(request);
        match &self.settings.addresses {
            Addresses::Known(all) => all
                .iter()
                .any(|address| address.below(path).as_ref() == Some(&url)),
            Addresses::Any => {
                let host = target::authority(request);
                host.and_then(|host| url.at_host(host, path)).as_ref() == Some(&url)
            }
        }
    }

    /// Whether the proof was made just now, by the server's nonce or by the client's clock. Returns a
    /// new nonce if that of the proof is old.
    fn check_freshness(
        &self,
        claims: &ProofClaims,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, DpopError> {
        let settings = &self.settings;
        let is_timely =
            now.millis_since(claims.iat).unsigned_abs() <= millis(settings.window).unsigned_abs();
        let judged = (settings.nonces.secret())
            .zip(claims.nonce.as_deref())
            .map(|(secret, nonce)| secret.judge(nonce, now));
        match (judged, &settings.nonces) {
            (Some(Nonce::Good { is_old }), _) => Ok(self.nonce().filter(|_| is_old)),
            (None, Nonces::Never | Nonces::OutsideTheWindow(_)) if is_timely => Ok(None),
            // Where the clock is enough, the nonce that a client still has from before does no harm.
            (Some(_), Nonces::OutsideTheWindow(_)) if is_timely => Ok(self.nonce()),
            (Some(Nonce::Refused), _) => Err(DpopError::with_nonce(Kind::Nonce, self.nonce())),
            (None, Nonces::Never) => Err(Kind::Time.into()),
            (None, _) => Err(DpopError::with_nonce(Kind::NonceMissing, self.nonce())),
        }
    }
}

/// The one proof of a request.
fn only(headers: &HeaderMap) -> Result<Option<&str>, Kind> {
    let mut values = headers.get_all(DPOP).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim_matches([' ', '\t']))),
            Err(_) => Err(Kind::Token(TokenError::Malformed)),
        },
        (Some(_), Some(_)) => Err(Kind::Repeated),
    }
}

/// Whether the proof is for this access token, and by the key that the token is bound to.
fn check_token(
    claims: &ProofClaims,
    key: &KeyThumbprint,
    token: BoundToken<'_>,
) -> Result<(), Kind> {
    let hash = URL_SAFE_NO_PAD.encode(sha256(token.text));
    if claims.ath.as_deref() != Some(hash.as_str()) {
        return Err(Kind::OtherToken);
    }
    match key == token.key {
        true => Ok(()),
        false => Err(Kind::OtherKey),
    }
}
