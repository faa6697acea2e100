//! Plain tables.

/// Prints rows in columns: the first to the left, the others to the right.
pub fn print(head: &[&str], rows: &[Vec<String>]) {
    let columns = head.len();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::from(" ");
        for (column, cell) in cells.enumerate() {
            let width = widths[column];
            text += &if column == 0 { format!(" {cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        println!("{}", text.trim_end());
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}
