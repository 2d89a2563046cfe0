use http::{HeaderMap, Request, Response, StatusCode, Uri, header::AUTHORIZATION};

use crate::{challenge, grpc, origin::Origin, session::ClientSession};

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

    /// Whether the head of the response refuses the token.
    pub(crate) fn refuses<B>(&self, response: &Response<B>) -> bool {
        let headers = response.headers();
        match response.status() {
            StatusCode::UNAUTHORIZED => self.blames_the_token(headers),
            _ => grpc::is_grpc(headers) && self.refuses_in_grpc(headers),
        }
    }

    /// Whether the headers or trailers of a gRPC response refuse the token.
    pub(crate) fn refuses_in_grpc(&self, headers: &HeaderMap) -> bool {
        grpc::is_unauthenticated(headers) && self.blames_the_token(headers)
    }

    fn blames_the_token(&self, headers: &HeaderMap) -> bool {
        !self.needs_challenge || challenge::is_invalid_token(headers)
    }
}
