//! `offhook listen`: receives deliveries, shows them, and forwards them to a handler.

mod delivery;
mod facts;
mod forward;
mod hints;
mod judge;
mod page;
mod reception;
mod recorded;
mod save;
mod server;
mod show;
#[cfg(test)]
pub(crate) mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::failure::{Failure, Outcome};
use crate::forms::written::shown;
use crate::interrupt;
use crate::output::Output;
use crate::vendors::{SecretArguments, Vendor};
use delivery::Delivery;
use forward::Target;
use judge::Judge;
use page::Page;
use reception::Reception;
use save::Folder;
use server::Server;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  offhook listen
  offhook listen --forward-to http://127.0.0.1:3000
  offhook listen --forward-to http://127.0.0.1:3000/webhooks/truedy --save captures
  offhook listen --forward-to http://127.0.0.1:3000 --ui
  offhook listen --once --events call.ended --json

Press Ctrl-C to end it.")]
pub(crate) struct Arguments {
    /// The port for deliveries; 0 takes any that is free
    #[arg(long, default_value_t = 8900)]
    port: u16,

    /// The address for deliveries. With another than the default, other machines can send some
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// Forward each delivery to this handler. A URL without a path takes the path of the delivery
    #[arg(long, value_name = "URL")]
    forward_to: Option<Uri>,

    /// How many seconds to wait for the answer of the handler
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,

    /// Write a capture of each delivery into this folder
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    /// End after the first delivery: with 0 if it is accepted, and with 1 if it is refused
    #[arg(long)]
    once: bool,

    /// Receive these events only. Others are accepted, and neither shown nor forwarded
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    events: Vec<String>,

    /// Show each delivery in full
    #[arg(long, short)]
    verbose: bool,

    /// Show the deliveries on a page in the browser as well. Only this machine can reach it
    #[arg(long)]
    ui: bool,

    /// The port of the page; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "ui")]
    ui_port: u16,

    /// The vendor of all deliveries; otherwise it is recognised by their headers or their path
    #[arg(long)]
    vendor: Option<Vendor>,

    #[command(flatten)]
    secrets: SecretArguments,
}

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<Outcome, Failure> {
    let timeout = Duration::from_secs(arguments.timeout);
    let judge = Judge::new(&arguments.secrets, arguments.vendor)?;
    let target = arguments.forward_to.clone().map(|url| Target::new(url, timeout)).transpose()?;
    let folder = arguments.save.clone().map(Folder::open).transpose()?;
    let listener = bind(SocketAddr::new(arguments.address, arguments.port)).await?;
    let url = url_of(&listener)?;
    output.message(&opening(&url, &judge, arguments.forward_to.as_ref()));

    let (sender, deliveries) = mpsc::channel(WAITING);
    let reception = Arc::new(Reception::new(judge, target, arguments.events.clone(), sender));
    // With one connection at a time there is one delivery that is the first.
    let connections = if arguments.once { 1 } else { CONNECTIONS };
    let server = Server::new(Arc::clone(&reception), connections, timeout);
    let page = match arguments.ui {
        true => Some(open_page(arguments.ui_port, &reception, url, output).await?),
        false => None,
    };
    let mut reader = Reader { deliveries, folder, page, arguments: &arguments, output, accepted: 0, refused: 0 };
    let outcome = tokio::select! {
        biased;
        () = interrupt::received() => Err(Failure::Interrupted),
        outcome = reader.read() => outcome,
        () = server.serve(listener) => Ok(Outcome::Done),
    };
    // No more connections are accepted. The deliveries that are under way are finished.
    let ended = tokio::time::timeout(FINISH_WITHIN, server.ended());
    let finished = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Ok(()),
        result = reader.finish(ended) => result,
    };
    output.message(&reader.closing(&reception));
    finished.and(outcome)
}

/// Shows the deliveries, one after the other.
struct Reader<'a> {
    deliveries: mpsc::Receiver<Result<Delivery, Failure>>,
    folder: Option<Folder>,
    page: Option<Page>,
    arguments: &'a Arguments,
    output: &'a Output,
    accepted: u64,
    refused: u64,
}

impl Reader<'_> {
    /// Shows deliveries until there is a reason to end.
    async fn read(&mut self) -> Result<Outcome, Failure> {
        while let Some(delivery) = self.deliveries.recv().await {
            let accepted = self.take(delivery)?;
            if self.arguments.once {
                return Ok(if accepted { Outcome::Done } else { Outcome::Refused });
            }
        }
        Ok(Outcome::Done)
    }

    /// Shows what is under way, until `ended`.
    async fn finish(&mut self, ended: impl Future) -> Result<(), Failure> {
        let mut ended = std::pin::pin!(ended);
        loop {
            tokio::select! {
                biased;
                Some(delivery) = self.deliveries.recv() => drop(self.take(delivery)?),
                _ = &mut ended => return Ok(()),
            }
        }
    }

    /// Keeps one delivery and then shows it, so that whoever reads the line finds the capture and
    /// the page up to date. Returns whether it was accepted.
    fn take(&mut self, delivery: Result<Delivery, Failure>) -> Result<bool, Failure> {
        let delivery = delivery?;
        let accepted = delivery.shown.verdict.accepted;
        let count = if accepted { &mut self.accepted } else { &mut self.refused };
        *count = count.saturating_add(1);
        // A full disk is no reason to refuse deliveries.
        if let Some(Err(failure)) = self.folder.as_ref().map(|folder| folder.save(&delivery)) {
            self.output.failure(&failure);
        }
        let delivery = Arc::new(delivery);
        if let Some(page) = &self.page {
            page.add(Arc::clone(&delivery));
        }
        show::show(&delivery, self.arguments.verbose, self.output)?;
        Ok(accepted)
    }

    fn closing(&self, reception: &Reception) -> String {
        let deliveries = self.accepted.saturating_add(self.refused);
        let mut text = format!("{deliveries} deliveries: {} accepted, {} refused", self.accepted, self.refused);
        for (count, what) in
            [(reception.left_out(), "of other events"), (reception.turned_away(), "requests that were no deliveries")]
        {
            if count > 0 {
                text.push_str(&format!("; {count} {what}"));
            }
        }
        text
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| Failure::usage(&address.to_string(), &error))
}

/// Returns where deliveries are sent. A server on all addresses is reached by the loopback one.
fn url_of(listener: &TcpListener) -> Result<String, Failure> {
    let mut address = listener.local_addr().map_err(|error| Failure::failed("the port", &error))?;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Ok(format!("http://{address}"))
}

/// Says where deliveries are received, of whom, and where they go.
fn opening(url: &str, judge: &Judge, forward_to: Option<&Uri>) -> String {
    let vendors: Vec<_> = judge.vendors().map(Vendor::name).collect();
    let forward = forward_to.map(|url| format!(", and forwards to {}", shown(url))).unwrap_or_default();
    format!("listens on {url} for {}{forward}", vendors.join(", "))
}

async fn open_page(port: u16, reception: &Arc<Reception>, url: String, output: &Output) -> Result<Page, Failure> {
    let (page, address) = Page::open(port, Arc::clone(reception), url).await?;
    output.message(&format!("shows the deliveries on {address}"));
    Ok(page)
}

/// How many connections there may be at once.
const CONNECTIONS: u32 = 256;

/// How many deliveries may wait to be shown.
const WAITING: usize = 1024;

/// How long deliveries that are under way may take at the end.
const FINISH_WITHIN: Duration = Duration::from_secs(2);
