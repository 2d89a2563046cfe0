use http::{HeaderMap, Request, Response, StatusCode, Uri, header::AUTHORIZATION};

use crate::{
    challenge::{self, Blame},
    dpop::{Flaw, Place, Sent},
    grpc,
    origin::Origin,
    session::ClientSession,
};

/// Which requests get a token, and which answers refuse one.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) session: ClientSession,
    pub(crate) origins: Vec<Origin>,
    pub(crate) relative_is_ours: bool,
    pub(crate) needs_challenge: bool,
}

impl Rules {
    /// A request that has an `Authorization` header, whatever its value, has credentials of its
    /// own.
    pub(crate) fn is_ours<B>(&self, request: &Request<B>) -> bool {
        !request.headers().contains_key(AUTHORIZATION) && self.may_go_to(request.uri())
    }

    fn may_go_to(&self, uri: &Uri) -> bool {
        match uri.authority() {
            None => self.relative_is_ours,
            Some(_) => self.origins.iter().any(|origin| origin.is_of(uri)),
        }
    }

    /// What a proof names: the one who takes it, and the absolute URL. For a URL without a host that is
    /// the first origin.
    pub(crate) fn proven(&self, uri: &Uri) -> Option<(Place, Uri)> {
        if uri.authority().is_some() {
            let place = Place::Api(Origin::of(uri).ok()?);
            return Some((place, uri.clone()));
        }
        let origin = self.origins.first()?;
        let uri = format!("{origin}{}", uri.path()).parse().ok()?;
        Some((Place::Api(origin.clone()), uri))
    }

    /// What the head of the response refuses, if it does.
    pub(crate) fn blame<B>(&self, response: &Response<B>, is_proven: bool) -> Option<Blame> {
        let headers = response.headers();
        match response.status() {
            StatusCode::UNAUTHORIZED => self.challenged(headers, is_proven),
            _ if grpc::is_grpc(headers) => self.blame_in_grpc(headers, is_proven),
            _ => None,
        }
    }

    /// What the headers or trailers of a gRPC response refuse, if they do.
    pub(crate) fn blame_in_grpc(&self, headers: &HeaderMap, is_proven: bool) -> Option<Blame> {
        match grpc::is_unauthenticated(headers) {
            true => self.challenged(headers, is_proven),
            false => None,
        }
    }

    /// Whether another proof is likely to be taken, after one was refused.
    pub(crate) fn can_mend(&self, flaw: Flaw, proof: &Sent, headers: &HeaderMap) -> bool {
        let shared = self.session.shared();
        let now = shared.clock.now();
        shared.dpop.can_mend(flaw, proof, headers, now)
    }

    fn challenged(&self, headers: &HeaderMap, is_proven: bool) -> Option<Blame> {
        let unsaid = (!self.needs_challenge).then_some(Blame::Token);
        challenge::blame(headers, is_proven).or(unsaid)
    }
}
