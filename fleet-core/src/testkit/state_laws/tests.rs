//! The laws themselves under test: the naive store passes them, and broken ones do not.

use std::{future::Future, pin::Pin};

use super::{NaiveState, Subject, naive::Fault};

crate::state_laws!(Some(NaiveState::subject()));

type Law = fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs each law on a store that breaks it, in a task, so that its panic can be seen.
macro_rules! rejects {
    ($($fault:ident: $law:ident),+ $(,)?) => {$({
        let law: Law = |subject| Box::pin(super::$law(subject));
        let broken = NaiveState::subject_with(Some(Fault::$fault));
        let outcome = tokio::spawn(law(broken)).await;
        assert!(outcome.is_err(), "{} passes {}", stringify!($fault), stringify!($law));
    })+};
}

#[tokio::test]
async fn what_is_saved_wrongly_is_found() {
    rejects!(
        CutsWorlds: a_checkpoint_is_there_as_it_was_saved,
        KeepsOldCounters: counters_move_with_their_checkpoint,
        TakesOlder: an_older_checkpoint_changes_nothing,
        TellsStaleAsApplied: an_older_checkpoint_changes_nothing,
        SkipsAhead: skipping_ahead_is_refused,
        CountsBeforeItChecks: a_refused_checkpoint_leaves_nothing,
        Forgets: what_was_saved_survives_a_crash,
        LastWriterWins: what_is_put_once_stays,
        NeverReplaces: what_replaces_is_there_alone,
        ReadsThenWrites: of_racing_writers_one_is_first,
    );
}

#[tokio::test]
async fn what_is_leased_wrongly_is_found() {
    rejects!(
        GivesToAll: a_lease_has_one_holder_at_a_time,
        KeepsTheToken: a_token_grows_with_each_holder,
        RestartsTokens: a_token_grows_with_each_holder,
        IgnoresTokens: who_lost_the_lease_saves_nothing,
        FencesByTime: an_expired_lease_saves_until_it_is_taken_over,
        ReleasesForOthers: releasing_what_has_passed_on_does_nothing,
        HasOneLease: leases_of_two_names_are_two,
        ReadsThenWrites: of_racing_takers_one_gets_the_lease,
    );
}

#[tokio::test]
async fn random_histories_find_what_is_wrong() {
    rejects!(
        KeepsOldCounters: histories_agree_with_the_naive_store,
        TakesOlder: histories_agree_with_the_naive_store,
        SkipsAhead: histories_agree_with_the_naive_store,
        CountsBeforeItChecks: histories_agree_with_the_naive_store,
        Forgets: histories_agree_with_the_naive_store,
        NeverReplaces: histories_agree_with_the_naive_store,
        LastWriterWins: histories_agree_with_the_naive_store,
        KeepsTheToken: histories_agree_with_the_naive_store,
        RestartsTokens: histories_agree_with_the_naive_store,
        FencesByTime: histories_agree_with_the_naive_store,
    );
}
