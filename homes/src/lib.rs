//! offhook in frameworks for which it has no extractor: one file for each.

pub mod hyper;
pub mod lambda;
pub mod poem;
pub mod rocket;
pub mod salvo;

#[cfg(test)]
mod tests;

use std::time::Duration;

use offhook::{Delivery, Reply, truedy};

/// Handles a delivery: the application's own code. As an example, this one asks for a
/// call's bill to be sent again in half a minute.
pub async fn handle(delivery: Delivery<truedy::Event>) -> Reply {
    match delivery.event() {
        truedy::Event::CallBilled(_) => Reply::unavailable(Duration::from_secs(30)),
        _ => delivery.acknowledge(),
    }
}
