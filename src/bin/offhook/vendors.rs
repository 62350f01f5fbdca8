//! The vendors by name, with the secrets that are configured for them.

use std::fmt;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use hyper::header::HeaderName;
use offhook::diagnose::{Diagnosis, Explainer, Receiver};
use offhook::testing::{Capture, RawRequest, Signer};
use offhook::verify::{HmacScheme, Lookup};
use offhook::{
    Clock, ConfigError, FixedClock, Headers, Profile, ReceiveError, Salpre, SignedVendor, StandardWebhooks,
    SystemClock, TalkifAi, Truedy, Ultravox, Verifier, standard_webhooks, talkifai, truedy, ultravox,
};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::forms::Input;
use crate::forms::written::ShellHeader;

/// A vendor whose deliveries the command knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Vendor {
    Truedy,
    #[value(name = "talkifai")]
    TalkifAi,
    Salpre,
    Ultravox,
    StandardWebhooks,
    /// Standard Webhooks with the names of Svix's headers
    Svix,
}

/// How a vendor signs, and the names of its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signing {
    pub(crate) scheme: HmacScheme,
    pub(crate) signature: &'static str,
    pub(crate) timestamp: Option<&'static str>,
    pub(crate) id: Option<&'static str>,
}

impl Vendor {
    /// Returns the vendor's name, as the library has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Vendor::Truedy => "truedy",
            Vendor::TalkifAi => "talkifai",
            Vendor::Salpre => "salpre",
            Vendor::Ultravox => "ultravox",
            Vendor::StandardWebhooks => "standard-webhooks",
            Vendor::Svix => "svix",
        }
    }

    /// Returns the environment variable that holds the secret. A vendor that follows Standard
    /// Webhooks has one secret, whatever the names of its headers.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Vendor::Truedy => "TRUEDY_WEBHOOK_SECRET",
            Vendor::TalkifAi => "TALKIFAI_WEBHOOK_SECRET",
            Vendor::Salpre => "SALPRE_WEBHOOK_TOKEN",
            Vendor::Ultravox => "ULTRAVOX_WEBHOOK_SECRET",
            Vendor::StandardWebhooks | Vendor::Svix => "STANDARD_WEBHOOKS_SECRET",
        }
    }

    /// Returns how the vendor signs; `None` for a vendor that sends a static header.
    pub(crate) fn signing(self) -> Option<Signing> {
        Some(match self {
            Vendor::Truedy => Signing {
                scheme: truedy::SCHEME,
                signature: truedy::SIGNATURE_HEADER,
                timestamp: Some(truedy::TIMESTAMP_HEADER),
                id: None,
            },
            Vendor::TalkifAi => {
                Signing { scheme: talkifai::SCHEME, signature: talkifai::SIGNATURE_HEADER, timestamp: None, id: None }
            }
            Vendor::Salpre => return None,
            Vendor::Ultravox => Signing {
                scheme: ultravox::SCHEME,
                signature: ultravox::SIGNATURE_HEADER,
                timestamp: Some(ultravox::TIMESTAMP_HEADER),
                id: None,
            },
            Vendor::StandardWebhooks => Signing {
                scheme: standard_webhooks::SCHEME,
                signature: standard_webhooks::SIGNATURE_HEADER,
                timestamp: Some(standard_webhooks::TIMESTAMP_HEADER),
                id: Some(standard_webhooks::ID_HEADER),
            },
            Vendor::Svix => Signing {
                scheme: standard_webhooks::SVIX_SCHEME,
                signature: "svix-signature",
                timestamp: Some("svix-timestamp"),
                id: Some("svix-id"),
            },
        })
    }

    /// Returns whether the vendor signs, and does not send a static header.
    pub(crate) fn signs(self) -> bool {
        self.signing().is_some()
    }

    /// Returns the message id of a delivery, if the vendor sends one.
    pub(crate) fn message_id(self, request: &RawRequest) -> Option<String> {
        match request.headers.lookup(self.signing()?.id?) {
            Lookup::One(id) => Some(String::from_utf8_lossy(id).into_owned()),
            Lookup::Missing | Lookup::Repeated => None,
        }
    }

    /// Returns whether the vendor takes an answer with this status for accepted.
    pub(crate) fn takes_for_accepted(self, status: u16) -> bool {
        match self {
            // Their pages ask for exactly 200.
            Vendor::TalkifAi | Vendor::Salpre => status == 200,
            Vendor::Truedy | Vendor::Ultravox | Vendor::StandardWebhooks | Vendor::Svix => (200..300).contains(&status),
        }
    }

    /// Recognises the sender of a delivery: by the header of a signature, then by a part of
    /// the path that is a vendor's name, then by the header of a token.
    pub(crate) fn recognise(request: &RawRequest, token_header: TokenHeader) -> Option<Vendor> {
        let has = |name: &str| request.headers.lookup(name) != Lookup::Missing;
        let signed = |vendor: &&Vendor| vendor.signing().is_some_and(|signing| has(signing.signature));
        let path = request.target.split('?').next().unwrap_or_default();
        let named = |vendor: &&Vendor| path.split('/').any(|part| part.eq_ignore_ascii_case(vendor.name()));
        let all = Vendor::value_variants();
        let found = all.iter().find(signed).or_else(|| all.iter().find(named)).copied();
        let has_token = [token_header.name(), "authorization", "x-api-key"].into_iter().any(has);
        found.or(has_token.then_some(Vendor::Salpre))
    }
}

/// The header in which Salpre sends its token: the one that is configured there, with nothing but
/// the token, or else `Authorization` with the token after `Bearer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenHeader(Option<&'static str>);

impl FromStr for TokenHeader {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, Self::Err> {
        let name = HeaderName::from_str(argument).map_err(|_| "it is no name of a header".to_owned())?;
        // A signer keeps the name, and so do its deliveries, until the command ends.
        Ok(TokenHeader(Some(name.as_str().to_owned().leak())))
    }
}

impl TokenHeader {
    /// Returns the name in lower case.
    pub(crate) fn name(self) -> &'static str {
        self.0.unwrap_or("authorization")
    }

    /// Returns the name if it is another one than that of a bearer token.
    pub(crate) fn configured(self) -> Option<&'static str> {
        self.0
    }

    /// Returns the header as a shell makes it: with the variable of the token.
    pub(crate) fn in_shell(self) -> ShellHeader {
        let scheme = if self.0.is_some() { "" } else { "Bearer " };
        ShellHeader { name: self.name(), value: format!("{scheme}${}", Vendor::Salpre.variable()) }
    }

    /// Returns the header whose value is missing, if the delivery would have to have its token there.
    pub(crate) fn masked_in(self, input: &Input) -> Option<&str> {
        let has_token = input.request.headers.lookup(self.name()) != Lookup::Missing;
        let is_masked = |name: &&String| !has_token || name.eq_ignore_ascii_case(self.name());
        input.masked.iter().find(is_masked).map(String::as_str)
    }

    fn signer(self, token: &str) -> Result<Signer, ConfigError> {
        self.0.map_or_else(|| Signer::bearer(token), |name| Signer::headers([(name, token)]))
    }

    fn verifier(self, token: &str) -> Result<Salpre, ConfigError> {
        self.0.map_or_else(|| Salpre::bearer(token), |name| Salpre::header(name, token))
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where secrets come from. There is no argument for a secret, because arguments are visible to
/// other users of the machine, and are kept in the history of the shell.
#[derive(Debug, clap::Args)]
pub(crate) struct SecretArguments {
    /// Read the secret from this file: of the vendor before `=`, or else of the only vendor
    #[arg(long, value_name = "[VENDOR=]FILE")]
    secret_file: Vec<SecretFile>,

    /// The header that holds Salpre's token and nothing else; otherwise it is `Authorization: Bearer`
    #[arg(long, value_name = "NAME", env = "SALPRE_WEBHOOK_HEADER")]
    salpre_header: Option<TokenHeader>,
}

#[derive(Clone, Debug)]
struct SecretFile {
    vendor: Option<Vendor>,
    file: PathBuf,
}

impl FromStr for SecretFile {
    type Err = std::convert::Infallible;

    fn from_str(argument: &str) -> Result<Self, Self::Err> {
        let named =
            argument.split_once('=').and_then(|(vendor, file)| Some((Vendor::from_str(vendor, true).ok()?, file)));
        Ok(match named {
            Some((vendor, file)) => SecretFile { vendor: Some(vendor), file: file.into() },
            None => SecretFile { vendor: None, file: argument.into() },
        })
    }
}

impl SecretArguments {
    /// Returns the endpoint of one vendor. Its secret comes from a file, from the environment
    /// or, where there is a terminal, from the user.
    pub(crate) fn endpoint(&self, vendor: Vendor) -> Result<Endpoint, Failure> {
        let unnamed = || self.secret_file.iter().find(|file| file.vendor.is_none());
        let secret = match self.file_of(vendor).or_else(unnamed) {
            Some(file) => read_secret(&file.file)?,
            None => match from_environment(vendor) {
                Some(secret) => secret,
                None => prompt(vendor)?,
            },
        };
        self.endpoint_with(vendor, secret)
    }

    fn endpoint_with(&self, vendor: Vendor, secret: Zeroizing<String>) -> Result<Endpoint, Failure> {
        Ok(Endpoint { token_header: self.token_header(), ..Endpoint::new(vendor, secret)? })
    }

    pub(crate) fn token_header(&self) -> TokenHeader {
        self.salpre_header.unwrap_or_default()
    }

    /// Returns the endpoints of all vendors that have a secret in a file or in the environment.
    pub(crate) fn configured(&self) -> Result<Vec<Endpoint>, Failure> {
        let secret = |vendor: &Vendor| match self.file_of(*vendor) {
            Some(file) => Some(read_secret(&file.file)),
            None => from_environment(*vendor).map(Ok),
        };
        let found = Vendor::value_variants().iter().filter_map(|vendor| Some((*vendor, secret(vendor)?)));
        found.map(|(vendor, secret)| self.endpoint_with(vendor, secret?)).collect()
    }

    /// Captures a delivery. What holds one of the secrets is masked.
    pub(crate) fn capture(&self, request: RawRequest) -> Result<Capture, Failure> {
        let capture = Capture::new(request);
        let endpoints = self.configured()?;
        Ok(endpoints.iter().fold(capture, |capture, endpoint| endpoint.capture(capture.request().clone())))
    }

    /// Returns the file that is named for a vendor, or for another name of the same secret.
    fn file_of(&self, vendor: Vendor) -> Option<&SecretFile> {
        let named = |is: &dyn Fn(Vendor) -> bool| self.secret_file.iter().find(|file| file.vendor.is_some_and(is));
        named(&|named| named == vendor).or_else(|| named(&|named| named.variable() == vendor.variable()))
    }
}

/// Returns the vendor of these endpoints if there is only one secret.
pub(crate) fn only(endpoints: &[Endpoint]) -> Option<Vendor> {
    let first = endpoints.first()?.vendor();
    endpoints.iter().all(|endpoint| endpoint.vendor().variable() == first.variable()).then_some(first)
}

fn from_environment(vendor: Vendor) -> Option<Zeroizing<String>> {
    std::env::var(vendor.variable()).ok().map(Zeroizing::new)
}

/// Reads a secret. One line break at the end belongs to the file, as editors write it.
fn read_secret(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::usage(&file.display().to_string(), &error))?;
    let secret = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Zeroizing::new(secret.to_owned()))
}

fn prompt(vendor: Vendor) -> Result<Zeroizing<String>, Failure> {
    let variable = vendor.variable();
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::Usage(format!(
            "there is no secret for {vendor}: set {variable}, or name a file with --secret-file"
        )));
    }
    match rpassword::prompt_password(format!("{variable}: ")) {
        Ok(secret) => Ok(Zeroizing::new(secret)),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(Failure::Interrupted),
        Err(error) => Err(Failure::usage(variable, &error)),
    }
}

/// A vendor with the secret that is configured for it.
pub(crate) struct Endpoint {
    vendor: Vendor,
    secret: Zeroizing<String>,
    token_header: TokenHeader,
}

/// Shows the vendor.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("vendor", &self.vendor).finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(crate) fn new(vendor: Vendor, secret: Zeroizing<String>) -> Result<Self, Failure> {
        let endpoint = Endpoint { vendor, secret, token_header: TokenHeader::default() };
        match endpoint.check(None) {
            Ok(_) => Ok(endpoint),
            Err(error) => Err(Failure::usage(&format!("the secret for {vendor}"), &error)),
        }
    }

    pub(crate) fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// Returns the header of the token; `None` for a vendor that signs.
    pub(crate) fn token_header(&self) -> Option<TokenHeader> {
        (!self.vendor.signs()).then_some(self.token_header)
    }

    /// Returns what the library knows of the vendor: how long it waits, and how long it retries.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        self.checked(None).map(|check| check.profile().clone())
    }

    /// Returns a sender with the secret of the endpoint.
    pub(crate) fn signer(&self) -> Result<Signer, Failure> {
        let secret = self.secret.as_str();
        let signer = match self.vendor.signing() {
            Some(signing) => Signer::new(signing.scheme, secret),
            None => self.token_header.signer(secret),
        };
        signer.map_err(|error| self.unusable(&error))
    }

    /// Returns a sender that signs by this scheme with the secret of the endpoint.
    pub(crate) fn signer_of(&self, scheme: HmacScheme) -> Result<Signer, Failure> {
        Signer::new(scheme, self.secret.as_str()).map_err(|error| self.unusable(&error))
    }

    /// Signs a delivery again, now and with the secret of the endpoint. The old signatures go. Its
    /// message id stays, so it is the same event.
    pub(crate) fn resigned(&self, mut request: RawRequest) -> Result<RawRequest, Failure> {
        let mut signer = self.signer()?;
        if let Some(id) = self.vendor.message_id(&request) {
            signer = signer.with_message_id(id);
        }
        for (name, value) in signer.sign(SystemClock.now(), &request.body) {
            let place = request.headers.iter().position(|(header, _)| header.eq_ignore_ascii_case(name));
            request = request.without_header(name);
            let place = place.unwrap_or(request.headers.len()).min(request.headers.len());
            request.headers.insert(place, (name.to_owned(), value.into_bytes()));
        }
        Ok(request)
    }

    /// Judges a request as a receiver does, at a time or, without one, now.
    pub(crate) fn verdict(&self, request: &RawRequest, at: Option<DateTime<Utc>>) -> Result<Verdict, Failure> {
        let check = self.checked(at)?;
        // As the extractors do, before they look at anything else.
        if is_coded(request) {
            let reason = "the body has a Content-Encoding, which is not accepted".to_owned();
            return Ok(Verdict::unread(check.profile().vendor(), 415, "content_coding", reason));
        }
        Ok(check.verdict(request))
    }

    /// Explains why a request is refused. It may belong to one of the other endpoints.
    pub(crate) fn explain(
        &self,
        request: &RawRequest,
        at: Option<DateTime<Utc>>,
        others: &[Endpoint],
    ) -> Result<Diagnosis, Failure> {
        let mut explainer = Explainer::new(self.receiver(at)?);
        for other in others.iter().filter(|other| other.vendor != self.vendor) {
            explainer = explainer.beside(other.receiver(at)?);
        }
        Ok(explainer.explain(&request.request()))
    }

    /// Replaces what is a credential or holds the secret by `***`.
    pub(crate) fn masked(&self, request: RawRequest) -> RawRequest {
        self.capture(request).request().clone()
    }

    /// Captures a delivery. What holds the secret is masked, whatever its name.
    pub(crate) fn capture(&self, request: RawRequest) -> Capture {
        let capture = Capture::new(request).with_masked_secret(self.secret.as_bytes());
        match self.token_header() {
            Some(header) => capture.with_masked(header.name()),
            None => capture,
        }
    }

    /// Returns a text that a receiver wrote, or three stars if it holds the secret.
    pub(crate) fn masked_text(&self, text: &[u8]) -> String {
        let asked = RawRequest::post("/", "").with_header("text", text);
        let masked = self.masked(asked).headers.pop().map(|(_, value)| value).unwrap_or_default();
        String::from_utf8_lossy(&masked).into_owned()
    }

    fn receiver(&self, at: Option<DateTime<Utc>>) -> Result<Receiver, Failure> {
        Ok(self.checked(at)?.receiver().with_secret(self.secret.as_str()))
    }

    fn checked(&self, at: Option<DateTime<Utc>>) -> Result<Box<dyn Check>, Failure> {
        self.check(at).map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &ConfigError) -> Failure {
        Failure::usage(&format!("the secret for {}", self.vendor), error)
    }

    fn check(&self, at: Option<DateTime<Utc>>) -> Result<Box<dyn Check>, ConfigError> {
        let secret = self.secret.as_str();
        Ok(match self.vendor {
            Vendor::Truedy => signed(Truedy::new(secret)?, at),
            Vendor::TalkifAi => signed(TalkifAi::new(secret)?, at),
            Vendor::Salpre => {
                let salpre = self.token_header.verifier(secret)?;
                Box::new(match at {
                    Some(time) => salpre.with_clock(FixedClock::at(time)),
                    None => salpre,
                })
            }
            Vendor::Ultravox => signed(Ultravox::new(secret)?, at),
            Vendor::StandardWebhooks => signed(StandardWebhooks::<serde_json::Value>::new(secret)?, at),
            Vendor::Svix => signed(svix(secret)?, at),
        })
    }
}

/// Creates the verifier of [Svix](https://docs.svix.com/retries), which waits for 15 s and tries
/// again after 5 s, 5 min, 30 min, and 2, 5, 10 and 10 h.
fn svix(secret: &str) -> Result<StandardWebhooks<serde_json::Value>, ConfigError> {
    const RETRY_SPAN: Duration = Duration::from_secs(5 + 35 * 60 + (2 + 5 + 10 + 10) * 3_600);
    let svix = StandardWebhooks::svix(secret)?.with_vendor("svix");
    Ok(svix.with_answers_within(Duration::from_secs(15)).with_retry_span(RETRY_SPAN))
}

fn signed<V>(verifier: offhook::Hmac<V>, at: Option<DateTime<Utc>>) -> Box<dyn Check>
where
    V: SignedVendor + 'static,
{
    Box::new(match at {
        Some(time) => verifier.with_clock(FixedClock::at(time)),
        None => verifier,
    })
}

fn is_coded(request: &RawRequest) -> bool {
    let headers = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let mut codings = headers.flat_map(|(_, value)| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// What the command needs of a verifier, whatever the type of its events.
trait Check {
    fn profile(&self) -> &Profile;
    fn receiver(&self) -> Receiver;
    fn verdict(&self, request: &RawRequest) -> Verdict;
}

impl<V: SignedVendor> Check for offhook::Hmac<V> {
    fn profile(&self) -> &Profile {
        Verifier::profile(self)
    }

    fn receiver(&self) -> Receiver {
        Receiver::signed(self)
    }

    fn verdict(&self, request: &RawRequest) -> Verdict {
        verdict(self, request)
    }
}

impl Check for Salpre {
    fn profile(&self) -> &Profile {
        Verifier::profile(self)
    }

    fn receiver(&self) -> Receiver {
        Receiver::static_headers(self)
    }

    fn verdict(&self, request: &RawRequest) -> Verdict {
        verdict(self, request)
    }
}

/// What a receiver says about a delivery.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) vendor: &'static str,
    pub(crate) accepted: bool,
    /// The status with which the receiver answers.
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    /// Why it was refused.
    pub(crate) reason: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) call_id: Option<String>,
    pub(crate) dedupe_key: Option<String>,
    pub(crate) test: bool,
    /// The paths of the documented fields that did not fit.
    pub(crate) drift: Vec<String>,
}

fn verdict<V: Verifier>(verifier: &V, request: &RawRequest) -> Verdict {
    let vendor = verifier.profile().vendor();
    match verifier.receive_request(&request.head(), request.body.clone()) {
        Ok(delivery) => Verdict {
            vendor,
            accepted: true,
            status: delivery.acknowledge().status(),
            code: "accepted",
            reason: None,
            event: Some(delivery.parsed().name().to_owned()),
            call_id: delivery.call_id().map(str::to_owned),
            dedupe_key: delivery.dedupe_key(),
            test: delivery.is_test(),
            drift: delivery.drift().iter().map(|misfit| misfit.path.clone()).collect(),
        },
        Err(error) => Verdict::refused(vendor, &error),
    }
}

impl Verdict {
    fn refused(vendor: &'static str, error: &ReceiveError) -> Self {
        Verdict::unread(vendor, error.status(), error.code(), error.to_string())
    }

    /// Creates the verdict about a delivery whose event was not read.
    pub(crate) fn unread(vendor: &'static str, status: u16, code: &'static str, reason: String) -> Self {
        Verdict {
            vendor,
            accepted: false,
            status,
            code,
            reason: Some(reason),
            event: None,
            call_id: None,
            dedupe_key: None,
            test: false,
            drift: Vec::new(),
        }
    }
}
