//! The ratios as a picture.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::Row;

const WIDTH: u32 = 900;
const HEIGHT_EACH: u32 = 34;
const MARGIN: u32 = 110;
const NAMES: u32 = 330;
const LEAST: f64 = 0.01;
const MOST: f64 = 100.0;

/// Draws a bar for each figure: remoted time divided by native time on a logarithmic scale, with the range of the pairs. What is
/// beyond a hundredth or a hundred is drawn there.
pub fn draw(rows: &[Row], file: &Path, subtitle: &str) -> Result<()> {
    paint(rows, file, subtitle).map_err(|error| anyhow!("{}: {error}", file.display()))
}

fn paint(rows: &[Row], file: &Path, subtitle: &str) -> Result<(), Box<dyn std::error::Error>> {
    let height = u32::try_from(rows.len())?.saturating_mul(HEIGHT_EACH) + MARGIN;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let count = rows.len() as f64;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("remoted / native time, {subtitle}"), ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(NAMES)
        .build_cartesian_2d((LEAST..MOST).log_scale(), 0.0..count)?;
    let name = |place: &f64| {
        // A label stands in the middle of its bar.
        let row = rows.get((count - place).floor().max(0.0) as usize);
        row.map_or(String::new(), |row| row.figure.clone())
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .x_desc("below 1: faster than natively")
        .draw()?;
    for (place, row) in rows.iter().enumerate() {
        let middle = count - place as f64 - 0.5;
        let inside = |ratio: f64| if ratio.is_finite() { ratio.clamp(LEAST, MOST) } else { 1.0 };
        let (ratio, [from, to]) = (inside(row.slower), row.slower_range.map(inside));
        let color = if ratio <= 1.0 { GREEN.mix(0.6) } else { RED.mix(0.6) };
        let bar = [(ratio.min(1.0), middle - 0.3), (ratio.max(1.0), middle + 0.3)];
        chart.draw_series([Rectangle::new(bar, color.filled())])?;
        chart.draw_series([PathElement::new(vec![(from, middle), (to, middle)], BLACK)])?;
        let (_, y) = chart.backend_coord(&(1.0, middle));
        let style = ("sans-serif", 13).into_font().into_text_style(&area);
        area.draw_text(&name(&middle), &style, (14, y - 8))?;
        area.draw_text(&format!("{:.2}", row.slower), &style, (i32::try_from(NAMES)? - 36, y - 8))?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_in_the_picture() {
        let row = |figure: &str, slower| Row {
            figure: figure.to_owned(),
            native: 1.0,
            remoted: slower,
            slower,
            slower_range: [slower / 2.0, slower * 1000.0],
            null: 0.0,
        };
        let rows = [row("one <figure>", 0.5), row("another", f64::NAN), row("third", 0.0)];
        let file = tempfile::NamedTempFile::new().unwrap();
        draw(&rows, file.path(), "a test").unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        for part in ["<svg", "one &lt;figure&gt;", "another", "third", "0.50", "a test", "</svg>"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
