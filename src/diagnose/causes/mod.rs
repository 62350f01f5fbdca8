//! The known causes. Each is a row of data; the tests of one stage share a file.

mod head;
mod time;
mod body;
mod secret;

use super::report::Cause;

/// The causes that this crate knows, in the order in which they are tested. Of two that are
/// equally sure, the earlier one comes first.
pub const CAUSES: &[Cause] = &[
    Cause {
        name: "content_coding",
        test: head::content_coding,
        text: "The body is compressed, and the signature is over the bytes as they are sent. Switch off the \
               compression of requests in the proxy or the sender.",
    },
    Cause {
        name: "another_vendor",
        test: head::another_vendor,
        text: "The delivery is of another scheme than the one that this route verifies. Compare the URL in the \
               vendor's settings with the routes.",
    },
    Cause {
        name: "header_renamed",
        test: head::header_renamed,
        text: "A header arrived under another name, as gateways write it (`HTTP_X_…` or `x_…`). Hand over the \
               headers under their own names.",
    },
    Cause {
        name: "header_repeated",
        test: head::header_repeated,
        text: "The header is there more than once. Let the proxy replace it, and not add it.",
    },
    Cause {
        name: "header_dropped",
        test: head::header_dropped,
        text: "The header was lost on the way. Let the proxy pass the vendor's headers on.",
    },
    Cause {
        name: "tag_encoding",
        test: head::tag_encoding,
        text: "The signature is written in base64 where this scheme writes hexadecimal digits, or the other way \
               round. Change the encoding in the sender.",
    },
    Cause {
        name: "tag_prefix",
        test: head::tag_prefix,
        text: "The text before the signature, such as `sha256=`, is missing or is not this scheme's. Send the header \
               exactly as the vendor documents it.",
    },
    Cause {
        name: "token_form",
        test: head::token_form,
        text: "The static header has the right value in another form: with or without `Bearer`, or in quotation \
               marks. Enter the same text in the vendor's form and in the configuration.",
    },
    Cause {
        name: "token_header",
        test: head::token_header,
        text: "The static header has the right value and another name than this route reads. Configure the same name \
               in the vendor's form and in the receiver.",
    },
    Cause {
        name: "time_format",
        test: time::time_format,
        text: "The signed time is written in another format than this scheme's, for example in milliseconds. Send it \
               as the vendor documents it.",
    },
    Cause {
        name: "time_zone",
        test: time::time_zone,
        text: "The signed time is off by a whole number of half hours, as if a local time was taken for UTC. Check \
               the time zones of the sender and of this host.",
    },
    Cause {
        name: "clock_behind",
        test: time::clock_behind,
        text: "The delivery was signed in the future of this host's clock. Compare both clocks with NTP.",
    },
    Cause {
        name: "delayed",
        test: time::delayed,
        text: "The delivery is genuine and old: it waited in a queue or a tunnel, or was sent again with its first \
               signature. Verify it before it is queued, or raise the tolerance.",
    },
    Cause {
        name: "clock_ahead",
        test: time::clock_ahead,
        text: "This host's clock may be ahead. Compare it with NTP.",
    },
    Cause {
        name: "body_consumed",
        test: body::consumed,
        text: "The body is empty. A middleware or an extractor has read it before. Take the webhook as the only \
               extractor that reads the body.",
    },
    Cause {
        name: "trailing_newline",
        test: body::trailing_newline,
        text: "A line break at the end of the body was added or lost. `echo` adds one, and `curl -d` removes them: \
               use `curl --data-binary`.",
    },
    Cause {
        name: "byte_order_mark",
        test: body::byte_order_mark,
        text: "A byte order mark at the start of the body was added or lost. Pass the body on as bytes.",
    },
    Cause {
        name: "line_endings",
        test: body::line_endings,
        text: "The line breaks in the body were converted between LF and CRLF. Pass the body on as bytes.",
    },
    Cause {
        name: "base64_body",
        test: body::base64,
        text: "The body is base64, as serverless platforms hand over binary bodies. Decode it before the check.",
    },
    Cause {
        name: "quoted_body",
        test: body::quoted,
        text: "The body is a JSON text inside of a JSON string: it was encoded twice. Pass the body on as bytes.",
    },
    Cause {
        name: "other_secret",
        test: secret::other_receiver,
        text: "The secret is that of another vendor or another endpoint of this application. Exchange the secrets.",
    },
    Cause {
        name: "secret_quoted",
        test: secret::quoted,
        text: "The configured secret is in quotation marks that do not belong to it. Remove them; some environment \
               files keep them.",
    },
    Cause {
        name: "secret_prefix",
        test: secret::prefix,
        text: "The prefix of the secret, such as `whsec_`, was removed or kept wrongly. Configure the secret exactly \
               as the vendor shows it.",
    },
    Cause {
        name: "text_recoded",
        test: body::recoded,
        text: "The body was decoded as text with one character set and encoded with another. Pass the body on as \
               bytes.",
    },
    Cause {
        name: "reserialised",
        test: body::reserialised,
        text: "The body was parsed and written again, with other spaces or escapes. Verify the bytes as they were \
               received.",
    },
    Cause {
        name: "key_order",
        test: body::key_order,
        text: "The body was parsed and written again, with its members in another order. Verify the bytes as they \
               were received.",
    },
    Cause {
        name: "body_compressed",
        test: body::compressed,
        text: "The body is still compressed, although no header says so. Switch off the compression of requests.",
    },
    Cause {
        name: "body_length",
        test: body::length,
        text: "The body has another length than its header states, so something has changed it. Verify it before \
               anything else reads it.",
    },
    Cause {
        name: "secret_whitespace",
        test: secret::whitespace,
        text: "The sender signs with white space at an end of the secret. Remove it there.",
    },
    Cause {
        name: "secret_encoding",
        test: secret::encoding,
        text: "The secret is base64 or hexadecimal, and one side decodes it where the other does not. Configure it as \
               the vendor shows it, and check the scheme.",
    },
    Cause {
        name: "signed_parts",
        test: secret::signed_parts,
        text: "The sender signs the time, the id and the body in another order or with another separator. Compare it \
               with the vendor's page.",
    },
];
