//! The dependencies of the package, and what the README says about them.

use std::collections::BTreeSet;
use std::process::Command;

use offhook_tests::crate_root;

const README: &str = include_str!("../../README.md");

/// Returns the packages of a build with these features. They include offhook itself, and packages
/// that are only needed to build it (macros and build scripts).
fn packages(features: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .args(["--no-default-features", "--features", features])
        .current_dir(crate_root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_core_has_no_framework_runtime_client_or_tls() {
    let core = packages("");
    let foreign = [
        "axum",
        "axum-core",
        "actix-web",
        "actix-http",
        "http",
        "hyper",
        "tower",
        "tower-service",
        "tokio",
        "async-std",
        "smol",
        "futures",
        "futures-core",
        "futures-util",
        "mio",
        "reqwest",
        "ureq",
        "curl",
        "rustls",
        "native-tls",
        "openssl",
        "openssl-sys",
        "ring",
        "aws-lc-rs",
        "sqlx",
        "redis",
        "tracing",
        "log",
        "cc",
        "libc",
    ];
    let found: Vec<_> = core.iter().filter(|package| foreign.contains(&package.split(' ').next().unwrap())).collect();
    assert!(found.is_empty(), "the core must not depend on {found:?}");
    println!("the core: {} packages: {core:?}", core.len());
    assert!(core.len() <= 34, "the core may have at most 34 packages, not {}: {core:?}", core.len());
}

#[test]
fn the_readme_counts_the_packages_of_every_feature() {
    let manifest = include_str!("../../Cargo.toml");
    let section = manifest.split_once("[features]").unwrap().1.split_once("\n[").unwrap().0;
    let features = section
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0.trim_matches('"')))
        .filter(|name| *name != "default");
    let mut rows = vec![("(none)", packages("").len())];
    rows.extend(features.map(|feature| (feature, packages(feature).len())));
    for (feature, count) in rows {
        println!("{feature}: {count} packages");
        let name = if feature == "(none)" { feature.to_owned() } else { format!("`{feature}`") };
        let row = README
            .lines()
            .find(|line| line.starts_with(&format!("| {name} |")))
            .unwrap_or_else(|| panic!("the README's feature table has no row for {name}"));
        let stated = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        assert_eq!(stated, count.to_string(), "the README's row for {name}");
    }
}

#[test]
fn every_public_module_opens_with_an_example() {
    let modules =
        |front: &'static str| front.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let rooms = modules(include_str!("../../src/lib.rs")).filter(|room| *room != "guide").map(str::to_owned);
    let vendors = modules(include_str!("../../src/vendors/mod.rs")).map(|vendor| format!("vendors/{vendor}"));
    let modules: Vec<_> = rooms.chain(vendors).collect();
    assert!(modules.len() >= 9, "{modules:?}");
    for module in modules {
        let source = format!("{}/src/{module}", crate_root().display());
        let text = std::fs::read_to_string(format!("{source}.rs"))
            .or_else(|_| std::fs::read_to_string(format!("{source}/mod.rs")))
            .unwrap();
        let opening: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(
            opening.contains(&"//! ```"),
            "the documentation of {module} does not open with an example that is compiled"
        );
    }
}

/// The README is the front page of the documentation too, where a path in the repository leads nowhere.
#[test]
fn every_link_of_the_readme_leads_somewhere_in_the_documentation_too() {
    let lib = include_str!("../../src/lib.rs");
    assert!(!README.contains("!["), "the documentation cannot show a picture of the repository");
    for target in README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(target.starts_with("https://"), "link {target} through a definition at the README's end");
    }
    let definitions = README.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    let mut count = 0;
    for (label, path) in definitions {
        count += 1;
        assert!(crate_root().join(path).exists(), "[{label}] leads to {path}, which does not exist");
        assert!(lib.contains(&format!("\n[{label}]: guide")), "lib.rs does not define [{label}] for the documentation");
    }
    assert!(count >= 3, "only {count} definitions found");
}
