//! Settings, from the environment or the command line, and the verifier that they ask for.

use clap::{Parser, builder::NonEmptyStringValueParser};
use tokio::net::TcpListener;
use tower_bearer::{
    Algorithm, TokenProfile, TrustedIssuer, Verifier,
    error::ConfigErrorKind,
    introspection::{ClientAuthentication, Introspection},
    profile::Discriminator,
    remote::{HttpClient, RemoteKeys},
    resource::ProtectedResource,
};

use super::shared::config::{self, StartError};

/// An API for access tokens of other issuers. Lists have `;` between their items.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Config {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, env = "ADDR", default_value = "127.0.0.1:3000")]
    pub(crate) addr: String,

    /// The issuers whose tokens are accepted: their `iss`, byte for byte.
    #[arg(long, env = "ISSUER", value_delimiter = ';', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) issuer: Vec<String>,

    /// What tokens have to be meant for: one for all issuers, or one for each.
    #[arg(long, env = "AUDIENCE", value_delimiter = ';', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) audience: Vec<String>,

    /// How the tokens look: one for all issuers, or one for each.
    #[arg(
        long,
        env = "PROFILE",
        value_delimiter = ';',
        default_value = "rfc9068"
    )]
    profile: Vec<String>,

    /// Where the keys are, if not where the issuer's metadata say: one for each issuer, which may be
    /// empty.
    #[arg(long, env = "JWKS_URL", value_name = "URL", value_delimiter = ';')]
    jwks_url: Vec<String>,

    /// The algorithm of RSA keys that name none: one for all issuers, or one for each.
    #[arg(
        long,
        env = "RSA_ALG",
        value_name = "ALG",
        value_delimiter = ';',
        default_value = "RS256"
    )]
    rsa_alg: Vec<Algorithm>,

    /// The introspection endpoint of the first issuer, for tokens that are no JWTs (RFC 7662).
    #[arg(long, env = "INTROSPECTION_URL", value_name = "URL")]
    introspection_url: Option<String>,

    /// Who this API is at the introspection endpoint.
    #[arg(long, env = "CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,

    /// Its secret there.
    #[arg(
        long,
        env = "CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,

    /// 1 allows plain HTTP to the issuers, for those on this machine.
    #[arg(long, env = "INSECURE_HTTP", value_name = "0|1", default_value = "0", value_parser = ["0", "1"])]
    insecure_http: String,
}

impl Config {
    pub(crate) fn load() -> Result<Self, StartError> {
        let config: Self = config::parse()?;
        let missing = |what: &str| Err(StartError::from(what.to_owned()));
        if config.issuer.is_empty() {
            return missing("ISSUER: name an issuer whose tokens are accepted");
        }
        if config.audience.is_empty() {
            return missing("AUDIENCE: name what tokens have to be meant for");
        }
        Ok(config)
    }

    /// What accepts the tokens. The keys are fetched in the background.
    pub(crate) fn verifier(&self) -> Result<Verifier, StartError> {
        let http = HttpClient::new().map_err(|error| StartError::new("TLS", &error))?;
        let trusted = |place| self.trusted(place, &http);
        let issuers: Result<Vec<_>, _> = (0..self.issuer.len()).map(trusted).collect();
        let verifier = Verifier::trusting(issuers?);
        let verifier = verifier.map_err(|error| StartError::new("ISSUER", &error))?;
        Ok(match self.introspection(&http)? {
            Some(introspection) => verifier.opaque_tokens(introspection),
            None => verifier,
        })
    }

    fn introspection(&self, http: &HttpClient) -> Result<Option<Introspection>, StartError> {
        let Some(url) = &self.introspection_url else {
            return match (&self.client_id, &self.client_secret) {
                (None, None) => Ok(None),
                _ => Err("INTROSPECTION_URL: CLIENT_ID is for it".to_owned().into()),
            };
        };
        let missing = |name| StartError::from(format!("{name}: INTROSPECTION_URL needs it"));
        let id = self
            .client_id
            .as_ref()
            .ok_or_else(|| missing("CLIENT_ID"))?;
        let secret = &self.client_secret;
        let secret = secret.as_ref().ok_or_else(|| missing("CLIENT_SECRET"))?;
        let authentication = ClientAuthentication::basic(id, secret);
        // Some servers tell the user's name, and no other subject.
        let profile = TokenProfile::jwt(Discriminator::audience());
        let builder = Introspection::new(url, authentication, http.clone())
            .issuer(self.of("ISSUER", &self.issuer, 0)?)
            .audience(self.of("AUDIENCE", &self.audience, 0)?)
            .profile(profile.subject_claims(["sub", "username"]));
        let builder = match self.accepts_http() {
            true => builder.danger_accept_http(),
            false => builder,
        };
        let introspection = builder.build();
        let refused = |error| StartError::new("INTROSPECTION_URL", &error);
        introspection.map(Some).map_err(refused)
    }

    /// What this API tells of itself. Its name is the audience, if that is an address, and otherwise where it
    /// listens.
    pub(crate) fn resource(&self, listener: &TcpListener) -> Result<ProtectedResource, StartError> {
        let audience = self.of("AUDIENCE", &self.audience, 0)?;
        let addr = listener.local_addr();
        let addr = addr.map_err(|error| StartError::new("ADDR", &error))?;
        ProtectedResource::new(audience)
            .or_else(|_| ProtectedResource::new(&format!("http://{addr}")))
            .and_then(|resource| resource.authorization_servers(&self.issuer))
            .map_err(|error| StartError::new("ISSUER", &error))
    }

    fn accepts_http(&self) -> bool {
        self.insecure_http == "1"
    }

    fn trusted(&self, place: usize, http: &HttpClient) -> Result<TrustedIssuer, StartError> {
        let issuer = self.of("ISSUER", &self.issuer, place)?;
        let audience = self.of("AUDIENCE", &self.audience, place)?;
        let profile = profile(self.of("PROFILE", &self.profile, place)?)?;
        let rsa_algorithm = *self.of("RSA_ALG", &self.rsa_alg, place)?;
        let (keys, source) = match self.jwks_url(place)? {
            Some(jwks_url) => (RemoteKeys::at(jwks_url, http.clone()), "JWKS_URL"),
            None => (RemoteKeys::discover(issuer, http.clone()), "ISSUER"),
        };
        let keys = keys.rsa_algorithm(rsa_algorithm);
        let keys = match self.accepts_http() {
            true => keys.danger_allow_plain_http(),
            false => keys,
        };
        let keys = keys.start().map_err(|error| match error.kind() {
            ConfigErrorKind::Algorithm => StartError::new("RSA_ALG", &error),
            _ => StartError::new(source, &error),
        })?;
        let trusted = TrustedIssuer::new(issuer, audience, keys);
        let trusted = trusted.map_err(|error| StartError::new("ISSUER", &error))?;
        Ok(trusted.profile(profile))
    }

    /// What a list has for the issuer at this place: one item is for all of them.
    fn of<'a, T>(&self, name: &str, list: &'a [T], place: usize) -> Result<&'a T, StartError> {
        let item = match list {
            [one] => Some(one),
            list if list.len() == self.issuer.len() => list.get(place),
            _ => None,
        };
        item.ok_or_else(|| format!("{name}: give one, or one for each ISSUER").into())
    }

    fn jwks_url(&self, place: usize) -> Result<Option<&str>, StartError> {
        if !self.jwks_url.is_empty() && self.jwks_url.len() != self.issuer.len() {
            return Err("JWKS_URL: give one for each ISSUER".to_owned().into());
        }
        let url = self.jwks_url.get(place).map(String::as_str);
        Ok(url.filter(|url| !url.is_empty()))
    }
}

fn profile(name: &str) -> Result<TokenProfile, StartError> {
    TokenProfile::named(name).ok_or_else(|| {
        let names = TokenProfile::NAMES.join(", ");
        format!("PROFILE: there is no {name:?}; use one of {names}").into()
    })
}
