//! All orders of the steps of a few receivers, and what must be true after each.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::contract::{Checked, judge};
use super::receiver::{Act, Flow, Heard, Next};
use super::steps::{Answer, Call, LEASE, Row, Token};
use super::subject::Subject;

/// What becomes of a step of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// The step never reaches the store.
    Lost(Answer),
    /// The step is taken, and its answer is lost.
    AnswerLost(Answer),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Deliver {
        receiver: usize,
        payload: usize,
    },
    Store {
        receiver: usize,
        fate: Fate,
    },
    Handler {
        receiver: usize,
        act: Act,
    },
    /// The process dies.
    Crash(usize),
    /// The vendor hangs up. A step that is on its way may still be taken.
    Cancel {
        receiver: usize,
        taken: bool,
    },
    /// Time passes, in ticks.
    Wait(i8),
    Purge,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Receiver {
    Idle,
    Handles {
        payload: usize,
        heard: Vec<Heard>,
        /// The key, and the ticks until the lease ends, as far as the receiver knows.
        lease: Option<(usize, i8)>,
    },
    /// The request was cancelled, and the store goes on in the background.
    Leaves {
        call: Call,
        /// Whether the step is repeated if it fails.
        again: bool,
    },
}

/// One state of everything.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct World {
    /// The records that the store has, by key.
    rows: [Option<Row>; 3],
    /// The records that it should have.
    due: [Option<Row>; 3],
    receivers: Vec<Receiver>,
    /// Whether the handler has had its effect for a payload, or refused it for ever.
    settled: [bool; 2],
}

pub struct Explorer<'d> {
    subject: &'d Subject<'d>,
    flow: Flow,
    /// Whether each step is compared with the contract.
    judges: bool,
    taken: HashMap<(Option<Row>, Call), (Answer, Option<Row>)>,
    nexts: HashMap<(usize, usize), HashMap<Vec<Heard>, Next>>,
    recovered: HashSet<World>,
}

/// How much was explored.
#[derive(Clone, Copy, Debug)]
pub struct Explored {
    pub states: usize,
    pub transitions: usize,
    /// The different steps that the store itself took.
    pub taken: usize,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explored { states, transitions, taken } = self;
        write!(f, "{states} states, {transitions} transitions, {taken} steps of the store")
    }
}

impl<'d> Explorer<'d> {
    pub fn new(subject: &'d Subject<'d>, flow: Flow) -> Self {
        Explorer {
            subject,
            flow,
            judges: true,
            taken: HashMap::new(),
            nexts: HashMap::new(),
            recovered: HashSet::new(),
        }
    }

    /// Finds a fault of the store only by what becomes of the events.
    pub fn without_contract(self) -> Self {
        Explorer { judges: false, ..self }
    }

    /// Takes all steps of receivers, each of which gets this payload any number of times, until
    /// nothing new is reached. Time passes by so many ticks. Returns how much that was, or what
    /// is wrong and the steps that lead there.
    pub async fn explore(&mut self, payloads: &[usize], ticks: i8) -> Checked<Explored> {
        self.recovered.clear();
        let start = World {
            rows: [None; 3],
            due: [None; 3],
            receivers: vec![Receiver::Idle; payloads.len()],
            settled: [false; 2],
        };
        let mut seen = HashSet::from([start.clone()]);
        // Each state with the one before it and the step between them.
        let mut states = vec![(start, 0, Step::Wait(ticks))];
        let (mut at, mut transitions) = (0, 0);
        while let Some((world, ..)) = states.get(at) {
            let world = world.clone();
            for step in self.steps(&world, payloads, ticks) {
                transitions += 1;
                let mut after = world.clone();
                let mut checked = self.step(step, &mut after).await;
                if ticks == LEASE {
                    after.forget();
                }
                if checked.is_ok() && seen.insert(after.clone()) {
                    checked = self.check_recovery(&after, payloads).await;
                    states.push((after, at, step));
                }
                if let Err(wrong) = checked {
                    let mut path = vec![step];
                    let mut back = at;
                    while back > 0 {
                        path.push(states[back].2);
                        back = states[back].1;
                    }
                    path.reverse();
                    return Err(format!("{wrong}, after {path:?}"));
                }
            }
            at += 1;
        }
        Ok(Explored { states: states.len(), transitions, taken: self.taken.len() })
    }

    fn steps(&mut self, world: &World, payloads: &[usize], ticks: i8) -> Vec<Step> {
        let mut steps = vec![Step::Wait(ticks), Step::Purge];
        for (receiver, state) in world.receivers.iter().enumerate() {
            let store = |fate| Step::Store { receiver, fate };
            let lost = |error| [store(Fate::Lost(error)), store(Fate::AnswerLost(error))];
            let (call, heard) = match state {
                Receiver::Idle => {
                    steps.push(Step::Deliver { receiver, payload: payloads[receiver] });
                    continue;
                }
                Receiver::Leaves { call, .. } => (Some(*call), None),
                Receiver::Handles { payload, heard, .. } => match self.next(receiver, *payload, heard) {
                    Next::Call { call, .. } => (Some(call), Some(heard)),
                    Next::Act { .. } => (None, Some(heard)),
                    Next::Ended { .. } => unreachable!("it is idle"),
                },
            };
            steps.push(Step::Crash(receiver));
            if let Some(call) = call {
                steps.push(store(Fate::Answered));
                steps.extend(lost(Answer::Unavailable));
                // It is not repeated after this error.
                if let Call::Complete { .. } = call {
                    steps.extend(lost(Answer::Timeout));
                }
            }
            let Some(heard) = heard else { continue };
            steps.push(Step::Cancel { receiver, taken: false });
            match call {
                Some(Call::Claim { .. }) => {}
                Some(_) => steps.push(Step::Cancel { receiver, taken: true }),
                None => {
                    let done = |act| heard.contains(&Heard::Act(act));
                    let acts = match done(Act::Effect) {
                        true => [Act::Succeed, Act::Fail].as_slice(),
                        false => &[Act::Effect, Act::Fail, Act::Reject],
                    };
                    steps.extend(acts.iter().chain(&[Act::Extend]).map(|&act| Step::Handler { receiver, act }));
                }
            }
        }
        steps
    }

    fn next(&mut self, receiver: usize, payload: usize, heard: &[Heard]) -> Next {
        let nexts = self.nexts.entry((receiver, payload)).or_default();
        if let Some(next) = nexts.get(heard) {
            return *next;
        }
        let next = self.subject.deliveries.next(self.flow, receiver, payload, heard);
        nexts.insert(heard.to_vec(), next);
        next
    }

    async fn step(&mut self, step: Step, world: &mut World) -> Checked<()> {
        match step {
            Step::Deliver { receiver, payload } => {
                world.receivers[receiver] = Receiver::Handles { payload, heard: Vec::new(), lease: None };
            }
            Step::Store { receiver, fate } => self.step_of_store(receiver, fate, world).await?,
            Step::Handler { receiver, act } => {
                let Receiver::Handles { payload, heard, .. } = &mut world.receivers[receiver] else { unreachable!() };
                heard.push(Heard::Act(act));
                world.settled[*payload] |= matches!(act, Act::Effect | Act::Reject);
                self.answer(receiver, world)?;
            }
            Step::Crash(receiver) => world.end(receiver),
            Step::Cancel { receiver, taken } => {
                let Receiver::Handles { payload, heard, .. } = world.receivers[receiver].clone() else {
                    unreachable!()
                };
                let (call, left) = match self.next(receiver, payload, &heard) {
                    Next::Call { call, left } => (Some(call), left),
                    Next::Act { left } => (None, left),
                    Next::Ended { .. } => unreachable!(),
                };
                if let (true, Some(call)) = (taken, call) {
                    self.take(call, world).await?;
                }
                // A claim on its way goes on, and its lease is released.
                let claim = call.filter(|call| matches!(call, Call::Claim { .. }));
                match left.or(claim) {
                    Some(call) => {
                        let again = matches!(call, Call::Complete { .. });
                        world.receivers[receiver] = Receiver::Leaves { call, again };
                    }
                    None => world.end(receiver),
                }
            }
            Step::Wait(ticks) => {
                let rows = world.rows.iter_mut().chain(&mut world.due);
                rows.for_each(|row| *row = row.map(|row| row.after(ticks)));
                for receiver in &mut world.receivers {
                    if let Receiver::Handles { lease: Some((_, left)), .. } = receiver {
                        *left = (*left - ticks).max(0);
                    }
                }
            }
            Step::Purge => {
                for key in 0..world.rows.len() {
                    self.take(Call::Purge { key }, world).await?;
                }
            }
        }
        Ok(())
    }

    /// A step of the store, of a receiver that waits for one.
    async fn step_of_store(&mut self, receiver: usize, fate: Fate, world: &mut World) -> Checked<()> {
        let call = match world.receivers[receiver].clone() {
            Receiver::Idle => unreachable!(),
            Receiver::Leaves { call, .. } => call,
            Receiver::Handles { payload, heard, .. } => match self.next(receiver, payload, &heard) {
                Next::Call { call, .. } => call,
                other => unreachable!("{other:?}"),
            },
        };
        let answer = match fate {
            Fate::Answered => self.take(call, world).await?,
            Fate::Lost(error) => error,
            Fate::AnswerLost(error) => {
                self.take(call, world).await?;
                error
            }
        };
        match &mut world.receivers[receiver] {
            Receiver::Idle => unreachable!(),
            Receiver::Leaves { call: Call::Claim { key, .. }, .. } if answer == Answer::Fresh => {
                let call = Call::Release { key: *key, token: Token::Receiver(receiver) };
                world.receivers[receiver] = Receiver::Leaves { call, again: false };
            }
            Receiver::Leaves { again, .. } if *again && answer == Answer::Unavailable => *again = false,
            Receiver::Leaves { .. } => world.end(receiver),
            Receiver::Handles { heard, lease, .. } => {
                match (call, answer) {
                    // The handler goes on as before, so it need not be remembered.
                    (Call::Extend { .. }, Answer::Changed | Answer::Unavailable) => drop(heard.pop()),
                    _ => heard.push(Heard::Answer(answer.without_time())),
                }
                *lease = match (call, answer) {
                    (Call::Claim { key, .. } | Call::Extend { key, .. }, Answer::Fresh | Answer::Changed) => {
                        Some((key, LEASE))
                    }
                    (Call::Extend { .. }, Answer::Unavailable) => *lease,
                    _ => None,
                };
                world.check_owners()?;
                self.answer(receiver, world)?;
            }
        }
        Ok(())
    }

    /// Answers the vendor if the receiver has an answer. Whether the vendor hears it makes no
    /// difference, because it may send a delivery again after either.
    fn answer(&mut self, receiver: usize, world: &mut World) -> Checked<()> {
        let Receiver::Handles { payload, heard, .. } = &world.receivers[receiver] else { return Ok(()) };
        let (payload, heard) = (*payload, heard.clone());
        if let Next::Ended { status } = self.next(receiver, payload, &heard) {
            if status < 300 && !world.settled[payload] {
                return Err("a delivery is acknowledged without its effect".to_owned());
            }
            world.end(receiver);
        }
        Ok(())
    }

    /// Takes a step of the store, and compares it with the contract.
    async fn take(&mut self, call: Call, world: &mut World) -> Checked<Answer> {
        let before = world.rows[call.key()];
        let known = self.taken.get(&(before, call)).copied();
        let (answer, after) = match known {
            Some(known) => known,
            None => {
                let new = self.subject.take(before, call).await;
                self.taken.insert((before, call), new);
                new
            }
        };
        world.rows[call.key()] = after;
        let due = &mut world.due[call.key()];
        *due = if self.judges { judge(*due, call, answer, after)? } else { after };
        Ok(answer)
    }

    /// Checks that an event is handled by its next delivery once all processes have died and
    /// their leases have ended.
    async fn check_recovery(&mut self, world: &World, payloads: &[usize]) -> Checked<()> {
        let mut world = world.clone();
        (0..world.receivers.len()).for_each(|receiver| world.end(receiver));
        self.step(Step::Wait(LEASE), &mut world).await?;
        if !self.recovered.insert(world.clone()) {
            return Ok(());
        }
        for (receiver, &payload) in payloads.iter().enumerate() {
            self.step(Step::Deliver { receiver, payload }, &mut world).await?;
            while let Receiver::Handles { heard, .. } = &world.receivers[receiver] {
                let step = match self.next(receiver, payload, heard) {
                    Next::Call { .. } => Step::Store { receiver, fate: Fate::Answered },
                    Next::Act { .. } if heard.contains(&Heard::Act(Act::Effect)) => {
                        Step::Handler { receiver, act: Act::Succeed }
                    }
                    Next::Act { .. } => Step::Handler { receiver, act: Act::Effect },
                    Next::Ended { .. } => unreachable!(),
                };
                self.step(step, &mut world).await?;
            }
            if !world.settled[payload] {
                return Err("an event is not handled although all leases have ended".to_owned());
            }
        }
        Ok(())
    }
}

impl World {
    /// The receiver has nothing to do, and its lease is nobody's.
    fn end(&mut self, receiver: usize) {
        self.receivers[receiver] = Receiver::Idle;
        for row in self.rows.iter_mut().chain(&mut self.due) {
            *row = row.map(|row| row.left_by(receiver));
        }
    }

    /// Drops ended records that nobody can ask for. A store has the same answers without them.
    fn forget(&mut self) {
        for row in self.rows.iter_mut().chain(&mut self.due) {
            *row = row.filter(|row| row.until > 0 || row.token != Token::Nobody);
        }
    }

    fn check_owners(&self) -> Checked<()> {
        let mut owned = HashSet::new();
        for receiver in &self.receivers {
            if let Receiver::Handles { lease: Some((key, 1..)), .. } = receiver
                && !owned.insert(key)
            {
                return Err("two receivers own one event".to_owned());
            }
        }
        Ok(())
    }
}

impl Answer {
    /// The flow does the same whatever time is left.
    fn without_time(self) -> Self {
        match self {
            Answer::InFlight { .. } => Answer::InFlight { left: 0 },
            Answer::Conflict { left } => Answer::Conflict { left: left.map(|_| 0) },
            other => other,
        }
    }
}
