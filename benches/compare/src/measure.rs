use std::time::{Duration, Instant};

pub struct Subject {
    pub name: &'static str,
    pub work: Box<dyn FnMut()>,
}

impl Subject {
    pub fn new<T>(name: &'static str, mut work: impl FnMut() -> T + 'static) -> Self {
        Subject { name, work: Box::new(move || { std::hint::black_box(work()); }) }
    }
}

pub struct Measured {
    pub nanos: f64,
    pub allocations: u64,
    pub allocated: u64,
}

const ROUND: Duration = Duration::from_micros(400);
const ROUNDS: usize = 401;

pub fn measure(subjects: &mut [Subject]) -> Vec<Measured> {
    let iterations: Vec<u32> = subjects
        .iter_mut()
        .map(|subject| {
            let begun = Instant::now();
            let mut count = 0;
            while begun.elapsed() < Duration::from_millis(20) {
                (subject.work)();
                count += 1;
            }
            ((f64::from(count) * ROUND.as_secs_f64() / 0.02) as u32).max(1)
        })
        .collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); subjects.len()];
    for round in 0..ROUNDS {
        for turn in 0..subjects.len() {
            // Another one goes first each time.
            let index = (turn + round) % subjects.len();
            let work = &mut subjects[index].work;
            let begun = Instant::now();
            for _ in 0..iterations[index] {
                work();
            }
            samples[index].push(begun.elapsed().as_nanos() as f64 / f64::from(iterations[index]));
        }
    }
    subjects
        .iter_mut()
        .zip(samples)
        .map(|(subject, mut samples)| {
            samples.sort_by(f64::total_cmp);
            let (allocations, allocated) = crate::alloc::count(|| (subject.work)());
            Measured { nanos: samples[samples.len() / 2], allocations, allocated }
        })
        .collect()
}
