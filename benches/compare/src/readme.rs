//! Writes the table and the picture of `docs/performance.md`, and all figures behind them.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use offhook::{Clock, SystemClock};

use crate::cases::{
    CASES, OFFHOOK, PARSE, PARSE_LIST, RECEIVE, RECEIVE_LIST, UNLIKE, VERIFY_GITHUB, VERIFY_STANDARD, VERIFY_TRUEDY,
};
use crate::deliveries::{LARGE, SMALL};
use crate::load::{self, Load};
use crate::measure::{Results, Row};
use crate::{instructions, profile, scale};

/// A line of the table and a bar of the picture.
struct Line {
    work: &'static str,
    bytes: usize,
    other: &'static str,
    ours: String,
    theirs: String,
    /// offhook's time divided by the other's time.
    ratio: f64,
}

/// The floors: no receiver that does the same work can be much faster than these.
const FLOORS: [&str; 3] = [BARE_HMAC, PLAIN_STRUCTS, BYTES_ONLY];
const BARE_HMAC: &str = "the bare HMAC";
const PLAIN_STRUCTS: &str = "plain serde structs";
const BYTES_ONLY: &str = "a bytes-only route";

/// The comparisons: the work, the case, the size, our subject, the other subject and its short name.
const LINES: [(&str, &str, usize, &str, &str, &str); 12] = [
    ("verify, Truedy", VERIFY_TRUEDY, SMALL, OFFHOOK, "floor: a keyed Hmac of the same bytes", BARE_HMAC),
    ("verify, Truedy", VERIFY_TRUEDY, LARGE, OFFHOOK, "floor: a keyed Hmac of the same bytes", BARE_HMAC),
    ("verify, GitHub's scheme", VERIFY_GITHUB, SMALL, OFFHOOK, "webhook-verify 0.1 (GitHub)", "webhook-verify"),
    ("verify, Standard Webhooks", VERIFY_STANDARD, SMALL, OFFHOOK, "svix 2.9.1", "svix"),
    ("parse", PARSE, SMALL, OFFHOOK, "plain structs of the same fields, from_slice", PLAIN_STRUCTS),
    (
        "parse, mostly unknown data",
        PARSE_LIST,
        LARGE,
        OFFHOOK,
        "a flattened enum, from_slice",
        "a flattened serde enum",
    ),
    (
        "receive",
        RECEIVE,
        SMALL,
        "offhook, GitHub's scheme",
        "webhook-verify 0.1 (GitHub) and a flattened enum",
        "webhook-verify + flattened enum",
    ),
    ("receive", RECEIVE, SMALL, "offhook, svix's scheme", "svix 2.9.1 and a flattened enum", "svix + flattened enum"),
    (
        "receive, mostly unknown data",
        RECEIVE_LIST,
        LARGE,
        "offhook, svix's scheme",
        "svix 2.9.1 and a flattened enum",
        "svix + flattened enum",
    ),
    (
        "receive",
        UNLIKE,
        SMALL,
        "offhook (Truedy)",
        "async-stripe-webhook 1.0.0-rc.10 (Stripe)",
        "async-stripe, its own body",
    ),
    ("receive", RECEIVE, SMALL, OFFHOOK, "Node's crypto and JSON.parse", "Node's crypto, JSON.parse"),
    ("receive", RECEIVE, SMALL, OFFHOOK, "Python's hmac and json.loads", "Python's hmac, json.loads"),
];

/// Measures everything and writes `results.md`, the picture and the table of
/// `docs/performance.md`.
pub fn write() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../..");

    let mut all = Vec::new();
    for case in &CASES {
        eprintln!("{}", case.title);
        all.extend(case.sizes.iter().map(|bytes| case.measure(*bytes)));
    }
    eprintln!("load");
    let loads = load::measure(|_| ());
    let mut lines: Vec<Line> = LINES.iter().filter_map(|line| compared(&all, *line)).collect();
    lines.extend(loads.iter().filter(|load| load.connections == 64 && load.bytes == SMALL).map(over_http));
    let machine = machine();
    let table = table(&lines, &machine);

    let mut results = format!("# Measured\n\n{table}\n```text\n").into_bytes();
    for group in &all {
        writeln!(results, "{group}")?;
    }
    writeln!(results, "{}", load::TITLE)?;
    for load in &loads {
        writeln!(results, "{load}")?;
    }
    if profile::is_possible() {
        eprintln!("profile");
        writeln!(results)?;
        profile::report(&mut results)?;
    }
    eprintln!("scale");
    scale::report(&mut results)?;
    if Command::new("valgrind").arg("--version").output().is_ok() {
        eprintln!("instructions");
        writeln!(results)?;
        instructions::report(&mut results)?;
    }
    writeln!(results, "```")?;
    // Builds take minutes, so another command measures them: `benches/compare/size`.
    if let Ok(size) = std::fs::read_to_string(here.join("size.md")) {
        write!(results, "\n{size}")?;
    }
    std::fs::write(here.join("results.md"), results)?;
    std::fs::write(root.join("benches/ratios.svg"), picture(&lines, &machine))?;
    replace_table(root.join("docs/performance.md"), &table)
}

/// Returns `None` if the other subject is not installed.
fn compared(
    all: &[Results],
    (work, title, bytes, ours, theirs, other): (&'static str, &str, usize, &str, &str, &'static str),
) -> Option<Line> {
    let results = all.iter().find(|results| results.title == title && results.bytes == bytes).expect("a result");
    let ours = results.row(ours);
    let theirs = results.rows.iter().find(|row| row.name == theirs)?;
    let cell = |row: &Row| match row.allocations {
        Some((count, _)) => format!("{}, {count} alloc.", time(row.nanos())),
        None => time(row.nanos()),
    };
    let ratio = results.ratio(ours, theirs);
    Some(Line { work, bytes, other, ours: cell(ours), theirs: cell(theirs), ratio })
}

/// The client shares the machine and influences the rate. The ratio is therefore that of the server's
/// processor time per request.
fn over_http(load: &Load) -> Line {
    let work = if load.framework == "axum" { "axum over loopback" } else { "actix-web over loopback" };
    let cell = |rate: f64, cpu: f64| format!("{:.0} 000/s, {cpu:.1} µs", rate / 1e3);
    Line {
        work,
        bytes: load.bytes,
        other: BYTES_ONLY,
        ours: cell(load.extractor.requests_per_second, load.extractor.cpu),
        theirs: cell(load.beside.requests_per_second, load.beside.cpu),
        ratio: load.cpu_ratio,
    }
}

fn time(nanos: f64) -> String {
    if nanos < 10e3 { format!("{nanos:.0} ns") } else { format!("{:.1} µs", nanos / 1e3) }
}

fn size(bytes: usize) -> String {
    if bytes < 1024 { format!("{bytes} B") } else { format!("{} KiB", bytes / 1024) }
}

/// Returns the processor, the toolchain and the date.
fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let sha = field("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "sha_ni"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rustc = Command::new("rustc").arg("--version").output().expect("rustc runs");
    let rustc = String::from_utf8_lossy(&rustc.stdout).split(' ').take(2).collect::<Vec<_>>().join(" ");
    let date = SystemClock.now().to_rfc3339();
    let sha = if sha { "with" } else { "without" };
    format!("{model}, {cores} cores, {sha} SHA extensions; {rustc}; {}", &date[..10])
}

fn table(lines: &[Line], machine: &str) -> String {
    let mut table = format!(
        "{machine}\n\n| work | body | offhook | compared with | its time | ratio |\n|---|--:|--:|---|--:|--:|\n"
    );
    for Line { work, bytes, other, ours, theirs, ratio } in lines {
        table += &format!("| {work} | {} | {ours} | {other} | {theirs} | **{ratio:.2}** |\n", size(*bytes));
    }
    table
}

const BEGIN: &str = "<!-- measured: cargo run --release --manifest-path benches/compare/Cargo.toml -- readme -->\n";
const END: &str = "<!-- /measured -->";

fn replace_table(path: PathBuf, table: &str) -> io::Result<()> {
    let page = std::fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).expect("the page has the marker");
    let (_, after) = rest.split_once(END).expect("the page has the end marker");
    std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}"))
}

const ROW: usize = 24;
const TOP: usize = 52;
const LEFT: usize = 470;
const UNIT: f64 = 260.0;
const WIDTH: usize = 920;

/// Draws horizontal bars. The picture has its own background, so it can be read on light and on dark
/// pages.
fn picture(lines: &[Line], machine: &str) -> String {
    let bottom = TOP + ROW * lines.len();
    let height = bottom + 40;
    let one = LEFT as f64 + UNIT;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="system-ui, sans-serif" font-size="13" fill="#24292f">
<rect x="0.5" y="0.5" width="{}" height="{}" rx="6" fill="#ffffff" stroke="#d0d7de"/>
<text x="16" y="26" font-size="15" font-weight="600">offhook's time as a share of that of a peer (blue) or of a floor (grey); shorter is faster</text>
"##,
        WIDTH - 1,
        height - 1,
    );
    for (index, Line { work, bytes, other, ratio, .. }) in lines.iter().enumerate() {
        let y = TOP + ROW * index;
        let baseline = y + 15;
        // A bar ends at 1.5, but its figure is exact.
        let width = ratio.min(1.5) * UNIT;
        let color = if FLOORS.contains(other) { "#8c959f" } else { "#2f81f7" };
        svg += &format!(
            r#"<text x="{}" y="{baseline}" text-anchor="end">{work}, {}: beside {other}</text><rect x="{LEFT}" y="{}" width="{width:.1}" height="16" fill="{color}"/><text x="{:.1}" y="{baseline}">{ratio:.2}</text>
"#,
            LEFT - 8,
            size(*bytes),
            y + 2,
            LEFT as f64 + width + 6.0,
        );
    }
    svg += &format!(
        r##"<line x1="{one}" y1="{}" x2="{one}" y2="{bottom}" stroke="#57606a" stroke-dasharray="3 3"/>
<text x="{one}" y="{}" text-anchor="middle" fill="#57606a">1</text>
<text x="16" y="{}" font-size="11" fill="#57606a">{machine}</text>
</svg>
"##,
        TOP - 2,
        TOP - 6,
        height - 14,
    );
    svg
}
