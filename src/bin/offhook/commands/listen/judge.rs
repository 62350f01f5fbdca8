//! Judges deliveries with the secrets that are configured.

use offhook::diagnose::Diagnosis;
use offhook::testing::RawRequest;

use crate::commands::unrecognised;
use crate::failure::Failure;
use crate::vendors::{Endpoint, SecretArguments, TokenHeader, Vendor, Verdict, only};

/// What a delivery is judged with.
#[derive(Debug)]
pub(super) struct Judge {
    endpoints: Vec<Endpoint>,
    /// The vendor of all deliveries. Without it, each delivery says whose it is.
    only: Option<Vendor>,
    token_header: TokenHeader,
}

/// What is known of a delivery before it is forwarded.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) vendor: Option<Vendor>,
    pub(super) verdict: Verdict,
    /// Why it was refused, unless it is authentic and cannot be read.
    pub(super) diagnosis: Option<Diagnosis>,
}

impl Judge {
    pub(super) fn new(secrets: &SecretArguments, only: Option<Vendor>) -> Result<Self, Failure> {
        let mut endpoints = secrets.configured()?;
        if let Some(vendor) = only
            && !endpoints.iter().any(|endpoint| endpoint.vendor() == vendor)
        {
            endpoints.push(secrets.endpoint(vendor)?);
        }
        if endpoints.is_empty() {
            return Err(Failure::Usage(
                "there is no secret: set one of the variables that `offhook --help` lists, or name the vendor with \
                 --vendor"
                    .to_owned(),
            ));
        }
        Ok(Judge { endpoints, only, token_header: secrets.token_header() })
    }

    /// Judges with these endpoints.
    #[cfg(test)]
    pub(super) fn of(endpoints: Vec<Endpoint>) -> Self {
        Judge { endpoints, only: None, token_header: TokenHeader::default() }
    }

    /// Returns the vendors whose deliveries can be judged.
    pub(super) fn vendors(&self) -> impl Iterator<Item = Vendor> {
        self.endpoints.iter().map(Endpoint::vendor)
    }

    /// Returns the header in which Salpre sends its token.
    pub(super) fn token_header(&self) -> TokenHeader {
        self.token_header
    }

    /// Returns the endpoint of a vendor.
    pub(super) fn endpoint(&self, vendor: Vendor) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.vendor() == vendor)
    }

    pub(super) fn judge(&self, request: &RawRequest) -> Result<Judgement, Failure> {
        let Some(vendor) =
            self.only.or_else(|| Vendor::recognise(request, self.token_header)).or_else(|| only(&self.endpoints))
        else {
            let verdict = Verdict::unread("unknown", 401, "unknown_vendor", unrecognised().to_string());
            return Ok(Judgement { vendor: None, verdict, diagnosis: None });
        };
        let Some(endpoint) = self.endpoint(vendor) else {
            let reason = format!("there is no secret for {vendor}: set {}", vendor.variable());
            let verdict = Verdict::unread(vendor.name(), 401, "no_secret", reason);
            return Ok(Judgement { vendor: Some(vendor), verdict, diagnosis: None });
        };
        let verdict = endpoint.verdict(request, None)?;
        let diagnosis = match verdict.accepted {
            true => None,
            false => Some(endpoint.explain(request, None, &self.endpoints)?)
                .filter(|found| found.refusal().is_some() || found.first().is_some()),
        };
        Ok(Judgement { vendor: Some(vendor), verdict, diagnosis })
    }

    /// Replaces what holds a secret by `***`.
    pub(super) fn masked(&self, request: RawRequest) -> RawRequest {
        self.endpoints.iter().fold(request, |request, endpoint| endpoint.masked(request))
    }

    /// Returns a text that a handler wrote, or three stars if it holds a secret.
    pub(super) fn masked_text(&self, text: &[u8]) -> String {
        let whole = String::from_utf8_lossy(text).into_owned();
        self.endpoints.iter().fold(whole, |text, endpoint| endpoint.masked_text(text.as_bytes()))
    }
}
