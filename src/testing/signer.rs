use chrono::{DateTime, Utc};

use crate::verify::ConfigError;
use crate::verify::Secret;
use crate::verify::{HmacKeys, HmacScheme, Separator, TimestampSource};

/// Makes the headers that a vendor would send with a delivery.
#[derive(Debug)]
pub struct Signer {
    scheme: HmacScheme,
    keys: HmacKeys,
    message_id: String,
}

impl Signer {
    /// Creates a signer for this scheme, with this secret.
    ///
    /// # Errors
    ///
    /// A secret that a verifier would not accept either.
    pub fn new(scheme: HmacScheme, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Signer { scheme, keys: HmacKeys::new(scheme, secret)?, message_id: "msg_test".to_owned() })
    }

    /// Sets the message id, where the scheme signs one. It is `msg_test` by default.
    #[must_use]
    pub fn with_message_id(self, id: impl Into<String>) -> Self {
        Signer { message_id: id.into(), ..self }
    }

    /// Returns the headers of a delivery of `body` that is signed at `time`.
    pub fn sign(&self, time: DateTime<Utc>, body: impl AsRef<[u8]>) -> Vec<(&'static str, String)> {
        let scheme = &self.scheme;
        let timestamp = scheme.timestamp.map(|(_, format)| format.format(time)).unwrap_or_default();
        let tag = self.keys.sign(&timestamp, &self.message_id, body.as_ref());
        let mut value = format!("{}{tag}", scheme.prefix);
        if let Some((TimestampSource::Entry(prefix), _)) = scheme.timestamp {
            let separator = char::from(scheme.separator.map_or(b',', Separator::byte));
            value = format!("{prefix}{timestamp}{separator}{value}");
        }
        let mut headers = vec![(scheme.header, value)];
        if let Some((TimestampSource::Header(name), _)) = scheme.timestamp {
            headers.push((name, timestamp));
        }
        if let Some(name) = scheme.id_header {
            headers.push((name, self.message_id.clone()));
        }
        headers
    }
}
