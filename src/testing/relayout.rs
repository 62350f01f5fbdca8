//! The same JSON with other spaces: what happens to a body that is parsed and written again.

/// Where a JSON writer puts spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// None: `JSON.stringify`, serde_json, Go.
    Compact,
    /// One after each comma and colon: Python's `json.dumps`.
    Spaced,
    /// Lines, indented by this many spaces, with a space after each colon.
    Indented(usize),
    /// Lines, indented by tabs, with a space after each colon.
    Tabs,
}

/// Writes a JSON text with other spaces. Strings and numbers stay as they are. It does not
/// check that the text is JSON.
pub(crate) fn relayout(json: &[u8], layout: Layout) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'"' => {
                out.push(b'"');
                let (string, after) = tail.split_at_checked(string_length(tail)).unwrap_or((tail, &[]));
                out.extend_from_slice(string);
                rest = after;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' | b'[' => {
                out.push(byte);
                let next = tail.trim_ascii_start();
                // No writer breaks the line in an empty object or list.
                if let [close @ (b'}' | b']'), after @ ..] = next {
                    out.push(*close);
                    rest = after;
                } else {
                    depth = depth.saturating_add(1);
                    break_line(&mut out, layout, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, layout, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                if layout == Layout::Spaced {
                    out.push(b' ');
                }
                break_line(&mut out, layout, depth);
            }
            b':' => {
                out.push(byte);
                if layout != Layout::Compact {
                    out.push(b' ');
                }
            }
            _ => out.push(byte),
        }
    }
    out
}

/// Returns the length of a string, with the quotation mark that ends it, after the one that
/// begins it.
fn string_length(text: &[u8]) -> usize {
    let mut from = 0_usize;
    while let Some(found) = text.get(from..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        let at = from.saturating_add(found);
        if text.get(at) == Some(&b'"') {
            return at.saturating_add(1);
        }
        from = at.saturating_add(2);
    }
    text.len()
}

fn break_line(out: &mut Vec<u8>, layout: Layout, depth: usize) {
    let (unit, count): (u8, usize) = match layout {
        Layout::Indented(width) => (b' ', width.saturating_mul(depth.min(MAX_DEPTH))),
        Layout::Tabs => (b'\t', depth.min(MAX_DEPTH)),
        Layout::Compact | Layout::Spaced => return,
    };
    out.push(b'\n');
    out.extend(std::iter::repeat_n(unit, count));
}

/// Deeper lines are not indented further, so that the text cannot grow without limit.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn each_layout_is_that_of_its_writer() {
        let compact = r#"{"a":[1,{"b, c: {":"\"}"}],"d":{},"e":[]}"#;
        let spaced = r#"{"a": [1, {"b, c: {": "\"}"}], "d": {}, "e": []}"#;
        let indented =
            "{\n  \"a\": [\n    1,\n    {\n      \"b, c: {\": \"\\\"}\"\n    }\n  ],\n  \"d\": {},\n  \"e\": []\n}";
        for json in [compact, spaced, indented, &format!(" {indented} \r\n")] {
            let of = |layout| text(relayout(json.as_bytes(), layout));
            assert_eq!(of(Layout::Compact), compact);
            assert_eq!(of(Layout::Spaced), spaced);
            assert_eq!(of(Layout::Indented(2)), indented);
            assert_eq!(of(Layout::Tabs), indented.replace("  ", "\t"));
        }
        // serde_json's own writer agrees.
        let value: serde_json::Value = serde_json::from_str(compact).unwrap();
        assert_eq!(serde_json::to_string_pretty(&value).unwrap(), indented);
    }
}
