//! What the hub counts for itself.

use super::*;

#[tokio::test]
async fn amounts_are_counted_and_stand_in_the_report() {
    let mut browser = signed_in().await;
    let page = browser.get("/admin/counters?year=2026").await;
    let proof = page.value("proof");
    let post = async |browser: &mut Browser, fields: &[(&str, &str)]| {
        let mut all = vec![("proof", proof.as_str())];
        all.extend_from_slice(fields);
        browser.post("/admin/counters?year=2026", &all).await
    };
    let name = "Kilograms of <b>coffee</b>";
    let made = post(&mut browser, &[("do", "define"), ("name", name), ("unit", "kg")]).await;
    assert_eq!(
        (made.status, made.location()),
        (StatusCode::SEE_OTHER, "/admin/counters?year=2026&done=counter_defined")
    );
    let slug = "kilograms-of-b-coffee-b";
    let one = |amount: &'static str, day: &'static str| {
        [
            ("do", "add"),
            ("slug", slug),
            ("amount", amount),
            ("day", day),
            ("note", "=1+1"),
        ]
    };
    for (amount, day) in [("12,5", "2026-03-31"), ("0.25", "2026-05-01"), ("99", "2026-05-02")] {
        let counted = post(&mut browser, &one(amount, day)).await;
        assert_eq!(counted.status, StatusCode::SEE_OTHER, "{}", counted.body);
    }
    let page = browser.get("/admin/counters?year=2026&done=counted").await;
    assert!(
        page.body.contains("Counted.") && !page.body.contains("<b>"),
        "{}",
        page.body
    );
    assert!(page.body.contains("111.75"), "{}", page.body);
    // The newest day comes first.
    let entry = page.value("entry");
    let fields = [("do", "remove"), ("slug", slug), ("entry", entry.as_str())];
    assert_eq!(post(&mut browser, &fields).await.status, StatusCode::SEE_OTHER);

    let page = browser.get("/admin/report?year=2026").await;
    assert!(
        page.body.contains("12.75") && page.body.contains("aria-label=\"Kilograms"),
        "{}",
        page.body
    );
    let csv = browser.get("/admin/report.csv?year=2026").await;
    assert!(
        csv.body
            .ends_with(",counter,Kilograms of <b>coffee</b>,,,,,12.75,kg\r\n"),
        "{}",
        csv.body
    );
    let json: serde_json::Value =
        serde_json::from_str(&browser.get("/admin/report.json?year=2026").await.body).unwrap();
    assert_eq!(json["counters"][0]["by_month"][2], 12.5);
    assert_eq!(json["counters"][0]["slug"], slug);
    let other_year = browser.get("/admin/counters?year=2025").await;
    assert!(!other_year.body.contains("12.5"), "{}", other_year.body);

    let fields = [("do", "delete"), ("slug", slug)];
    assert_eq!(post(&mut browser, &fields).await.status, StatusCode::SEE_OTHER);
    assert!(!browser.get("/admin/counters").await.body.contains("Kilograms of"));
}

#[tokio::test]
async fn what_cannot_be_counted_stays_in_the_form() {
    let mut browser = signed_in().await;
    let proof = browser.get("/admin/counters").await.value("proof");
    let coffee = [
        ("proof", proof.as_str()),
        ("do", "define"),
        ("name", "Coffee"),
        ("unit", ""),
    ];
    browser.post("/admin/counters", &coffee).await;
    for amount in ["", "x", "0", "1.2345", "<script>"] {
        let fields = [
            ("proof", proof.as_str()),
            ("do", "add"),
            ("slug", "coffee"),
            ("amount", amount),
            ("note", "what I typed"),
        ];
        let page = browser.post("/admin/counters", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{amount}");
        assert!(
            page.body.contains("what I typed") && page.body.contains("three decimals"),
            "{amount}"
        );
        assert!(!page.body.contains("<script>"), "{amount}");
    }
    let page = browser
        .post("/admin/counters", &[("proof", &proof), ("do", "define"), ("name", " ")])
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (field, value, status) in [
        ("day", "tomorrow", StatusCode::UNPROCESSABLE_ENTITY),
        ("day", "1969-01-01", StatusCode::UNPROCESSABLE_ENTITY),
        ("slug", "tea", StatusCode::NOT_FOUND),
    ] {
        let mut fields = vec![
            ("proof", proof.as_str()),
            ("do", "add"),
            ("amount", "1"),
            (field, value),
        ];
        if field != "slug" {
            fields.push(("slug", "coffee"));
        }
        assert_eq!(browser.post("/admin/counters", &fields).await.status, status, "{value}");
    }
    let gone = [
        ("proof", proof.as_str()),
        ("do", "remove"),
        ("slug", "coffee"),
        ("entry", "0000"),
    ];
    assert_eq!(
        browser.post("/admin/counters", &gone).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browser.get("/admin/counters?year=x").await.status,
        StatusCode::BAD_REQUEST
    );
}
