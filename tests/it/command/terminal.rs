//! The command in a real terminal, as a user types it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use offhook_tests::examples;

use super::{SALPRE_TOKEN, TRUEDY_SECRET, program};

/// A shell in a terminal of 200 columns, which ends when it is dropped.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn open(environment: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let socket = format!("offhook-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let terminal = Terminal { socket };
        let path = format!("{}:{}", program().parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "50"]);
        command.args(["bash", "--norc", "--noprofile"]).env_clear().envs(environment.iter().copied());
        command.env("PATH", path).env("TERM", "screen-256color").env("PS1", "$ ").env("LC_ALL", "C.UTF-8");
        assert!(command.status().expect("tmux is not installed: run scripts/install-servers").success());
        terminal.wait_until(|screen| screen.trim() == "$");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.socket]).args(arguments);
        command
    }

    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]).status().unwrap().success());
    }

    fn write(&self, text: &str) {
        assert!(self.tmux(&["send-keys", "-l", text]).status().unwrap().success());
    }

    /// Types a line on an empty screen.
    fn type_line(&self, line: &str) {
        self.write("clear");
        self.press("Enter");
        self.wait_until(|screen| screen.trim() == "$");
        self.write(line);
        self.press("Enter");
    }

    /// Types a command, and returns what the screen shows once it has ended with this code.
    fn run(&self, line: &str, code: i32) -> String {
        self.type_line(&format!("{line}; echo \"ended: $?\""));
        // The line that was typed holds the word in the middle only.
        let screen = self.wait_for("\nended: ");
        assert!(screen.contains(&format!("\nended: {code}\n")), "{screen}");
        screen
    }

    /// Returns whether `offhook` runs and has a handler for the signal of Ctrl-C.
    fn command_catches_ctrl_c(&self) -> bool {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]).output().unwrap();
        let shell = String::from_utf8(shell.stdout).unwrap();
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        let Some(command) = children.split_whitespace().next() else { return false };
        let status = std::fs::read_to_string(format!("/proc/{command}/status")).unwrap_or_default();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        // Until it is `offhook`, the process is a copy of the shell with the shell's handlers.
        // SIGINT is signal 2.
        line("Name") == Some("offhook")
            && line("SigCgt").is_some_and(|signals| u64::from_str_radix(signals, 16).unwrap() & 0b10 != 0)
    }

    fn screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn wait_for(&self, text: &str) -> String {
        self.wait_until(|screen| screen.contains(text))
    }

    fn wait_until(&self, condition: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return screen;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the screen shows:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).status();
    }
}

/// An example server, which ends when it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(example: &str) -> Self {
        let mut command = Command::new(examples::build(example));
        command.env_clear().env("PORT", "0").env("TRUEDY_WEBHOOK_SECRET", TRUEDY_SECRET);
        command.env("SALPRE_WEBHOOK_TOKEN", SALPRE_TOKEN);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let url = notes.find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).unwrap();
        // The server must not wait for somebody who reads its notes.
        std::thread::spawn(move || notes.for_each(drop));
        Server { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn drive(example: &str) {
    let server = Server::start(example);
    let terminal = Terminal::open(&[("TRUEDY_WEBHOOK_SECRET", TRUEDY_SECRET), ("SALPRE_WEBHOOK_TOKEN", SALPRE_TOKEN)]);
    let truedy = format!("--to {}/webhooks/truedy", server.url);

    let screen = terminal.run(&format!("offhook send truedy call.ended {truedy}"), 0);
    assert!(screen.contains("\n204 in "), "{screen}");
    let screen = terminal.run(&format!("offhook send salpre call_ended --to {}/webhooks/salpre", server.url), 0);
    assert!(screen.contains("\n200 in "), "{screen}");
    let screen = terminal.run(&format!("offhook send truedy call.ended {truedy} --fault wrong_secret"), 1);
    assert!(screen.contains("\n401 in "), "{screen}");
    let screen = terminal.run("offhook send truedy call.ended", 2);
    assert!(screen.contains("--to <URL>"), "{screen}");
    let screen = terminal.run(&format!("offhook sign truedy call.ended --http {truedy} | offhook verify -"), 0);
    assert!(screen.contains("\naccepted: truedy 204 call.ended\n"), "{screen}");
    let screen = terminal.run("offhook --help | head -1", 0);
    assert!(screen.contains("\nSigns, sends, verifies and explains webhook deliveries.\nended: "), "{screen}");

    let screen = terminal.run(&format!("offhook send truedy call.ended {truedy} --times 30 --rate 100"), 0);
    // The progress bar is gone.
    assert!(screen.contains("\n30 deliveries in ") && !screen.contains("/30 "), "{screen}");

    terminal.type_line(&format!("offhook send truedy call.ended {truedy} --times 2000 --rate 100; echo \"ended: $?\""));
    let screen = terminal.wait_until(|screen| screen.contains("/2000 ") && !screen.contains(" 0/2000 "));
    assert!(!screen.contains("\nended: "), "{screen}");
    terminal.press("C-c");
    let screen = terminal.wait_for("\nended: 130\n");
    assert!(screen.contains(" deliveries in ") && screen.contains("\nlatency: p50 "), "{screen}");
    assert!(screen.contains("#") && screen.contains("\ninterrupted\n"), "{screen}");
}

#[test]
fn the_command_is_driven_in_a_terminal_against_the_axum_server() {
    drive("axum");
}

#[test]
fn the_command_is_driven_in_a_terminal_against_the_actix_server() {
    drive("actix");
}

#[test]
fn a_secret_is_asked_for_in_a_terminal_and_not_shown() {
    let terminal = Terminal::open(&[]);
    terminal.type_line("offhook sign truedy call.ended --at 1773844200; echo \"ended: $?\"");
    terminal.wait_for("\nTRUEDY_WEBHOOK_SECRET:");
    terminal.write(TRUEDY_SECRET);
    terminal.press("Enter");
    let screen = terminal.wait_for("\nended: 0\n");
    assert!(screen.contains("\nx-truedy-timestamp: 1773844200\n"), "{screen}");
    assert!(!screen.contains("S3cret"), "{screen}");

    terminal.type_line("offhook sign truedy call.ended; echo \"ended: $?\"");
    terminal.wait_for("\nTRUEDY_WEBHOOK_SECRET:");
    terminal.press("C-c");
    let screen = terminal.wait_for("\nended: 130\n");
    assert!(screen.contains("interrupted\n"), "{screen}");
    // The terminal shows again what is typed.
    terminal.run("true", 0);

    // Nothing is asked where the input is not a terminal.
    let screen = terminal.run("offhook sign truedy call.ended < /dev/null", 2);
    assert!(screen.contains("error: there is no secret for truedy: set TRUEDY_WEBHOOK_SECRET"), "{screen}");
}

#[test]
fn ctrl_c_ends_a_command_that_waits_for_its_input() {
    let terminal = Terminal::open(&[("TRUEDY_WEBHOOK_SECRET", TRUEDY_SECRET)]);
    terminal.type_line("offhook verify -; echo \"ended: $?\"");
    let start = Instant::now();
    while !terminal.command_catches_ctrl_c() {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", terminal.screen());
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.press("C-c");
    terminal.wait_for("\nended: 130\n");
}
