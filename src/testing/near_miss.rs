use chrono::{DateTime, TimeDelta, Utc};

use super::raw::RawRequest;
use super::relayout::{self, Layout};
use super::signer::Signer;
use crate::verify::Tolerance;

/// A delivery that is nearly right, which a right receiver refuses.
///
/// ```
/// use offhook::testing::{NearMiss, Signer, samples};
/// use offhook::{Truedy, Verifier};
///
/// let truedy = Truedy::new("whsec_test")?;
/// let delivery = Signer::of(&truedy).request("/webhooks/truedy", samples::truedy::CALL_ENDED);
/// for miss in [NearMiss::WrongSecret, NearMiss::TamperedBody, NearMiss::Missing, NearMiss::Stale] {
///     let request = miss.of(&Signer::of(&truedy), &delivery).expect("Truedy signs the time");
///     let error = truedy.verify(&request.request()).unwrap_err();
///     assert_eq!((error.status(), Some(error.code())), (miss.status(), miss.code(&Signer::of(&truedy))));
/// }
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NearMiss {
    /// Signed longer ago than the default tolerance allows.
    Stale,
    /// Signed further in the future than the default tolerance allows.
    FromTheFuture,
    /// Signed, or sent, with another secret.
    WrongSecret,
    /// Signed, or sent, with a secret that was valid before a rotation:
    /// see [`Signer::with_old_secret`].
    OldSecret,
    /// One byte of the body differs from what was signed.
    TamperedBody,
    /// The body means the same and is written with other spaces than what was signed.
    ReserialisedBody,
    /// The header of the signature, or the first static header, is missing.
    Missing,
    /// The same header is there twice.
    Repeated,
    /// The header does not hold a signature.
    Malformed,
    /// The headers have another vendor's names.
    AnotherVendor,
    /// The headers say that the body is compressed.
    ContentCoding,
    /// The body is larger than 2 MiB, the default limit. Its signature is right.
    OverTheLimit,
}

impl NearMiss {
    /// All of them.
    pub const ALL: [NearMiss; 12] = [
        NearMiss::Stale,
        NearMiss::FromTheFuture,
        NearMiss::WrongSecret,
        NearMiss::OldSecret,
        NearMiss::TamperedBody,
        NearMiss::ReserialisedBody,
        NearMiss::Missing,
        NearMiss::Repeated,
        NearMiss::Malformed,
        NearMiss::AnotherVendor,
        NearMiss::ContentCoding,
        NearMiss::OverTheLimit,
    ];

    /// Returns a stable name, such as `wrong_secret`.
    pub const fn name(self) -> &'static str {
        match self {
            NearMiss::Stale => "stale",
            NearMiss::FromTheFuture => "from_the_future",
            NearMiss::WrongSecret => "wrong_secret",
            NearMiss::OldSecret => "old_secret",
            NearMiss::TamperedBody => "tampered_body",
            NearMiss::ReserialisedBody => "reserialised_body",
            NearMiss::Missing => "missing",
            NearMiss::Repeated => "repeated",
            NearMiss::Malformed => "malformed",
            NearMiss::AnotherVendor => "another_vendor",
            NearMiss::ContentCoding => "content_coding",
            NearMiss::OverTheLimit => "over_the_limit",
        }
    }

    /// Returns the status with which a right receiver answers.
    pub const fn status(self) -> u16 {
        match self {
            NearMiss::ContentCoding => 415,
            NearMiss::OverTheLimit => 413,
            _ => 401,
        }
    }

    /// Returns the code of offhook's refusal, or `None` if this near miss does not exist for
    /// what the signer sends.
    pub fn code(self, signer: &Signer) -> Option<&'static str> {
        let (signs, signs_time) = match signer.scheme() {
            Some(scheme) => (true, scheme.timestamp.is_some()),
            None => (false, false),
        };
        Some(match self {
            NearMiss::Stale => signs_time.then_some("timestamp_too_old")?,
            NearMiss::FromTheFuture => signs_time.then_some("timestamp_too_new")?,
            NearMiss::OldSecret if signer.old().is_none() => return None,
            NearMiss::WrongSecret | NearMiss::OldSecret if signs => "signature_mismatch",
            NearMiss::WrongSecret | NearMiss::OldSecret => "token_mismatch",
            NearMiss::TamperedBody | NearMiss::ReserialisedBody => signs.then_some("signature_mismatch")?,
            NearMiss::Missing | NearMiss::AnotherVendor => "missing_header",
            NearMiss::Repeated => "repeated_header",
            NearMiss::Malformed => signs.then_some("malformed_signature")?,
            NearMiss::ContentCoding => "content_coding",
            NearMiss::OverTheLimit => "body_too_large",
        })
    }

    /// Makes the near miss of a delivery that this signer made. `None` if it does not exist:
    /// a vendor with static headers signs no body, and one that signs no time cannot send a
    /// stale one.
    pub fn of(self, signer: &Signer, delivery: &RawRequest) -> Option<RawRequest> {
        self.code(signer)?;
        let now = signer.now();
        let again = |signer: &Signer, time: DateTime<Utc>| resigned(signer, time, delivery);
        let header = signer.header();
        Some(match self {
            NearMiss::Stale => again(signer, now.checked_sub_signed(beyond())?),
            NearMiss::FromTheFuture => again(signer, now.checked_add_signed(beyond())?),
            NearMiss::WrongSecret => again(&signer.with_another_secret()?, now),
            NearMiss::OldSecret => again(signer.old()?, now),
            NearMiss::TamperedBody => {
                let mut body = delivery.body.to_vec();
                // It stays JSON wherever the byte was a space or part of a text.
                *body.last_mut()? ^= 1;
                delivery.clone().with_body(body)
            }
            NearMiss::ReserialisedBody => {
                let layout = if delivery.body.contains(&b'\n') { Layout::Compact } else { Layout::Indented(2) };
                delivery.clone().with_body(relayout::relayout(&delivery.body, layout))
            }
            NearMiss::Missing => delivery.clone().without_header(header),
            NearMiss::Repeated => {
                let (name, value) = delivery.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header))?;
                delivery.clone().with_header(name, value.as_slice())
            }
            NearMiss::Malformed => delivery.clone().without_header(header).with_header(header, "not-a-signature"),
            NearMiss::AnotherVendor => {
                let mut request = delivery.clone();
                for (name, _) in &mut request.headers {
                    if signer.sends(name) {
                        *name = format!("x-another-vendor-{name}");
                    }
                }
                request
            }
            NearMiss::ContentCoding => delivery.clone().with_header("content-encoding", "gzip"),
            NearMiss::OverTheLimit => {
                let mut body = delivery.body.to_vec();
                // Spaces after its end change nothing of what the body says.
                body.resize(LIMIT.saturating_add(1), b' ');
                resigned(signer, now, &delivery.clone().with_body(body))
            }
        })
    }
}

/// Returns the delivery with the headers that this signer makes for it.
fn resigned(signer: &Signer, time: DateTime<Utc>, delivery: &RawRequest) -> RawRequest {
    let headers = signer.sign(time, &delivery.body);
    headers
        .into_iter()
        .fold(delivery.clone(), |request, (name, value)| request.without_header(name).with_header(name, value))
}

/// A span that the default tolerance does not allow, whatever the fractions of a second.
fn beyond() -> TimeDelta {
    let seconds = Tolerance::DEFAULT.past.as_secs().saturating_add(60);
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The default limit of the extractors.
const LIMIT: usize = 2 * 1024 * 1024;
