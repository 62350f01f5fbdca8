//! Pseudo-random values, which are the same in every run.

/// The generator xorshift64*, by Vigna.
pub struct Random(u64);

impl Random {
    pub fn seeded(name: &str, flag: bool) -> Self {
        let seed = name.bytes().fold(u64::from(flag) + 0x9E37_79B9_7F4A_7C15, |seed, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Random(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    pub fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.next().to_be_bytes()[0]).collect()
    }

    /// Returns text that is mostly ASCII, with some characters from all of Unicode.
    pub fn text(&mut self, most: u64) -> String {
        let length = self.below(most);
        (0..length)
            .map(|_| match self.below(8) {
                0 => char::from_u32(u32::try_from(self.below(0x11_0000)).unwrap()).unwrap_or('\u{2028}'),
                1 => char::from(u8::try_from(self.below(32)).unwrap()),
                2 => char::from_u32(u32::try_from(0xA0 + self.below(0x500)).unwrap()).unwrap(),
                _ => char::from(u8::try_from(self.between(32, 126)).unwrap()),
            })
            .collect()
    }

    /// Returns a JSON object. Its spaces and escapes vary, as they do between JSON writers.
    pub fn json(&mut self, depth: u64) -> String {
        let members: Vec<_> =
            (0..self.below(5)).map(|_| format!("{}{}:{}", self.string(), self.space(), self.value(depth))).collect();
        format!("{}{{{}}}", self.space(), members.join(&format!(",{}", self.space())))
    }

    fn value(&mut self, depth: u64) -> String {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => format!("-{}.{}e-{}", self.below(10), self.below(1000), self.below(10)),
            3 => self.below(u64::MAX).to_string(),
            4 => self.string(),
            5 => self.json(depth - 1),
            _ => {
                let items: Vec<_> = (0..self.below(4)).map(|_| self.value(depth - 1)).collect();
                format!("[{}]", items.join(","))
            }
        }
    }

    fn string(&mut self) -> String {
        let text = self.text(20);
        if self.below(4) > 0 {
            return serde_json::to_string(&text).unwrap();
        }
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{escaped}\"")
    }

    fn space(&mut self) -> &'static str {
        ["", "", " ", "\n\t", "\r\n"][usize::try_from(self.below(5)).unwrap()]
    }
}
