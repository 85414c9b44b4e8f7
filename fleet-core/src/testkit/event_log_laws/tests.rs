//! The laws themselves under test: the naive log passes them, and broken ones do not.

use std::{future::Future, pin::Pin};

use proptest::prelude::*;

use super::{NaiveLog, Subject, naive::Fault};

crate::event_log_laws!(Some(NaiveLog::subject()));

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_history_agrees_with_the_model(words in prop::collection::vec(any::<u64>(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(super::follow(&NaiveLog::subject(), &words));
    }
}

type Law = fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs each law on a log that breaks it, in a task, so that its panic can be seen. The paused
/// clock makes even the longest wait short.
macro_rules! rejects {
    ($($fault:ident: $law:ident),+ $(,)?) => {$({
        let law: Law = |subject| Box::pin(super::$law(subject));
        let broken = NaiveLog::subject_with(Some(Fault::$fault));
        let outcome = tokio::spawn(law(broken)).await;
        assert!(outcome.is_err(), "{} passes {}", stringify!($fault), stringify!($law));
    })+};
}

#[tokio::test(start_paused = true)]
async fn what_is_appended_wrongly_is_found() {
    rejects!(
        SpreadsKeys: a_key_keeps_its_partition_and_its_order,
        DropsHeaders: records_come_back_as_they_went_in,
        DropsHeaders: dead_letters_are_found_by_reason_and_time,
        DropsHeaders: dead_letters_go_back_once,
        TakesAnything: what_breaks_a_bound_is_invalid_and_appends_nothing,
        AppendsHalfACall: what_breaks_a_bound_is_invalid_and_appends_nothing,
        ForgetsRecords: what_was_published_survives_a_crash,
        CountsAnew: offsets_grow_over_a_full_trim_and_a_crash,
        ReadsThenWrites: publishers_at_once_share_no_place,
        ReadsOnlyFromTheStart: reading_starts_at_the_oldest_kept_and_ends_at_the_end,
        IsAlwaysTheSame: an_incarnation_names_one_log,
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_wrongly_is_found() {
    rejects!(
        CommitsOnPoll: what_is_not_committed_comes_again,
        ForgetsCommits: what_is_committed_does_not_come_again,
        GoesBack: a_commit_never_goes_back,
        CommitsAnything: a_commit_beyond_the_end_is_invalid,
        SharesProgress: groups_progress_alone,
        IgnoresMax: a_poll_keeps_its_bounds,
        NeverWakes: a_waiting_poll_is_woken_by_a_publish,
        IgnoresPause: a_paused_member_goes_on_where_it_stopped,
        RestartsOnResume: a_paused_member_goes_on_where_it_stopped,
        ClosesConsumers: a_consumer_outlives_its_log,
        GivesToAll: members_share_the_partitions,
        KeepsLeavers: a_leaving_member_hands_over_what_it_has_not_committed,
        ForgetsLeavers: a_leaving_member_hands_over_what_it_has_not_committed,
        CommitsForOthers: a_commit_of_what_was_reassigned_changes_nothing,
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_or_counted_wrongly_is_found() {
    rejects!(
        TellsOneMember: members_are_counted,
        LagsFromZero: lag_counts_what_is_kept_and_not_committed,
        LagsSinceTheNewest: lag_counts_what_is_kept_and_not_committed,
        TrimsTheUncommitted: trim_keeps_what_is_young_or_not_committed,
        TrimsTheYoung: trim_keeps_what_is_young_or_not_committed,
        TrimsHoles: trim_leaves_no_holes_when_a_clock_goes_back,
        NeverWaits: publishing_waits_for_a_group_that_is_behind,
        LagsFromZero: a_new_group_is_not_behind_by_what_is_gone,
    );
}

#[tokio::test(start_paused = true)]
async fn random_histories_find_what_is_wrong() {
    rejects!(
        CommitsOnPoll: histories_agree_with_a_naive_model,
        ForgetsCommits: histories_agree_with_a_naive_model,
        ForgetsRecords: histories_agree_with_a_naive_model,
        GoesBack: histories_agree_with_a_naive_model,
        GivesToAll: histories_agree_with_a_naive_model,
        ForgetsLeavers: histories_agree_with_a_naive_model,
        CommitsForOthers: histories_agree_with_a_naive_model,
        TrimsTheUncommitted: histories_agree_with_a_naive_model,
    );
}
