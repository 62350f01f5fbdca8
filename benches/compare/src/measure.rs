//! Measures in interleaved rounds.
//!
//! Each figure is the median of many short rounds. Every subject runs once in each round, so that a
//! disturbance of the machine affects all subjects alike. A ratio is the median of the ratios within
//! the rounds.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::alloc::counted;

/// Work that can be run any number of times, and that returns its cost.
pub struct Subject {
    pub name: &'static str,
    run: Box<dyn FnMut(u32) -> Cost>,
}

impl Subject {
    /// Measures `work`, which must pass its inputs through `black_box`. Its result is passed through
    /// `black_box` here.
    pub fn new<T>(name: &'static str, mut work: impl FnMut() -> T + 'static) -> Self {
        Subject::spanned(name, move |times| {
            let span = Span::begin();
            for _ in 0..times {
                black_box(work());
            }
            span.end()
        })
    }

    /// Measures work that prepares something outside of the measured span.
    pub fn spanned(name: &'static str, run: impl FnMut(u32) -> Cost + 'static) -> Self {
        Subject { name, run: Box::new(run) }
    }

    pub fn run(&mut self, times: u32) -> Cost {
        (self.run)(times)
    }
}

pub struct Cost {
    pub nanos: f64,
    pub allocations: u64,
    pub allocated: u64,
}

pub struct Span {
    counted: (u64, u64),
    begun: Instant,
}

impl Span {
    pub fn begin() -> Self {
        Span { counted: counted(), begun: Instant::now() }
    }

    pub fn end(self) -> Cost {
        let nanos = self.begun.elapsed().as_nanos() as f64;
        let (calls, bytes) = counted();
        Cost { nanos, allocations: calls - self.counted.0, allocated: bytes - self.counted.1 }
    }
}

/// Subjects that are measured together. The others are compared with the first.
pub struct Group {
    pub title: &'static str,
    pub bytes: usize,
    pub subjects: Vec<Subject>,
}

pub struct Results {
    pub title: &'static str,
    pub bytes: usize,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: &'static str,
    /// Nanoseconds of one iteration, by round.
    samples: Vec<f64>,
    pub allocations: Option<(u64, u64)>,
}

impl Row {
    /// Returns a row with a figure that another process measured.
    pub fn of_process(name: &'static str, nanos: f64) -> Self {
        Row { name, samples: vec![nanos], allocations: None }
    }

    pub fn nanos(&self) -> f64 {
        median(self.samples.clone())
    }
}

impl Results {
    pub fn row(&self, name: &str) -> &Row {
        let found = self.rows.iter().find(|row| row.name == name);
        found.unwrap_or_else(|| panic!("no subject {name:?} in {:?}", self.title))
    }

    /// Returns the cost of `row` as a multiple of the cost of `other`.
    pub fn ratio(&self, row: &Row, other: &Row) -> f64 {
        if row.samples.len() == other.samples.len() {
            median(row.samples.iter().zip(&other.samples).map(|(one, other)| one / other).collect())
        } else {
            row.nanos() / other.nanos()
        }
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} bytes", self.title, self.bytes)?;
        for row in &self.rows {
            write!(f, "  {:<50} {:>10.0} ns  {:>7.3} ×", row.name, row.nanos(), self.ratio(row, &self.rows[0]))?;
            match row.allocations {
                Some((count, bytes)) => writeln!(f, "  {count:>4} allocations  {bytes:>8} bytes")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

const ROUND: Duration = Duration::from_micros(400);
const ROUNDS: usize = 401;
const WARM_UP: Duration = Duration::from_millis(20);

pub fn measure(mut group: Group) -> Results {
    let subjects = &mut group.subjects;
    let iterations: Vec<u32> = subjects
        .iter_mut()
        .map(|subject| {
            let (mut times, mut nanos) = (0, 0.0);
            let begun = Instant::now();
            while begun.elapsed() < WARM_UP {
                nanos += subject.run(1).nanos;
                times += 1;
            }
            ((f64::from(times) * ROUND.as_nanos() as f64 / nanos) as u32).max(1)
        })
        .collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); subjects.len()];
    for round in 0..ROUNDS {
        for turn in 0..subjects.len() {
            // Each round begins with another subject.
            let index = (turn + round) % subjects.len();
            let times = iterations[index];
            samples[index].push(subjects[index].run(times).nanos / f64::from(times));
        }
    }
    let rows = subjects.iter_mut().zip(samples).map(|(subject, samples)| {
        let cost = subject.run(1);
        Row { name: subject.name, samples, allocations: Some((cost.allocations, cost.allocated)) }
    });
    Results { rows: rows.collect(), title: group.title, bytes: group.bytes }
}

pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
