//! Settings, from the environment or the command line, and the verifier that they ask for.

use clap::{Parser, builder::NonEmptyStringValueParser};
use tower_bearer::{
    Algorithm, TokenProfile, TrustedIssuer, Verifier,
    error::ConfigError,
    remote::{HttpClient, RemoteKeys},
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

    /// 1 allows plain HTTP to the issuers, for those on this machine.
    #[arg(long, env = "INSECURE_HTTP", value_name = "0|1", default_value = "0", value_parser = ["0", "1"])]
    insecure_http: String,
}

impl Config {
    pub(crate) fn load() -> Result<Self, StartError> {
        let config: Self = config::parse()?;
        if config.issuer.is_empty() {
            return Err("ISSUER: name an issuer whose tokens are accepted"
                .to_owned()
                .into());
        }
        if config.audience.is_empty() {
            return Err("AUDIENCE: name what tokens have to be meant for"
                .to_owned()
                .into());
        }
        Ok(config)
    }

    /// What accepts the tokens. The keys are fetched in the background.
    pub(crate) fn verifier(&self) -> Result<Verifier, StartError> {
        let http = HttpClient::new().map_err(|error| StartError::new("TLS", &error))?;
        let trusted = |place| self.trusted(place, &http);
        let issuers: Result<Vec<_>, _> = (0..self.issuer.len()).map(trusted).collect();
        Verifier::trusting(issuers?).map_err(|error| StartError::new("ISSUER", &error))
    }

    fn trusted(&self, place: usize, http: &HttpClient) -> Result<TrustedIssuer, StartError> {
        let issuer = self.of("ISSUER", &self.issuer, place)?;
        let audience = self.of("AUDIENCE", &self.audience, place)?;
        let profile = profile(self.of("PROFILE", &self.profile, place)?)?;
        let rsa_algorithm = *self.of("RSA_ALG", &self.rsa_alg, place)?;
        let keys = match self.jwks_url(place)? {
            Some(jwks_url) => RemoteKeys::at(jwks_url, http.clone()),
            None => RemoteKeys::discover(issuer, http.clone()),
        };
        let keys = keys.rsa_algorithm(rsa_algorithm);
        let keys = match self.insecure_http.as_str() {
            "1" => keys.danger_accept_http(),
            _ => keys,
        };
        let build = |profile: TokenProfile| -> Result<TrustedIssuer, ConfigError> {
            Ok(TrustedIssuer::new(issuer, audience, keys.start()?)?.profile(profile))
        };
        build(profile).map_err(|error| StartError::new(format!("ISSUER {issuer}"), &error))
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
