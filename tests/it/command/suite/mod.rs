//! `offhook suite` grades receivers: right ones, wrong ones, and those that the vendors document.

mod documented;
mod grading;
mod right;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Run, STANDARD_SECRET, command, run};

const SECRETS: [(&str, &str); 5] = [
    ("TRUEDY_WEBHOOK_SECRET", "whsec_S3cretMarker"),
    ("TALKIFAI_WEBHOOK_SECRET", "talkifai-S3cretMarker"),
    ("SALPRE_WEBHOOK_TOKEN", "S3cretMarker-token"),
    ("ULTRAVOX_WEBHOOK_SECRET", "uv-S3cretMarker"),
    ("STANDARD_WEBHOOKS_SECRET", STANDARD_SECRET),
];

fn secret(vendor: &str) -> &'static str {
    let name = vendor.replace("svix", "standard-webhooks").replace('-', "_").to_uppercase();
    SECRETS.iter().find(|(variable, _)| variable.starts_with(&name)).unwrap().1
}

/// Runs the suite against a receiver.
fn suite(url: &str, vendor: &str, arguments: &[&str]) -> Run {
    let mut command = command(&[&["suite", url, "--vendor", vendor], arguments].concat());
    command.envs(SECRETS);
    let run = run(command, b"");
    assert!(!run.stdout.contains("S3cretMarker") && !run.stderr.contains("S3cretMarker"), "{run:?}");
    run
}

/// The grades of a receiver.
#[derive(Debug)]
struct Grades {
    code: i32,
    checks: Vec<Value>,
}

impl Grades {
    /// Runs the suite and reads its JSON, whose last line counts the grades.
    fn of(url: &str, vendor: &str, arguments: &[&str]) -> Self {
        let run = suite(url, vendor, &[&["--json"], arguments].concat());
        let mut checks: Vec<Value> =
            run.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{run:?}"))).collect();
        let summary = checks.pop().unwrap_or_else(|| panic!("{run:?}"));
        let grades = Grades { code: run.code, checks };
        for (key, grade) in [("passed", "pass"), ("notes", "note"), ("failed", "fail")] {
            assert_eq!(summary[key], grades.names(grade).len(), "{summary}");
        }
        grades
    }

    /// Returns the names of the checks with this grade.
    fn names(&self, grade: &str) -> Vec<&str> {
        let graded = self.checks.iter().filter(|check| check["grade"] == grade);
        graded.map(|check| check["check"].as_str().unwrap()).collect()
    }

    fn check(&self, name: &str) -> &Value {
        self.checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    fn group(&self, group: &str) -> Vec<&Value> {
        self.checks.iter().filter(|check| check["group"] == group).collect()
    }
}

/// A server in a process of its own.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts a program that writes its URL in a line, after this beginning.
    fn start(mut command: Command, beginning: &str) -> Self {
        let mut process = command.envs(SECRETS).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output: [Box<dyn Read + Send>; 2] =
            [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        let (sender, urls) = std::sync::mpsc::channel();
        for output in output {
            let (sender, beginning) = (sender.clone(), beginning.to_owned());
            // What a server writes is read to its end, so that the server never waits for it.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if let Some(url) = line.strip_prefix(&beginning).filter(|url| url.starts_with("http")) {
                        let _ = sender.send(url.to_owned());
                    }
                }
            });
        }
        drop(sender);
        let url = urls.recv().expect("the server says where it listens");
        Server { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
