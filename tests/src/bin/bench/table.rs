//! The table, on standard output and as JSON.

use std::path::Path;

use interhub_tests::hub::program;
use serde_json::json;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) work: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) target: String,
    pub(crate) met: bool,
    pub(crate) limit: String,
}

/// Prints it, and writes it into the target folder.
pub(crate) fn print(rows: &[Row]) {
    println!(
        "{:<17} {:<44} {:>12} {:<10} {:<26} limit",
        "name", "work", "figure", "", "target"
    );
    for row in rows {
        let mark = if row.met { "met" } else { "MISSED" };
        println!(
            "{:<17} {:<44} {:>12.2} {:<10} {:<26} {}",
            row.name,
            row.work,
            row.figure,
            row.unit,
            format!("{} {mark}", row.target),
            row.limit
        );
    }
    let list: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({"name": row.name, "work": row.work, "figure": row.figure, "unit": row.unit,
                   "target": row.target, "met": row.met, "limit": row.limit})
        })
        .collect();
    let path = program("interhubd")
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(&json!({ "rows": list })).unwrap()).unwrap();
    println!("written to {}", path.display());
}

/// The value that this share of all is below. Sorts them.
pub(crate) fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len() - 1) as f64 * percent / 100.0).round();
    values[index as usize]
}
