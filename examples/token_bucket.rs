//! Ten requests at once, then one every two seconds: the default read limit, without a clock.
#![allow(clippy::print_stdout, reason = "an example prints")]

use fleet_core::ratelimit::{Bucket, Quota};

fn main() {
    let mut bucket = Bucket::new(Quota::DEFAULT_READ);
    let granted = (0..12).filter(|_| bucket.take(0, 1).is_granted()).count();
    println!("{granted} of 12 requests at the same moment are granted");
    assert_eq!(granted, 10);
    let denied = bucket.take(0, 1);
    println!("the next is told to wait {} s", denied.retry_after_s().unwrap_or(0));
    assert!(bucket.take(2_000_000, 1).is_granted(), "after the wait it is granted");
}
