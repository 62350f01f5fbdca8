//! A package for the Rust tests that the command writes.

use std::path::{Path, PathBuf};
use std::process::Command;

use offhook_tests::crate_root;
use offhook_tests::databases::Folder;

use super::program;

pub(crate) struct Package(Folder);

impl Package {
    pub(crate) fn new() -> Self {
        let package = Package(Folder::new());
        let folder = package.folder();
        std::fs::create_dir_all(folder.join("src")).unwrap();
        std::fs::create_dir_all(package.tests()).unwrap();
        std::fs::write(folder.join("src/lib.rs"), "").unwrap();
        std::fs::copy(crate_root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let manifest = format!(
            "[package]\nname = \"captured\"\nedition = \"2024\"\n[dev-dependencies]\nserde_json = \"1\"\n\
             offhook = {{ path = {:?}, features = [\"testing\"] }}\n[profile.dev]\ndebug = \"line-tables-only\"\n",
            crate_root()
        );
        std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        package
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Returns the folder for the tests.
    pub(crate) fn tests(&self) -> PathBuf {
        self.folder().join("tests")
    }

    /// Compiles the tests and runs them. Each file holds one, and all must pass.
    pub(crate) fn assert_passed(&self, files: usize) {
        let target = program().ancestors().nth(2).map(PathBuf::from).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["test", "--offline", "--quiet", "--target-dir"])
            .arg(target)
            .current_dir(self.folder())
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(stdout.matches("test result: ok. 1 passed").count(), files, "{stdout}");
    }
}
