use super::explainer::Explainer;
use super::report::Diagnosis;
use crate::event::{ParseError, Parsed};
use crate::receive::{Profile, Verifier};
use crate::verify::{Head, Request, Verified, VerifyError};

/// A verifier that logs the first cause of each refusal: for development.
///
/// It verifies as the verifier inside does. What is refused costs up to 20 MiB of hashing more,
/// so leave it out where strangers can reach the route.
///
/// ```
/// use offhook::diagnose::{Explained, Explainer, Receiver};
/// use offhook::{Truedy, Verifier};
///
/// let truedy = Truedy::new("whsec_test")?;
/// let explainer = Explainer::new(Receiver::signed(&truedy).with_secret("whsec_test"));
/// let truedy = Explained::new(truedy, explainer);
/// // WARN offhook: why the delivery was refused vendor="truedy" cause="another_vendor" …
/// assert!(truedy.receive(&[("x-talkifai-signature", "sha256=7ac6")], "{}").is_err());
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Explained<V> {
    verifier: V,
    explainer: std::sync::Arc<Explainer>,
}

impl<V: Verifier> Explained<V> {
    /// Wraps a verifier. The explainer is that of the same verifier.
    pub fn new(verifier: V, explainer: Explainer) -> Self {
        Explained { verifier, explainer: explainer.into() }
    }

    fn log(&self, diagnosis: &Diagnosis) {
        let profile = self.verifier.profile();
        let first = diagnosis.first();
        tracing::warn!(
            target: "offhook",
            vendor = profile.vendor(),
            endpoint = profile.endpoint(),
            code = diagnosis.refusal().map(VerifyError::code),
            cause = first.map_or("no_known_cause", |reason| reason.name()),
            confidence = first.map(|reason| tracing::field::display(reason.confidence())),
            detail = first.and_then(|reason| reason.detail()),
            hint = first.map(|reason| reason.text()),
            "why the delivery was refused",
        );
    }
}

impl<V: Verifier> Verifier for Explained<V> {
    type Event = V::Event;

    fn profile(&self) -> &Profile {
        self.verifier.profile()
    }

    /// The extractors end here if it fails, so the refusal is logged here too.
    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        self.verifier
            .check_head(head)
            .inspect_err(|refusal| self.log(&self.explainer.explain_head(head, refusal.clone())))
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        self.verifier.verify(request).inspect_err(|_| self.log(&self.explainer.explain(request)))
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<V::Event>, ParseError> {
        self.verifier.parse(verified, body)
    }
}
