//! Who may use the page: a browser that has the token, on a page of this server.
//!
//! Any page that is open in the same browser can send requests to this server, and a name that
//! another site controls can lead to this address. So a request must name this server as its
//! host, must not come from a page of another origin, and must have the token in a header. A
//! browser adds that header for another origin only after a question, which is never answered.
//! A cookie would not do: browsers share cookies between all ports of one host.

use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Method, StatusCode};
use offhook::verify::{Head, HeaderTokens};

use crate::failure::Failure;

/// What is asked of each request.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: [String; 2],
    token: HeaderTokens,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intruder {
    OtherHost,
    OtherOrigin,
    NoToken,
}

impl Intruder {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Intruder::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Intruder::OtherOrigin => StatusCode::FORBIDDEN,
            Intruder::NoToken => StatusCode::UNAUTHORIZED,
        }
    }
}

impl Guard {
    /// Guards a server on this port. Returns it with the token.
    pub(super) fn new(port: u16) -> Result<(Self, String), Failure> {
        let mut random = [0; 16];
        getrandom::getrandom(&mut random).map_err(|error| Failure::failed("a random token", &error))?;
        let token = base16ct::lower::encode_string(&random);
        let tokens = HeaderTokens::new([(TOKEN, token.as_str())]);
        let tokens = tokens.map_err(|error| Failure::failed("a random token", &error))?;
        let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        Ok((Guard { hosts, token: tokens }, token))
    }

    /// Checks the host and the origin, which every request must have right.
    pub(super) fn check_origin(&self, method: &Method, headers: &HeaderMap) -> Result<(), Intruder> {
        let is_here = |host: &str| self.hosts.iter().any(|here| here.eq_ignore_ascii_case(host));
        if !single(headers, HOST.as_str()).is_ok_and(|host| host.is_some_and(is_here)) {
            return Err(Intruder::OtherHost);
        }
        let origin = single(headers, ORIGIN.as_str()).map_err(|()| Intruder::OtherOrigin)?;
        let site = single(headers, "sec-fetch-site").map_err(|()| Intruder::OtherOrigin)?;
        let is_own = match origin {
            Some(origin) => origin.strip_prefix("http://").is_some_and(is_here),
            // A browser names the origin of every request that changes something.
            None => method == Method::GET,
        };
        match is_own && site.is_none_or(|site| matches!(site, "same-origin" | "none")) {
            true => Ok(()),
            false => Err(Intruder::OtherOrigin),
        }
    }

    /// Checks the token, which every request for data must have.
    pub(super) fn check_token(&self, headers: &HeaderMap) -> Result<(), Intruder> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        match self.token.verify(&Head::new(&headers)) {
            Ok(_) => Ok(()),
            Err(_) => Err(Intruder::NoToken),
        }
    }
}

/// Returns the value of a header that must not occur twice.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::to_str);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(()),
    }
}

const TOKEN: &str = "x-offhook-token";

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_request_names_this_server_and_comes_from_its_page() {
        let (guard, _) = Guard::new(4321).unwrap();
        let check = |method: Method, pairs: &[_]| guard.check_origin(&method, &headers(pairs));
        let here = ("host", "127.0.0.1:4321");
        assert_eq!(check(Method::GET, &[here]), Ok(()));
        assert_eq!(check(Method::GET, &[("host", "LocalHost:4321"), ("sec-fetch-site", "none")]), Ok(()));
        let own = [here, ("origin", "http://127.0.0.1:4321"), ("sec-fetch-site", "same-origin")];
        assert_eq!(check(Method::POST, &own), Ok(()));
        for host in ["attacker.example:4321", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:4321.attacker.example", ""] {
            assert_eq!(check(Method::GET, &[("host", host)]), Err(Intruder::OtherHost), "{host}");
        }
        assert_eq!(check(Method::GET, &[]), Err(Intruder::OtherHost));
        assert_eq!(check(Method::GET, &[here, here]), Err(Intruder::OtherHost));
        for (method, others) in [
            (Method::POST, &[][..]),
            (Method::GET, &[("origin", "http://attacker.example")]),
            (Method::GET, &[("origin", "null")]),
            (Method::GET, &[("origin", "https://127.0.0.1:4321")]),
            (Method::GET, &[("origin", "http://127.0.0.1:9999")]),
            (Method::GET, &[("origin", "http://127.0.0.1:4321"), ("origin", "http://127.0.0.1:4321")]),
            (Method::GET, &[("sec-fetch-site", "cross-site")]),
            // A page on another port of this host is of the same site.
            (Method::GET, &[("sec-fetch-site", "same-site")]),
        ] {
            let pairs = [&[here], others].concat();
            assert_eq!(check(method, &pairs), Err(Intruder::OtherOrigin), "{others:?}");
        }
    }

    #[test]
    fn data_needs_the_token() {
        let (guard, token) = Guard::new(4321).unwrap();
        let (_, other) = Guard::new(4321).unwrap();
        assert_eq!(token.len(), 32);
        for (value, expected) in [(token, Ok(())), (other, Err(Intruder::NoToken))] {
            let mut headers = HeaderMap::new();
            headers.insert(TOKEN, HeaderValue::from_str(&value).unwrap());
            assert_eq!(guard.check_token(&headers), expected);
        }
        assert_eq!(guard.check_token(&HeaderMap::new()), Err(Intruder::NoToken));
    }
}
