use std::convert::Infallible;

use tower::service_fn;

use super::*;

fn builder(url: &str) -> ClientSessionBuilder {
    let http =
        service_fn(async |_: Request<Bytes>| Ok::<_, Infallible>(Response::new(String::new())));
    ClientSession::builder(url, http)
}

#[track_caller]
fn fails(builder: ClientSessionBuilder, kind: Kind) {
    assert_eq!(builder.build().unwrap_err().kind(), kind);
}

#[test]
fn each_setting_that_is_wrong_is_named() {
    let good = || builder("https://id.example/token");
    assert!(good().client_id("a").client_secret("b").build().is_ok());
    fails(builder("/token"), Kind::TokenEndpoint);
    fails(builder("http://id.example/token"), Kind::TokenEndpoint);
    let plain = builder("http://id.example/token").danger_allow_plain_http();
    assert!(plain.build().is_ok());
    let revocation = good().revocation_endpoint("https://id.example/#a");
    fails(revocation, Kind::RevocationEndpoint);
    fails(good().client_id(""), Kind::ClientId);
    fails(good().client_secret("b"), Kind::ClientId);
    fails(good().timeout(Duration::ZERO), Kind::Timeout);
    for limit in [0, LARGEST_ANSWER + 1] {
        fails(good().answer_limit(limit), Kind::AnswerLimit);
    }
    let zero = good().default_lifetime(Duration::ZERO);
    fails(zero, Kind::DefaultLifetime);
    for share in [0.19, 0.96, f64::NAN] {
        fails(good().refresh_after(share), Kind::RefreshAfter);
    }
}

#[test]
fn an_error_says_which_setting_is_wrong_and_why() {
    let error = builder("api.example").build().unwrap_err().to_string();
    let setting = "the URL of the token endpoint cannot be used: it must start with https://";
    assert!(error.starts_with(setting), "{error}");
}
