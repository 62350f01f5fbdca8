//! Measures requests per second over loopback. Short runs alternate between two routes: the route
//! with the extractor (verify and parse) and the bare route of the same server, or the routes with
//! the extractor of this program and of the same program built from another revision.
//!
//! A server runs in a child process, with its default number of workers. The client is one thread of
//! this process, and shares the machine with the server.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use offhook::truedy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::deliveries::{LARGE, SMALL, body, signed};
use crate::measure::median;
use crate::routes::{self, BARE, EXTRACTOR};

pub const FRAMEWORKS: [&str; 2] = ["axum", "actix"];
pub const CONNECTIONS: [usize; 3] = [1, 16, 64];
pub const BYTES: [usize; 2] = [SMALL, LARGE];

const ROUNDS: usize = 31;
const RUN: Duration = Duration::from_millis(50);

pub struct Load {
    pub framework: &'static str,
    pub connections: usize,
    pub bytes: usize,
    /// What the route with the extractor is compared with.
    pub beside: Route,
    pub extractor: Route,
    /// The median of the ratios of requests per second within the rounds.
    pub ratio: f64,
    /// The median of the ratios of processor time within the rounds.
    pub cpu_ratio: f64,
}

pub struct Route {
    pub name: &'static str,
    pub requests_per_second: f64,
    /// The server's processor time per request, in microseconds.
    pub cpu: f64,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:>6.0}/s {:>5.1} µs", self.name, self.requests_per_second, self.cpu)
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { framework, connections, bytes, beside, extractor, ratio, cpu_ratio } = self;
        write!(f, "  {framework:<5} {bytes:>6} bytes  {connections:>2} connections")?;
        write!(f, "  {beside}  {extractor}  {ratio:.3} × requests, {cpu_ratio:.3} × processor time")
    }
}

pub const TITLE: &str = "requests per second, and the server's processor time per request";

pub fn measure(each: impl FnMut(&Load)) -> Vec<Load> {
    run(None, each)
}

/// Compares this revision with another one: `before` is this program, built from it.
pub fn measure_beside(before: &Path, each: impl FnMut(&Load)) {
    run(Some(before), each);
}

fn run(before: Option<&Path>, mut each: impl FnMut(&Load)) -> Vec<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut loads = Vec::new();
    for framework in FRAMEWORKS {
        let server = Server::start(framework);
        let server_before = before.map(|program| Server::of(program, framework));
        for bytes in BYTES {
            for connections in CONNECTIONS {
                let extractor = Side { name: "extractor", server: &server, request: request(EXTRACTOR, bytes) };
                let beside = match &server_before {
                    Some(server) => Side { name: "before", server, ..extractor },
                    None => Side { name: "bare", request: request(BARE, bytes), ..extractor },
                };
                let load = runtime.block_on(compare(framework, connections, bytes, [beside, extractor]));
                each(&load);
                loads.push(load);
            }
        }
    }
    loads
}

#[derive(Clone, Copy)]
struct Side<'a> {
    name: &'static str,
    server: &'a Server,
    request: &'static [u8],
}

async fn compare(framework: &'static str, connections: usize, bytes: usize, sides: [Side<'_>; 2]) -> Load {
    let mut streams = [connect(sides[0].server, connections).await, connect(sides[1].server, connections).await];
    let mut rates = [Vec::new(), Vec::new()];
    let mut cpu = [Vec::new(), Vec::new()];
    // The first round is not counted, because it warms the server up.
    for round in 0..=ROUNDS {
        for turn in 0..2 {
            let side = (round + turn) % 2;
            let Side { server, request, .. } = sides[side];
            let cpu_before = server.cpu_nanos();
            let begun = Instant::now();
            let (count, back) = drive(std::mem::take(&mut streams[side]), request, begun + RUN).await;
            let seconds = begun.elapsed().as_secs_f64();
            streams[side] = back;
            if round > 0 {
                rates[side].push(count as f64 / seconds);
                cpu[side].push((server.cpu_nanos() - cpu_before) / 1e3 / count as f64);
            }
        }
    }
    let ratio = |[beside, extractor]: &[Vec<f64>; 2]| {
        median(extractor.iter().zip(beside).map(|(extractor, beside)| extractor / beside).collect())
    };
    let (ratio, cpu_ratio) = (ratio(&rates), ratio(&cpu));
    let mut routes = sides.into_iter().zip(rates.into_iter().zip(cpu)).map(|(side, (rates, cpu))| Route {
        name: side.name,
        requests_per_second: median(rates),
        cpu: median(cpu),
    });
    let (beside, extractor) = (routes.next().unwrap(), routes.next().unwrap());
    Load { framework, connections, bytes, beside, extractor, ratio, cpu_ratio }
}

pub async fn connect(server: &Server, connections: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    streams
}

/// Sends the request again and again on each connection, one at a time.
pub async fn drive(streams: Vec<TcpStream>, request: &'static [u8], end: Instant) -> (u64, Vec<TcpStream>) {
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let mut count = 0;
                let mut answer = [0; 1024];
                while Instant::now() < end {
                    stream.write_all(request).await.unwrap();
                    let mut read = 0;
                    while !answer[..read].ends_with(b"\r\n\r\n") {
                        let more = stream.read(&mut answer[read..]).await.unwrap();
                        assert!(more > 0, "the server hung up");
                        read += more;
                    }
                    assert!(answer.starts_with(b"HTTP/1.1 204 "), "{}", String::from_utf8_lossy(&answer[..read]));
                    count += 1;
                }
                (count, stream)
            })
        })
        .collect();
    let (mut total, mut back) = (0, Vec::new());
    for task in tasks {
        let (count, stream) = task.await.unwrap();
        total += count;
        back.push(stream);
    }
    (total, back)
}

pub fn request(route: &str, bytes: usize) -> &'static [u8] {
    let body = body(bytes);
    let mut text = format!("POST {route} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in &signed(truedy::SCHEME, body) {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    format!("{text}\r\n{body}").into_bytes().leak()
}

pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub fn start(framework: &str) -> Self {
        Server::of(&std::env::current_exe().unwrap(), framework)
    }

    fn of(program: &Path, framework: &str) -> Self {
        let mut child = Command::new(program)
            .args(["serve", framework])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Server { child, port: line.trim().parse().unwrap() }
    }

    /// Returns the id of the process.
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Returns the processor time that all threads of the server have used.
    fn cpu_nanos(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks
            .map(|task| {
                let stat = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
                stat.split(' ').next().unwrap().parse::<f64>().unwrap()
            })
            .sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Runs a server with the framework's defaults until its standard input ends. Prints the port.
pub fn serve(framework: &str) {
    std::thread::spawn(|| {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        std::process::exit(0);
    });
    match framework {
        "axum" => tokio::runtime::Runtime::new().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            println!("{}", listener.local_addr().unwrap().port());
            axum::serve(listener, routes::axum::router()).await.unwrap();
        }),
        "actix" => actix_web::rt::System::new().block_on(async {
            let app = || actix_web::App::new().configure(routes::actix::configure);
            let server = actix_web::HttpServer::new(app).bind(("127.0.0.1", 0)).unwrap();
            println!("{}", server.addrs()[0].port());
            server.run().await.unwrap();
        }),
        other => panic!("no framework {other:?}"),
    }
}
