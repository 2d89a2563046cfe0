//! What a profile says.

use std::{borrow::Cow, sync::Arc};

use super::{Discriminator, read};
use crate::{
    claims::{self, Content},
    error::TokenError,
    issuer::ACCESS_TOKEN_TYPE,
    jws::Header,
};

/// Claims, of which the first counts that a token has, unless all do.
pub(super) type Names = Vec<Cow<'static, str>>;

pub(super) fn names<N: Into<Cow<'static, str>>>(claims: impl IntoIterator<Item = N>) -> Names {
    claims.into_iter().map(Into::into).collect()
}

/// The types that a token may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Types {
    /// `at+jwt` alone (RFC 9068 §2.1).
    Access,
    /// Also `JWT`, and none.
    Any,
}

impl Types {
    pub(super) fn include(self, header: &Header) -> bool {
        let is_access = header.is_type(ACCESS_TOKEN_TYPE);
        is_access || self == Self::Any && (header.is_without_type() || header.is_type("JWT"))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Whether the claims are read as RFC 9068 has them, without exception.
    pub(super) is_rfc9068: bool,
    pub(super) types: Types,
    pub(super) discriminators: Vec<Discriminator>,
    pub(super) client: Names,
    pub(super) client_required: bool,
    pub(super) scope: Names,
    pub(super) subject: Names,
    pub(super) token_id: Names,
    pub(super) session: Names,
    pub(super) tenant: Option<Cow<'static, str>>,
    /// The claim that stands in for a missing `aud`.
    pub(super) audience: Option<Cow<'static, str>>,
    pub(super) any_audience: bool,
}

/// What only ID tokens have (OpenID Connect Core §3.1.3.6, §3.3.2.11; FAPI 1.0 part 2 §5.1).
const OF_ID_TOKENS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

impl Shape {
    pub(super) fn rfc9068() -> Self {
        Self {
            is_rfc9068: true,
            types: Types::Access,
            discriminators: Vec::new(),
            client: names(["client_id"]),
            client_required: true,
            scope: names(["scope"]),
            subject: names(["sub"]),
            token_id: names(["jti"]),
            session: names(["sid"]),
            tenant: None,
            audience: None,
            any_audience: false,
        }
    }

    pub(super) fn jwt(discriminator: Discriminator) -> Self {
        Self {
            is_rfc9068: false,
            types: Types::Any,
            discriminators: vec![discriminator, Discriminator::absent(OF_ID_TOKENS)],
            client_required: false,
            ..Self::rfc9068()
        }
    }

    pub(super) fn read(&self, payload: &[u8]) -> Result<Arc<Content>, TokenError> {
        let content = match self.is_rfc9068 {
            true => claims::read(payload)?,
            false => read::claims(payload, self)?,
        };
        if self.client_required && content.claims.client_id.is_none() {
            return Err(TokenError::Claims);
        }
        Ok(content)
    }
}
