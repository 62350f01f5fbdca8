//! One ready delivery for every documented event of every vendor.
//!
//! The constants are named as the vendor names its events. A payload that a vendor publishes
//! is here byte for byte; for an event without one the payload is made up of the fields that
//! the vendor documents, and [`Sample::is_published`] says so.
//!
//! ```
//! use offhook::testing::samples;
//!
//! let sample = samples::truedy::CALL_ENDED.with("data.call.duration", 30).without("data.call.summary");
//! let ended = offhook::truedy::Event::parse(sample.body().as_bytes())?;
//! assert_eq!((sample.vendor(), sample.event()), ("truedy", "call.ended"));
//! # assert!(ended.call().is_some());
//! # Ok::<(), offhook::ParseError>(())
//! ```

pub mod truedy;
pub mod talkifai;
pub mod salpre;
pub mod ultravox;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use super::edit;
use super::relayout::{self, Layout};

/// The body of a delivery, with the vendor and the event that it belongs to.
///
/// It can be edited, and becomes a request through
/// [`Signer::request`](crate::testing::Signer::request).
#[derive(Clone, PartialEq, Eq)]
pub struct Sample {
    vendor: &'static str,
    event: &'static str,
    page: Option<&'static str>,
    published: bool,
    body: Cow<'static, str>,
}

impl Sample {
    /// Creates a sample of a vendor of your own.
    pub fn new(vendor: &'static str, event: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        Sample { vendor, event, page: None, published: false, body: body.into() }
    }

    /// Creates a sample that the vendor's page shows.
    const fn published(vendor: &'static str, event: &'static str, page: &'static str, body: &'static str) -> Self {
        Sample { vendor, event, page: Some(page), published: true, body: Cow::Borrowed(body) }
    }

    /// Creates a sample of an event that the vendor's page names without a payload.
    const fn made_up(vendor: &'static str, event: &'static str, page: &'static str, body: &'static str) -> Self {
        Sample { vendor, event, page: Some(page), published: false, body: Cow::Borrowed(body) }
    }

    /// Sets the value at a path such as `data.call.duration` or `payload.transcript.0.type`.
    /// What is missing on the way is added. Everything else, the order of the members
    /// included, stays as it was.
    #[must_use]
    pub fn with(self, path: &str, value: impl Into<Value>) -> Self {
        let path: Vec<_> = path.split('.').collect();
        let body = edit::set(&self.body, &path, &value.into().to_string());
        Sample { published: false, body: body.into(), ..self }
    }

    /// Removes the value at a path, where there is one.
    #[must_use]
    pub fn without(self, path: &str) -> Self {
        let path: Vec<_> = path.split('.').collect();
        let body = edit::remove(&self.body, &path);
        Sample { published: false, body: body.into(), ..self }
    }

    /// Writes the body as another JSON writer would: the values and their order stay.
    #[must_use]
    pub fn with_layout(self, layout: Layout) -> Self {
        let body = relayout::relayout(self.body.as_bytes(), layout);
        Sample { published: false, body: String::from_utf8_lossy(&body).into_owned().into(), ..self }
    }

    /// Returns the vendor's name, which is lower-case.
    pub fn vendor(&self) -> &'static str {
        self.vendor
    }

    /// Returns the event's name, as the vendor writes it.
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// Returns the vendor's page that documents the event. A sample of your own has none.
    pub fn page(&self) -> Option<&'static str> {
        self.page
    }

    /// Returns whether the vendor publishes this body, byte for byte. Otherwise it is made
    /// up, or was edited.
    pub fn is_published(&self) -> bool {
        self.published
    }

    /// Returns the body, which is JSON.
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl AsRef<[u8]> for Sample {
    fn as_ref(&self) -> &[u8] {
        self.body.as_bytes()
    }
}

impl From<Sample> for Bytes {
    fn from(sample: Sample) -> Self {
        match sample.body {
            Cow::Borrowed(body) => Bytes::from_static(body.as_bytes()),
            Cow::Owned(body) => body.into(),
        }
    }
}

impl From<&Sample> for Bytes {
    fn from(sample: &Sample) -> Self {
        sample.clone().into()
    }
}

/// Shows the vendor and the event.
impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { vendor, event, published, .. } = self;
        f.debug_struct("Sample")
            .field("vendor", vendor)
            .field("event", event)
            .field("published", published)
            .finish_non_exhaustive()
    }
}

/// Returns all samples of all vendors.
pub fn all() -> impl Iterator<Item = Sample> {
    [truedy::ALL, talkifai::ALL, salpre::ALL, ultravox::ALL].into_iter().flatten().cloned()
}

/// Finds the sample of an event by the names of the vendor and the event. Where there are
/// several, it is the first.
pub fn find(vendor: &str, event: &str) -> Option<Sample> {
    all().find(|sample| sample.vendor == vendor && sample.event == event)
}
