//! The same JSON with other escapes: what happens to a body that is parsed and written again.

/// Which characters a JSON writer escapes, in addition to those that it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// None.
    None,
    /// Everything outside ASCII: Python's `json.dumps`.
    Ascii,
    /// Slashes: PHP's `json_encode`, together with everything outside ASCII.
    Php,
    /// `<`, `>` and `&`: Go's `json.Marshal`.
    Html,
}

/// Writes the escapes of a JSON text as another writer would. Only strings can hold
/// characters outside ASCII, slashes and the like, so the text is not parsed. `None` if it
/// would stay as it is, or is not UTF-8.
pub(crate) fn escape(json: &[u8], escapes: Escapes) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(json).ok()?;
    let (ascii, also): (bool, &[char]) = match escapes {
        Escapes::None => return unescape(text),
        Escapes::Ascii => (true, &[]),
        Escapes::Php => (true, &['/']),
        Escapes::Html => (false, &['<', '>', '&']),
    };
    let must = |char: char| (ascii && !char.is_ascii()) || also.contains(&char);
    if !text.contains(must) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut escaped = false;
    for char in text.chars() {
        match char {
            // It is escaped already.
            '/' if escaped => out.push('/'),
            '/' if also.contains(&'/') => out.push_str("\\/"),
            _ if must(char) => push_unicode_escape(&mut out, char),
            _ => out.push(char),
        }
        escaped = char == '\\' && !escaped;
    }
    Some(out.into_bytes())
}

/// Writes escapes that JSON does not need as the characters themselves.
fn unescape(text: &str) -> Option<Vec<u8>> {
    if !text.contains('\\') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (char, length) = unescaped(after);
        match char {
            Some(char) => out.push(char),
            // The escape stays, with the character that follows it.
            None => {
                out.push('\\');
                out.push_str(after.get(..length).unwrap_or_default());
            }
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    (out != text).then(|| out.into_bytes())
}

/// Reads what follows a backslash: the character, unless its escape must stay, and the length
/// of the escape.
fn unescaped(after: &str) -> (Option<char>, usize) {
    let first = after.chars().next().map_or(0, char::len_utf8);
    if after.starts_with('/') {
        return (Some('/'), 1);
    }
    let Some(unit) = unit(after) else { return (None, first) };
    if let Some(char) = char::from_u32(u32::from(unit)) {
        let needed = char.is_control() || matches!(char, '"' | '\\');
        return if needed { (None, UNIT_BYTES) } else { (Some(char), UNIT_BYTES) };
    }
    let low = after.get(UNIT_BYTES..).and_then(|rest| rest.strip_prefix('\\')).and_then(self::unit);
    let pair = low.and_then(|low| char::decode_utf16([unit, low]).next()?.ok());
    match pair {
        Some(char) => (Some(char), UNIT_BYTES.saturating_mul(2).saturating_add(1)),
        None => (None, UNIT_BYTES),
    }
}

/// Reads an escape after its backslash: `u` and four hexadecimal digits.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix('u')?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

fn push_unicode_escape(out: &mut String, char: char) {
    for unit in char.encode_utf16(&mut [0; 2]) {
        out.push_str("\\u");
        for shift in [12, 8, 4, 0] {
            out.extend(char::from_digit(u32::from(*unit >> shift & 0xf), 16));
        }
    }
}

/// The length of an escape without its backslash.
const UNIT_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn escapes_are_written_and_taken_back() {
        let plain = r#"{"a":"é/<b>\n\"😀\\"}"#;
        for (escapes, expected) in [
            (Escapes::Ascii, r#"{"a":"\u00e9/<b>\n\"\ud83d\ude00\\"}"#),
            (Escapes::Php, r#"{"a":"\u00e9\/<b>\n\"\ud83d\ude00\\"}"#),
            (Escapes::Html, r#"{"a":"é/\u003cb\u003e\n\"😀\\"}"#),
        ] {
            assert_eq!(escape(plain.as_bytes(), escapes).map(text).as_deref(), Some(expected));
            assert_eq!(escape(expected.as_bytes(), Escapes::None).map(text).as_deref(), Some(plain));
            assert_eq!(escape(br#"{"a":"b\n"}"#, escapes), None);
        }
        for stays in [r#"{"a":"\u0000\u0022\ud83d"}"#, r"\", r"\u12", "\\é"] {
            assert_eq!(escape(stays.as_bytes(), Escapes::None), None, "{stays}");
        }
        // A slash that is escaped already, and one behind an escaped backslash.
        assert_eq!(escape(br"\/\\/", Escapes::Php).map(text).as_deref(), Some(r"\/\\\/"));
        assert_eq!(escape(b"\xff", Escapes::Ascii), None);
    }
}
