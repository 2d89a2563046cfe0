//! The chart: requests a second, from before the region is lost until long after it was replaced.

use std::{error::Error, path::Path};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    report::{Row, count},
    world::{CAPACITY, LOST_AT, Millis, REGIONS, SECOND, World},
};

const SIZE: (u32, u32) = (1010, 500);
/// The field of the curves.
const LEFT: i32 = 70;
const RIGHT: i32 = 720;
const TOP: i32 = 64;
const BOTTOM: i32 = 440;
/// The axis is logarithmic: these are its ends.
const LEAST: f64 = 1e4;
const MOST: f64 = 2e6;
const LINES: [f64; 7] = [1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6];
/// Over so many seconds a point is the average.
const SPAN: usize = 10;

const INK: RGBColor = RGBColor(36, 41, 47);
const PALE: RGBColor = RGBColor(101, 109, 118);
const GRID: RGBColor = RGBColor(221, 225, 230);
const BAND: RGBColor = RGBColor(246, 238, 238);

/// The policies that have a curve.
const CURVES: [(&str, RGBColor); 5] = [
    ("no back-off: each second", RGBColor(207, 34, 46)),
    ("`Retry-After: 1`, obeyed", RGBColor(219, 109, 40)),
    ("client layer, `Retry-After: 1`", RGBColor(130, 80, 223)),
    ("doubling to 60 s, jitter", RGBColor(9, 105, 218)),
    ("client layer, by load", RGBColor(26, 127, 55)),
];

type Drawn = Result<(), Box<dyn Error>>;

struct Sheet<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    end: Millis,
}

/// Draws the chart into an SVG file.
pub(crate) fn draw(path: &Path, world: &World, rows: &[Row]) -> Drawn {
    let sheet = Sheet {
        area: SVGBackend::new(path, SIZE).into_drawing_area(),
        end: world.end(),
    };
    sheet.area.fill(&WHITE)?;
    sheet.frame(world)?;
    for (number, (name, colour)) in (0..).zip(CURVES) {
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            continue;
        };
        sheet.curve(row, colour)?;
        let y = TOP + 26 + 58 * number;
        let x = RIGHT + 24;
        sheet.line(&[(x, y), (x + 22, y)], colour, 3)?;
        sheet.text(&name.replace('`', ""), (x + 30, y), 14, INK, HPos::Left)?;
        let refused = format!("{} refused", count(row.tally.refused()));
        let steady = match row.tally.steady_after() {
            Some(seconds) => format!("{refused}, steady after {seconds} s"),
            None => format!("{refused}, never steady"),
        };
        sheet.text(&steady, (x + 30, y + 20), 12, PALE, HPos::Left)?;
    }
    sheet.area.present()?;
    Ok(())
}

impl Sheet<'_> {
    fn frame(&self, world: &World) -> Drawn {
        let title = "Refreshes that clients ask for, a second, of 100 million sessions";
        self.text(title, (LEFT, 28), 17, INK, HPos::Left)?;
        let (lost, restored) = (self.x(LOST_AT), self.x(world.restored_at()));
        let band = Rectangle::new([(lost, TOP), (restored, BOTTOM)], BAND.filled());
        self.area.draw(&band)?;
        let middle = ((lost + restored) / 2, TOP + 14);
        self.text(
            "one of three regions is lost",
            middle,
            12,
            PALE,
            HPos::Center,
        )?;
        for rate in LINES {
            self.line(&[(LEFT, y(rate)), (RIGHT, y(rate))], GRID, 1)?;
            self.text(&count(rate), (LEFT - 8, y(rate)), 12, PALE, HPos::Right)?;
        }
        let left = CAPACITY * (REGIONS - 1) as f64;
        self.line(&[(LEFT, y(left)), (RIGHT, y(left))], INK, 1)?;
        let what = format!("what the two others can do: {}", count(left));
        self.text(&what, (RIGHT - 6, y(left) - 10), 12, INK, HPos::Right)?;
        for minute in (0..=self.end / 60 / SECOND).step_by(5) {
            let x = self.x(minute * 60 * SECOND);
            self.text(
                &minute.to_string(),
                (x, BOTTOM + 16),
                12,
                PALE,
                HPos::Center,
            )?;
        }
        let below = ((LEFT + RIGHT) / 2, BOTTOM + 38);
        self.text("minutes", below, 12, PALE, HPos::Center)
    }

    fn curve(&self, row: &Row, colour: RGBColor) -> Drawn {
        let middles = (SPAN as i64 / 2..).step_by(SPAN);
        let points = row.tally.arrivals(SPAN).zip(middles);
        let points: Vec<_> = points
            .map(|(rate, second)| (self.x(second * SECOND), y(rate)))
            .collect();
        self.line(&points, colour, 2)
    }

    fn x(&self, at: Millis) -> i32 {
        let share = at as f64 / self.end as f64;
        LEFT + (share * f64::from(RIGHT - LEFT)) as i32
    }

    fn text(&self, text: &str, at: (i32, i32), size: i32, colour: RGBColor, side: HPos) -> Drawn {
        // The backend takes the size for the height of a line and makes the letters smaller.
        let size = f64::from(size) * 1.24;
        let style = ("sans-serif", size)
            .into_text_style(&self.area)
            .color(&colour);
        let style = style.pos(Pos::new(side, VPos::Center));
        self.area.draw_text(text, &style, at)?;
        Ok(())
    }

    fn line(&self, points: &[(i32, i32)], colour: RGBColor, width: u32) -> Drawn {
        let style = colour.stroke_width(width);
        self.area.draw(&PathElement::new(points, style))?;
        Ok(())
    }
}

/// Where a rate is on the axis.
fn y(rate: f64) -> i32 {
    let share = (rate.clamp(LEAST, MOST) / LEAST).log10() / (MOST / LEAST).log10();
    BOTTOM - (share * f64::from(BOTTOM - TOP)) as i32
}
