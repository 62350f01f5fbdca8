//! The contract of a store, for one key.

use super::steps::{Answer, Call, LEASE, RETENTION, Row, Token};
use super::subject::Subject;

/// What is wrong, if it is wrong.
pub type Checked<T> = Result<T, String>;

/// Takes every step from every record, and compares each with the contract. Returns how many
/// there were.
pub async fn compare(subject: &Subject<'_>) -> Checked<usize> {
    let (key, receiver) = (0, 0);
    let tokens = [Token::Receiver(0), Token::Receiver(1), Token::Nobody];
    let mut calls = vec![Call::Purge { key }];
    calls.extend([0, 1].map(|payload| Call::Claim { key, payload, receiver }));
    for token in tokens {
        calls.extend([Call::Complete { key, token }, Call::Release { key, token }, Call::Extend { key, token }]);
    }
    let mut rows = vec![None];
    for (token, payload) in tokens.into_iter().flat_map(|token| [(token, 0), (token, 1)]) {
        for kept in 0..=LEASE + RETENTION {
            let until = (kept - RETENTION).max(0);
            rows.push(Some(Row { token, payload, done: false, until, kept }));
        }
        rows.extend((0..=RETENTION).map(|kept| Some(Row { token, payload, done: true, until: kept, kept })));
    }
    let mut steps = 0;
    for &row in &rows {
        for &call in &calls {
            // A token that a receiver has does not come a second time.
            if let (Call::Claim { .. }, Some(Row { token: Token::Receiver(0), .. })) = (call, row) {
                continue;
            }
            let (answer, after) = subject.take(row, call).await;
            judge(row, call, answer, after)?;
            steps += 1;
        }
    }
    Ok(steps)
}

/// Compares a step with the contract, and returns the record that should be there after it.
pub fn judge(due: Option<Row>, call: Call, answer: Answer, after: Option<Row>) -> Checked<Option<Row>> {
    let mut allowed = contract(due, call);
    // A record may be gone once nothing needs it.
    if due.is_some_and(|row| row.kept == 0) {
        allowed.extend(contract(None, call));
    }
    let Some(&(_, row)) = allowed.iter().find(|(expected, _)| *expected == answer) else {
        return Err(format!("{call:?} of {due:?} is answered by {answer:?}"));
    };
    // While time is left, the record must be there as it should be.
    let live = |row: Option<Row>| row.filter(|row| row.until > 0);
    match live(row) == live(after) {
        true => Ok(row),
        false => Err(format!("{call:?} of {due:?} leaves {after:?} instead of {row:?}")),
    }
}

/// The contract of a store: the answers that it may give, and the record after each.
fn contract(row: Option<Row>, call: Call) -> Vec<(Answer, Option<Row>)> {
    let own = |token| row.filter(|row| row.token == token);
    let held = |token| own(token).filter(|row| !row.done);
    let lost = (Answer::LeaseLost, row);
    vec![match call {
        Call::Claim { payload, receiver, .. } => match row.filter(|row| row.until > 0) {
            Some(Row { payload: other, done, until, .. }) if other != payload => {
                (Answer::Conflict { left: (!done).then_some(until) }, row)
            }
            Some(Row { done: true, .. }) => (Answer::Done, row),
            Some(Row { until, .. }) => (Answer::InFlight { left: until }, row),
            None => {
                let token = Token::Receiver(receiver);
                (Answer::Fresh, Some(Row { token, payload, done: false, until: LEASE, kept: LEASE + RETENTION }))
            }
        },
        Call::Complete { token, .. } => match own(token) {
            Some(row) if row.done => (Answer::Changed, Some(row)),
            Some(row) => (Answer::Changed, Some(Row { done: true, until: RETENTION, kept: RETENTION, ..row })),
            None => lost,
        },
        Call::Release { token, .. } => held(token).map_or(lost, |_| (Answer::Changed, None)),
        Call::Extend { token, .. } => held(token)
            .map_or(lost, |row| (Answer::Changed, Some(Row { until: LEASE, kept: LEASE + RETENTION, ..row }))),
        Call::Purge { .. } => (Answer::Changed, row.filter(|row| row.kept > 0)),
    }]
}
