//! `docs/security-tests.md`: each promise beside the tests that fail when it is false.

use std::path::Path;

use offhook_tests::crate_root;

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(crate_root().join(path)).unwrap()
}

/// The text without line breaks, marks of emphasis and definitions of links.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace("**", "")
}

/// The rows of the table: a quotation, and tests as `file: function`.
fn rows() -> Vec<(String, Vec<(String, String)>)> {
    let text = read("docs/security-tests.md");
    let rows = text.lines().filter(|line| line.starts_with("| \""));
    rows.map(|row| {
        let (promise, tests) = row.trim_matches(['|', ' ']).rsplit_once(" | ").unwrap();
        let named = tests.split('`').skip(1).step_by(2).map(|test| {
            let (file, name) = test.split_once(": ").unwrap_or_else(|| panic!("{test} is no `file: function`"));
            (file.to_owned(), name.to_owned())
        });
        (promise.trim_matches('"').to_owned(), named.collect())
    })
    .collect()
}

#[test]
fn every_promise_in_the_table_is_still_made() {
    let promised = plain(&read("SECURITY.md")) + &plain(&read("README.md"));
    for (promise, _) in rows() {
        assert!(promised.contains(&promise), "neither SECURITY.md nor the README says: {promise}");
    }
}

#[test]
fn every_test_in_the_table_exists() {
    for (promise, tests) in rows() {
        assert!(!tests.is_empty(), "no test is named for: {promise}");
        for (file, name) in tests {
            let text = read(&file);
            let (before, _) =
                text.split_once(&format!("fn {name}(")).unwrap_or_else(|| panic!("there is no {name} in {file}"));
            let attributes = before.rsplit("\n\n").next().unwrap();
            let is_test = attributes.contains("test]") || attributes.contains("test(");
            assert!(is_test, "{name} in {file} is no test");
        }
    }
}

#[test]
fn every_item_of_security_md_is_in_the_table() {
    let text = read("SECURITY.md");
    let rows = rows();
    let mut items = Vec::new();
    for block in text.split("\n\n") {
        if block.starts_with("- ") {
            items.extend(block.trim_start_matches("- ").split("\n- ").map(plain));
        }
    }
    assert!(items.len() > 12, "{items:#?}");
    for item in items {
        assert!(
            rows.iter().any(|(promise, _)| item.contains(promise)),
            "no row of docs/security-tests.md quotes: {item}"
        );
    }
}
