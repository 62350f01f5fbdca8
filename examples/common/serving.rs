//! Serves an axum application with time limits: `axum::serve` waits for ever for a slow sender's
//! headers, so this server runs on hyper, which has a limit for that.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

/// Serves until Ctrl-C. A delivery that is being handled then is answered before this returns.
pub(crate) async fn serve(listener: TcpListener, app: Router) {
    let mut server = Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_BUFFER);
    let connections = GracefulShutdown::new();
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut interrupted => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(app.clone());
                let connection = connections.watch(server.serve_connection(TokioIo::new(stream), service));
                // What breaks a connection off is the sender's affair.
                tokio::spawn(async move { drop(connection.await) });
            }
            // Such as too many open files, which pass.
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// The head of a request has this long to arrive, and so has the next request on a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// What hyper reads ahead, in bytes.
const MAX_BUFFER: usize = 64 * 1024;
