//! What a profile says.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value};

use super::{Discriminator, read};
use crate::{
    claims::{self, Content, RoleClaims, Scope},
    error::TokenError,
    issuer::ACCESS_TOKEN_TYPE,
    json,
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
    /// For the log.
    #[cfg(feature = "tracing")]
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Any => "at+jwt, JWT or none",
        }
    }

    pub(super) fn include(self, header: &Header) -> bool {
        let is_access = header.is_type(ACCESS_TOKEN_TYPE);
        is_access || self == Self::Any && (header.is_without_type() || header.is_type("JWT"))
    }
}

/// What the tokens of another program get, whatever they say of it themselves.
#[derive(Clone, Debug)]
pub(super) struct StandIn {
    pub(super) issuer: String,
    pub(super) scope: Scope,
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
    pub(super) roles: RoleClaims,
    pub(super) subject: Names,
    pub(super) token_id: Names,
    pub(super) token_id_required: bool,
    pub(super) session: Names,
    pub(super) tenant: Option<Cow<'static, str>>,
    /// The claim that stands in for a missing `aud`.
    pub(super) audience: Option<Cow<'static, str>>,
    pub(super) any_audience: bool,
    /// Whose tokens these are taken for, if they are another program's.
    pub(super) stand_in: Option<StandIn>,
}

/// What only other tokens have: ID tokens (OpenID Connect Core §3.1.3.6, §3.3.2.11; FAPI 1.0 part 2
/// §5.1), and security events such as logout tokens (RFC 8417 §2.2).
const OF_OTHER_TOKENS: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

impl Shape {
    pub(super) fn rfc9068() -> Self {
        Self {
            is_rfc9068: true,
            types: Types::Access,
            discriminators: Vec::new(),
            client: names(["client_id"]),
            client_required: true,
            scope: names(["scope"]),
            roles: RoleClaims::new([Cow::Borrowed("roles")]),
            subject: names(["sub"]),
            token_id: names(["jti"]),
            token_id_required: true,
            session: names(["sid"]),
            tenant: None,
            audience: None,
            any_audience: false,
            stand_in: None,
        }
    }

    pub(super) fn jwt(discriminator: Discriminator) -> Self {
        Self {
            is_rfc9068: false,
            types: Types::Any,
            discriminators: vec![discriminator, Discriminator::absent(OF_OTHER_TOKENS)],
            client_required: false,
            token_id_required: false,
            ..Self::rfc9068()
        }
    }

    /// Reads the payload of a token.
    pub(super) fn read(&self, payload: &[u8]) -> Result<Arc<Content>, TokenError> {
        let content = match self.is_rfc9068 {
            true => claims::read(payload, &self.roles)?,
            false => Arc::new(read::payload(payload, self)?),
        };
        self.check_client(&content)?;
        Ok(content)
    }

    /// Reads an answer about a token, which may say less of it. Where it lacks what the profile names, the
    /// client and the scope have the names of RFC 7662 §2.2.
    pub(super) fn read_members(&self, members: Map<String, Value>) -> Result<Content, TokenError> {
        let mut shape = self.clone();
        shape.client.push("client_id".into());
        if !self
            .scope
            .iter()
            .any(|name| json::find(&members, name).is_some())
        {
            shape.scope.push("scope".into());
        }
        shape.client_required &= !self.is_rfc9068;
        let content = read::answer(members, &shape)?;
        shape.check_client(&content)?;
        Ok(content)
    }

    fn check_client(&self, content: &Content) -> Result<(), TokenError> {
        match self.client_required && content.claims.client_id.is_none() {
            true => Err(claims::bad_claim(&self.client.join(" or "))),
            false => Ok(()),
        }
    }
}
