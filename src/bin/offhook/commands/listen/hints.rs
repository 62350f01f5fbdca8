//! What a handler's answer suggests to look at.

use std::ops::RangeInclusive;

use super::facts::duration;
use super::judge::{Judge, Judgement};
use crate::client::{Answer, SendError};
use crate::output::printable;

/// What to look at after an answer with one of these statuses to a delivery that is genuine.
const BY_STATUS: [(RangeInclusive<u16>, &str); 10] = [
    (300..=399, "the handler answers with a redirect, which a sender need not follow: use the final URL"),
    (400..=400, "the handler cannot read the delivery: does it expect another body than the JSON of the vendor?"),
    (401..=401, "is the route verified with this secret, and does nothing change the body before?"),
    (403..=403, "something refuses the request before the handler: a firewall, or a check of forms and cookies?"),
    (404..=404, "there is no route at this path: compare it with the router"),
    (405..=405, "the route does not take POST"),
    (408..=408, "the server did not wait for the body"),
    (413..=413, "the body limit of the route is smaller than this delivery"),
    (415..=415, "the route does not take the Content-Type or the Content-Encoding of this delivery"),
    (500..=599, "the handler failed"),
];

/// Returns what to look at after the answer of the handler.
pub(super) fn hints(judge: &Judge, judgement: &Judgement, forwarded: &Result<Answer, SendError>) -> Vec<String> {
    match forwarded {
        Ok(answer) => after_answer(judge, judgement, answer),
        Err(error) => after_error(judgement, error),
    }
}

fn after_answer(judge: &Judge, judgement: &Judgement, answer: &Answer) -> Vec<String> {
    let mut hints = Vec::new();
    let is_success = answer.is_success();
    match judgement.verdict.accepted {
        false if is_success => hints.push(
            "the handler accepts a delivery that is refused here: does its route verify the signature?".to_owned(),
        ),
        // The handler refuses what is refused here.
        false => {}
        true => hints.extend(by_status(judge, answer)),
    }
    let Some(vendor) = judgement.vendor else { return hints };
    if is_success && !vendor.takes_for_accepted(answer.status) {
        hints.push(format!("{vendor} takes only 200 for accepted"));
    }
    let profile = judge.endpoint(vendor).and_then(|endpoint| endpoint.profile().ok());
    let late = profile.filter(|profile| answer.elapsed > profile.answers_within());
    if let Some(profile) = &late {
        hints.push(format!("the handler took {}; {}", duration(answer.elapsed), vendor.waits(profile)));
    }
    if late.is_some() || !vendor.takes_for_accepted(answer.status) {
        hints.push(vendor.sends_again());
    }
    hints
}

fn by_status(judge: &Judge, answer: &Answer) -> Option<String> {
    let (_, hint) = BY_STATUS.iter().find(|(statuses, _)| statuses.contains(&answer.status))?;
    match excerpt(&judge.masked_text(&answer.body)) {
        Some(body) => Some(format!("{hint}. It says: {body}")),
        None => Some((*hint).to_owned()),
    }
}

fn after_error(judgement: &Judgement, error: &SendError) -> Vec<String> {
    let hint = match error {
        SendError::Unsendable(_) => "the delivery cannot be forwarded",
        SendError::NoConnection(_) => "is the server running, and is this its address?",
        SendError::TimedOut(_) => "the handler takes too long: answer first, and do slow work afterwards",
        SendError::BrokenOff(_) => "the server closed the connection: did the handler panic?",
    };
    let again = judgement.vendor.map(|vendor| vendor.sends_again());
    [Some(hint.to_owned()), again].into_iter().flatten().collect()
}

/// Returns the beginning of a text, in one line.
fn excerpt(text: &str) -> Option<String> {
    const LONGEST: usize = 200;
    let words: Vec<_> = text.split_whitespace().take(LONGEST).collect();
    let text = printable(&words.join(" "));
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(LONGEST).collect();
    match (start.is_empty(), characters.next()) {
        (true, _) => None,
        (false, None) => Some(start),
        (false, Some(_)) => Some(format!("{start}…")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use hyper::HeaderMap;
    use offhook::testing::{RawRequest, samples};
    use zeroize::Zeroizing;

    use super::*;
    use crate::vendors::{Endpoint, Vendor};

    fn hints_after(vendor: Vendor, status: u16, elapsed: Duration) -> Vec<String> {
        let sample = samples::all().find(|sample| sample.vendor() == vendor.name()).unwrap();
        let endpoint = Endpoint::new(vendor, Zeroizing::new("a test secret".to_owned())).unwrap();
        let request: RawRequest = endpoint.signer().unwrap().request("/", &sample);
        let judge = Judge::of(vec![endpoint]);
        let judgement = judge.judge(&request).unwrap();
        assert!(judgement.verdict.accepted, "{judgement:?}");
        let answer = Answer { status, headers: HeaderMap::new(), body: Bytes::new(), elapsed };
        hints(&judge, &judgement, &Ok(answer))
    }

    #[test]
    fn an_answer_that_is_slower_than_the_vendor_waits_is_named() {
        assert_eq!(
            hints_after(Vendor::TalkifAi, 200, Duration::from_millis(10_200)),
            [
                "the handler took 10.2 s; talkifai waits for 10 s",
                "talkifai sends it again, with these waits before the attempts: 30 s, 5 min, 30 min"
            ]
        );
        assert_eq!(
            hints_after(Vendor::Truedy, 204, Duration::from_secs(6)),
            [
                "the handler took 6.0 s; how long truedy waits is not stated: plan for 5 s",
                "truedy may send it again; when is not stated"
            ]
        );
        assert!(hints_after(Vendor::Truedy, 204, Duration::from_secs(4)).is_empty());
    }

    #[test]
    fn a_success_that_the_vendor_does_not_know_is_named() {
        assert_eq!(
            hints_after(Vendor::Salpre, 204, Duration::ZERO),
            ["salpre takes only 200 for accepted", "whether salpre sends it again is not stated"]
        );
        assert!(hints_after(Vendor::Truedy, 200, Duration::ZERO).is_empty());
    }

    #[test]
    fn an_excerpt_is_one_line_without_control_characters() {
        assert_eq!(excerpt(" \n\t"), None);
        assert_eq!(excerpt("a\r\n b\u{1b}[2J").as_deref(), Some("a b\\u{1b}[2J"));
        assert_eq!(excerpt(&"x".repeat(300)).map(|text| text.chars().count()), Some(201));
    }
}
