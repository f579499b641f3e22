//! What every adapter of the store and the event log must do, as tests that do not know which one they test.
//!
//! Owns the cases. An adapter's test file names a factory, and every case becomes a test of its own:
//!
//! ```ignore
//! async fn fresh() -> (Arc<dyn Store>, TempDir) { … }
//! payment_actors::store_contract!(fresh);
//! ```
//!
//! Attributes before the factory's name are put on every test, such as `#[ignore = "needs a server"]`.
//!
//! A factory gives an empty store or log, and whatever must live as long as it is used. Cases never sleep; where
//! something must come, they wait for it up to [`PATIENCE`].

pub mod api_keys;
pub mod appends;
pub mod due;
pub mod keys;
pub mod ledger;
pub mod letters;
pub mod log_groups;
pub mod log_records;
pub mod lookups;
pub mod outbox;
pub mod pages;
pub mod scene;
pub mod totals;

use std::time::Duration;

/// How long a case waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs one case to its end on this thread.
///
/// # Panics
/// When the case fails.
pub fn run<F: Future>(case: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread needs nothing that could be missing");
    runtime.block_on(case)
}

/// One test for each case of the store's contract.
#[macro_export]
macro_rules! store_contract {
    ($(#[$attribute:meta])* $factory:path) => {
        $crate::contract_cases! { $(#[$attribute])* $factory:
            appends::a_new_payment_reads_back_whole,
            appends::every_step_of_a_payment_reads_back,
            appends::of_two_changes_of_one_version_the_second_drops_out,
            appends::a_new_payment_with_a_used_id_drops_out,
            appends::a_change_of_an_unknown_payment_drops_out,
            appends::a_conflict_in_the_middle_of_a_batch_drops_out_alone,
            appends::an_empty_batch_is_committed,
            appends::sequences_are_never_given_twice,
            keys::a_taken_key_drops_out_with_its_owner,
            keys::of_two_claims_in_one_batch_the_first_wins,
            keys::keys_are_told_apart_byte_by_byte,
            keys::the_first_answer_stays,
            keys::a_key_can_be_taken_alone,
            lookups::a_commit_is_found_by_its_token,
            lookups::a_taken_key_is_found_by_its_append,
            lookups::a_letter_without_a_step_is_found,
            due::a_due_payment_is_claimed_once_until_its_lease_ends,
            due::only_the_kinds_asked_for_are_claimed,
            due::the_longest_due_come_first,
            due::a_payment_that_rests_is_not_due,
            pages::a_page_is_newest_first_and_goes_on_below_its_cursor,
            pages::a_page_keeps_to_its_merchant_state_and_time,
            pages::an_unknown_payment_has_nothing,
            outbox::records_wait_in_commit_order_until_they_are_published,
            outbox::earlier_events_of_one_payment_come_lowest_first,
            outbox::published_records_are_pruned_by_age,
            ledger::a_movement_is_posted_once,
            ledger::a_contradicting_movement_changes_nothing,
            ledger::one_call_judges_each_movement_by_itself,
            letters::letters_open_and_close_with_their_payment,
            letters::letters_of_records_are_kept_and_closed_once,
            letters::letters_are_paged_newest_first,
            letters::acts_are_kept_once_and_paged_newest_first,
            api_keys::a_key_reads_back_as_it_was_made,
            api_keys::changes_come_in_order_behind_the_last_seen,
            api_keys::a_key_is_revoked_once,
            api_keys::no_change_is_missed_while_many_are_made,
            totals::operations_are_counted_by_how_far_they_came,
            totals::payments_are_counted_by_state,
            totals::the_longest_untouched_open_payments_come_first,
        }
    };
}

/// One test for each case of the event log's contract.
#[macro_export]
macro_rules! event_log_contract {
    ($(#[$attribute:meta])* $factory:path) => {
        $crate::contract_cases! { $(#[$attribute])* $factory:
            log_records::records_of_one_key_keep_their_order,
            log_records::offsets_rise_without_gaps,
            log_records::a_record_arrives_as_it_was_published,
            log_records::only_topics_asked_for_are_read,
            log_records::publishing_nothing_is_nothing,
            log_groups::a_group_goes_on_behind_what_it_committed,
            log_groups::what_was_not_committed_is_read_again,
            log_groups::groups_do_not_disturb_each_other,
            log_groups::a_waiting_reader_hears_of_a_publication,
            log_groups::a_reader_that_stops_waiting_loses_nothing,
            log_groups::a_member_takes_over_when_another_leaves,
            log_groups::lag_counts_what_is_not_committed,
        }
    };
}

/// The tests of a list of cases; [`store_contract`] and [`event_log_contract`] have the lists.
#[macro_export]
macro_rules! contract_cases {
    ($(#[$attribute:meta])* $factory:path: $($area:ident :: $case:ident,)+) => {
        $crate::contract_cases! { @each [$(#[$attribute])*] $factory: $($area :: $case,)+ }
    };
    (@each $attributes:tt $factory:path: $($area:ident :: $case:ident,)+) => {
        $($crate::contract_cases! { @one $attributes $factory: $area :: $case })+
    };
    (@one [$($attributes:tt)*] $factory:path: $area:ident :: $case:ident) => {
        #[test]
        $($attributes)*
        fn $case() {
            $crate::contract_tests::run(async {
                let (under_test, _kept) = $factory().await;
                $crate::contract_tests::$area::$case(under_test).await;
            });
        }
    };
}
