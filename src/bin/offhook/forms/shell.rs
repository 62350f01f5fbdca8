//! The words of a shell command, as browsers and documentation write them.

use super::InputError;

/// Splits a command into its words. Quotation marks, backslashes and `$'…'` are understood;
/// nothing is executed or replaced.
pub(super) fn words(command: &str) -> Result<Vec<String>, InputError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                // A line that is continued.
                Some('\n') => {}
                Some('\r') if rest.peek() == Some(&'\n') => drop(rest.next()),
                Some(character) => word.get_or_insert_default().push(character),
                None => {}
            },
            '\'' => single_quoted(&mut rest, word.get_or_insert_default())?,
            '"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            '$' if rest.peek() == Some(&'\'') => {
                rest.next();
                escaped(&mut rest, word.get_or_insert_default())?;
            }
            character if character.is_whitespace() => words.extend(word.take()),
            character => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    Ok(words)
}

fn open_quote() -> InputError {
    InputError::Curl("has a quotation mark that is not closed".to_owned())
}

fn single_quoted(rest: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), InputError> {
    loop {
        match rest.next().ok_or_else(open_quote)? {
            '\'' => return Ok(()),
            character => word.push(character),
        }
    }
}

fn double_quoted(rest: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), InputError> {
    loop {
        match rest.next().ok_or_else(open_quote)? {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or_else(open_quote)? {
                '\n' => {}
                character @ ('"' | '\\' | '$' | '`') => word.push(character),
                character => word.extend(['\\', character]),
            },
            character => word.push(character),
        }
    }
}

/// Reads `$'…'`, in which Chrome writes a body with a quotation mark or with escapes.
fn escaped(rest: &mut std::iter::Peekable<impl Iterator<Item = char>>, word: &mut String) -> Result<(), InputError> {
    loop {
        match rest.next().ok_or_else(open_quote)? {
            '\'' => return Ok(()),
            '\\' => match rest.next().ok_or_else(open_quote)? {
                'a' => word.push('\x07'),
                'b' => word.push('\x08'),
                'e' | 'E' => word.push('\x1b'),
                'f' => word.push('\x0c'),
                'n' => word.push('\n'),
                'r' => word.push('\r'),
                't' => word.push('\t'),
                'v' => word.push('\x0b'),
                first @ '0'..='7' => word.push(character(rest, first.to_string(), 8, 3)?),
                'x' => word.push(character(rest, String::new(), 16, 2)?),
                'u' => word.push(character(rest, String::new(), 16, 4)?),
                'U' => word.push(character(rest, String::new(), 16, 8)?),
                character @ ('\\' | '\'' | '"' | '?') => word.push(character),
                character => word.extend(['\\', character]),
            },
            character => word.push(character),
        }
    }
}

/// Reads the number of a character, after the digits that are already read. `\xff` would be a
/// byte and not a character, so it is refused. No argument can hold the character 0.
fn character(
    rest: &mut std::iter::Peekable<impl Iterator<Item = char>>,
    mut number: String,
    radix: u32,
    digits: usize,
) -> Result<char, InputError> {
    while number.len() < digits {
        let Some(digit) = rest.next_if(|digit| digit.is_digit(radix)) else { break };
        number.push(digit);
    }
    let code = u32::from_str_radix(&number, radix).ok().filter(|code| *code > 0 && (digits > 3 || *code < 128));
    code.and_then(char::from_u32).ok_or_else(|| InputError::Curl("has an escape that is no character".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        for (command, expected) in [
            ("a  b\tc\n", &["a", "b", "c"][..]),
            ("a \\\n  b \\\r\n c", &["a", "b", "c"]),
            (r#"'a b' "c d" e\ f 'g'"h"i ''"#, &["a b", "c d", "e f", "ghi", ""]),
            (r#""\"\\\$\n""#, &[r#""\$\n"#]),
            (r"$'it\'s\n\u00e9\x41'", &["it's\né\u{41}"]),
            (r#"$'\a\b\e\f\v\033[\1018\q\"'"#, &["\u{7}\u{8}\u{1b}\u{c}\u{b}\u{1b}[A8\\q\""]),
            ("'$HOME `x`'", &["$HOME `x`"]),
        ] {
            assert_eq!(words(command).unwrap(), expected, "{command}");
        }
    }

    #[test]
    fn an_open_quotation_mark_or_a_broken_escape_is_refused() {
        for command in ["'a", "\"a", "\"a\\", "$'a", "$'a\\", r"$'\xff'", r"$'\377'", r"$'\0'", r"$'\ud800'", r"$'\u'"]
        {
            assert!(matches!(words(command), Err(InputError::Curl(_))), "{command}");
        }
    }
}
