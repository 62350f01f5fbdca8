//! The rows that hold for every vendor.

use offhook_tests::hostile::{Case, Headers, Table, refused};
use offhook_tests::vendors::{self, Vendor};

pub fn cases(vendor: &'static Vendor) -> Vec<Case> {
    let mut table = Table::new(vendor);
    headers(&mut table);
    places(&mut table);
    content_headers(&mut table);
    bodies(&mut table);
    table.cases
}

fn headers(table: &mut Table) {
    let (body, accepted) = (table.vendor.body.as_bytes(), Ok(table.vendor.event));
    table.add("as it should be", table.good(), body, accepted);
    for (at, (name, value)) in table.good().into_iter().enumerate() {
        if name == "content-type" {
            continue;
        }
        let mut headers = table.good();
        headers.remove(at);
        table.add(&format!("without {name}"), headers, body, refused("missing_header"));
        for again in [value.clone(), b"x".to_vec()] {
            let mut headers = table.good();
            headers.push((name, again.clone()));
            table.add(&format!("two {name}"), headers, body, refused("repeated_header"));
            let mut headers = table.good();
            headers.insert(0, (name, again));
            table.add(&format!("two {name}"), headers, body, refused("repeated_header"));
        }
        let mut replace = |with: Vec<u8>, answer| {
            let mut headers = table.good();
            headers[at].1 = with;
            table.add(&format!("another {name}"), headers, body, answer);
        };
        replace(b"".to_vec(), refused("empty_header"));
        replace(b" \t ".to_vec(), refused("empty_header"));
        replace("\u{661}".as_bytes().to_vec(), refused("header_not_ascii"));
        replace(vec![b'a'; 100 * 1024], refused("header_too_long"));
        replace([b" \t", &*value, b"\t "].concat(), accepted);
    }
}

/// Credentials under other names and in other places.
fn places(table: &mut Table) {
    let (body, accepted) = (table.vendor.body.as_bytes(), Ok(table.vendor.event));
    let required = table.required();
    let renamed = |rename: &dyn Fn(&str) -> String| -> Headers {
        required.iter().map(|(name, value)| (&*rename(name).leak(), value.clone())).collect()
    };
    table.add("names in upper case", renamed(&|name| name.to_uppercase()), body, accepted);
    for (near_miss, rename) in [
        ("underscores", (&|name: &str| name.replace('-', "_")) as &dyn Fn(&str) -> String),
        ("a letter less", &|name| name[..name.len() - 1].to_owned()),
        ("a letter more", &|name| format!("{name}s")),
        ("two letters swapped", &|name| name.replace("ti", "it").replace("at", "ta")),
        ("a prefix", &|name| format!("x-{name}")),
        ("another prefix", &|name| format!("proxy-{name}")),
    ] {
        let headers = renamed(rename);
        if headers != required {
            table.add(&format!("near-miss names: {near_miss}"), headers, body, refused("missing_header"));
        }
    }
    for at in 0..required.len() {
        let mut headers = required.clone();
        headers[at].0 = format!("{}s", headers[at].0).leak();
        table.add(&format!("a near miss of {}", required[at].0), headers, body, refused("missing_header"));
    }
    let joined = |separator: &str| {
        let pairs = required.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
        pairs.collect::<Vec<_>>().join(separator)
    };
    let query = format!("?{}", joined("&").replace(' ', "%20"));
    let case = table.add("in the query", vec![], body, refused("missing_header"));
    case.query = query.clone();
    let case = table.add("in the query as well", required.clone(), body, accepted);
    case.query = query;
    table.add("in a cookie", vec![("cookie", joined("; ").into())], body, refused("missing_header"));
    let both = [required.clone(), vec![("cookie", joined("; ").into())]].concat();
    table.add("in a cookie as well", both, body, accepted);
    let inside = body.strip_suffix(b"}").unwrap().to_vec();
    let members = required.iter().map(|(name, value)| format!(r#","{name}":"{}""#, String::from_utf8_lossy(value)));
    let inside = [inside, members.collect::<String>().into(), b"}".to_vec()].concat();
    table.add("in the body", vec![], &inside, refused("missing_header"));

    for other in vendors::ALL.into_iter().filter(|other| other.route != table.vendor.route) {
        let headers = Table::new(other).good();
        table.add(&format!("the headers of {}", other.route), headers, body, refused("missing_header"));
        let both = [table.good(), Table::new(other).required()].concat();
        table.add(&format!("the headers of {} as well", other.route), both, body, accepted);
    }
}

fn content_headers(table: &mut Table) {
    let (body, accepted) = (table.vendor.body.as_bytes(), Ok(table.vendor.event));
    let with = |table: &Table, name, value: &str| [table.good(), vec![(name, value.as_bytes().to_vec())]].concat();
    for coding in ["gzip", "GZIP", "br", "x-unknown", "identity, gzip"] {
        let headers = with(table, "content-encoding", coding);
        table.add(coding, headers, body, Err((415, "content_coding")));
    }
    table.add("identity", with(table, "content-encoding", "identity"), body, accepted);
    // `{}`, compressed.
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
    table.body(gzip, Err((415, "content_coding"))).headers.push(("content-encoding", b"gzip".to_vec()));
    table.body(gzip, Err((400, "body_not_utf8")));

    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "zebra"] {
        let mut headers = table.good();
        headers.retain(|(name, _)| *name != "content-type");
        headers.push(("content-type", kind.as_bytes().to_vec()));
        table.add(kind, headers, body, accepted);
    }
    let mut headers = table.good();
    headers.retain(|(name, _)| *name != "content-type");
    table.add("no content type", headers, body, accepted);
}

fn bodies(table: &mut Table) {
    let vendor = table.vendor;
    let body = vendor.body.as_bytes();
    // A static header says nothing of the body.
    let another = if vendor.recipes.is_empty() { Ok(vendor.event) } else { refused(vendor.mismatch) };
    table.add("another body", table.good(), &[body, b" "].concat(), another);
    for (bytes, code) in [
        (&b"\xff\xfe"[..], "body_not_utf8"),
        (b"\xef\xbb\xbf{}", "body_not_json"),
        (b"\0", "body_not_json"),
        (b"", "body_not_json"),
        (b"{\"event\":", "body_not_json"),
        (b"null", "body_not_an_object"),
        (b"[]", "body_not_an_object"),
        (b"17", "body_not_an_object"),
    ] {
        table.body(bytes, Err((400, code)));
    }
    table.body("[".repeat(100_000), Err((400, "body_not_json")));
    table.body(format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20)), Err((413, "body_too_large")));
}
