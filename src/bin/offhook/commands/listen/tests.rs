//! What `listen` shows, for the scan for secrets.

use offhook::testing::RawRequest;
use offhook::{Clock, SystemClock};

use super::delivery::{Delivery, Handled};
use super::judge::Judge;
use super::show;
use crate::vendors::Endpoint;

/// Returns a delivery as `listen` shows it: as text, as JSON and as the capture that it saves.
pub(crate) fn shown(endpoint: Endpoint, request: &RawRequest) -> Vec<String> {
    let judge = Judge::of(vec![endpoint]);
    let judgement = judge.judge(request).unwrap();
    let handled = Handled { forwarded: None, answered: 204, hints: Vec::new() };
    let received = (request.clone(), Default::default());
    let delivery = Delivery::new(1, SystemClock.now(), received, judgement, handled, &judge);
    vec![show::text(&delivery, true), show::json(&delivery, true).unwrap().to_string(), delivery.capture.to_json()]
}
