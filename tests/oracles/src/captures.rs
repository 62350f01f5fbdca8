//! Deliveries as text: what is read from a file is what the file says, what is written reads back
//! as the same delivery, and no credential is written.

use arbitrary::{Arbitrary, Unstructured};
use base64ct::{Base64, Encoding as _};
use chrono::{DateTime, SubsecRound as _, Utc};
use hyper::Uri;
use offhook::diagnose::{Explainer, Receiver};
use offhook::testing::{Capture, RawRequest};
use offhook::{FixedClock, Truedy, Verifier};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::forms::written::{self, ShellHeader, WriteError};
use crate::forms::{self, BodyFiles, Input, InputError, is_of_a_connection};

pub struct Subject {
    read: fn(&[u8]) -> Result<Input, InputError>,
    curl: fn(&Uri, &RawRequest, Option<ShellHeader>) -> Result<String, WriteError>,
}

pub const CRATE: Subject = Subject { read: |file| forms::parse(file, BodyFiles::Refuse), curl: written::curl };

/// Forgets that a quotation mark ends what a shell takes as it is.
pub const PLANTED: Subject =
    Subject { curl: |url, request, token| Ok((CRATE.curl)(url, request, token)?.replace(r"'\''", "'")), ..CRATE };

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    form: Form,
    method: u8,
    target: &'a str,
    headers: Vec<(u8, &'a [u8])>,
    body: &'a [u8],
}

/// How a delivery is written.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Form {
    Http { bare_line_feeds: bool, body: Ending },
    Capture { time: Option<u32> },
    Har { base64: bool, alone: bool },
    Curl { quotes: Quotes, long: bool },
}

/// How a file says where a body ends.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    EndOfFile,
    Length,
    Chunks(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Quotes {
    Single,
    Double,
    Escaped,
    Backslashes,
}

pub fn check(subject: &Subject, input: &[u8]) {
    // A file may hold any bytes, and a part of it may be there thousands of times.
    check_file(subject, input);
    if let Some((first, piece @ [_, ..])) = input.split_first()
        && let Some(start) = STARTS.get(usize::from(*first))
    {
        check_file(subject, &[start.as_bytes(), &piece.repeat(REPEATED_BYTES / piece.len())].concat());
    }
    let Ok(case) = Case::arbitrary(&mut Unstructured::new(input)) else { return };
    let request = case.request();
    let (file, received_at) = case.form.write(&request);
    let read = (subject.read)(&file);
    let shown = || format!("{:?}: {}", request.headers, String::from_utf8_lossy(&file));
    let input = read.unwrap_or_else(|error| panic!("{error}: {}", shown()));
    let mut expected = request.clone();
    // A masked value is the same in every form, and a capture masks by itself.
    if let Form::Capture { .. } = case.form {
        mask(&mut expected);
    }
    if let Form::Http { .. } = case.form {
        // They tell where the body ends, and are part of what was received.
        let (other, framing): (Vec<_>, Vec<_>) =
            input.request.headers.iter().cloned().partition(|(name, _)| !is_of_a_connection(name));
        assert!(framing.len() <= 1, "{}", shown());
        assert_eq!(other, expected.headers, "{}", shown());
    } else {
        assert_eq!(input.request.headers, expected.headers, "{}", shown());
    }
    assert_eq!((&input.request.method, &input.request.target), (&expected.method, &expected.target), "{}", shown());
    assert_eq!(input.request.body, expected.body, "{}", shown());
    assert_eq!(input.received_at, received_at, "{}", shown());
    check_delivery(subject, &input);
}

fn check_file(subject: &Subject, file: &[u8]) {
    if let Ok(input) = (subject.read)(file) {
        check_delivery(subject, &input);
    }
}

/// Checks what holds for every delivery that was read.
fn check_delivery(subject: &Subject, input: &Input) {
    let request = &input.request;
    assert!(is_http(request), "no request of HTTP: {:?} {:?} {:?}", request.method, request.target, request.headers);
    let masked = |request: &RawRequest| -> Vec<String> {
        request.headers.iter().filter(|(_, value)| value == b"***").map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(input.masked, masked(request), "{:?}", request.headers);
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let hidden = query.split('&').filter_map(|parameter| parameter.strip_suffix("=***"));
    assert!(hidden.eq(input.masked_parameters.iter()), "{:?} {:?}", request.target, input.masked_parameters);

    let mut safe = request.clone();
    mask(&mut safe);
    let capture = Capture::new(request.clone());
    let capture = input.received_at.into_iter().fold(capture, Capture::with_received_at).to_json();
    let again = (subject.read)(capture.as_bytes()).unwrap_or_else(|error| panic!("{error}: {capture}"));
    assert!(again.request == safe, "another request: {:?} {capture}", request.headers);
    assert_eq!(again.received_at, input.received_at.map(|time| time.trunc_subsecs(6)), "{capture}");
    assert_eq!(again.masked, masked(&safe), "{capture}");

    let Ok(url) = written::url(None, &safe) else {
        assert!(!safe.target.starts_with('/') || safe.target.parse::<Uri>().is_err(), "{:?}", safe.target);
        return;
    };
    assert_eq!(url.authority().map(|authority| authority.as_str()), Some("127.0.0.1:3000"), "{:?}", safe.target);
    let http = written::http(&url, &safe);
    let again = (subject.read)(&http).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&http)));
    assert!(again.request.method == safe.method && again.request.target == safe.target, "{again:?}");
    assert_eq!(again.request.body, safe.body, "{}", String::from_utf8_lossy(&http));
    assert_eq!(delivered(&again.request), delivered(&safe));
    // The others would say where a body ends.
    let mut sent = safe.clone();
    sent.headers = delivered(&safe);
    let lines = [b"POST / HTTP/1.1\r\n", &written::headers(&sent)[..], b"\r\n"].concat();
    assert_eq!((subject.read)(&lines).map(|again| again.request.headers).as_ref(), Ok(&sent.headers));

    let token = ShellHeader { name: "authorization", value: "Bearer $TOKEN".to_owned() };
    let curl = (subject.curl)(&url, &safe, Some(token));
    for (name, value) in &mut sent.headers {
        if value == b"***" && name.eq_ignore_ascii_case("authorization") {
            *value = b"Bearer $TOKEN".to_vec();
        }
    }
    sent.headers.retain(|(_, value)| value != b"***");
    let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0);
    assert_eq!(curl.is_ok(), is_text(&sent.body) && sent.headers.iter().all(|(_, value)| is_text(value)), "{curl:?}");
    if let Ok(curl) = &curl {
        let again = (subject.read)(curl.as_bytes()).unwrap_or_else(|error| panic!("{error}: {curl}"));
        // A fragment stays with the sender.
        sent.target = safe.target.split('#').next().unwrap_or_default().to_owned();
        assert!(again.request == sent, "another request: {:?} {:?} {curl}", again.request.headers, sent.headers);
    }

    check_credentials(request, &[&capture, curl.as_deref().unwrap_or_default()]);
    check_explanation(request);
}

/// The headers that are sent again.
fn delivered(request: &RawRequest) -> Vec<(String, Vec<u8>)> {
    request.headers.iter().filter(|(name, _)| !is_of_a_connection(name)).cloned().collect()
}

/// No value of a credential is written, unless it is also somewhere else in the delivery.
fn check_credentials(request: &RawRequest, texts: &[&str]) {
    let mut public = request.clone();
    mask(&mut public);
    let elsewhere = |secret: &str| {
        let mut others = public.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]);
        let holds = |text: &[u8]| text.windows(secret.len()).any(|window| window == secret.as_bytes());
        others.any(holds) || holds(&public.body) || holds(public.target.as_bytes()) || holds(public.method.as_bytes())
    };
    for (name, value) in request.headers.iter().filter(|(name, value)| is_credential(name, value)) {
        let Ok(secret) = std::str::from_utf8(value) else { continue };
        let plain = secret.len() > 8 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
        if plain && !elsewhere(secret) {
            for text in texts {
                assert!(!text.contains(secret), "the value of {name} is in {text}");
            }
        }
    }
}

/// What `offhook verify` and `offhook explain` do with it.
fn check_explanation(request: &RawRequest) {
    let truedy = Truedy::new(SECRET).expect("it is long enough").with_clock(FixedClock::at_unix(1_773_844_200));
    let diagnosis = Explainer::new(Receiver::signed(&truedy).with_secret(SECRET)).explain(&request.request());
    assert_eq!(diagnosis.refusal().is_none(), truedy.verify(&request.request()).is_ok(), "{diagnosis}");
    assert!(!diagnosis.to_string().contains(SECRET), "{diagnosis}");
}

/// Returns whether a request can be sent over HTTP at all: the names are words of RFC 9110, and
/// nothing can begin a new line.
fn is_http(request: &RawRequest) -> bool {
    let word = |text: &str| {
        let symbol = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(symbol)
    };
    let value = |bytes: &[u8]| {
        let around = |byte: Option<&u8>| byte.is_some_and(|byte| b" \t".contains(byte));
        bytes.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
            && !around(bytes.first())
            && !around(bytes.last())
    };
    let target = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    word(&request.method)
        && target(&request.target)
        && request.headers.iter().all(|(name, bytes)| word(name) && value(bytes))
}

/// Replaces the values of credentials, as the documentation of a capture says.
fn mask(request: &mut RawRequest) {
    for (name, value) in &mut request.headers {
        if is_credential(name, value) {
            *value = b"***".to_vec();
        }
    }
    if let Some((path, query)) = request.target.split_once('?') {
        let parameters: Vec<_> = query.split('&').map(masked_parameter).collect();
        request.target = format!("{path}?{}", parameters.join("&"));
    }
}

/// A parameter without a name is a value.
fn masked_parameter(parameter: &str) -> String {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let (name, value) = parameter.split_once('=').unwrap_or(("", parameter));
    let lower = decoded(name).to_ascii_lowercase();
    let ends = ["key", "sig", "auth", "pass", "pwd", "jwt"];
    let is_secret = is_credential(&lower, decoded(value).as_bytes())
        || lower.contains("signature")
        || lower.contains("credential")
        || ends.iter().any(|end| lower.ends_with(end));
    match (is_secret, parameter.contains('=')) {
        (true, true) => format!("{name}=***"),
        (true, false) => "***".to_owned(),
        (false, _) => parameter.to_owned(),
    }
}

fn is_credential(name: &str, value: &[u8]) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let named = ["authorization", "cookie", "token", "secret", "api-key", "apikey", "password"];
    let value = String::from_utf8_lossy(value.trim_ascii_start()).to_ascii_lowercase();
    let begins =
        |scheme: &str| value.strip_prefix(scheme).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    named.iter().any(|word| name.contains(word)) || begins("bearer") || begins("basic")
}

impl Case<'_> {
    /// The delivery, made of what the form can express.
    fn request(&self) -> RawRequest {
        let path = |char: &char| char.is_ascii_alphanumeric() || "/?&=%:@!$'()*+,;~.-_[]".contains(*char);
        let target: String = self.target.chars().filter(path).collect();
        let text_only = matches!(self.form, Form::Curl { .. }) || matches!(self.form, Form::Har { base64: false, .. });
        let mut body = self.body.to_vec();
        if text_only {
            body = String::from_utf8_lossy(&body).replace('\0', "").into_bytes();
        }
        let mut request = RawRequest::post(format!("/{target}"), body);
        request.method = METHODS[usize::from(self.method) % METHODS.len()].to_owned();
        for (name, value) in self.headers.iter().take(8) {
            let mut value: Vec<u8> =
                value.iter().copied().filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)).collect();
            if matches!(self.form, Form::Har { .. } | Form::Curl { .. }) {
                value = String::from_utf8_lossy(&value).into_owned().into_bytes();
            }
            while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = &value[..] {
                value = rest.to_vec();
            }
            request.headers.push((NAMES[usize::from(*name) % NAMES.len()].to_owned(), value));
        }
        request
    }
}

impl Form {
    /// Writes a delivery in the simplest way, and returns the time that is in the file.
    fn write(self, request: &RawRequest) -> (Vec<u8>, Option<DateTime<Utc>>) {
        match self {
            Form::Http { bare_line_feeds, body } => (http(request, bare_line_feeds, body), None),
            Form::Capture { time } => {
                let time = time.and_then(|seconds| DateTime::from_timestamp(seconds.into(), 0));
                (capture(request, time).to_string().into_bytes(), time)
            }
            Form::Har { base64, alone } => (har(request, base64, alone).to_string().into_bytes(), None),
            Form::Curl { quotes, long } => (curl(request, quotes, long).into_bytes(), None),
        }
    }
}

fn http(request: &RawRequest, bare_line_feeds: bool, ending: Ending) -> Vec<u8> {
    let end = if bare_line_feeds { "\n" } else { "\r\n" };
    let mut file = format!("{} {} HTTP/1.1{end}", request.method, request.target).into_bytes();
    for (name, value) in &request.headers {
        file.extend([name.as_bytes(), b": ", value, end.as_bytes()].concat());
    }
    match ending {
        Ending::EndOfFile => file.extend([end.as_bytes(), &request.body].concat()),
        Ending::Length => {
            file.extend(format!("Content-Length: {}{end}{end}", request.body.len()).into_bytes());
            file.extend([&request.body[..], b"\n"].concat());
        }
        Ending::Chunks(size) => {
            file.extend(format!("Transfer-Encoding: chunked{end}{end}").into_bytes());
            for chunk in request.body.chunks(usize::from(size) + 1) {
                file.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            }
            file.extend(b"0\r\n\r\n");
        }
    }
    file
}

fn capture(request: &RawRequest, time: Option<DateTime<Utc>>) -> Value {
    let headers = request.headers.iter().map(|(name, value)| match std::str::from_utf8(value) {
        Ok(text) => json!([name, format!(" {text}\t")]),
        Err(_) => json!([name, { "base64": Base64::encode_string(value) }]),
    });
    json!({
        "offhook_capture": 1,
        "received_at": time.map(|time| time.to_rfc3339()),
        "method": request.method,
        "target": request.target,
        "headers": headers.collect::<Vec<_>>(),
        "body_base64": Base64::encode_string(&request.body),
    })
}

fn har(request: &RawRequest, base64: bool, alone: bool) -> Value {
    let headers =
        request.headers.iter().map(|(name, value)| json!({ "name": name, "value": String::from_utf8_lossy(value) }));
    let body = match base64 {
        true => json!({ "encoding": "base64", "text": Base64::encode_string(&request.body) }),
        false => json!({ "mimeType": "text/plain", "text": String::from_utf8_lossy(&request.body) }),
    };
    let entry = json!({ "request": {
        "method": request.method,
        "url": format!("https://h{}", request.target),
        "headers": headers.collect::<Vec<_>>(),
        "postData": body,
    }});
    if alone {
        entry
    } else {
        json!({ "log": { "entries": [{ "request": { "method": "GET", "url": "/", "headers": [] } }, entry] } })
    }
}

fn curl(request: &RawRequest, quotes: Quotes, long: bool) -> String {
    let word = |text: &[u8]| quotes.around(std::str::from_utf8(text).expect("it is text"));
    let option = |short, long_form: &str, value: String| {
        if long { format!(" \\\n --{long_form} {value}") } else { format!(" -{short}{value}") }
    };
    let mut command = format!("curl {}", option('X', "request", word(request.method.as_bytes())));
    for (name, value) in &request.headers {
        let header =
            if value.is_empty() { format!("{name};").into_bytes() } else { [name.as_bytes(), b":", value].concat() };
        command.push_str(&option('H', "header", word(&header)));
    }
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        // Otherwise curl would add one.
        command.push_str(" -H Content-Type:");
    }
    let url = word(format!("https://h{}", request.target).as_bytes());
    format!("{command} --data-raw {} {url}\n", word(&request.body))
}

impl Quotes {
    /// Writes a word for a shell.
    fn around(self, text: &str) -> String {
        match self {
            Quotes::Double => {
                let escaped = |char: char| if "\"\\$`".contains(char) { format!("\\{char}") } else { char.to_string() };
                format!("\"{}\"", text.chars().map(escaped).collect::<String>())
            }
            Quotes::Escaped => {
                let escaped = |char: char| match char {
                    '\'' | '\\' => format!("\\{char}"),
                    '\n' => "\\n".to_owned(),
                    '\x08' => "\\b".to_owned(),
                    '\x1b' => "\\033".to_owned(),
                    '\x01'..='\x1f' => format!("\\x{:02x}", u32::from(char)),
                    '!' | '\u{a0}'..='\u{ff}' => format!("\\u{:04x}", u32::from(char)),
                    '\u{10000}'.. => format!("\\U{:08X}", u32::from(char)),
                    char => char.to_string(),
                };
                format!("$'{}'", text.chars().map(escaped).collect::<String>())
            }
            // A line feed after a backslash is taken away, and no character is no word.
            Quotes::Backslashes if !text.contains(['\n', '\r']) && !text.is_empty() => {
                text.chars().flat_map(|char| ['\\', char]).collect()
            }
            Quotes::Single | Quotes::Backslashes => format!("'{}'", text.replace('\'', r"'\''")),
        }
    }
}

const SECRET: &str = "whsec_S3cretMarker";
const REPEATED_BYTES: usize = 32 * 1024;
const STARTS: [&str; 6] =
    ["", "curl -", "curl h ", "POST / HTTP/1.1\r\n", "{\"log\":{\"entries\":[", "{\"offhook_capture\":1,"];
const METHODS: [&str; 5] = ["POST", "PUT", "GET", "DELETE", "m-search"];
const NAMES: [&str; 16] = [
    "Content-Type",
    "content-type",
    "X-Truedy-Signature",
    "X-Truedy-Timestamp",
    "x-truedy-timestamp",
    "Authorization",
    "authorization",
    "Cookie",
    "X-Api-Key",
    "X_AUTH_TOKEN",
    "User-Agent",
    "Accept",
    "X-A",
    "x-a",
    "webhook-id",
    "'$!~",
];
