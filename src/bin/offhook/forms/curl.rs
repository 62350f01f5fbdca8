//! A curl command, as browsers copy it and documentation shows it.

use std::fs::File;
use std::io::Read;

use base64ct::{Base64, Encoding};
use hyper::Uri;
use offhook::Headers;
use offhook::testing::RawRequest;
use offhook::verify::Lookup;

use super::{BodyFiles, InputError, MAX_BYTES, shell};

/// Returns what follows the word `curl`, if the file is a command. A `$` before it may be that
/// of a prompt.
pub(super) fn command(file: &[u8]) -> Option<&[u8]> {
    let file = file.strip_prefix(b"$ ").unwrap_or(file);
    let rest = file.strip_prefix(b"curl")?;
    rest.first().is_none_or(u8::is_ascii_whitespace).then_some(rest)
}

/// Reads the words after `curl`.
pub(super) fn parse(command: &[u8], body_files: BodyFiles) -> Result<RawRequest, InputError> {
    let command = std::str::from_utf8(command).map_err(|_| problem("is not UTF-8"))?;
    let mut parts = Parts::new(body_files);
    let mut words = shell::words(command)?.into_iter();
    while let Some(word) = words.next() {
        if word.starts_with('-') && word.len() > 1 {
            parts.option(&word, &mut words)?;
        } else {
            parts.url(word)?;
        }
    }
    parts.request()
}

struct Parts {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    /// Several are joined with `&`, as curl does.
    data: Vec<Vec<u8>>,
    json: bool,
    /// `-H 'Content-Type:'` keeps curl from adding one.
    no_content_type: bool,
    body_files: BodyFiles,
}

impl Parts {
    fn new(body_files: BodyFiles) -> Self {
        Parts {
            method: None,
            url: None,
            headers: Vec::new(),
            data: Vec::new(),
            json: false,
            no_content_type: false,
            body_files,
        }
    }

    fn option(&mut self, option: &str, words: &mut impl Iterator<Item = String>) -> Result<(), InputError> {
        if option.starts_with("--") {
            let (name, attached) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (option, None),
            };
            return if SWITCHES.contains(&name) { Ok(()) } else { self.with_value(name, attached, words) };
        }
        // `-sXPOST` is `-s -X POST`.
        let mut letters = option.chars().skip(1);
        while let Some(letter) = letters.next() {
            let name = format!("-{letter}");
            if !SWITCHES.contains(&name.as_str()) {
                let rest = letters.collect::<String>();
                return self.with_value(&name, (!rest.is_empty()).then_some(&rest), words);
            }
        }
        Ok(())
    }

    fn with_value(
        &mut self,
        name: &str,
        attached: Option<&str>,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<(), InputError> {
        let mut value = || {
            let value = attached.map(str::to_owned).or_else(|| words.next());
            value.ok_or_else(|| problem(format!("has no value after {name}")))
        };
        match name {
            "-X" | "--request" => self.method = Some(value()?),
            "--url" => self.url(value()?)?,
            "-H" | "--header" => self.header(&value()?)?,
            "-A" | "--user-agent" => self.headers.push(("User-Agent".to_owned(), value()?.into_bytes())),
            "-b" | "--cookie" => self.headers.push(("Cookie".to_owned(), value()?.into_bytes())),
            "-u" | "--user" => {
                let credentials = format!("Basic {}", Base64::encode_string(value()?.as_bytes()));
                self.headers.push(("Authorization".to_owned(), credentials.into_bytes()));
            }
            "--oauth2-bearer" => {
                self.headers.push(("Authorization".to_owned(), format!("Bearer {}", value()?).into_bytes()))
            }
            "-d" | "--data" | "--data-ascii" => {
                let value = value()?;
                let mut data = self.contents(&value)?;
                // From a file, curl leaves out the ends of lines and the zero bytes.
                data.retain(|byte| !value.starts_with('@') || !b"\r\n\0".contains(byte));
                self.data.push(data);
            }
            "--data-binary" => {
                let data = self.contents(&value()?)?;
                self.data.push(data);
            }
            "--data-raw" => self.data.push(value()?.into_bytes()),
            "--json" => {
                self.json = true;
                let data = self.contents(&value()?)?;
                self.data.push(data);
            }
            option if WITH_VALUE.contains(&option) => drop(value()?),
            option => return Err(problem(format!("has the option {option}, which is not understood"))),
        }
        Ok(())
    }

    /// Returns data or, after `@`, the contents of a file.
    fn contents(&self, data: &str) -> Result<Vec<u8>, InputError> {
        let Some(file) = data.strip_prefix('@') else { return Ok(data.as_bytes().to_vec()) };
        if self.body_files == BodyFiles::Refuse {
            return Err(problem(format!(
                "takes its body from the file {file}, which only verify and explain read: put the body into the \
                 command, after --data-raw"
            )));
        }
        if file == "-" {
            return Err(problem("takes its body from standard input: name a file, or use --data-raw"));
        }
        let unreadable =
            |error: &dyn std::fmt::Display| problem(format!("takes its body from the file {file}: {error}"));
        let mut contents = Vec::new();
        // A device or a pipe may have no end.
        if !std::fs::metadata(file).map_err(|error| unreadable(&error))?.is_file() {
            return Err(unreadable(&"it is no regular file"));
        }
        let opened = File::open(file).map_err(|error| unreadable(&error))?;
        // One byte more shows that a file is too large.
        opened.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut contents).map_err(|error| unreadable(&error))?;
        match u64::try_from(contents.len()) {
            Ok(length) if length <= MAX_BYTES => Ok(contents),
            _ => Err(unreadable(&format_args!("the file is larger than {MAX_BYTES} bytes"))),
        }
    }

    fn url(&mut self, url: String) -> Result<(), InputError> {
        match self.url.replace(url) {
            None => Ok(()),
            Some(_) => Err(problem("has more than one URL")),
        }
    }

    fn header(&mut self, line: &str) -> Result<(), InputError> {
        if let Some((name, value)) = line.split_once(':') {
            // A header without a value is one that curl leaves out.
            if !value.trim_ascii().is_empty() {
                self.headers.push((name.trim().to_owned(), value.as_bytes().to_vec()));
            } else if name.trim().eq_ignore_ascii_case("content-type") {
                self.no_content_type = true;
            }
            return Ok(());
        }
        match line.strip_suffix(';') {
            Some(name) => self.headers.push((name.to_owned(), Vec::new())),
            None => return Err(problem("has a header without a colon")),
        }
        Ok(())
    }

    fn request(self) -> Result<RawRequest, InputError> {
        let Parts { method, url, headers, data, json, no_content_type, body_files: _ } = self;
        let url = url.ok_or_else(|| problem("has no URL"))?;
        let url = if url.contains("://") { url } else { format!("http://{url}") };
        let uri: Uri = url.parse().map_err(|_| problem("has a URL that cannot be read"))?;
        let method = method.unwrap_or_else(|| if data.is_empty() { "GET" } else { "POST" }.to_owned());
        let separator: &[u8] = if json { b"" } else { b"&" };
        let mut request =
            RawRequest::post(uri.path_and_query().map_or("/", |target| target.as_str()), data.join(separator));
        request.method = method;
        request.headers = headers;
        let content_type = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        if !data.is_empty() && !no_content_type && request.headers.lookup("content-type") == Lookup::Missing {
            request = request.with_header("Content-Type", content_type);
        }
        Ok(request)
    }
}

fn problem(text: impl Into<String>) -> InputError {
    InputError::Curl(text.into())
}

/// Options without a value that change nothing of what is sent.
const SWITCHES: [&str; 26] = [
    "-i",
    "--include",
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-k",
    "--insecure",
    "-L",
    "--location",
    "-f",
    "--fail",
    "-g",
    "--globoff",
    "--path-as-is",
    "-N",
    "--no-buffer",
    "-#",
    "--progress-bar",
    "--compressed",
    "--http1.1",
    "--http2",
    "-4",
    "-6",
];

/// Options with a value that changes nothing of what is sent.
const WITH_VALUE: [&str; 14] = [
    "-o",
    "--output",
    "-w",
    "--write-out",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "--resolve",
    "--cacert",
    "-x",
    "--proxy",
    "--max-redirs",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str) -> Result<RawRequest, InputError> {
        crate::forms::parse(command.as_bytes(), BodyFiles::Read).map(|input| input.request)
    }

    #[test]
    fn a_command_is_read_as_curl_would_send_it() {
        let expected =
            RawRequest::post("/hooks?a=1", "{\"a\": 1}").with_header("X-A", "1").with_header("content-type", "x");
        for command in [
            "curl -i https://h/hooks?a=1 -H 'X-A: 1' -H 'content-type: x' --data-binary '{\"a\": 1}'",
            "$ curl 'https://h/hooks?a=1' \\\n  -HX-A:1 --header=content-type:x --data-raw '{\"a\": 1}' --compressed",
            "curl -sSX POST --url h/hooks?a=1 -H 'X-A:1' -H 'X-B:' -H'content-type: x' -d'{\"a\": 1}' -o /dev/null -m 5",
        ] {
            assert_eq!(read(command).unwrap(), expected, "{command}");
        }
    }

    #[test]
    fn what_curl_adds_is_added() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            read("curl h -d a=1 -d b=2").unwrap(),
            RawRequest::post("/", "a=1&b=2").with_header("Content-Type", form)
        );
        let json = RawRequest::post("/", "{}").with_header("Content-Type", "application/json");
        assert_eq!(read("curl h --json {}").unwrap(), json);
        let user = read("curl h -u a:b").unwrap();
        assert_eq!(
            (user.method.as_str(), user.headers),
            ("GET", vec![("Authorization".to_owned(), b"Basic YTpi".to_vec())])
        );
    }

    #[test]
    fn a_content_type_that_curl_leaves_out_is_not_added() {
        assert_eq!(read("curl h -d a -H 'content-type:'").unwrap(), RawRequest::post("/", "a"));
    }

    #[test]
    fn any_number_of_switches_may_be_in_one_word() {
        let switches = "i".repeat(1_000_000);
        assert_eq!(read(&format!("curl -{switches}XPUT h")).unwrap().method, "PUT");
    }

    #[test]
    fn a_body_in_a_file_is_read_as_curl_reads_it() {
        // The current directory of the test is that of the package.
        let file = "src/bin/offhook/forms/curl.rs";
        let text = std::fs::read(file).unwrap();
        let body = |option: &str| read(&format!("curl h {option} @{file}")).unwrap().body;
        assert!(body("--data-binary") == text && body("--json") == text);
        let one_line: Vec<_> = text.iter().copied().filter(|byte| *byte != b'\n').collect();
        assert!(body("-d") == one_line && body("--data") == one_line);
        assert_eq!(&read(&format!("curl h --data-raw @{file}")).unwrap().body[..], format!("@{file}").as_bytes());
        let large = std::env::temp_dir().join(format!("offhook-large-{}", std::process::id()));
        File::create(&large).unwrap().set_len(MAX_BYTES + 1).unwrap();
        let refused = read(&format!("curl h -d @{}", large.display())).unwrap_err();
        std::fs::remove_file(large).unwrap();
        assert!(refused.to_string().ends_with(": the file is larger than 33554432 bytes"), "{refused}");
        let refused = parse(format!("h -d @{file}").as_bytes(), BodyFiles::Refuse).unwrap_err();
        assert!(refused.to_string().contains("which only verify and explain read"), "{refused}");
    }

    #[test]
    fn what_is_not_understood_is_refused_and_named() {
        for (command, problem) in [
            ("curl", "has no URL"),
            ("curl a b", "has more than one URL"),
            ("curl a -F x=y", "has the option -F, which is not understood"),
            ("curl a -H", "has no value after -H"),
            ("curl a -H x", "has a header without a colon"),
            ("curl 'a b'", "has a URL that cannot be read"),
            ("curl a -d @-", "takes its body from standard input: name a file, or use --data-raw"),
            (
                "curl a --json @does-not-exist",
                "takes its body from the file does-not-exist: No such file or directory (os error 2)",
            ),
            ("curl a --data-binary @/dev/zero", "takes its body from the file /dev/zero: it is no regular file"),
        ] {
            assert_eq!(read(command), Err(InputError::Curl(problem.to_owned())), "{command}");
        }
    }
}
