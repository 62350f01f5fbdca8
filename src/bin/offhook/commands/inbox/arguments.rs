//! The arguments of `offhook inbox`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use offhook::inbox::{Filter, PrunePolicy, State};

use crate::commands::time;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  export OFFHOOK_STORE=sqlite:inbox.db
  offhook inbox stats
  offhook inbox list --state dead --json
  offhook inbox show 17
  offhook inbox retry 17
  offhook inbox replay --event call.ended --from 2026-03-18T00:00:00Z
  offhook inbox prune --done-days 30")]
pub(crate) struct Arguments {
    /// `sqlite:FILE` or `postgres://…`; set OFFHOOK_STORE if the address has a password
    #[arg(
        long,
        env = "OFFHOOK_STORE",
        hide_env_values = true,
        global = true,
        default_value = "",
        hide_default_value = true
    )]
    pub(super) store: String,

    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Count what waits, runs and is dead
    #[command(after_help = "\
Examples:
  offhook inbox stats --store sqlite:inbox.db
  offhook inbox stats --json")]
    Stats,
    /// List events: the first 100, or as many as --limit says
    #[command(after_help = "\
Examples:
  offhook inbox list --state dead
  offhook inbox list --call uv_call_abc123 --json
  offhook inbox list --vendor truedy --from 2026-03-18T00:00:00Z --before 2026-03-19T00:00:00Z
  offhook inbox list --after 1700 --limit 500")]
    List(Selection),
    /// Show an event with its body
    #[command(after_help = "\
Examples:
  offhook inbox show 17
  offhook inbox show 17 --json")]
    Show {
        /// The number of the event
        id: i64,
    },
    /// Let events run now that are dead, or wait for their next attempt
    #[command(after_help = "\
Examples:
  offhook inbox retry 17
  offhook inbox retry 17 18 21")]
    Retry {
        /// The numbers of the events
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Let all events that match run now, if they are dead or wait for their next attempt
    #[command(after_help = "\
Examples:
  offhook inbox retry-all --state dead --event call.ended
  offhook inbox retry-all --all")]
    RetryAll(Changed),
    /// Let all events that match run again, if they are done
    #[command(after_help = "\
Examples:
  offhook inbox replay --event call.ended --from 2026-03-18T00:00:00Z
  offhook inbox replay --call uv_call_abc123")]
    Replay(Changed),
    /// Delete what has been done for 14 days or dead for 90 days
    #[command(after_help = "\
Examples:
  offhook inbox prune
  offhook inbox prune --done-days 30 --dead-days 365")]
    Prune(Ages),
    /// Delete everything about a call
    #[command(after_help = "\
Examples:
  offhook inbox erase uv_call_abc123")]
    Erase {
        /// The id of the call
        call_id: String,
    },
}

/// Which events are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Only events in this state
    #[arg(long)]
    state: Option<StateName>,
    /// Only events of this vendor
    #[arg(long)]
    vendor: Option<String>,
    /// Only events of this endpoint
    #[arg(long)]
    endpoint: Option<String>,
    /// Only events with this name
    #[arg(long)]
    event: Option<String>,
    /// Only events of this call
    #[arg(long, value_name = "CALL_ID")]
    call: Option<String>,
    /// Only events that were accepted at this time or later
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Only events that were accepted before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    before: Option<DateTime<Utc>>,
    /// Only events with a higher number: the next page
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
    /// Only the first events
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

/// Which events are to be changed. It must be asked for if it means all.
#[derive(Debug, clap::Args)]
pub(super) struct Changed {
    #[command(flatten)]
    selection: Selection,
    /// All events
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateName {
    Waiting,
    Running,
    Done,
    Dead,
}

impl From<StateName> for State {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Waiting => State::Waiting,
            StateName::Running => State::Running,
            StateName::Done => State::Done,
            StateName::Dead => State::Dead,
        }
    }
}

impl Selection {
    fn is_everything(&self) -> bool {
        let Selection { state, vendor, endpoint, event, call, from, before, after, limit } = self;
        state.is_none()
            && [vendor, endpoint, event, call].into_iter().all(Option::is_none)
            && from.is_none()
            && before.is_none()
            && after.is_none()
            && limit.is_none()
    }

    pub(super) fn filter(&self) -> Filter {
        let mut filter = Filter::new().after(self.after.unwrap_or_default());
        if let Some(state) = self.state {
            filter = filter.state(state.into());
        }
        if let Some(vendor) = &self.vendor {
            filter = filter.vendor(vendor);
        }
        if let Some(endpoint) = &self.endpoint {
            filter = filter.endpoint(endpoint);
        }
        if let Some(event) = &self.event {
            filter = filter.event(event);
        }
        if let Some(call_id) = &self.call {
            filter = filter.call_id(call_id);
        }
        if let Some(time) = self.from {
            filter = filter.received_from(time);
        }
        if let Some(time) = self.before {
            filter = filter.received_before(time);
        }
        match self.limit {
            Some(limit) => filter.limit(limit),
            None => filter,
        }
    }
}

impl Changed {
    pub(super) fn filter(&self) -> Result<Filter, Failure> {
        if self.selection.is_everything() && !self.all {
            return Err(Failure::Usage("name the events by an option, or say --all".to_owned()));
        }
        Ok(self.selection.filter())
    }
}

/// How long events stay.
#[derive(Debug, clap::Args)]
pub(super) struct Ages {
    /// Delete what has been done for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 14)]
    done_days: u32,
    /// Delete what has been dead for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    dead_days: u32,
}

impl Ages {
    pub(super) fn policy(&self) -> Result<PrunePolicy, Failure> {
        let days = |days: u32| Duration::from_secs(u64::from(days).saturating_mul(86_400));
        let policy = PrunePolicy::default().with_done(days(self.done_days));
        Ok(policy.map_err(|error| Failure::usage("--done-days", &error))?.with_dead(days(self.dead_days)))
    }
}
