use http::{Request, Response, StatusCode, Uri, header::AUTHORIZATION};

use crate::{challenge, origin::Origin, session::ClientSession};

/// Which requests get a token, and which answers refuse one.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) session: ClientSession,
    pub(crate) origins: Vec<Origin>,
    pub(crate) relative_is_ours: bool,
    pub(crate) any_401: bool,
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

    pub(crate) fn refuses<B>(&self, response: &Response<B>) -> bool {
        response.status() == StatusCode::UNAUTHORIZED
            && (self.any_401 || challenge::is_invalid_token(response.headers()))
    }
}
