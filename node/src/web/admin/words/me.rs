//! The words of members' own pages, by language. Who changes what somebody agrees to (`agree_lead`, `agree_box`, and the sentences of
//! who sees what) gives the consent another version, in `member_typed`.

pub(super) mod de;
pub(super) mod en;
pub(super) mod es;
pub(super) mod nl;

/// The words of one language. Patterns hold `{name}` marks.
pub(in super::super) struct MeWords {
    pub(in super::super) only_you: &'static str,
    pub(in super::super) leave: &'static str,
    pub(in super::super) back: &'static str,
    pub(in super::super) find: &'static str,
    pub(in super::super) find_heading: &'static str,
    pub(in super::super) find_lead: &'static str,
    /// With `{km}`.
    pub(in super::super) find_near: &'static str,
    pub(in super::super) find_short: &'static str,
    /// With `{hub}`.
    pub(in super::super) heading: &'static str,
    /// With `{hub}`.
    pub(in super::super) lead: &'static str,
    pub(in super::super) open_heading: &'static str,
    pub(in super::super) open_lead: &'static str,
    pub(in super::super) open_button: &'static str,
    pub(in super::super) door_lead: &'static str,
    pub(in super::super) door_no_mail: &'static str,
    pub(in super::super) door_mail: &'static str,
    pub(in super::super) door_button: &'static str,
    pub(in super::super) door_sent: &'static str,
    pub(in super::super) door_no_address: &'static str,
    /// With `{minutes}`.
    pub(in super::super) door_wait: &'static str,
    pub(in super::super) link_bad: &'static str,
    pub(in super::super) closed: &'static str,
    pub(in super::super) opened_anew: &'static str,
    pub(in super::super) name_hint: &'static str,
    pub(in super::super) photo_how: &'static str,
    /// With `{audience}`.
    pub(in super::super) not_agreed: &'static str,
    pub(in super::super) card: &'static str,
    pub(in super::super) from_hub: &'static str,
    pub(in super::super) from_hub_lead: &'static str,
    pub(in super::super) local_lead: &'static str,
    pub(in super::super) agree: &'static str,
    /// With `{hub}`.
    pub(in super::super) agree_lead: &'static str,
    pub(in super::super) agree_box: &'static str,
    pub(in super::super) error_agree: &'static str,
    pub(in super::super) changed_meanwhile: &'static str,
    pub(in super::super) holders: &'static str,
    pub(in super::super) holders_none: &'static str,
    pub(in super::super) holders_lead: &'static str,
    pub(in super::super) holds_now: &'static str,
    /// With `{time}`.
    pub(in super::super) holds_maybe: &'static str,
    pub(in super::super) holds_unknown: &'static str,
    pub(in super::super) confirm: &'static str,
    pub(in super::super) confirmed: &'static str,
    pub(in super::super) holds_unconfirmed: &'static str,
    pub(in super::super) error_agreed_often: &'static str,
    pub(in super::super) role: &'static str,
    pub(in super::super) visits: &'static str,
    pub(in super::super) unsafe_heading: &'static str,
    pub(in super::super) unsafe_text: &'static str,
    pub(in super::super) take_record: &'static str,
    pub(in super::super) take_card: &'static str,
    pub(in super::super) withdraw: &'static str,
    pub(in super::super) withdraw_heading: &'static str,
    /// With `{hub}`.
    pub(in super::super) withdraw_lead: &'static str,
    pub(in super::super) withdraw_button: &'static str,
    pub(in super::super) erase: &'static str,
    pub(in super::super) erase_heading: &'static str,
    /// With `{hub}`.
    pub(in super::super) erase_lead: &'static str,
    pub(in super::super) erase_button: &'static str,
    pub(in super::super) receipts_heading: &'static str,
    /// With `{time}`.
    pub(in super::super) receipts_lead: &'static str,
    pub(in super::super) receipts_none: &'static str,
    pub(in super::super) erased_heading: &'static str,
    /// With `{hub}` and `{time}`.
    pub(in super::super) erased_lead: &'static str,
    /// With `{hub}`.
    pub(in super::super) erased_here: &'static str,
    pub(in super::super) log: &'static str,
}
