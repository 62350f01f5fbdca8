//! The report as JUnit XML, which CI servers show.

use std::fs::File;
use std::path::PathBuf;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::grade::{Grade, Graded};
use crate::failure::Failure;
use crate::vendors::Vendor;

/// A file for the report. It is created before anything is sent, because nobody wants to learn at
/// the end that it cannot be written.
pub(super) struct Report {
    file: File,
    path: PathBuf,
}

impl Report {
    pub(super) fn create(path: PathBuf) -> Result<Self, Failure> {
        let file = File::create(&path).map_err(|error| Failure::usage(&path.display().to_string(), &error))?;
        Ok(Report { file, path })
    }

    pub(super) fn write(self, vendor: Vendor, graded: &[Graded]) -> Result<(), Failure> {
        let mut suite = TestSuite::new(format!("offhook suite {vendor}"));
        suite.add_test_cases(graded.iter().map(case));
        let mut report = quick_junit::Report::new("offhook suite");
        report.add_test_suite(suite);
        let written = report.serialize(self.file);
        written.map_err(|error| Failure::failed(&self.path.display().to_string(), &error))
    }
}

fn case(graded: &Graded) -> TestCase {
    let Graded { check, answer, grade, came, why } = graded;
    let texts = format!("sent: {}\nwhy: {}\nfix: {}", check.sent, why, check.fix);
    let status = match grade {
        Grade::Pass | Grade::Note => TestCaseStatus::success(),
        Grade::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(came.as_str()).set_description(texts.as_str());
            status
        }
    };
    let mut case = TestCase::new(check.name.as_str(), status);
    case.set_classname(format!("offhook.suite.{}", check.group.name()));
    if let Ok(answer) = answer {
        case.set_time(answer.elapsed);
    }
    // There is no grade between success and failure in JUnit.
    if *grade == Grade::Note {
        case.set_system_out(format!("note: {came}\n{texts}"));
    }
    case
}
