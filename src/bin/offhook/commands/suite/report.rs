//! The report on standard output: aligned for people, or one JSON object a line.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Serialize;
use serde_json::json;

use super::check::Group;
use super::grade::{Grade, Graded};
use crate::client::{Answer, SendError};
use crate::failure::Failure;
use crate::output::Output;

pub(super) struct Report<'a> {
    output: &'a Output,
    group: Option<Group>,
    /// What was explained, and at which check.
    explained: HashMap<(&'static str, &'static str), String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Report { output, group: None, explained: HashMap::new() }
    }

    pub(super) fn add(&mut self, graded: &Graded) -> Result<(), Failure> {
        if self.output.is_json() {
            return self.output.json(&Line::of(graded));
        }
        let group = graded.check.group;
        if self.group.replace(group) != Some(group) {
            self.output.text(&format!("\n{}\n", title(group)))?;
        }
        let entry = self.entry(graded);
        self.output.text(&entry)
    }

    /// Returns the line of a check, and what explains it if it did not pass. The same explanation
    /// is written once.
    fn entry(&mut self, graded: &Graded) -> String {
        let Graded { check, grade, why, .. } = graded;
        let line = line(graded);
        if *grade == Grade::Pass {
            return line;
        }
        let sent = detail("sent", &check.sent);
        match self.explained.entry((why, check.fix)) {
            Entry::Occupied(before) => line + &sent + &detail("why", &format!("see {}", before.get())),
            Entry::Vacant(first) => {
                first.insert(check.name.clone());
                line + &sent + &detail("why", why) + &detail("fix", check.fix)
            }
        }
    }

    pub(super) fn finish(&self, graded: &[Graded]) -> Result<(), Failure> {
        let count = |grade| graded.iter().filter(|graded| graded.grade == grade).count();
        let (passed, notes, failed) = (count(Grade::Pass), count(Grade::Note), count(Grade::Fail));
        if self.output.is_json() {
            return self.output.json(&json!({ "passed": passed, "notes": notes, "failed": failed }));
        }
        self.output.text(&format!("\n{passed} passed, {notes} noted, {failed} failed\n"))
    }
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Honest => "Honest deliveries, which a right receiver accepts:",
        Group::Hostile => "Hostile deliveries, which a right receiver refuses:",
        Group::After => "After the hostile deliveries:",
    }
}

fn line(graded: &Graded) -> String {
    let Graded { check, grade, came, .. } = graded;
    let mark = match grade {
        Grade::Pass => "pass",
        Grade::Note => "note",
        Grade::Fail => "FAIL",
    };
    format!("  {mark}  {:<29} {came}\n", check.name)
}

/// Returns a text in lines that fit into a terminal, behind its label.
fn detail(label: &str, text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len().saturating_add(word.len()) < WIDTH => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    let indented: String = lines.iter().map(|line| format!("              {line}\n")).collect();
    indented.replacen("              ", &format!("        {label:<6}"), 1)
}

/// How many bytes of a text are in one line.
const WIDTH: usize = 86;

/// A check as JSON.
#[derive(Serialize)]
struct Line<'a> {
    check: &'a str,
    group: &'static str,
    grade: Grade,
    sent: &'a str,
    /// Whether a right receiver accepts the delivery.
    accepts: bool,
    /// The status with which offhook refuses it.
    refuses_with: Option<u16>,
    came: &'a str,
    status: Option<u16>,
    error: Option<&'static str>,
    milliseconds: Option<u64>,
    why: &'static str,
    fix: &'static str,
}

impl<'a> Line<'a> {
    fn of(graded: &'a Graded) -> Self {
        let Graded { check, answer, grade, came, why } = graded;
        let answered = answer.as_ref().ok();
        Line {
            check: &check.name,
            group: check.group.name(),
            grade: *grade,
            sent: &check.sent,
            accepts: check.expected.refusal().is_none(),
            refuses_with: check.expected.refusal(),
            came,
            status: answered.map(|answer| answer.status),
            error: answer.as_ref().err().map(SendError::code),
            milliseconds: answered.map(Answer::milliseconds),
            why,
            fix: check.fix,
        }
    }
}
