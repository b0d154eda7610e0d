//! The examples of RFC 5545 3.8.5.3 and further rules with known answers, as tables.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::tests::{series, starts};

/// Rule, first start, and the starts it stands for; `...` means that it goes on. Times are 09:00 where none is given.
const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "FREQ=DAILY;COUNT=10",
        "19970902",
        "19970902 19970903 19970904 19970905 19970906 19970907 19970908 19970909 19970910 19970911",
    ),
    (
        "FREQ=DAILY;INTERVAL=2",
        "19970902",
        "19970902 19970904 19970906 19970908 ...",
    ),
    (
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "19970902",
        "19970902 19970912 19970922 19971002 19971012",
    ),
    (
        "FREQ=WEEKLY;COUNT=10",
        "19970902",
        "19970902 19970909 19970916 19970923 19970930 19971007 19971014 19971021 19971028 19971104",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "19970902",
        "19970902 19970916 19970930 19971014 19971028 19971111 19971125 19971209 19971223 19980106 19980120 ...",
    ),
    (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "19970902",
        "19970902 19970904 19970909 19970911 19970916 19970918 19970923 19970925 19970930 19971002",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "19970901",
        "19970901 19970903 19970905 19970915 19970917 19970919 19970929 19971001 19971003 19971013 19971015 19971017 \
         19971027 19971029 19971031 19971110 19971112 19971114 19971124 19971126 19971128 19971208 19971210 19971212 \
         19971222",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "19970902",
        "19970902 19970904 19970916 19970918 19970930 19971002 19971014 19971016",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "19970805",
        "19970805 19970810 19970819 19970824",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "19970805",
        "19970805 19970817 19970819 19970831",
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "19970905",
        "19970905 19971003 19971107 19971205 19980102 19980206 19980306 19980403 19980501 19980605",
    ),
    (
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "19970905",
        "19970905 19971003 19971107 19971205",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "19970907",
        "19970907 19970928 19971102 19971130 19980104 19980125 19980301 19980329 19980503 19980531",
    ),
    (
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "19970922",
        "19970922 19971020 19971117 19971222 19980119 19980216",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "19970928",
        "19970928 19971029 19971128 19971229 19980129 19980226 ...",
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "19970902",
        "19970902 19970915 19971002 19971015 19971102 19971115 19971202 19971215 19980102 19980115",
    ),
    (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "19970930",
        "19970930 19971001 19971031 19971101 19971130 19971201 19971231 19980101 19980131 19980201",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "19970910",
        "19970910 19970911 19970912 19970913 19970914 19970915 19990310 19990311 19990312 19990313",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "19970902",
        "19970902 19970909 19970916 19970923 19970930 19971104 19971111 19971118 19971125 19980106 19980113 ...",
    ),
    (
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "19970610",
        "19970610 19970710 19980610 19980710 19990610 19990710 20000610 20000710 20010610 20010710",
    ),
    (
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "19970310",
        "19970310 19990110 19990210 19990310 20010110 20010210 20010310 20030110 20030210 20030310",
    ),
    (
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "19970101",
        "19970101 19970410 19970719 20000101 20000409 20000718 20030101 20030410 20030719 20060101",
    ),
    ("FREQ=YEARLY;BYDAY=20MO", "19970519", "19970519 19980518 19990517 ..."),
    (
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "19970512",
        "19970512 19980511 19990517 ...",
    ),
    (
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "19970313",
        "19970313 19970320 19970327 19980305 19980312 19980319 19980326 19990304 19990311 19990318 19990325 ...",
    ),
    (
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8;UNTIL=19980601T000000Z",
        "19970605",
        "19970605 19970612 19970619 19970626 19970703 19970710 19970717 19970724 19970731 19970807 19970814 19970821 \
         19970828",
    ),
    (
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "19970913",
        "19970913 19971011 19971108 19971213 19980110 19980207 19980307 19980411 19980509 19980613 ...",
    ),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "19961105",
        "19961105 20001107 20041102 ...",
    ),
    (
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "19970904",
        "19970904 19971007 19971106",
    ),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "19970929",
        "19970929 19971030 19971127 19971230 19980129 19980226 19980330 ...",
    ),
    (
        "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z",
        "19970902",
        "19970902T090000 19970902T120000 19970902T150000",
    ),
    (
        "FREQ=MINUTELY;INTERVAL=15;COUNT=6",
        "19970902",
        "19970902T090000 19970902T091500 19970902T093000 19970902T094500 19970902T100000 19970902T101500",
    ),
    (
        "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
        "19970902",
        "19970902T090000 19970902T103000 19970902T120000 19970902T133000",
    ),
    (
        "FREQ=DAILY;BYHOUR=9,16;BYMINUTE=0,40",
        "19970902",
        "19970902T090000 19970902T094000 19970902T160000 19970902T164000 19970903T090000 ...",
    ),
    (
        "FREQ=MINUTELY;INTERVAL=40;BYHOUR=9,16",
        "19970902",
        "19970902T090000 19970902T094000 19970902T162000 19970903T090000 ...",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "20070115",
        "20070115 20070130 20070215 20070315 20070330",
    ),
    // Dates that do not exist are passed over.
    (
        "FREQ=MONTHLY;COUNT=5",
        "20260131",
        "20260131 20260331 20260531 20260731 20260831",
    ),
    ("FREQ=YEARLY;COUNT=3", "20240229", "20240229 20280229 20320229"),
    (
        "FREQ=YEARLY;BYYEARDAY=366;COUNT=3",
        "20241231",
        "20241231 20281231 20321231",
    ),
    ("FREQ=YEARLY;BYYEARDAY=-366;COUNT=2", "20240101", "20240101 20280101"),
    // The two disputed readings.
    (
        "FREQ=YEARLY;BYMONTHDAY=4;COUNT=3",
        "20270304",
        "20270304 20280304 20290304",
    ),
    (
        "FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR;COUNT=4",
        "20260213",
        "20260213 20260313 20261113 20270813",
    ),
    (
        "FREQ=YEARLY;BYWEEKNO=1,2;COUNT=4",
        "20270105",
        "20270105 20270112 20280104 20280111",
    ),
    // Years of weeks: 2020 and 2026 have a week 53, the last of 2026 reaches into 2027.
    (
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO,SU;COUNT=4",
        "20201228",
        "20201228 20210103 20261228 20270103",
    ),
    (
        "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=3",
        "20241230",
        "20241230 20251229 20270104",
    ),
    (
        "FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=MO;COUNT=3",
        "20241230",
        "20241230 20270104 20290101",
    ),
    (
        "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO;COUNT=3",
        "20251222",
        "20251222 20261228 20271227",
    ),
    // Positions count from the start of the period, which may lie before the first start.
    (
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,3;COUNT=3",
        "20270303",
        "20270303 20270308 20270310",
    ),
    (
        "FREQ=DAILY;BYHOUR=9,10,11;BYSETPOS=-1,1;COUNT=3",
        "20270303",
        "20270303T090000 20270303T110000 20270304T090000",
    ),
    (
        "FREQ=YEARLY;BYMONTH=1,2,3;BYMONTHDAY=29;BYSETPOS=-1;COUNT=2",
        "20270329",
        "20270329 20280329",
    ),
    // Rules finer than a day step over what does not fit.
    (
        "FREQ=HOURLY;INTERVAL=7;BYHOUR=2,9;COUNT=3",
        "20270303",
        "20270303T090000 20270310T020000 20270310T090000",
    ),
    (
        "FREQ=SECONDLY;BYHOUR=9;BYMINUTE=0,59;BYSECOND=7;BYDAY=WE,TU;COUNT=4",
        "20270303T090007",
        "20270303T090007 20270303T095907 20270309T090007 20270309T095907",
    ),
    (
        "FREQ=MINUTELY;BYYEARDAY=-1;BYHOUR=23;BYMINUTE=59;COUNT=2",
        "20271231T235900",
        "20271231T235900 20281231T235900",
    ),
    // Order and repetition in a list mean nothing.
    (
        "FREQ=WEEKLY;BYDAY=TH,MO,TH,MO;COUNT=3",
        "20270301",
        "20270301 20270304 20270308",
    ),
];

#[test]
fn rules_stand_for_the_starts_the_standard_gives() {
    for (rule, first, expected) in EXAMPLES {
        let first = if first.contains('T') {
            (*first).to_owned()
        } else {
            format!("{first}T090000")
        };
        let expected: Vec<String> = expected
            .split_whitespace()
            .map(|at| {
                if at.contains('T') || at == "..." {
                    at.to_owned()
                } else {
                    format!("{at}T090000")
                }
            })
            .collect();
        let (expected, goes_on) = match expected.split_last() {
            Some((last, rest)) if last == "..." => (rest.to_vec(), true),
            _ => (expected, false),
        };
        let (found, more) = starts(&series(&first, &[rule]), expected.len());
        assert_eq!(found, expected, "{rule}");
        assert_eq!(more, goes_on, "{rule}");
    }
}

#[test]
fn long_examples_have_the_right_number_and_end() {
    for (rule, first, count, last) in [
        (
            "FREQ=DAILY;UNTIL=19971224T000000Z",
            "19970902T090000",
            113,
            "19971223T090000",
        ),
        (
            "FREQ=WEEKLY;UNTIL=19971224T000000Z",
            "19970902T090000",
            17,
            "19971223T090000",
        ),
        (
            "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
            "19980101T090000",
            93,
            "20000131T090000",
        ),
        (
            "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
            "19980101T090000",
            93,
            "20000131T090000",
        ),
        (
            "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40;COUNT=48",
            "19970902T090000",
            48,
            "19970903T164000",
        ),
        (
            "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16;COUNT=48",
            "19970902T090000",
            48,
            "19970903T164000",
        ),
    ] {
        let (found, more) = starts(&series(first, &[rule]), 1000);
        assert!(!more, "{rule}");
        assert_eq!((found.len(), found.last().unwrap().as_str()), (count, last), "{rule}");
    }
}
