//! Plain tables, and numbers as people read them.

use std::fmt::Write;

/// Rows under headings, in columns as wide as they need. Columns of numbers are aligned at their right.
pub struct Table {
    headings: Vec<&'static str>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows. A heading that starts with '>' is one of numbers.
    pub fn new(headings: &[&'static str]) -> Self {
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        Self { headings: headings.iter().map(|heading| heading.trim_start_matches('>')).collect(), right, rows: vec![] }
    }

    /// Adds a row with a cell per heading.
    pub fn row(&mut self, cells: Vec<String>) {
        // What a program calls itself must not steer the terminal.
        let clean = |cell: String| cell.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.rows.push(cells.into_iter().map(clean).collect());
    }

    /// The whole table.
    pub fn text(&self) -> String {
        let headings: Vec<String> = self.headings.iter().map(|heading| (*heading).to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&headings).chain(&self.rows).collect();
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let mut row = String::new();
            for (column, cell) in line.iter().enumerate() {
                let width = widths.get(column).copied().unwrap_or(0);
                // Writing to a string cannot fail.
                let _ = if self.right.get(column) == Some(&true) {
                    write!(row, "{cell:>width$}  ")
                } else {
                    write!(row, "{cell:<width$}  ")
                };
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Bytes with a unit, in four characters or so.
pub fn bytes(number: f64) -> String {
    scaled(number, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// A count, shortened beyond 99,999.
pub fn count(number: f64) -> String {
    if number < 100_000.0 { format!("{number:.0}") } else { scaled(number, 1000.0, &["", "k", "M", "G", "T", "P"]) }
}

fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while number.abs() >= step && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && number.abs() < 10.0);
    format!("{number:.digits$}{}", units[unit])
}

/// How long something has taken, to two units.
pub fn duration(seconds: f64) -> String {
    // Float to integer conversion saturates.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["NAME", ">SIZE"]);
        table.row(vec!["a".into(), "10".into()]);
        table.row(vec!["long\x1bname".into(), "9".into()]);
        assert_eq!(table.text(), "NAME       SIZE\na            10\nlong?name     9\n");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0.0, 1023.0, 1536.0, 3e9].map(bytes), ["0B", "1023B", "1.5KiB", "2.8GiB"]);
        assert_eq!([99_999.0, 123_456.0, 5e6].map(count), ["99999", "123k", "5.0M"]);
        assert_eq!([5.9, 61.0, 7322.0, 90_000.0].map(duration), ["5s", "1m01s", "2h02m", "1d01h"]);
    }
}
