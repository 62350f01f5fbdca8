//! Measures requests per second over loopback. Short runs alternate between the route with the
//! extractor (verify and parse) and the bare route of the same server.
//!
//! A server runs in a child process, with its default number of workers. The client is one thread of
//! this process, and shares the machine with the server.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
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
    /// Requests per second.
    pub bare: f64,
    pub extractor: f64,
    /// The median of the ratios within the rounds.
    pub ratio: f64,
    /// The server's processor time per request, in microseconds.
    pub bare_cpu: f64,
    pub extractor_cpu: f64,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { framework, connections, bytes, bare, extractor, ratio, bare_cpu, extractor_cpu } = self;
        write!(f, "  {framework:<5} {bytes:>6} bytes  {connections:>2} connections")?;
        write!(f, "  bare {bare:>6.0}/s {bare_cpu:>5.1} µs  extractor {extractor:>6.0}/s {extractor_cpu:>5.1} µs")?;
        write!(f, "  {ratio:.3} ×")
    }
}

pub const TITLE: &str = "requests per second, and the server's processor time per request";

pub fn measure(mut each: impl FnMut(&Load)) -> Vec<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut loads = Vec::new();
    for framework in FRAMEWORKS {
        let server = Server::start(framework);
        for bytes in BYTES {
            for connections in CONNECTIONS {
                let load = runtime.block_on(compare(&server, framework, connections, bytes));
                each(&load);
                loads.push(load);
            }
        }
    }
    loads
}

async fn compare(server: &Server, framework: &'static str, connections: usize, bytes: usize) -> Load {
    let requests = [BARE, EXTRACTOR].map(|route| request(route, bytes));
    let mut streams = connect(server, connections).await;
    let mut rates = [Vec::new(), Vec::new()];
    let mut cpu = [Vec::new(), Vec::new()];
    // The first round is not counted, because it warms the server up.
    for round in 0..=ROUNDS {
        for turn in 0..2 {
            let route = (round + turn) % 2;
            let cpu_before = server.cpu_nanos();
            let begun = Instant::now();
            let (count, back) = drive(streams, requests[route], begun + RUN).await;
            let seconds = begun.elapsed().as_secs_f64();
            streams = back;
            if round > 0 {
                rates[route].push(count as f64 / seconds);
                cpu[route].push((server.cpu_nanos() - cpu_before) / 1e3 / count as f64);
            }
        }
    }
    let [bare, extractor] = rates;
    let [bare_cpu, extractor_cpu] = cpu;
    let ratio = median(extractor.iter().zip(&bare).map(|(extractor, bare)| extractor / bare).collect());
    Load {
        framework,
        connections,
        bytes,
        bare: median(bare),
        extractor: median(extractor),
        ratio,
        bare_cpu: median(bare_cpu),
        extractor_cpu: median(extractor_cpu),
    }
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
        let mut child = Command::new(std::env::current_exe().unwrap())
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
