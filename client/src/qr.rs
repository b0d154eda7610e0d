//! A link as a QR code in a file, to show or to print.

use std::path::Path;

use fast_qr::convert::Builder as _;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::{QRBuilder, QRCode};

use crate::error::ClientError;

/// Light modules around the code, as ISO/IEC 18004 asks for.
const MARGIN: usize = 4;

/// Pixels of one module: a code of 77 modules prints at about 5 cm with 300 dots an inch.
const SCALE: usize = 8;

fn ends_in(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// Whether a code can be written there, before anything is done for the sake of it.
pub fn check(path: &Path) -> Result<(), ClientError> {
    if !ends_in(path, "png") && !ends_in(path, "svg") {
        return Err(ClientError::Usage(format!(
            "{} has to end in .png or .svg",
            path.display()
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(ClientError::NotFound(format!(
            "{} cannot be written: there is no such folder",
            path.display()
        )));
    }
    Ok(())
}

/// Writes `text` as a QR code: an SVG if the name ends so, else a PNG.
pub fn write(text: &str, path: &Path) -> Result<(), ClientError> {
    check(path)?;
    let is_svg = ends_in(path, "svg");
    let code = QRBuilder::new(text).ecl(fast_qr::ECL::M).build();
    let code = code.map_err(|_| ClientError::Failed("the text is too long for a QR code; use the link".to_owned()))?;
    let bytes = if is_svg { svg(&code).into_bytes() } else { png(&code)? };
    std::fs::write(path, bytes)
        .map_err(|error| ClientError::Failed(format!("{} could not be written: {error}", path.display())))
}

fn svg(code: &QRCode) -> String {
    SvgBuilder::default().margin(MARGIN).to_str(code)
}

/// One bit a pixel, grey: dark is 0.
fn png(code: &QRCode) -> Result<Vec<u8>, ClientError> {
    let side = (code.size + 2 * MARGIN) * SCALE;
    let row_bytes = side.div_ceil(8);
    let mut pixels = vec![0xff_u8; row_bytes * side];
    for y in 0..side {
        for x in 0..side {
            if is_dark(code, x / SCALE, y / SCALE) {
                pixels[y * row_bytes + x / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    let failed = |error: png::EncodingError| ClientError::Failed(format!("the QR code could not be drawn: {error}"));
    let width = u32::try_from(side).unwrap_or(u32::MAX);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, width);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn is_dark(code: &QRCode, column: usize, row: usize) -> bool {
    let inside = MARGIN..MARGIN + code.size;
    inside.contains(&column) && inside.contains(&row) && code[row - MARGIN][column - MARGIN].value()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn png_and_svg_are_written_and_others_refused() {
        let dir = tempfile::tempdir().unwrap();
        let link = format!("https://hub.example/join#{}", "A".repeat(300));
        let png_path = dir.path().join("invite.PNG");
        write(&link, &png_path).unwrap();
        let file = std::io::BufReader::new(std::fs::File::open(&png_path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, info.height);
        assert!(pixels[0] == 0xff, "the margin is light");
        assert!(pixels.iter().any(|byte| *byte != 0xff));

        write(&link, &dir.path().join("invite.svg")).unwrap();
        assert!(
            std::fs::read_to_string(dir.path().join("invite.svg"))
                .unwrap()
                .starts_with("<svg")
        );
        assert_eq!(write(&link, &dir.path().join("invite.gif")).unwrap_err().exit_code(), 2);
        assert_eq!(
            write(&"x".repeat(5000), &dir.path().join("x.png"))
                .unwrap_err()
                .exit_code(),
            1
        );
        // No such folder: not found.
        assert_eq!(write(&link, &dir.path().join("none/x.png")).unwrap_err().exit_code(), 3);
    }
}
