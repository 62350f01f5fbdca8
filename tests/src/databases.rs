//! Real database servers on loopback, which stop when they are dropped.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub const HINT: &str = "is not installed: run scripts/install-servers";

/// A temporary folder. Every user can enter it, because PostgreSQL refuses to run as root.
pub struct Folder {
    path: PathBuf,
    is_disk: bool,
}

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("offhook-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder { path, is_disk: false }
    }

    /// Mounts a disk of its own in a folder, with this many MiB of memory. Where that is not
    /// permitted, the test cannot run. In CI it must.
    pub fn on_small_disk(mebibytes: u32) -> Option<Self> {
        let mut folder = Folder::new();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0755"), "tmpfs"]).arg(folder.path());
        let output = mount.output().unwrap();
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_required = std::env::var_os("OFFHOOK_REQUIRE_PEERS").is_some_and(|value| value == "1");
            assert!(!is_required, "no disk can be mounted: {error}");
            println!("NOT RUN: no disk can be mounted, which only root may do: {error}");
            return None;
        }
        folder.is_disk = true;
        Some(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_disk {
            // What is still open there must not keep it.
            let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(child: &mut Child, what: &str, ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !ready() {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{what} ended with {status}");
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not start within 60 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub struct RedisServer {
    child: Option<Child>,
    folder: Folder,
    port: u16,
    options: Vec<String>,
}

impl RedisServer {
    /// Starts a server that writes to disk before it answers, unless the options change that.
    pub fn start(options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = RedisServer { child: None, folder: Folder::new(), port: free_port(), options };
        server.resume();
        server
    }

    pub fn resume(&mut self) {
        let mut child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("redis-server {HINT} ({error})"));
        let port = self.port;
        wait_for(&mut child, "redis-server", || answers_ping(port));
        self.child = Some(child);
    }

    /// Kills the process, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn forget_everything(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join("appendonlydir"));
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Sends a signal (`STOP`, `CONT`) to the server.
    pub fn signal(&self, signal: &str) {
        run(Command::new("kill").args([&format!("-{signal}"), &self.child.as_ref().unwrap().id().to_string()]));
    }

    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn answers_ping(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG"
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The file in the folder of a server that has the offset of its clock.
const CLOCK: &str = "clock";

/// Returns the environment of a process whose clock is off by the seconds in a file. It may change
/// while the process runs. Without libfaketime, the loader only prints a message.
pub fn wrong_clock(file: &Path) -> [(&'static str, String); 4] {
    [
        ("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1".to_owned()),
        (CLOCK_FILE, file.to_str().unwrap().to_owned()),
        // Timers use the monotonic clock, which stays right.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
    ]
}

/// The variable that names the file from which libfaketime reads the offset of the clock.
pub const CLOCK_FILE: &str = "FAKETIME_TIMESTAMP_FILE";

fn init(data: &Path) {
    run(as_postgres(program("initdb").to_str().unwrap())
        .args(["-D", data.to_str().unwrap(), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"])
        .stdout(Stdio::null()));
}

pub struct PgServer {
    child: Option<Child>,
    folder: Folder,
    port: u16,
    options: Vec<String>,
}

impl PgServer {
    pub fn start(options: &[&str]) -> Self {
        PgServer::start_in(Folder::new(), options)
    }

    /// Starts a server whose clock is off by this many seconds, such as `+3600`.
    pub fn start_with_clock(offset: &str) -> Self {
        let folder = Folder::new();
        std::fs::write(folder.path().join(CLOCK), offset).unwrap();
        PgServer::start_in(folder, &["fsync=off"])
    }

    /// Changes the clock of a server that [`PgServer::start_with_clock`] started.
    pub fn set_clock(&self, offset: &str) {
        let clock = self.folder.path().join(CLOCK);
        assert!(clock.exists(), "the server has the clock of the host");
        std::fs::write(clock, offset).unwrap();
    }

    pub fn start_in(folder: Folder, options: &[&str]) -> Self {
        let data = folder.path().join("data");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        init(&data);
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = PgServer { child: None, folder, port: free_port(), options };
        server.resume();
        server
    }

    pub fn resume(&mut self) {
        let mut command = as_postgres(program("postgres").to_str().unwrap());
        command.arg("-D").arg(self.folder.path().join("data"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-k", "", "-c", "max_connections=200"]);
        command.args(self.options.iter().flat_map(|option| ["-c", option]));
        let clock = self.folder.path().join(CLOCK);
        if clock.exists() {
            command.envs(wrong_clock(&clock));
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let ready = program("pg_isready");
        let port = self.port.to_string();
        wait_for(&mut child, "postgres", || {
            let mut ready = Command::new(&ready);
            ready.args(["-q", "-h", "127.0.0.1", "-p", &port]).status().unwrap().success()
        });
        self.child = Some(child);
    }

    /// Sends a signal (`STOP`, `CONT`) to the server's process and to all of its children.
    pub fn signal(&self, signal: &str) {
        let Ok(pids) = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")) else { return };
        let pid = pids.lines().next().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        // `runuser` stops itself together with its child, so it needs the signal too.
        let parent = self.child.as_ref().unwrap().id().to_string();
        let mut kill = Command::new("kill");
        kill.args([&format!("-{signal}"), pid, &parent]).args(children.split_whitespace());
        // A child may have ended already, so neither the status nor the message matters.
        let _ = kill.stderr(Stdio::null()).status().unwrap();
    }

    /// Stops the server at once, as a crash would.
    pub fn kill(&mut self) {
        if self.child.is_some() {
            // If a failed test left the server stopped, it would not react to pg_ctl.
            self.signal("CONT");
        }
        if let Some(mut child) = self.child.take() {
            run(as_postgres(program("pg_ctl").to_str().unwrap())
                .arg("-D")
                .arg(self.folder.path().join("data"))
                .args(["-m", "immediate", "-w", "stop"])
                .stdout(Stdio::null()));
            child.wait().unwrap();
        }
    }

    pub fn forget_everything(&self) {
        let data = self.folder.path().join("data");
        std::fs::remove_dir_all(&data).unwrap();
        init(&data);
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Creates an empty database and returns its address.
    pub fn new_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    pub fn psql(&self, database: &str, statement: &str) {
        run(Command::new(program("psql"))
            .args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string(), "-c", statement, database])
            .stdout(Stdio::null()));
    }
}

impl Drop for PgServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

fn as_postgres(program: &str) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", program]).current_dir("/");
        command
    } else {
        Command::new(program)
    }
}

fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
        folders.sort();
        folders.pop().filter(|bin| bin.join("postgres").exists()).unwrap_or_else(|| panic!("PostgreSQL {HINT}"))
    });
    folder.join(name)
}

pub fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
