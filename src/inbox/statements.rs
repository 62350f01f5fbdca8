//! The statements, which both databases share but for the words in braces.
//!
//! The first value of each is that of [`Dialect::base`]. Times and spans are in milliseconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::dialect::Dialect;

/// The statements in the words of a dialect, each from its first use on.
#[derive(Default)]
pub(super) struct Statements(Mutex<HashMap<&'static str, Arc<str>>>);

impl Statements {
    pub(super) fn finished<D: Dialect>(&self, statement: &'static str) -> SqlStr {
        let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = statements.entry(statement).or_insert_with(|| in_words_of::<D>(statement).into());
        AssertSqlSafe(Arc::clone(text)).into_sql_str()
    }
}

fn in_words_of<D: Dialect>(statement: &str) -> String {
    let [now, skip, pairs, lock, token] = D::WORDS;
    statement
        .replace("{insert}", INSERT)
        .replace("{inserted}", INSERTED)
        .replace("{entry}", ENTRY)
        .replace("{filter}", FILTER)
        .replace("{next}", NEXT_OF_CALL)
        .replace("{now}", now)
        .replace("{skip}", skip)
        .replace("{pairs}", pairs)
        .replace("{lock}", lock)
        .replace("{token}", token)
}

/// An event with a place in a call's life.
pub(super) const ACCEPT: &str = "{insert} VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, {inserted}";

/// An event without one has the place that its call has reached among the events that are still
/// open. It has a statement of its own, because PostgreSQL would plan a common one anew for each
/// event: without this query, the plan for a given place is cheaper.
pub(super) const ACCEPT_UNPLACED: &str = "{insert} VALUES ($2, $3, $4, $5, $6, $7, $8, $9,
        coalesce($10, (SELECT max(place) FROM offhook_inbox WHERE call_group = $8 AND finished_at IS NULL), 0),
        {inserted}";

const INSERT: &str = "INSERT INTO offhook_inbox
    (version, vendor, endpoint, event, key, call_id, call_group, stage, place, body, payload, proof, received_at, due)";

/// The values of an insert from the body on, and what it does.
const INSERTED: &str = "$11, $12, $13, {now}, {now}) ON CONFLICT (key) DO NOTHING RETURNING id";

pub(super) const PAYLOAD: &str = "SELECT payload FROM offhook_inbox WHERE key = $2 AND $1 = $1";

pub(super) const BACKLOG: &str =
    "SELECT count(*) FROM (SELECT 1 FROM offhook_inbox WHERE finished_at IS NULL AND $1 = $1 LIMIT $2) AS open";

/// Looks at the first events that are due. Each runs if it is the first open one of its call
/// and the call has none that runs, so a call has at most one of them. Otherwise it is put off,
/// so that nobody looks at it again and again, however many events wait for the same one.
///
/// Of the events that were tried before, only those among the first $8 run.
///
/// What the planner of PostgreSQL could misjudge is kept from it: the index gives the first
/// rows at once, but it would sort all that wait if it believed that few of them match. So the
/// sources are counted, and the time is a subquery.
///
/// No row is returned if nothing is due, or if another process has just changed the row: then
/// what this statement sees of its call may be old.
pub(super) const CLAIM: &str = "WITH first (candidate, seen, free) AS MATERIALIZED (
        SELECT w.id, w.due, w.call_group IS NULL OR (
            w.id = (SELECT e.id FROM offhook_inbox AS e
                WHERE e.call_group = w.call_group AND e.finished_at IS NULL ORDER BY e.place, e.id LIMIT 1)
            AND (SELECT e.id FROM offhook_inbox AS e
                WHERE e.call_group = w.call_group AND e.state = 'running' LIMIT 1) IS NULL
            AND ($5 = 0 OR (SELECT e.id FROM offhook_inbox AS e
                WHERE e.call_group = w.call_group AND e.state = 'dead' AND (e.place, e.id) < (w.place, w.id)
                LIMIT 1) IS NULL))
        FROM offhook_inbox AS w
        WHERE w.state = 'waiting' AND w.due <= (SELECT {now})
            AND (SELECT count(*) WHERE (w.vendor, w.endpoint) IN ({pairs})) > 0
        ORDER BY w.due, w.id LIMIT $7 {skip}),
    numbered AS (SELECT candidate, seen, free, row_number() OVER (ORDER BY seen, candidate) AS number FROM first)
    UPDATE offhook_inbox SET
        state = CASE WHEN free THEN 'running' ELSE 'waiting' END,
        attempts = CASE WHEN free THEN attempts + 1 ELSE attempts END,
        token = CASE WHEN free THEN $3 END,
        lease_until = CASE WHEN free THEN {now} + $4 END,
        due = CASE WHEN free THEN due ELSE {now} + $6 END
    FROM numbered WHERE id = candidate AND due = seen AND (attempts = 0 OR number <= $8 OR NOT free)
    RETURNING {entry}, version, payload, proof, stage, CASE WHEN state = 'running' THEN body END";

/// Lets the next event of the call of each event that has ended run now, if it was put off. It
/// changes the rows in any case, so that a claim which has not seen the end cannot put them off.
/// They are locked in one order, so that two workers do not wait for each other.
pub(super) const CALL_UP: &str = "WITH ended (ended, rest) AS ({pairs}),
    next (candidate) AS MATERIALIZED (
        SELECT (SELECT e.id FROM offhook_inbox AS e
            WHERE e.call_group = (SELECT o.call_group FROM offhook_inbox AS o WHERE o.id = CAST(ended AS bigint))
                AND e.finished_at IS NULL
            ORDER BY e.place, e.id LIMIT 1)
        FROM ended),
    locked (called) AS MATERIALIZED (
        SELECT n.id FROM next JOIN offhook_inbox AS n ON n.id = candidate ORDER BY n.id {lock})
    UPDATE offhook_inbox SET due = CASE WHEN due <= {now} THEN due - 1 ELSE {now} END
    FROM locked WHERE id = called AND state = 'waiting' AND attempts = 0
    RETURNING id";

/// An event that was never tried is due within the span of a put-off. If it is due later, the
/// clock was set back since.
pub(super) const RESET_DUE: &str = "UPDATE offhook_inbox SET due = {now}
    WHERE state = 'waiting' AND attempts = 0 AND due > {now} + $2 RETURNING id";

pub(super) const EXTEND: &str = "UPDATE offhook_inbox SET lease_until = {now} + $4
    WHERE id = $2 AND token = $3 AND state = 'running' RETURNING id";

pub(super) const OWNS: &str =
    "SELECT id FROM offhook_inbox WHERE id = $2 AND token = $3 AND state = 'running' AND $1 = $1 {lock}";

/// The rows of those who own them are returned.
pub(super) const DONE: &str = "WITH owners (owned, lease) AS MATERIALIZED ({pairs})
    UPDATE offhook_inbox
    SET state = 'done', finished_at = {now}, token = NULL, lease_until = NULL, error = NULL
    FROM owners WHERE id = CAST(owned AS bigint) AND {token} = lease AND state = 'running'
    RETURNING id, {now} - received_at, {next}";

pub(super) const FAIL: &str = "UPDATE offhook_inbox
    SET state = 'waiting', due = {now} + $4, error = $5, token = NULL, lease_until = NULL
    WHERE id = $2 AND token = $3 AND state = 'running' RETURNING id";

pub(super) const BURY: &str = "UPDATE offhook_inbox
    SET state = 'dead', finished_at = {now}, error = $4, token = NULL, lease_until = NULL
    WHERE id = $2 AND token = $3 AND state = 'running' RETURNING id, {now} - received_at, {next}";

pub(super) const RELEASE: &str = "WITH owners (owned, lease) AS MATERIALIZED ({pairs})
    UPDATE offhook_inbox
    SET state = 'waiting', due = {now}, attempts = attempts - 1, token = NULL, lease_until = NULL
    FROM owners WHERE id = CAST(owned AS bigint) AND {token} = lease AND state = 'running'
    RETURNING id";

/// An event whose lease has ended waits again, or is dead after its last attempt. The attempt
/// counts, so that an event that kills its process does so a limited number of times.
pub(super) const EXPIRE: &str = "UPDATE offhook_inbox SET
        state = CASE WHEN attempts >= $3 THEN 'dead' ELSE 'waiting' END,
        finished_at = CASE WHEN attempts >= $3 THEN {now} END,
        due = {now}, token = NULL, lease_until = NULL, error = $4
    WHERE id IN (SELECT id FROM offhook_inbox
        WHERE state = 'running' AND lease_until <= {now} AND (vendor, endpoint) IN ({pairs}) {skip})
    RETURNING {entry}";

/// The time until something falls due. A lease that has ended already belongs to another
/// worker's vendors, or its row is locked by a transaction.
pub(super) const NEXT: &str = "SELECT min(at) - {now} FROM (
        SELECT min(due) AS at FROM offhook_inbox WHERE state = 'waiting' AND due > {now}
        UNION ALL
        SELECT min(lease_until) AS at FROM offhook_inbox WHERE state = 'running' AND lease_until > {now}
    ) AS times";

pub(super) const STATS: &str = "SELECT vendor, endpoint, state, count(*), {now} - min(received_at) FROM (
        SELECT vendor, endpoint, state, received_at FROM offhook_inbox WHERE finished_at IS NULL
        UNION ALL
        SELECT vendor, endpoint, state, received_at FROM offhook_inbox WHERE state = 'dead'
    ) AS counted GROUP BY vendor, endpoint, state ORDER BY vendor, endpoint, state";

/// The columns of an entry, in its order.
const ENTRY: &str = "id, state, vendor, endpoint, event, key, call_id, attempts, replays, received_at, due, \
    finished_at, error";

/// Another open event of the call.
const NEXT_OF_CALL: &str = "(SELECT e.id FROM offhook_inbox AS e WHERE e.call_group = offhook_inbox.call_group \
    AND e.finished_at IS NULL AND e.id <> offhook_inbox.id LIMIT 1)";

/// The values from $2 on are those of a filter.
const FILTER: &str = "id > $2 AND ($3 IS NULL OR state = $3) AND ($4 IS NULL OR vendor = $4) \
    AND ($5 IS NULL OR endpoint = $5) AND ($6 IS NULL OR event = $6) AND ($7 IS NULL OR call_id = $7) \
    AND ($8 IS NULL OR received_at >= $8) AND ($9 IS NULL OR received_at < $9) AND ($11 IS NULL OR id = $11) \
    AND $1 = $1";

pub(super) const LIST: &str = "SELECT {entry} FROM offhook_inbox WHERE {filter} ORDER BY id LIMIT $10";

pub(super) const SHOW: &str =
    "SELECT {entry}, version, payload, proof, stage, body FROM offhook_inbox WHERE id = $2 AND $1 = $1";

pub(super) const RETRY: &str = "UPDATE offhook_inbox
    SET state = 'waiting', due = {now}, attempts = 0, finished_at = NULL
    WHERE id IN (SELECT id FROM offhook_inbox WHERE {filter} AND state IN ('dead', 'waiting') ORDER BY id LIMIT $10)
        AND state IN ('dead', 'waiting')
    RETURNING id";

pub(super) const REPLAY: &str = "UPDATE offhook_inbox
    SET state = 'waiting', due = {now}, attempts = 0, finished_at = NULL, replays = replays + 1
    WHERE id IN (SELECT id FROM offhook_inbox WHERE {filter} AND state = 'done' ORDER BY id LIMIT $10)
        AND state = 'done'
    RETURNING id";

pub(super) const PRUNE: &str = "DELETE FROM offhook_inbox WHERE id IN (
        SELECT id FROM offhook_inbox WHERE state = $2 AND finished_at IS NOT NULL AND finished_at <= {now} - $3
        ORDER BY finished_at LIMIT $4 {skip})
    RETURNING id";

pub(super) const ERASE: &str = "DELETE FROM offhook_inbox WHERE call_id = $2 AND $1 = $1 RETURNING id";

pub(super) const VERSION: &str = "SELECT coalesce(max(version), 0) FROM offhook_inbox_schema WHERE $1 = $1";

pub(super) const UPGRADED: &str =
    "INSERT INTO offhook_inbox_schema (version, since) VALUES ($2, {now}) RETURNING version";
