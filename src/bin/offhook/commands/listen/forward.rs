//! Forwards deliveries to the handler that is being developed.

use std::time::Duration;

use hyper::Uri;
use hyper::http::Extensions;
use offhook::testing::RawRequest;

use crate::client::{Answer, Client, SendError};
use crate::failure::Failure;
use crate::forms::written;

/// The handler that is being developed.
#[derive(Debug)]
pub(super) struct Target {
    url: Uri,
    client: Client,
}

impl Target {
    pub(super) fn new(url: Uri, timeout: Duration) -> Result<Self, Failure> {
        match url.scheme_str() {
            Some("http" | "https") => Ok(Target { url, client: Client::new(timeout) }),
            _ => Err(Failure::Usage(format!(
                "{} is no URL: it must begin with http:// or https://",
                written::shown(&url)
            ))),
        }
    }

    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// Sends a delivery as it was received. A URL without a path takes the path of the delivery.
    pub(super) async fn forward(&self, request: &RawRequest, case: &Extensions) -> Result<Answer, SendError> {
        let url = self.url_for(request);
        self.client.send_as_received(&url, request, case).await
    }

    /// Returns the URL to which a delivery goes.
    pub(super) fn url_for(&self, request: &RawRequest) -> Uri {
        // The target of a request can be no path, such as `*`.
        written::url(Some(&self.url), request).unwrap_or_else(|_| self.url.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_takes_the_path_of_the_delivery() {
        let url = |url: &str, target: &str| {
            let target_url = Target::new(url.parse().unwrap(), Duration::from_secs(1)).unwrap();
            target_url.url_for(&RawRequest::post(target, "")).to_string()
        };
        assert_eq!(url("http://localhost:3000", "/hooks/truedy?a=1"), "http://localhost:3000/hooks/truedy?a=1");
        assert_eq!(url("http://localhost:3000/", "/hooks"), "http://localhost:3000/hooks");
        assert_eq!(url("http://localhost:3000/mine?b=2", "/hooks?a=1"), "http://localhost:3000/mine?b=2");
        assert_eq!(url("http://localhost:3000", "*"), "http://localhost:3000/");
    }

    #[test]
    fn only_urls_of_http_are_accepted() {
        for url in ["localhost:3000", "/hooks", "ftp://localhost/"] {
            assert!(Target::new(url.parse().unwrap(), Duration::from_secs(1)).is_err(), "{url}");
        }
    }
}
