//! The occurrences of a row's schedule.

pub(super) use interhub_domain::calendar::expand::{Window, last_end_ms, occurrences};
