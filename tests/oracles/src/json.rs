//! Whether a text is JSON, by the grammar of RFC 8259 alone.

/// Returns the text of each member of an object, undecoded and in order; `None` if the text is
/// not a JSON object.
pub fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let mut members = Vec::new();
    reader.members(&mut |key, value| members.push((key, value)))?;
    reader.space();
    (reader.at == text.len()).then_some(members)
}

/// Returns the text of each entry of a list; `None` if the text is not a JSON list.
pub fn entries(text: &str) -> Option<Vec<&str>> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let mut entries = Vec::new();
    reader.entries(&mut |entry| entries.push(entry))?;
    reader.space();
    (reader.at == text.len()).then_some(entries)
}

/// Returns whether a text is JSON.
pub fn is_json(text: &str) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.value().is_some() && reader.at == text.len()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    /// Reads a value and the white space around it, and returns its text.
    fn value(&mut self) -> Option<&'t str> {
        self.space();
        let start = self.at;
        match self.peek()? {
            b'{' => self.members(&mut |_, _| ())?,
            b'[' => self.entries(&mut |_| ())?,
            b'"' => self.string().map(drop)?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        let value = &self.text[start..self.at];
        self.space();
        Some(value)
    }

    fn members(&mut self, found: &mut dyn FnMut(&'t str, &'t str)) -> Option<()> {
        self.byte(b'{')?;
        self.space();
        if self.peek()? == b'}' {
            return self.byte(b'}');
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.byte(b':')?;
            let value = self.value()?;
            found(key, value);
            if self.peek()? == b'}' {
                return self.byte(b'}');
            }
            self.byte(b',')?;
        }
    }

    fn entries(&mut self, found: &mut dyn FnMut(&'t str)) -> Option<()> {
        self.byte(b'[')?;
        self.space();
        if self.peek()? == b']' {
            return self.byte(b']');
        }
        loop {
            found(self.value()?);
            if self.peek()? == b']' {
                return self.byte(b']');
            }
            self.byte(b',')?;
        }
    }

    fn string(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.byte(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Some(&self.text[start..self.at]),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => (0..4).try_for_each(|_| self.next()?.is_ascii_hexdigit().then_some(()))?,
                    _ => return None,
                },
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
