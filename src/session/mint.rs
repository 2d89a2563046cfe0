use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    KeyProof, PrivateClaims, SessionError, SessionErrorKind, Sessions,
    authentication::Authentication, resources::Recipients,
};
use crate::{
    claims::{Actor, Confirmation, Scope, SessionId},
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    issuer,
    json::ObjectWriter,
    jws::SignError,
    store::{Methods, Session, SessionState, SessionStore},
    token::{AccessToken, TokenResponse, TokenType},
    verifier::DEFAULT_MAX_TOKEN_BYTES,
};

const SECOND: Duration = Duration::from_secs(1);

/// By how much a token with nine more digits is longer, in base64url.
const GROWTH: usize = 12;

/// The session whose tokens are minted, and for whom.
pub(super) struct Minting<'a> {
    pub(super) session: &'a Session,
    pub(super) state: &'a SessionState,
    /// The `jti` of the live refresh token.
    pub(super) jti: Uuid,
    /// The user's, as whoever gets the tokens knows of it.
    pub(super) authentication: Authentication<'a>,
    pub(super) now: Timestamp,
    /// When the access token is issued: about now, in whole seconds.
    pub(super) issued_at: Timestamp,
    /// The proof of the key that the session is bound to.
    pub(super) proof: Option<&'a KeyProof>,
}

/// What the access token is to allow, and where.
pub(super) struct Asked<'a> {
    pub(super) scope: Scope,
    pub(super) audience: Recipients<'a>,
}

/// The claims of an access token, lent by its session.
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a Recipients<'a>,
    exp: Timestamp,
    iat: Timestamp,
    jti: Uuid,
    client_id: &'a str,
    scope: &'a Scope,
    sid: SessionId,
    generation: u32,
    auth_time: Timestamp,
    acr: Option<&'a str>,
    amr: Methods<'a>,
    act: Option<Actor>,
    cnf: Option<Confirmation>,
    private: Option<&'a Map<String, Value>>,
}

impl AccessClaims<'_> {
    /// The JSON text that [`Claims`](crate::claims::Claims) would have.
    fn written(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut claims = ObjectWriter::new();
        claims.value("iss", &self.iss)?;
        claims.value("sub", &self.sub)?;
        match self.aud {
            Recipients::One(one) => claims.value("aud", one)?,
            Recipients::Many(many) => claims.value("aud", many)?,
        }
        claims.value("exp", &self.exp)?;
        claims.value("iat", &self.iat)?;
        claims.uuid("jti", self.jti);
        claims.value("client_id", &self.client_id)?;
        if !self.scope.is_empty() {
            claims.value("scope", self.scope)?;
        }
        claims.uuid("sid", self.sid.as_uuid());
        claims.value("gen", &self.generation)?;
        claims.value("auth_time", &self.auth_time)?;
        claims.optional("acr", self.acr.as_ref())?;
        if !self.amr.is_empty() {
            claims.value("amr", &self.amr)?;
        }
        claims.optional("act", self.act.as_ref())?;
        claims.optional("cnf", self.cnf.as_ref())?;
        if let Some(private) = self.private {
            claims.members(private)?;
        }
        Ok(claims.end())
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Mints the access token and the refresh token of a session's live generation.
    pub(super) async fn mint(
        &self,
        minting: &Minting<'_>,
        asked: Asked<'_>,
        private: &PrivateClaims,
    ) -> Result<TokenResponse, SessionError> {
        let &Minting {
            session,
            state,
            jti,
            authentication,
            now,
            proof,
            ..
        } = minting;
        issuer::check_subject(&session.subject)?;
        let claims = self.access_claims(minting, &asked, private)?;
        let expires_in = claims.exp.saturating_since(claims.iat);
        Ok(TokenResponse {
            access_token: self.sign_within_limits(claims, authentication.line).await?,
            token_type: token_type(proof),
            expires_in,
            refresh_token: self
                .0
                .refresh_key
                .mint(session, state, authentication.line, jti)?,
            refresh_expires_in: state.expires_at.saturating_since(now),
            scope: asked.scope,
            cookies_end_with_browser: session.extra.cookies_end_with_browser(),
        })
    }

    fn access_claims<'a>(
        &'a self,
        minting: &Minting<'a>,
        asked: &'a Asked<'_>,
        private: &'a PrivateClaims,
    ) -> Result<AccessClaims<'a>, SessionError> {
        private.check_user_attributes()?;
        let (session, state) = (minting.session, minting.state);
        let issuer = &self.0.issuer;
        // At most half of the time that is left, so that the client can refresh in time. A token
        // below a second would have expired before it arrives.
        let left = state.expires_at.saturating_since(minting.now);
        let lifetime = self.0.access_lifetime.min(left / 2).max(SECOND);
        let iat = minting.issued_at;
        let is_bound = token_type(minting.proof) == TokenType::DPoP;
        let key = state.bound_to.clone().filter(|_| is_bound);
        let client_id = session.client_id.as_deref();
        Ok(AccessClaims {
            iss: issuer.issuer(),
            sub: &session.subject,
            aud: &asked.audience,
            exp: (iat + lifetime).min(state.expires_at).floor(),
            iat,
            jti: issuer::fresh_jti()?,
            client_id: client_id.unwrap_or_else(|| issuer.own_client_id()),
            scope: &asked.scope,
            sid: session.id,
            generation: state.generation,
            auth_time: minting.authentication.at,
            acr: minting.authentication.acr,
            amr: minting.authentication.amr,
            act: session.extra.actor()?,
            cnf: key.map(Confirmation::with_jkt),
            private: Some(private.members()),
        })
    }

    async fn sign_within_limits(
        &self,
        claims: AccessClaims<'_>,
        line: Option<u32>,
    ) -> Result<AccessToken, SessionError> {
        let is_login = claims.generation == line.unwrap_or(0);
        // The number of the generation grows. What can log in, or once more, must be able to refresh.
        let room = if is_login { GROWTH } else { 0 };
        let is_short = |token: &AccessToken| token.expose().len() + room <= DEFAULT_MAX_TOKEN_BYTES;
        let token = self.sign(&claims).await?;
        if is_short(&token) {
            return Ok(token);
        }
        let long = "the access token must not be above 8 KiB";
        let without_private = AccessClaims {
            private: None,
            ..claims
        };
        if is_login && !is_short(&self.sign(&without_private).await?) {
            return Err(SessionError::with_detail(
                SessionErrorKind::InvalidRequest,
                long,
            ));
        }
        Err(ConfigError::new(ConfigErrorKind::Limit, long).into())
    }

    async fn sign(&self, claims: &AccessClaims<'_>) -> Result<AccessToken, SignError> {
        let claims = claims.written().map_err(SignError::unwritten)?;
        self.0.meter.signs_with(self.0.issuer.keys());
        self.0.issuer.sign_checked(&claims).await
    }
}

fn token_type(proof: Option<&KeyProof>) -> TokenType {
    proof.map_or(TokenType::Bearer, KeyProof::token_type)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::claims::{AttributeValues, Audience, Claims, KeyThumbprint};

    const SID: &str = "0192d3a0-0000-7000-8000-000000000001";
    const JTI: &str = "0192d3a0-0000-4000-8000-000000000002";

    fn access_claims<'a>(aud: &'a Recipients<'a>, scope: &'a Scope) -> AccessClaims<'a> {
        AccessClaims {
            iss: "https://id.example",
            sub: "anna \"the\u{1}\" \\ größe",
            aud,
            exp: Timestamp::from_millis(601_999),
            iat: Timestamp::from_secs(1),
            jti: JTI.parse().unwrap(),
            client_id: "web",
            scope,
            sid: SID.parse().unwrap(),
            generation: 7,
            auth_time: Timestamp::from_secs(-5),
            acr: None,
            amr: Methods::NONE,
            act: None,
            cnf: None,
            private: None,
        }
    }

    /// The same claims, in the type that serde writes. Each is named, so that a new one has to be lent too.
    fn claims(access: &AccessClaims<'_>) -> Claims<Map<String, Value>> {
        let owned = |text: &&str| (*text).to_owned();
        Claims {
            iss: access.iss.to_owned(),
            sub: access.sub.to_owned(),
            aud: match access.aud {
                Recipients::One(one) => Audience::One(owned(one)),
                Recipients::Many(many) => Audience::Many(many.iter().map(owned).collect()),
            },
            exp: access.exp,
            iat: access.iat,
            nbf: None,
            jti: Some(access.jti.to_string()),
            client_id: Some(access.client_id.to_owned()),
            scope: access.scope.clone(),
            sid: Some(access.sid.to_string()),
            generation: Some(access.generation),
            auth_time: Some(access.auth_time),
            acr: access.acr.map(str::to_owned),
            amr: access.amr.iter().map(str::to_owned).collect(),
            act: access.act.clone(),
            cnf: access.cnf.clone(),
            // Those of a session are among its private claims.
            roles: AttributeValues::default(),
            groups: AttributeValues::default(),
            entitlements: AttributeValues::default(),
            private: access.private.cloned().unwrap_or_default(),
        }
    }

    #[track_caller]
    fn same(access: &AccessClaims<'_>) {
        let written = String::from_utf8(access.written().unwrap()).unwrap();
        assert_eq!(written, serde_json::to_string(&claims(access)).unwrap());
    }

    #[test]
    fn claims_that_are_lent_are_written_as_claims_that_are_owned() {
        let one = Recipients::One("https://api.example");
        same(&access_claims(&one, &Scope::empty()));
        let several = Recipients::Many(vec!["https://a.example", "urn:\"b\""]);
        let scope = Scope::from_static("read write");
        let private = json!({ "ro\"le": ["x", { "y": 1.5 }], "z": null });
        let mut all = access_claims(&several, &scope);
        all.acr = Some("urn:example:strong");
        let amr = json!(["pwd", "o\"tp"]);
        all.amr = Methods::kept(Some(&amr));
        all.act = Some(Actor::new("admin \"7\""));
        all.cnf = Some(Confirmation::with_jkt(KeyThumbprint::from_bytes([7; 32])));
        all.private = private.as_object();
        same(&all);
    }

    #[test]
    fn the_text_of_the_claims_stays_as_it_is() {
        let one = Recipients::One("https://api.example");
        let scope = Scope::from_static("read");
        let access = AccessClaims {
            sub: "anna",
            ..access_claims(&one, &scope)
        };
        let expected = format!(
            r#"{{"iss":"https://id.example","sub":"anna","aud":"https://api.example","exp":601,"iat":1,"jti":"{JTI}","client_id":"web","scope":"read","sid":"{SID}","gen":7,"auth_time":-5}}"#
        );
        assert_eq!(access.written().unwrap(), expected.as_bytes());
    }
}
