//! The settings of the example servers.

use std::error::Error;

use offhook::idempotency::StoreError;
use offhook::testing::Signer;
use offhook::{Clock, Rejection, Salpre, SystemClock, TalkifAi, Truedy, talkifai, truedy};

/// The port to listen on, and a verifier for each vendor that has a secret.
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) truedy: Option<Truedy>,
    pub(crate) talkifai: Option<TalkifAi>,
    pub(crate) salpre: Option<Salpre>,
    demo: bool,
}

const TRUEDY_SECRET: &str = "TRUEDY_WEBHOOK_SECRET";
const TALKIFAI_SECRET: &str = "TALKIFAI_WEBHOOK_SECRET";
const SALPRE_TOKEN: &str = "SALPRE_WEBHOOK_TOKEN";

const DEMO_TRUEDY_SECRET: &str = "whsec_truedy_demo_secret";
const DEMO_TALKIFAI_SECRET: &str = "talkifai_demo_secret";
const DEMO_SALPRE_TOKEN: &str = "salpre_demo_token";

impl Settings {
    /// Reads the environment. If no secret is set, demo secrets are used. Otherwise there is no route
    /// for a vendor without a secret.
    pub(crate) fn from_env() -> Result<Self, Box<dyn Error>> {
        let secret = |name: &str| std::env::var(name).ok();
        let demo = [TRUEDY_SECRET, TALKIFAI_SECRET, SALPRE_TOKEN].iter().all(|name| secret(name).is_none());
        let secret = |name: &str, demo_secret: &str| if demo { Some(demo_secret.to_owned()) } else { secret(name) };
        Ok(Settings {
            port: match std::env::var("PORT") {
                Ok(port) => port.parse().map_err(|_| format!("PORT must be a number from 0 to 65535, not {port}"))?,
                Err(_) => 3000,
            },
            truedy: secret(TRUEDY_SECRET, DEMO_TRUEDY_SECRET).map(Truedy::new).transpose()?,
            talkifai: secret(TALKIFAI_SECRET, DEMO_TALKIFAI_SECRET).map(TalkifAi::new).transpose()?,
            salpre: secret(SALPRE_TOKEN, DEMO_SALPRE_TOKEN).map(Salpre::bearer).transpose()?,
            demo,
        })
    }

    /// Prints the address of the server, and commands to try it.
    pub(crate) fn announce(&self, port: u16) -> Result<(), Box<dyn Error>> {
        let url = format!("http://127.0.0.1:{port}");
        eprintln!("listening on {url}");
        if !self.demo {
            for (name, served) in [
                (TRUEDY_SECRET, self.truedy.is_some()),
                (TALKIFAI_SECRET, self.talkifai.is_some()),
                (SALPRE_TOKEN, self.salpre.is_some()),
            ] {
                if !served {
                    eprintln!("{name} is not set, so there is no route for that vendor");
                }
            }
            return Ok(());
        }
        eprintln!("no secret is set, so the server uses these demo secrets; never use them in production:");
        eprintln!("  {TRUEDY_SECRET}={DEMO_TRUEDY_SECRET}");
        eprintln!("  {TALKIFAI_SECRET}={DEMO_TALKIFAI_SECRET}");
        eprintln!("  {SALPRE_TOKEN}={DEMO_SALPRE_TOKEN}");
        eprintln!("try these commands within five minutes; each makes the server print a line:");
        let now = SystemClock.now();
        let id = now.timestamp();
        let time = now.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let body = format!(
            r#"{{"event":"call.ended","timestamp":"{time}","data":{{"id":"evt_demo_{id}","call":{{"callId":"call_demo_{id}","duration":142,"costUsd":0.21,"endReason":"hangup"}}}}}}"#
        );
        let headers = Signer::new(truedy::SCHEME, DEMO_TRUEDY_SECRET)?.sign(now, &body);
        eprintln!("{}", curl(&format!("{url}/webhooks/truedy"), headers, &body));
        let body = format!(
            r#"{{"id":"evt_demo_{id}","type":"call.started","created":"{time}","data":{{"callId":"call_demo_{id}","agentId":"agent_demo","direction":"inbound","from":"+12025550123","to":"+18885550100"}}}}"#
        );
        let headers = Signer::new(talkifai::SCHEME, DEMO_TALKIFAI_SECRET)?.sign(now, &body);
        eprintln!("{}", curl(&format!("{url}/webhooks/talkifai"), headers, &body));
        let body = format!(
            r#"{{"event_type":"call_answered","timestamp_utc":{id},"payload":{{"call_id":{id},"from":"+905555555555","to":"+905555555554","direction":"outbound","source":"salprebox:SALPRE_AABBCCDD"}}}}"#
        );
        let headers = vec![("authorization", format!("Bearer {DEMO_SALPRE_TOKEN}"))];
        eprintln!("{}", curl(&format!("{url}/webhooks/salpre"), headers, &body));
        Ok(())
    }
}

fn curl(url: &str, headers: Vec<(&str, String)>, body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!(" -H '{name}: {value}'")).collect();
    format!("curl -i {url} -H 'content-type: application/json'{headers} --data-binary '{body}'")
}

/// Says why the store that OFFHOOK_STORE names cannot be used.
pub(crate) fn unusable_store(error: &StoreError) -> Box<dyn Error> {
    let causes = std::iter::successors(Some(error as &dyn Error), |error| (*error).source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    format!("OFFHOOK_STORE: {}", causes.join(": ")).into()
}

/// Prints a line for a refused delivery.
pub(crate) fn print_refused(path: &str, rejection: &Rejection) {
    eprintln!("refused {path}: {} ({})", rejection.code(), rejection.status());
}
