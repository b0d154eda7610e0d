//! What is written to members, in the language they speak.

use interhub_domain::member::Member;
use jiff::Timestamp;

use super::MemberLink;

/// Why somebody is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// An operator wants them to see their page.
    Invited,
    /// They asked for a link.
    Asked,
    /// They are asked whether what their page says is still true.
    StillTrue,
}

/// The words of one language. Patterns hold `{hub}`, `{name}`, `{url}` and `{time}`.
struct LetterWords {
    tag: &'static str,
    subject: &'static str,
    invited: &'static str,
    asked: &'static str,
    still_true_subject: &'static str,
    still_true: &'static str,
}

/// The first is the fallback.
const ALL: [LetterWords; 4] = [
    LetterWords {
        tag: "en",
        subject: "Your page at {hub}",
        invited: "Hello {name},\n\n{hub} keeps a record of you as a member. On your own page you see what it says, correct it, and \
                  choose who may see what:\n\n{url}\n\nThe link opens the page once, until {time}. Nothing of you is shown beyond \
                  {hub} unless you agree to it there.\n\n{hub}\n",
        asked: "Hello {name},\n\nhere is the link to your page at {hub}, as you asked:\n\n{url}\n\nIt opens the page once, until \
                {time}. If it was not you who asked, let it be: nothing has changed.\n\n{hub}\n",
        still_true_subject: "Is it still true? Your page at {hub}",
        still_true: "Hello {name},\n\nfrom time to time we ask: is what {hub} has of you, and what you show of yourself, still true? Your page says it, and takes a minute:\n\n{url}\n\nThe link opens the page once, until {time}. If everything is as it should be, press “It is all still true” there. You can also take back what you show, or have everything erased.\n\n{hub}\n",
    },
    LetterWords {
        tag: "de",
        subject: "Deine Seite bei {hub}",
        invited: "Hallo {name},\n\n{hub} führt dich als Mitglied. Auf deiner eigenen Seite siehst du, was über dich da steht, kannst \
                  es berichtigen und wählst, wer was sehen darf:\n\n{url}\n\nDer Link öffnet die Seite einmal, bis {time}. Über \
                  {hub} hinaus wird nichts von dir gezeigt, wenn du dem dort nicht zustimmst.\n\n{hub}\n",
        asked: "Hallo {name},\n\nhier ist der Link zu deiner Seite bei {hub}, um den du gebeten hast:\n\n{url}\n\nEr öffnet die \
                Seite einmal, bis {time}. Hast nicht du darum gebeten, lass ihn liegen: Es hat sich nichts geändert.\n\n{hub}\n",
        still_true_subject: "Stimmt es noch? Deine Seite bei {hub}",
        still_true: "Hallo {name},\n\nvon Zeit zu Zeit fragen wir: Stimmt noch, was {hub} von dir hat und was du von dir zeigst? Es steht auf deiner Seite und dauert eine Minute:\n\n{url}\n\nDer Link öffnet die Seite einmal, bis {time}. Wenn alles passt, drück dort auf „Alles stimmt noch“. Du kannst auch zurücknehmen, was du zeigst, oder alles löschen lassen.\n\n{hub}\n",
    },
    LetterWords {
        tag: "nl",
        subject: "Jouw pagina bij {hub}",
        invited: "Hallo {name},\n\n{hub} heeft jou als lid staan. Op je eigen pagina zie je wat er over jou staat, verbeter je het, en \
                  kies je wie wat mag zien:\n\n{url}\n\nDe link opent de pagina één keer, tot {time}. Buiten {hub} wordt niets van \
                  jou getoond zolang je daar niet mee instemt.\n\n{hub}\n",
        asked: "Hallo {name},\n\nhier is de link naar jouw pagina bij {hub} waar je om vroeg:\n\n{url}\n\nHij opent de pagina één \
                keer, tot {time}. Heb jij er niet om gevraagd, laat hem dan liggen: er is niets veranderd.\n\n{hub}\n",
        still_true_subject: "Klopt het nog? Jouw pagina bij {hub}",
        still_true: "Hallo {name},\n\naf en toe vragen we: klopt nog wat {hub} van jou heeft staan en wat je van jezelf toont? Het staat op jouw pagina en duurt een minuut:\n\n{url}\n\nDe link opent de pagina één keer, tot {time}. Als alles in orde is, druk daar op “Alles klopt nog”. Je kunt ook terugnemen wat je toont, of alles laten wissen.\n\n{hub}\n",
    },
    LetterWords {
        tag: "es",
        subject: "Tu página en {hub}",
        invited: "Hola, {name}:\n\n{hub} tiene una ficha tuya como miembro. En tu propia página ves lo que dice, lo corriges y eliges \
                  quién puede ver qué:\n\n{url}\n\nEl enlace abre la página una vez, hasta el {time}. Fuera de {hub} no se muestra \
                  nada tuyo si no lo aceptas allí.\n\n{hub}\n",
        asked: "Hola, {name}:\n\naquí tienes el enlace a tu página en {hub}, como pediste:\n\n{url}\n\nAbre la página una vez, hasta \
                el {time}. Si no lo pediste tú, no hagas nada: nada ha cambiado.\n\n{hub}\n",
        still_true_subject: "¿Sigue siendo cierto? Tu página en {hub}",
        still_true: "Hola, {name}:\n\nde vez en cuando preguntamos: ¿sigue siendo cierto lo que {hub} tiene de ti y lo que muestras de ti? Está en tu página y se tarda un minuto:\n\n{url}\n\nEl enlace abre la página una vez, hasta el {time}. Si todo está bien, pulsa allí «Todo sigue siendo cierto». También puedes retirar lo que muestras o hacer que se borre todo.\n\n{hub}\n",
    },
];

/// The subject and the text of a letter to a member. `language`: of whoever speaks none of ours. `timezone`: the hub's, by which
/// times are told.
pub(super) fn letter(
    member: &Member,
    hub: &str,
    link: &MemberLink,
    occasion: Occasion,
    language: Option<&'static str>,
    timezone: &str,
) -> (String, String) {
    let words = words(member.languages.iter().map(String::as_str).chain(language));
    let pattern = match occasion {
        Occasion::Invited => words.invited,
        Occasion::Asked => words.asked,
        Occasion::StillTrue => words.still_true,
    };
    let time = Timestamp::from_millisecond(link.expires_ms).ok().map(|at| {
        at.in_tz(timezone).map_or_else(
            |_| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            |wall| wall.strftime("%Y-%m-%d %H:%M").to_string(),
        )
    });
    let parts = [
        ("{hub}", hub),
        ("{name}", &member.name),
        ("{url}", &link.url),
        ("{time}", time.as_deref().unwrap_or("")),
    ];
    let subject = match occasion {
        Occasion::StillTrue => words.still_true_subject,
        Occasion::Invited | Occasion::Asked => words.subject,
    };
    (filled(subject, &parts), filled(pattern, &parts))
}

/// What is put in for a mark is not looked through for further marks.
fn filled(pattern: &str, parts: &[(&str, &str)]) -> String {
    let (mut text, mut rest) = (String::with_capacity(pattern.len() * 2), pattern);
    while let Some(start) = rest.find('{') {
        let (before, marked) = rest.split_at(start);
        text.push_str(before);
        if let Some((mark, value)) = parts.iter().find(|(mark, _)| marked.starts_with(mark)) {
            text.push_str(value);
            rest = marked.get(mark.len()..).unwrap_or("");
        } else {
            text.push('{');
            rest = marked.get(1..).unwrap_or("");
        }
    }
    text + rest
}

fn words<'a>(spoken: impl Iterator<Item = &'a str>) -> &'static LetterWords {
    let [first, ..] = &ALL;
    let primary = |tag: &'a str| tag.split('-').next().unwrap_or(tag);
    let known = |tag: &str| ALL.iter().find(|words| words.tag.eq_ignore_ascii_case(tag));
    spoken.map(primary).find_map(known).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use interhub_domain::ids::ThingId;

    use super::*;

    fn link() -> MemberLink {
        MemberLink {
            member: ThingId([1; 16]),
            url: "https://hub.example/me/open/abc".into(),
            expires_ms: 1_795_000_000_000,
            mailed: false,
        }
    }

    fn ada(languages: &[&str]) -> Member {
        Member {
            name: "Ada {url}".into(),
            languages: languages.iter().map(|&tag| tag.to_owned()).collect(),
            ..Member::default()
        }
    }

    #[test]
    fn every_letter_says_who_where_and_until_when() {
        for words in &ALL {
            for occasion in [Occasion::Invited, Occasion::Asked, Occasion::StillTrue] {
                let (subject, text) = letter(&ada(&[words.tag]), "Hub B", &link(), occasion, None, "Europe/London");
                assert!(subject.contains("Hub B") && !subject.contains('{'), "{subject}");
                for part in [
                    "Ada {url}",
                    "Hub B",
                    "\nhttps://hub.example/me/open/abc\n",
                    "2026-11-18 11:06",
                ] {
                    assert!(text.contains(part), "{part}: {text}");
                }
                assert!(
                    !text.contains("{hub}") && !text.contains("{time}") && !text.contains("{name}"),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn a_letter_is_in_a_language_its_reader_speaks() {
        let subject =
            |languages: &[&str], language| letter(&ada(languages), "H", &link(), Occasion::Asked, language, "UTC").0;
        assert_eq!(subject(&["cy", "DE-at", "nl"], Some("es")), "Deine Seite bei H");
        assert_eq!(subject(&["cy"], Some("es")), "Tu página en H");
        assert_eq!(subject(&[], None), "Your page at H");
    }
}
