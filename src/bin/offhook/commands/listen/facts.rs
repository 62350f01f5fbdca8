//! What the vendors' documentation says about answers and redeliveries.

use std::time::Duration;

use offhook::Profile;

use crate::vendors::Vendor;

/// When a vendor sends a delivery again that was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redelivery {
    /// After each of these waits, in seconds.
    After(&'static [u64]),
    /// Each sender decides. The specification has these waits as an example.
    Example(&'static [u64]),
    /// It is documented that it does, and not when.
    AtSomeTime,
    /// Nothing is documented.
    NotStated,
}

impl Vendor {
    fn redelivery(self) -> Redelivery {
        match self {
            Vendor::Truedy => Redelivery::AtSomeTime,
            Vendor::TalkifAi => Redelivery::After(&[30, 5 * 60, 30 * 60]),
            Vendor::Ultravox => Redelivery::After(&[30, 60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360]),
            Vendor::StandardWebhooks => {
                Redelivery::Example(&[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400])
            }
            Vendor::Svix => Redelivery::After(&[5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]),
            Vendor::Salpre => Redelivery::NotStated,
        }
    }

    /// Says whether the vendor sends a delivery again that was not accepted, and when.
    pub(super) fn sends_again(self) -> String {
        match self.redelivery() {
            Redelivery::After(waits) => {
                format!("{self} sends it again, with these waits before the attempts: {}", list(waits))
            }
            Redelivery::Example(waits) => {
                format!("the sender may send it again; the specification suggests these waits: {}", list(waits))
            }
            Redelivery::AtSomeTime => format!("{self} may send it again; when is not stated"),
            Redelivery::NotStated => format!("whether {self} sends it again is not stated"),
        }
    }

    /// Says how long the vendor waits for an answer.
    pub(super) fn waits(self, profile: &Profile) -> String {
        let within = profile.answers_within().as_secs_f64();
        match self {
            Vendor::TalkifAi | Vendor::Svix => format!("{self} waits for {within} s"),
            _ => format!("how long {self} waits is not stated: plan for {within} s"),
        }
    }
}

fn list(waits: &[u64]) -> String {
    waits.iter().copied().map(seconds).collect::<Vec<_>>().join(", ")
}

/// Writes a number of seconds in hours, minutes and seconds.
fn seconds(seconds: u64) -> String {
    let parts = [(seconds / 3600, "h"), (seconds % 3600 / 60, "min"), (seconds % 60, "s")];
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number} {unit}"));
    parts.collect::<Vec<_>>().join(" ")
}

/// Writes a duration in milliseconds or, if it is long, in seconds.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        milliseconds @ ..1000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use zeroize::Zeroizing;

    use super::*;
    use crate::vendors::Endpoint;

    #[test]
    fn the_waits_add_up_to_the_retry_span_of_the_profile() {
        for vendor in Vendor::value_variants() {
            let endpoint = Endpoint::new(*vendor, Zeroizing::new("whsec_c2VjcmV0LXNlY3JldA==".to_owned())).unwrap();
            let span = match vendor.redelivery() {
                Redelivery::After(waits) | Redelivery::Example(waits) => Some(Duration::from_secs(waits.iter().sum())),
                Redelivery::AtSomeTime | Redelivery::NotStated => None,
            };
            assert_eq!(endpoint.profile().unwrap().retry_span(), span, "{vendor}");
        }
    }

    #[test]
    fn a_vendor_takes_the_success_status_of_its_profile_for_accepted() {
        for vendor in Vendor::value_variants() {
            let endpoint = Endpoint::new(*vendor, Zeroizing::new("whsec_c2VjcmV0LXNlY3JldA==".to_owned())).unwrap();
            assert!(vendor.takes_for_accepted(endpoint.profile().unwrap().success().status()), "{vendor}");
            assert!(!vendor.takes_for_accepted(302) && !vendor.takes_for_accepted(401), "{vendor}");
        }
        assert!(!Vendor::Salpre.takes_for_accepted(204));
    }

    #[test]
    fn waits_are_written_for_people() {
        assert_eq!(
            Vendor::TalkifAi.sends_again(),
            "talkifai sends it again, with these waits before the attempts: 30 s, 5 min, 30 min"
        );
        assert!(Vendor::Ultravox.sends_again().ends_with("2 h 8 min, 4 h 16 min"));
        assert_eq!(seconds(3_661), "1 h 1 min 1 s");
        assert_eq!(
            [999, 1_000, 61_250].map(|milliseconds| duration(Duration::from_millis(milliseconds))),
            ["999 ms", "1.0 s", "61.2 s"]
        );
    }
}
