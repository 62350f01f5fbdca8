//! The signature schemes of vendors that the crate does not have. They show what a scheme can express.

use offhook::verify::{HmacScheme, Part, Separator, TimestampFormat};

pub const GITHUB: HmacScheme = HmacScheme::in_header("x-hub-signature-256").prefix("sha256=").signs(&[Part::Body]);

pub const SLACK: HmacScheme = HmacScheme::in_header("x-slack-signature")
    .prefix("v0=")
    .timestamp_header("x-slack-request-timestamp", TimestampFormat::UnixSeconds)
    .signs(&[Part::Literal("v0:"), Part::Timestamp, Part::Literal(":"), Part::Body]);

pub const STRIPE: HmacScheme = HmacScheme::in_header("stripe-signature")
    .list(Separator::Comma)
    .prefix("v1=")
    .timestamp_entry("t=", TimestampFormat::UnixSeconds)
    .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);

pub const ELEVENLABS: HmacScheme = HmacScheme::in_header("elevenlabs-signature")
    .list(Separator::Comma)
    .prefix("v0=")
    .timestamp_entry("t=", TimestampFormat::UnixSeconds)
    .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);

pub const SHOPIFY: HmacScheme = HmacScheme::in_header("x-shopify-hmac-sha256").base64().signs(&[Part::Body]);

pub const RETELL: HmacScheme = HmacScheme::in_header("x-retell-signature")
    .list(Separator::Comma)
    .prefix("d=")
    .timestamp_entry("v=", TimestampFormat::UnixMillis)
    .signs(&[Part::Body, Part::Timestamp]);

/// A scheme that signs id, time and body without a separator between them.
pub const TWITCH: HmacScheme = HmacScheme::in_header("twitch-eventsub-message-signature")
    .prefix("sha256=")
    .id_header("twitch-eventsub-message-id")
    .timestamp_header("twitch-eventsub-message-timestamp", TimestampFormat::Rfc3339)
    .signs(&[Part::Id, Part::Timestamp, Part::Body]);
