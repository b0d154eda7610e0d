//! Walking through the starts of a rule, in civil time.
//!
//! The walk goes period by period (a year, month, week, day, hour, minute or second, times INTERVAL). In each period it
//! finds the days that fit, crosses them with the times of day, and picks by BYSETPOS. A rule without COUNT needs no
//! history, so the walk begins at the period before the asked window; with COUNT it counts from the first start.

use super::plan::{Day, Plan};
use super::scale::Scaled;
use super::{Frequency, Rule};
use crate::calendar::days::{self, DAY};

/// Work left in one call: how many days and periods may be looked at, and how many starts may be produced.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    steps: u64,
    instances: u64,
    spent: bool,
}

impl Budget {
    /// A budget of so many days and periods, and so many starts.
    pub(crate) const fn new(steps: u64, instances: u64) -> Self {
        Self {
            steps,
            instances,
            spent: false,
        }
    }

    /// Whether a walk ended because this budget did.
    pub(crate) const fn is_spent(&self) -> bool {
        self.spent
    }

    /// Takes one day or period from the budget.
    pub(crate) const fn step(&mut self) -> Option<()> {
        let Some(left) = self.steps.checked_sub(1) else {
            self.spent = true;
            return None;
        };
        self.steps = left;
        Some(())
    }

    /// Takes one start from the budget.
    pub(crate) const fn instance(&mut self) -> Option<()> {
        let Some(left) = self.instances.checked_sub(1) else {
            self.spent = true;
            return None;
        };
        self.instances = left;
        Some(())
    }
}

/// What a walk needs to know besides the rule, all in civil seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// DTSTART.
    pub(crate) start: i64,
    /// Starts before this are not wanted.
    pub(crate) from: i64,
    /// Starts after this are not wanted.
    pub(crate) to: i64,
    /// Whether the series is in whole days.
    pub(crate) whole_days: bool,
    /// How much of COUNT is used up by a first start that does not fit the rule.
    pub(crate) counted: u32,
}

impl Span {
    /// With `counted` set: a first start that does not fit the rule is one of COUNT all the same.
    pub(crate) fn counting(self, rule: &Rule, budget: &mut Budget) -> Self {
        if rule.count.is_none() {
            return self;
        }
        let only_first = Self {
            from: self.start,
            to: self.start,
            counted: 0,
            ..self
        };
        let fits = Walk::new(rule, only_first).next(budget).is_some();
        Self {
            counted: u32::from(!fits),
            ..self
        }
    }
}

/// An iterator over the starts of one rule, in civil seconds, ascending.
#[derive(Debug)]
pub(crate) struct Walk {
    plan: Plan,
    /// For rules that count in another calendar, or move what is missing: these have days of their own.
    scaled: Option<Scaled>,
    span: Span,
    remaining: Option<u32>,
    /// Number of the next period, counted from the one DTSTART lies in.
    period: i64,
    /// Starts of the days (or of the hour, minute or second) that fit in the current period.
    bases: Vec<i64>,
    /// BYSETPOS resolved for the current period: indices into bases × offsets.
    picks: Vec<u64>,
    /// Next index into `picks`, or into bases × offsets where there is no BYSETPOS.
    cursor: u64,
    /// Where the current period ends, in the terms of `cursor`.
    end: u64,
    /// The last day found to fit, for rules finer than a day.
    good_day: Option<i64>,
    done: bool,
}

impl Walk {
    /// Prepares a walk.
    pub(crate) fn new(rule: &Rule, span: Span) -> Self {
        let mut plan = Plan::new(rule, span);
        let mut span = Span {
            from: span.from.max(span.start),
            to: span.to.min(days::LAST),
            ..span
        };
        let mut remaining = rule.count.map(|count| count.saturating_sub(span.counted));
        let nothing =
            remaining == Some(0) || plan.offsets.is_empty() || (span.whole_days && rule.frequency < Frequency::Daily);
        if let (Some(left), Some(step)) = (remaining, plan.plain_step) {
            // Without BY parts the last start can be computed, so nothing has to be counted.
            let last = (i64::from(left) - 1)
                .checked_mul(step)
                .and_then(|length| span.start.checked_add(length));
            span.to = span.to.min(last.unwrap_or(i64::MAX));
            remaining = None;
        }
        let near = if remaining.is_none() { span.from } else { span.start };
        let period = plan.period_before(near);
        plan.from = near;
        Self {
            plan,
            scaled: Scaled::new(rule, span),
            span,
            remaining,
            period,
            bases: Vec::new(),
            picks: Vec::new(),
            cursor: 0,
            end: 0,
            good_day: None,
            done: nothing,
        }
    }

    /// The next start; `None` at the end of the rule, of the span, or of the budget.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Option<i64> {
        while !self.done {
            if self.cursor == self.end {
                if self.load(budget).is_none() {
                    self.done = true;
                }
                continue;
            }
            let at = self.at(self.cursor);
            self.cursor += 1;
            if at < self.span.start || (self.remaining.is_none() && at < self.span.from) {
                continue;
            }
            if at > self.span.to {
                break;
            }
            if budget.instance().is_none() {
                break;
            }
            if let Some(left) = &mut self.remaining {
                *left -= 1;
                self.done = *left == 0;
            }
            if at >= self.span.from {
                return Some(at);
            }
        }
        self.done = true;
        None
    }

    fn at(&self, cursor: u64) -> i64 {
        let index = usize::try_from(cursor).unwrap_or(usize::MAX);
        let index = if self.plan.positions.is_empty() {
            cursor
        } else {
            self.picks.get(index).copied().unwrap_or(0)
        };
        let times = self.plan.offsets.len() as u64;
        let part = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let base = self.bases.get(part(index / times)).copied().unwrap_or(i64::MAX - DAY);
        base + self.plan.offsets.get(part(index % times)).copied().unwrap_or_default()
    }

    /// Loads the next period that has any days; `None` when there is none.
    fn load(&mut self, budget: &mut Budget) -> Option<()> {
        self.bases.clear();
        if let Some(scaled) = &mut self.scaled {
            let found = scaled.next_period(self.span.to, budget)?;
            self.bases.extend(found.into_iter().map(|day| day * DAY));
        } else if self.plan.frequency < Frequency::Daily {
            let base = self.next_fine_period(budget)?;
            self.bases.push(base);
        } else {
            let (first, last) = self.plan.days_of(self.period)?;
            if first * DAY > self.span.to {
                return None;
            }
            self.period += 1;
            let mut day = Day::new(first);
            while day.number <= last {
                if self.plan.fits(&day) {
                    self.bases.push(day.number * DAY);
                }
                budget.step()?;
                self.plan.next_day(&mut day);
            }
        }
        let total = self.bases.len() as u64 * self.plan.offsets.len() as u64;
        if self.plan.positions.is_empty() {
            self.end = total;
            self.cursor = self.skip(self.plan.from);
        } else {
            self.pick(total);
            self.end = self.picks.len() as u64;
            self.cursor = 0;
        }
        Some(())
    }

    /// Index of the first start of the loaded period that is not before `from`.
    fn skip(&self, from: i64) -> u64 {
        let longest = self.plan.offsets.last().copied().unwrap_or_default();
        let base = self.bases.partition_point(|base| base + longest < from);
        let Some(at) = self.bases.get(base) else {
            return self.end;
        };
        let offset = self.plan.offsets.partition_point(|offset| at + offset < from);
        base as u64 * self.plan.offsets.len() as u64 + offset as u64
    }

    fn pick(&mut self, total: u64) {
        self.picks.clear();
        for position in &self.plan.positions {
            let place = u64::from(position.unsigned_abs());
            if place <= total {
                self.picks.push(if *position > 0 { place - 1 } else { total - place });
            }
        }
        self.picks.sort_unstable();
        self.picks.dedup();
    }

    /// The start of the next hour, minute or second that fits; steps over whole days, hours and minutes that do not.
    fn next_fine_period(&mut self, budget: &mut Budget) -> Option<i64> {
        loop {
            budget.step()?;
            let at = self.period.checked_mul(self.plan.step)?.checked_add(self.plan.first)?;
            if at > self.span.to {
                return None;
            }
            let day = at.div_euclid(DAY);
            if self.good_day != Some(day) {
                let good = self.next_fitting_day(day, budget)?;
                self.good_day = Some(good);
                if good != day {
                    self.jump(good * DAY);
                    continue;
                }
            }
            match self.plan.next_fitting_time(at - day * DAY) {
                Some(time) if day * DAY + time == at => {
                    self.period += 1;
                    return Some(at);
                }
                Some(time) => self.jump(day * DAY + time),
                None => self.jump((day + 1) * DAY),
            }
        }
    }

    fn next_fitting_day(&self, from: i64, budget: &mut Budget) -> Option<i64> {
        let mut day = Day::new(from);
        while !self.plan.fits(&day) {
            budget.step()?;
            self.plan.next_day(&mut day);
            if day.number * DAY > self.span.to {
                return None;
            }
        }
        Some(day.number)
    }

    /// Goes to the first period that does not begin before `at`.
    fn jump(&mut self, at: i64) {
        let distance = at - self.plan.first;
        let next = distance.div_euclid(self.plan.step) + i64::from(distance.rem_euclid(self.plan.step) != 0);
        self.period = next.max(self.period + 1);
    }
}
