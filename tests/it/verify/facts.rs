//! What a profile says: what the vendors publish of an answer and of retries, and what a user sets.

use std::time::Duration;

use offhook::{Profile, Salpre, StandardWebhooks, Success, TalkifAi, Truedy, Ultravox, Verifier};

#[test]
fn each_vendor_has_the_facts_that_it_publishes() {
    let facts = |profile: &Profile| {
        (
            profile.vendor().to_owned(),
            profile.success().status(),
            profile.answers_within().as_secs(),
            profile.retry_span().map(|span| span.as_secs()),
        )
    };
    let key = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let standard = StandardWebhooks::<serde_json::Value>::new(key).unwrap();
    for (profile, name, success, seconds, retries) in [
        (Truedy::new("s3cret-s3cret").unwrap().profile(), "truedy", 204, 5, None),
        (TalkifAi::new("s3cret-s3cret").unwrap().profile(), "talkifai", 200, 10, Some(30 + 300 + 1_800)),
        (Salpre::bearer("s3cret-s3cret").unwrap().profile(), "salpre", 200, 5, None),
        (Ultravox::new("s3cret-s3cret").unwrap().profile(), "ultravox", 204, 5, Some(8 * 3_600 + 31 * 60 + 30)),
        (standard.profile(), "standard-webhooks", 204, 5, Some(75 * 3_600 + 35 * 60 + 5)),
    ] {
        assert_eq!(facts(profile), (name.to_owned(), success, seconds, retries));
    }
}

#[test]
fn each_fact_of_a_profile_can_be_set_alone() {
    let seconds = Duration::from_secs;
    let facts = |profile: Profile| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?}",
            profile.vendor(),
            profile.endpoint(),
            profile.success(),
            profile.answers_within(),
            profile.retry_span(),
            profile.max_age()
        )
    };
    let profile = || Profile::new("vapi");
    for (profile, expected) in [
        (profile(), r#"vapi "" Ok 5s None None"#),
        (profile().with_vendor("acme"), r#"acme "" Ok 5s None None"#),
        (profile().with_endpoint("eu"), r#"vapi "eu" Ok 5s None None"#),
        (profile().with_success(Success::Accepted), r#"vapi "" Accepted 5s None None"#),
        (profile().with_answers_within(seconds(7)), r#"vapi "" Ok 7s None None"#),
        (profile().with_retry_span(seconds(8)), r#"vapi "" Ok 5s Some(8s) None"#),
        (profile().with_max_age(seconds(9)), r#"vapi "" Ok 5s None Some(9s)"#),
    ] {
        assert_eq!(facts(profile), expected);
    }
}
