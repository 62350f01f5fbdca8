use crate::verify::headers::headers_from_pairs;

headers_from_pairs!([] http::HeaderMap,
    headers => headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));

#[cfg(test)]
mod tests {
    use crate::verify::{Headers, Lookup};

    #[test]
    fn names_have_no_case_and_repeats_are_seen() {
        let mut map = http::HeaderMap::new();
        map.append("x-a", "1".parse().unwrap());
        assert_eq!(map.lookup("X-A"), Lookup::One(b"1"));
        map.append("x-a", "1".parse().unwrap());
        assert_eq!(map.lookup("X-A"), Lookup::Repeated);
    }
}
