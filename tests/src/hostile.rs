//! The harness for the table of hostile deliveries: it sends every case to the core,
//! and over loopback to both frameworks, sized and chunked, and compares the answers.

use std::fmt::Debug;

use offhook::event::Stage;
use offhook::{Event, ReceiveError, Verifier};

use crate::client::{chunked, exchange, sized};
use crate::servers::{Home, Server, both};
use crate::vendors::{self, Vendor};

/// The event's name, or the status and the code of the refusal.
pub type Answer = Result<&'static str, (u16, &'static str)>;

pub type Headers = Vec<(&'static str, Vec<u8>)>;

/// A delivery, and the one answer that it gets everywhere.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub route: &'static str,
    pub query: String,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub answer: Answer,
    /// The paths of the fields that do not fit. Any others are a failure.
    pub drift: Vec<&'static str>,
    /// The call's id and stage, where the case is about them.
    pub call: Option<(&'static str, Stage)>,
}

impl Case {
    pub fn new(
        name: impl Into<String>,
        route: &'static str,
        headers: Headers,
        body: impl Into<Vec<u8>>,
        answer: Answer,
    ) -> Self {
        let (name, body) = (name.into(), body.into());
        Case { name, route, query: String::new(), headers, body, answer, drift: Vec::new(), call: None }
    }

    pub fn with_query(self, query: impl Into<String>) -> Self {
        Case { query: query.into(), ..self }
    }

    pub fn with_drift(self, paths: &[&'static str]) -> Self {
        Case { drift: paths.to_vec(), ..self }
    }

    pub fn with_call(self, id: &'static str, stage: Stage) -> Self {
        Case { call: Some((id, stage)), ..self }
    }

    fn status(&self) -> u16 {
        match self.answer {
            Err((status, _)) => status,
            Ok(_) => {
                let vendor = vendors::ALL.into_iter().find(|vendor| self.route.ends_with(vendor.route));
                vendor.expect("a route ends with that of its vendor").success
            }
        }
    }

    /// Returns whether the framework's edge refuses the case, so that it never reaches
    /// the core.
    fn is_refused_at_the_edge(&self) -> bool {
        matches!(self.answer, Err((413 | 415, _)))
    }
}

pub fn refused(code: &'static str) -> Answer {
    Err((401, code))
}

/// The cases of one vendor.
pub struct Table {
    pub vendor: &'static Vendor,
    pub cases: Vec<Case>,
}

impl Table {
    pub fn new(vendor: &'static Vendor) -> Self {
        Table { vendor, cases: Vec::new() }
    }

    pub fn headers(&self, timestamp: &[u8], credential: &[u8]) -> Headers {
        let mut headers = vec![(self.vendor.credential, credential.to_vec())];
        headers.extend(self.vendor.timestamp.map(|name| (name, timestamp.to_vec())));
        headers.push(("content-type", b"application/json".to_vec()));
        headers.extend(self.vendor.id.map(|name| (name, b"msg_1".to_vec())));
        headers
    }

    pub fn add(&mut self, name: &str, headers: Headers, body: &[u8], answer: Answer) -> &mut Case {
        self.add_at(name, self.vendor.route, headers, body, answer)
    }

    /// Adds a delivery to another route of the vendor.
    pub fn add_at(
        &mut self,
        name: impl Into<String>,
        route: &'static str,
        headers: Headers,
        body: impl Into<Vec<u8>>,
        answer: Answer,
    ) -> &mut Case {
        let name = format!("{route}: {}", name.into());
        self.cases.push(Case::new(name, route, headers, body, answer));
        self.cases.last_mut().unwrap()
    }

    /// Adds a delivery that is signed as sent, with this timestamp.
    pub fn time(&mut self, timestamp: impl AsRef<[u8]>, answer: Answer) {
        let (timestamp, body) = (timestamp.as_ref(), self.vendor.body.as_bytes());
        let signature = (self.vendor.sign)(timestamp, body);
        let headers = self.headers(timestamp, signature.as_bytes());
        self.add(&format!("time {}", shown(timestamp)), headers, body, answer);
    }

    /// Adds a delivery with this timestamp, but signed over another.
    pub fn time_signed_over(&mut self, timestamp: &str, signed: &str, answer: Answer) {
        let body = self.vendor.body.as_bytes();
        let signature = (self.vendor.sign)(signed.as_bytes(), body);
        let headers = self.headers(timestamp.as_bytes(), signature.as_bytes());
        self.add(&format!("time {timestamp:?} signed over {signed:?}"), headers, body, answer);
    }

    /// Adds a delivery with this signature.
    pub fn signature(&mut self, signature: impl AsRef<[u8]>, answer: Answer) {
        let signature = signature.as_ref();
        let headers = self.headers(self.vendor.now.as_bytes(), signature);
        self.add(&format!("signature {}", shown(signature)), headers, self.vendor.body.as_bytes(), answer);
    }

    /// Adds an authentic delivery of this body.
    pub fn body(&mut self, body: impl AsRef<[u8]>, answer: Answer) -> &mut Case {
        let body = body.as_ref();
        let signature = (self.vendor.sign)(self.vendor.now.as_bytes(), body);
        let headers = self.headers(self.vendor.now.as_bytes(), signature.as_bytes());
        self.add(&format!("body {}", shown(body)), headers, body, answer)
    }

    /// Returns the headers of the vendor's event as it should be.
    pub fn good(&self) -> Headers {
        self.signed(self.vendor.body)
    }

    /// Returns the headers of an authentic delivery of this body.
    pub fn signed(&self, body: &str) -> Headers {
        let signature = (self.vendor.sign)(self.vendor.now.as_bytes(), body.as_bytes());
        self.headers(self.vendor.now.as_bytes(), signature.as_bytes())
    }

    /// Returns its required headers.
    pub fn required(&self) -> Headers {
        self.good().into_iter().filter(|(name, _)| *name != "content-type").collect()
    }
}

/// Shows the beginning of a value.
fn shown(value: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&value[..value.len().min(100)]))
}

/// Runs every case, and returns how many deliveries that were.
///
/// # Panics
///
/// If any answer differs.
pub fn run(cases: &[Case]) -> usize {
    let core = Core::new();
    let servers = both();
    let mut failures = Vec::new();
    let mut deliveries = 0;
    for case in cases {
        if !case.is_refused_at_the_edge() {
            failures.extend(core.check(case).err());
            deliveries += 1;
        }
        for server in &servers {
            failures.extend(check(server, case));
            deliveries += 2;
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    deliveries
}

/// Sends the case to a framework in both ways, and returns what is wrong.
fn check(server: &Server, case: &Case) -> Vec<String> {
    let target = format!("{}{}", case.route, case.query);
    let headers: Vec<_> = case.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    let status = case.status();
    let expected_log = [case.answer.map(str::to_owned).map_err(|(_, code)| code.to_owned())];
    let ways = [
        ("sized", sized(&target, &headers, &case.body)),
        ("chunked", chunked(&target, &headers, &case.body, 1000, "")),
    ];
    let mut failures = Vec::new();
    for (way, request) in ways {
        let answer = exchange(server.address, &request);
        let log = server.log.take();
        if (answer.status, &answer.body[..]) != (status, b"") || log != expected_log {
            failures.push(format!(
                "{}, {way}: {}: {answer:?} and {log:?} instead of {status}, nothing and {expected_log:?}",
                server.name, case.name
            ));
        }
    }
    failures
}

/// The core, called directly, on the routes that the frameworks have.
struct Core(Vec<(&'static str, Receive)>);

type Receive = Box<dyn Fn(&Case) -> Result<(), String>>;

impl Core {
    fn new() -> Self {
        let mut core = Core(Vec::new());
        vendors::add_routes(&mut core);
        core
    }

    fn check(&self, case: &Case) -> Result<(), String> {
        let (_, receive) = self.0.iter().find(|(path, _)| *path == case.route).expect("the route exists");
        receive(case).map_err(|failure| format!("core: {}: {failure}", case.name))
    }
}

impl Home for Core {
    fn route<V>(&mut self, path: &'static str, verifier: V)
    where
        V: Verifier + Clone + 'static,
        V::Event: Send,
    {
        self.0.push((path, Box::new(move |case| receive(&verifier, case))));
    }
}

fn receive<V: Verifier>(verifier: &V, case: &Case) -> Result<(), String> {
    fn same<T: Debug + PartialEq>(what: &str, found: T, expected: T) -> Result<(), String> {
        match found == expected {
            true => Ok(()),
            false => Err(format!("{what} is {found:?} instead of {expected:?}")),
        }
    }

    let received = verifier.receive(&case.headers, case.body.clone());
    let answer = received.as_ref().map(|delivery| delivery.event().name());
    same("the answer", answer.map_err(|error: &ReceiveError| (error.status(), error.code())), case.answer)?;
    let Ok(delivery) = received else { return Ok(()) };
    if delivery.body() != &case.body {
        return Err("the body is another".to_owned());
    }
    same("the status", delivery.acknowledge().status(), case.status())?;
    let drift: Vec<_> = delivery.drift().iter().map(|misfit| misfit.path.as_str()).collect();
    same("the drift", drift, case.drift.clone())?;
    if let Some((id, stage)) = case.call {
        same("the call's id", delivery.call_id(), Some(id))?;
        same("the call's stage", delivery.call().map(|call| call.stage), Some(stage))?;
    }
    Ok(())
}
