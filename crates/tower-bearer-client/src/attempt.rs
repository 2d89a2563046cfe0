//! One request on its way, which may have to be sent again.

use std::sync::Arc;

use http::{HeaderMap, Request, Response};

use crate::{
    challenge::Blame,
    dpop::{self, DPOP, Flaw, Target},
    error::ClientError,
    held::Access,
    replay::{self, Replay},
    rules::Rules,
};

/// A request that is to be sent.
pub(crate) struct Pending<B, R> {
    pub(crate) request: Request<B>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) replay: Arc<R>,
    pub(crate) chances: Chances,
}

/// A request that has been sent.
pub(crate) struct Attempt<B, R> {
    pub(crate) rules: Arc<Rules>,
    pub(crate) access: Arc<Access>,
    /// `None` if the token is not bound to a key.
    pub(crate) proof: Option<dpop::Sent>,
    pub(crate) chances: Chances,
    replay: Arc<R>,
    /// `None` if the body cannot be copied, or the request is not sent again.
    copy: Option<Request<B>>,
}

/// What a request may still be sent again for, once each.
#[derive(Clone, Copy)]
pub(crate) struct Chances {
    pub(crate) token: bool,
    pub(crate) proof: dpop::ProofChances,
}

impl Chances {
    pub(crate) fn new() -> Self {
        Self {
            token: true,
            proof: dpop::ProofChances::new(),
        }
    }
}

impl<B, R: Replay<B>> Pending<B, R> {
    /// Puts the token on the request, and the proof if the token needs one.
    pub(crate) fn begin(
        self,
        access: Arc<Access>,
    ) -> Result<(Request<B>, Attempt<B, R>), ClientError> {
        let mut request = self.request;
        let may_come_again = self.chances.token || access.key.is_some() && self.chances.proof.any();
        let copy = may_come_again.then(|| replay::copy(&*self.replay, &request));
        let proof = prove(&self.rules, &access, &mut request)?;
        access.attach(request.headers_mut());
        let attempt = Attempt {
            rules: self.rules,
            access,
            proof,
            chances: self.chances,
            replay: self.replay,
            copy: copy.flatten(),
        };
        Ok((request, attempt))
    }
}

impl<B, R> Attempt<B, R> {
    pub(crate) fn has_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// Remembers what the answer says for the next proof, and tells what it refuses.
    pub(crate) fn hear<ResB>(&self, response: &Response<ResB>) -> Option<Blame> {
        if let Some(proof) = &self.proof {
            let dpop = &self.rules.session.shared().dpop;
            dpop.hear(proof, response.headers());
        }
        self.rules.blame(response, self.proof.is_some())
    }

    pub(crate) fn can_mend(&self, flaw: Flaw, headers: &HeaderMap) -> bool {
        let proof = self.proof.as_ref();
        proof.is_some_and(|proof| self.rules.can_mend(flaw, proof, headers))
    }

    /// The same request once more, and the token that was sent with it.
    pub(crate) fn again(self) -> Option<(Pending<B, R>, Arc<Access>)> {
        let pending = Pending {
            request: self.copy?,
            rules: self.rules,
            replay: self.replay,
            chances: self.chances,
        };
        Some((pending, self.access))
    }
}

fn prove<B>(
    rules: &Rules,
    access: &Access,
    request: &mut Request<B>,
) -> Result<Option<dpop::Sent>, ClientError> {
    let Some(key) = &access.key else {
        return Ok(None);
    };
    let no_url = || ClientError::no_proof("the request has no URL to prove it for");
    let (place, uri) = rules.proven(request.uri()).ok_or_else(no_url)?;
    let target = Target {
        place: &place,
        method: request.method(),
        uri: &uri,
        access_token: Some(access.token.expose()),
    };
    let shared = rules.session.shared();
    let (proof, sent) = shared.dpop.prove(key, target, shared.clock.now())?;
    request.headers_mut().insert(DPOP, proof);
    Ok(Some(sent))
}
