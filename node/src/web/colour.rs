//! A colour for each hub: a hue from its id, with the lightness at which it can be read on paper and on night.
//!
//! The hues are evenly spaced in OKLCH (Björn Ottosson, 2020), where equal steps look equal. For each hue the lightness
//! is searched at which the contrast (WCAG 2.2, 1.4.3) with the page's background reaches [`CONTRAST`]. Pages may not
//! hold inline styles, so each hue is a class.

use std::fmt::Write;

use interhub_domain::ids::HubId;

/// How many hues there are: neighbours are still told apart, and a network of a hundred hubs rarely clashes on a page.
const HUES: u8 = 48;
/// AA for text of any size; a dot or an edge needs 3.0 only.
const CONTRAST: f64 = 4.5;
/// Background of the light pages, as in `site.css`.
const PAPER: Rgb = Rgb(0xfb, 0xfa, 0xf7);
/// Background of the dark pages, as in `site.css`.
const NIGHT: Rgb = Rgb(0x16, 0x15, 0x13);
/// Colourfulness asked for; less where sRGB has no such colour.
const CHROMA: f64 = 0.15;

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rgb(u8, u8, u8);

/// The class that gives a hub's colour to whatever uses `var(--hub)`.
pub(crate) fn class(hub: HubId) -> String {
    // The id is a hash, so any byte of it is as good as another.
    format!("hue-{}", hub.0[0] % HUES)
}

/// The style sheet with one class per hue, for light and dark.
pub(crate) fn style_sheet() -> String {
    let mut css = String::from("/* A colour for each hub, from its id; contrast with the page at least 4.5. */\n");
    let mut dark = String::new();
    for hue in 0..HUES {
        let degrees = f64::from(hue) * 360.0 / f64::from(HUES);
        // Writing to a string cannot fail.
        let _ = writeln!(css, ".hue-{hue}{{--hub:{}}}", hex(readable(degrees, PAPER)));
        let _ = writeln!(dark, ".hue-{hue}{{--hub:{}}}", hex(readable(degrees, NIGHT)));
    }
    let _ = write!(
        css,
        "@media (prefers-color-scheme:dark){{\n{dark}}}\n@media print{{[class*=hue-]{{--hub:#000}}}}\n"
    );
    css
}

fn hex(Rgb(red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The colour of this hue nearest to the background that still contrasts enough with it.
fn readable(degrees: f64, background: Rgb) -> Rgb {
    let light_background = luminance(background) > 0.5;
    // Walk from the background's side (light on paper, dark on night) until the contrast is reached.
    (0..=100)
        .map(|step| f64::from(step) / 100.0)
        .map(|step| from_oklch(if light_background { 1.0 - step } else { step }, degrees))
        .find(|&colour| contrast(colour, background) >= CONTRAST)
        .unwrap_or(if light_background {
            Rgb(0, 0, 0)
        } else {
            Rgb(255, 255, 255)
        })
}

/// OKLCH to sRGB, giving up colourfulness until the colour exists.
fn from_oklch(lightness: f64, degrees: f64) -> Rgb {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (0..=30)
        .map(|step| CHROMA * (1.0 - f64::from(step) / 30.0))
        .find_map(|chroma| from_oklab(lightness, chroma * cos, chroma * sin))
        .unwrap_or(Rgb(0, 0, 0))
}

/// OKLab to sRGB; `None` outside sRGB.
#[expect(clippy::many_single_char_names, reason = "the names of the colour axes")]
fn from_oklab(lightness: f64, a: f64, b: f64) -> Option<Rgb> {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ];
    let in_range = linear.iter().all(|value| (-0.000_5..=1.000_5).contains(value));
    in_range.then(|| Rgb(gamma(linear[0]), gamma(linear[1]), gamma(linear[2])))
}

/// A linear component as an sRGB byte.
fn gamma(linear: f64) -> u8 {
    let linear = linear.clamp(0.0, 1.0);
    let value = if linear <= 0.003_130_8 {
        linear * 12.92
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 255"
    )]
    let byte = (value * 255.0).round().clamp(0.0, 255.0) as u8;
    byte
}

/// Relative luminance (WCAG 2.2).
fn luminance(Rgb(red, green, blue): Rgb) -> f64 {
    let linear = |byte: u8| {
        let value = f64::from(byte) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/// Contrast ratio (WCAG 2.2), 1 to 21.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_hue_can_be_read_and_is_a_colour() {
        for hue in 0..HUES {
            let degrees = f64::from(hue) * 7.5;
            for background in [PAPER, NIGHT] {
                let Rgb(red, green, blue) = readable(degrees, background);
                let ratio = contrast(Rgb(red, green, blue), background);
                assert!((CONTRAST..6.0).contains(&ratio), "hue {hue}: {ratio}");
                let spread = red.max(green).max(blue) - red.min(green).min(blue);
                assert!(spread > 40, "hue {hue} is grey: {red} {green} {blue}");
            }
        }
    }

    #[test]
    fn contrast_as_defined() {
        assert!((contrast(Rgb(0, 0, 0), Rgb(255, 255, 255)) - 21.0).abs() < 1e-9);
        assert!((contrast(Rgb(9, 9, 9), Rgb(9, 9, 9)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn backgrounds_are_those_of_the_style_sheet() {
        let css = include_str!("../../static/site.css");
        assert!(css.contains(&format!("--paper: {}", hex(PAPER))));
        assert!(css.contains(&format!("--paper: {}", hex(NIGHT))));
    }

    #[test]
    fn sheet_has_every_class() {
        let css = style_sheet();
        assert_eq!(css.matches("--hub:#").count(), 2 * usize::from(HUES) + 1);
        let class = class(HubId([200; 16]));
        assert!(css.contains(&format!(".{class}{{")));
    }
}
