//! The chart: how many honest sessions each policy ends, and whether it sees a thief.

use std::{error::Error, path::Path};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    report::{Row, percent},
    study::Tally,
};

const WIDTH: i32 = 1010;
const TOP: i32 = 92;
const ROW: i32 = 60;
const BAR: i32 = 13;
/// Where the bars begin and end, and the two columns of thieves.
const LEFT: i32 = 272;
const RIGHT: i32 = 644;
const COLUMNS: [i32; 2] = [782, 924];
/// The axis is logarithmic: these are its ends and the lines across it.
const LEAST: f64 = 0.0001;
const LINES: [f64; 5] = [0.0001, 0.001, 0.01, 0.1, 1.0];

const INK: RGBColor = RGBColor(36, 41, 47);
const PALE: RGBColor = RGBColor(101, 109, 118);
const GRID: RGBColor = RGBColor(221, 225, 230);
const BAND: RGBColor = RGBColor(240, 246, 255);
const DESKTOP: RGBColor = RGBColor(9, 105, 218);
const MOBILE: RGBColor = RGBColor(219, 109, 40);
const PROCESSES: RGBColor = RGBColor(130, 80, 223);
const GOOD: RGBColor = RGBColor(26, 127, 55);
const BAD: RGBColor = RGBColor(207, 34, 46);

type Drawn = Result<(), Box<dyn Error>>;

/// Where the chart is drawn.
struct Sheet<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// Draws the chart of the study into an SVG file.
pub(crate) fn draw(path: &Path, rows: &[Row]) -> Drawn {
    let bottom = TOP + ROW * i32::try_from(rows.len())?;
    let size = (WIDTH.unsigned_abs(), (bottom + 56).unsigned_abs());
    let sheet = Sheet(SVGBackend::new(path, size).into_drawing_area());
    sheet.0.fill(&WHITE)?;
    let last = bottom - ROW;
    sheet.rectangle((12, last), (WIDTH - 12, bottom), BAND)?;
    sheet.headings()?;
    sheet.axis(bottom)?;
    for (row, y) in rows
        .iter()
        .zip((TOP..).step_by(ROW.unsigned_abs() as usize))
    {
        sheet.row(row, y, y == last)?;
    }
    sheet.0.present()?;
    Ok(())
}

impl Sheet<'_> {
    fn headings(&self) -> Drawn {
        let (y, under) = (32, 54);
        self.text(
            "Honest sessions logged out within 30 days",
            (LEFT, y),
            17,
            INK,
            HPos::Left,
        )?;
        for (x, colour, name) in [
            (LEFT, DESKTOP, "desktop"),
            (LEFT + 84, MOBILE, "mobile"),
            (LEFT + 160, PROCESSES, "three processes"),
        ] {
            self.rectangle((x, under - 5), (x + 11, under + 6), colour)?;
            self.text(name, (x + 17, under), 13, PALE, HPos::Left)?;
        }
        let bars = "whiskers: 95 % confidence";
        self.text(bars, (LEFT + 288, under), 13, PALE, HPos::Left)?;
        let [follower, front_runner] = COLUMNS;
        let middle = (follower + front_runner) / 2;
        self.text("A thief is seen …", (middle, y), 17, INK, HPos::Center)?;
        self.text("90 s behind", (follower, under), 13, PALE, HPos::Center)?;
        self.text(
            "ahead of the victim",
            (front_runner, under),
            13,
            PALE,
            HPos::Center,
        )
    }

    fn axis(&self, bottom: i32) -> Drawn {
        for share in LINES {
            let x = place(share);
            self.line((x, TOP - 8), (x, bottom), GRID, 1)?;
            self.text(&short(share), (x, bottom + 16), 12, PALE, HPos::Center)?;
        }
        let note = "share of sessions, logarithmic";
        self.text(
            note,
            ((LEFT + RIGHT) / 2, bottom + 36),
            12,
            PALE,
            HPos::Center,
        )
    }

    fn row(&self, row: &Row, y: i32, is_ours: bool) -> Drawn {
        let middle = y + ROW / 2;
        let name = (LEFT - 14, middle);
        self.text(
            &row.name,
            name,
            if is_ours { 15 } else { 14 },
            INK,
            HPos::Right,
        )?;
        self.bar(&row.desktop, middle - 3 * BAR / 2 - 3, DESKTOP)?;
        self.bar(&row.mobile, middle - BAR / 2, MOBILE)?;
        self.bar(&row.processes, middle + BAR / 2 + 3, PROCESSES)?;
        let [follower, front_runner] = COLUMNS;
        self.theft(&row.follower, (follower, middle))?;
        self.theft(&row.front_runner, (front_runner, middle))
    }

    fn bar(&self, tally: &Tally, top: i32, colour: RGBColor) -> Drawn {
        let middle = top + BAR / 2;
        let (low, high) = tally.interval();
        let end = place(tally.share());
        if tally.ended > 0 {
            self.rectangle((LEFT, top), (end, top + BAR), colour)?;
        }
        let (low, high) = (place(low), place(high));
        self.line((low, middle), (high, middle), INK, 1)?;
        self.line((high, middle - 3), (high, middle + 3), INK, 1)?;
        let label = match tally.ended {
            0 => format!("none of {}", tally.runs),
            _ => percent(tally.share()),
        };
        self.text(&label, (high.max(end) + 7, middle), 12, INK, HPos::Left)
    }

    fn theft(&self, tally: &Tally, at: (i32, i32)) -> Drawn {
        let (seen, rotations) = (tally.ended, tally.most_rotations);
        let (text, colour) = match rotations {
            _ if seen == 0 && tally.gained == 0 => ("gets nothing".to_owned(), GOOD),
            _ if seen == 0 => ("never".to_owned(), BAD),
            _ if seen < tally.runs => (format!("by chance ({:.0} %)", tally.share() * 100.0), BAD),
            0 | 1 => ("at once".to_owned(), GOOD),
            2..10 => (format!("within {rotations} rotations"), GOOD),
            _ => ("by chance".to_owned(), BAD),
        };
        self.text(&text, at, 14, colour, HPos::Center)
    }

    fn text(&self, text: &str, at: (i32, i32), size: i32, colour: RGBColor, side: HPos) -> Drawn {
        // The backend takes the size for the height of a line and makes the letters smaller.
        let size = f64::from(size) * 1.24;
        let style = ("sans-serif", size).into_text_style(&self.0).color(&colour);
        let style = style.pos(Pos::new(side, VPos::Center));
        self.0.draw_text(text, &style, at)?;
        Ok(())
    }

    fn rectangle(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor) -> Drawn {
        self.0.draw(&Rectangle::new([from, to], colour.filled()))?;
        Ok(())
    }

    fn line(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor, width: u32) -> Drawn {
        let style = colour.stroke_width(width);
        self.0.draw(&PathElement::new([from, to], style))?;
        Ok(())
    }
}

/// Where a share is on the axis.
fn place(share: f64) -> i32 {
    let decades = (share.max(LEAST) / LEAST).log10() / (1.0 / LEAST).log10();
    // The axis leaves room for the label of a full bar.
    LEFT + (decades * f64::from(RIGHT - LEFT)) as i32
}

fn short(share: f64) -> String {
    format!("{} %", share * 100.0)
}
