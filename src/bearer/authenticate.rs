//! Finds the token of a request, and lets the verifier judge it.

use http::Request;

use super::{
    challenge::Rejection,
    credentials::{self, BEARER_SCHEME, Credentials, DPOP_SCHEME},
    handed::{Handed, Way},
    rules::{Carriage, Rules},
};
use crate::{token::AccessToken, verifier::Verification};

impl Rules {
    /// The token of the request, by whichever way it came.
    pub(super) fn authenticate<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<(Verification, Carriage)>, Rejection> {
        match self.ways.are_closed() {
            true => self.authenticate_as_usual(request),
            false => self.authenticate_handed(request),
        }
    }

    /// The token in the handshake of a WebSocket, or the one that a ticket stands for, or another.
    #[inline(never)]
    fn authenticate_handed<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<(Verification, Carriage)>, Rejection> {
        self.cookie.mark_sensitive(request.headers_mut());
        let headers = request.headers_mut();
        let has_usual = Credentials::find_and_mark(headers) != Credentials::Absent
            || self.dpop.find(headers) != Credentials::Absent;
        let Some(handed) = self.ways.take(request, has_usual)? else {
            request.extensions_mut().remove::<Handed>();
            let found = self.authenticate_as_usual(request)?;
            if found.is_some() && self.ways.gives_tickets() {
                let text = self.text(request)?;
                request
                    .extensions_mut()
                    .insert(Handed::new(text, Way::Usual));
            }
            return Ok(found);
        };
        let found = self.verify(Credentials::Token(handed.token()), handed.carriage())?;
        request.extensions_mut().insert(handed);
        Ok(found)
    }

    /// The text of the token that was found.
    fn text<B>(&self, request: &Request<B>) -> Result<AccessToken, Rejection> {
        let headers = request.headers();
        let mut credentials = Credentials::of_scheme(headers, &BEARER_SCHEME);
        if credentials == Credentials::Absent && !self.dpop.is_off() {
            credentials = Credentials::of_scheme(headers, &DPOP_SCHEME);
        }
        if credentials == Credentials::Absent {
            credentials = self.cookie.find(request)?;
        }
        match credentials {
            Credentials::Token(raw) => credentials::token(raw)
                .map(AccessToken::new)
                .ok_or_else(Rejection::malformed),
            _ => Err(Rejection::malformed()),
        }
    }

    /// The token of the `Authorization` header or, if that has none, of the cookie.
    #[inline(always)]
    fn authenticate_as_usual<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<(Verification, Carriage)>, Rejection> {
        self.cookie.mark_sensitive(request.headers_mut());
        match Credentials::find_and_mark(request.headers_mut()) {
            Credentials::Absent => self.authenticate_otherwise(request),
            in_header => self.verify(in_header, Carriage::Bare),
        }
    }

    /// The token of an `Authorization` header of another scheme or, if there is none, of the cookie.
    fn authenticate_otherwise<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<(Verification, Carriage)>, Rejection> {
        let with_proof = self.dpop.find(request.headers_mut());
        match self.verify(with_proof, Carriage::WithProof)? {
            None => self.verify(self.cookie.find(request)?, Carriage::Bare),
            found => Ok(found),
        }
    }

    /// Inlined, so that what is known of a token is not handed on from one place to another.
    #[inline(always)]
    fn verify(
        &self,
        credentials: Credentials<'_>,
        carriage: Carriage,
    ) -> Result<Option<(Verification, Carriage)>, Rejection> {
        let verification = match credentials {
            Credentials::Absent => return Ok(None),
            Credentials::Malformed => return Err(Rejection::malformed()),
            Credentials::Token(raw) => match self.verifier.recall(raw) {
                // A token in the cache has passed all other checks before.
                Some(token) => Verification::Done(token),
                None => self.verify_anew(raw)?,
            },
        };
        Ok(Some((verification, carriage)))
    }

    #[inline(never)]
    fn verify_anew(&self, raw: &[u8]) -> Result<Verification, Rejection> {
        self.verifier.check_length(raw)?;
        let token = credentials::token(raw).ok_or_else(Rejection::malformed)?;
        Ok(self.verifier.verify_anew(token)?)
    }
}
