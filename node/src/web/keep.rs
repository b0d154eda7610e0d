//! Answers kept for a moment: calendar programs and readers ask for the same few pages again and again.
//!
//! An answer is good as long as nothing in the directory changed and the clock shows the same minute; nothing on a page
//! is finer than that. So a cancellation shows at once, and a busy feed is written once a minute at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::respond::Prepared;

/// Most answers kept.
const MAX_ANSWERS: usize = 256;
/// Most bytes of bodies kept, compressed forms not counted.
const MAX_BYTES: usize = 16 << 20;
/// Larger answers are not kept.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// When an answer was made: the directory's version, and the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) version: u64,
    pub(crate) minute: i64,
}

/// The answers kept, by what was asked.
#[derive(Default)]
pub(crate) struct Kept {
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    moment: Option<Moment>,
    by_question: BTreeMap<String, Arc<Prepared>>,
    bytes: usize,
}

impl Kept {
    /// The answer to this question, if it is still good.
    pub(crate) fn find(&self, question: &str, moment: Moment) -> Option<Arc<Prepared>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.moment == Some(moment) {
            answers.by_question.get(question).cloned()
        } else {
            None
        }
    }

    /// Keeps an answer. What was kept from other moments goes, and everything when there would be too much.
    pub(crate) fn keep(&self, question: String, moment: Moment, answer: &Arc<Prepared>) {
        let bytes = answer.len();
        if bytes > MAX_ANSWER_BYTES {
            return;
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let full = answers.by_question.len() >= MAX_ANSWERS || answers.bytes + bytes > MAX_BYTES;
        if answers.moment != Some(moment) || full {
            *answers = Answers {
                moment: Some(moment),
                ..Answers::default()
            };
        }
        answers.bytes += bytes;
        answers.by_question.insert(question, Arc::clone(answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::respond::Reply;

    fn answer(bytes: usize) -> Arc<Prepared> {
        Arc::new(Prepared::new(Reply::new("text/plain", "x".repeat(bytes))))
    }

    #[test]
    fn an_answer_is_good_for_its_moment_only() {
        let kept = Kept::default();
        let moment = Moment { version: 1, minute: 5 };
        kept.keep("a".to_owned(), moment, &answer(3));
        assert!(kept.find("a", moment).is_some());
        assert!(kept.find("b", moment).is_none());
        assert!(kept.find("a", Moment { version: 2, ..moment }).is_none());
        assert!(kept.find("a", Moment { minute: 6, ..moment }).is_none());
    }

    #[test]
    fn there_is_never_too_much() {
        let kept = Kept::default();
        let moment = Moment { version: 1, minute: 5 };
        for number in 0..1_000 {
            kept.keep(number.to_string(), moment, &answer(100_000));
            let answers = kept.answers.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(answers.by_question.len() <= MAX_ANSWERS && answers.bytes <= MAX_BYTES);
        }
        kept.keep("large".to_owned(), moment, &answer(MAX_ANSWER_BYTES + 1));
        assert!(kept.find("large", moment).is_none());
    }
}
