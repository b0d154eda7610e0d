//! A small copy of a picture, made from bytes that nobody vouches for.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView as _, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use interhub_domain::member::MAX_PHOTO;

use crate::store::catalogue::picture::Thumbnail;

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 12 * 1024 * 1024;
/// The copy fits into a square of so many pixels.
const SIDE: u32 = 640;
/// Most pixels of the original across or down.
const MAX_SIDE: u32 = 12_000;
/// Most pixels of the original in all: a telephone's photograph has 12 million. Each takes up to four bytes while it is read.
const MAX_PIXELS: u64 = 26_000_000;
/// Most memory that reading may take, in bytes.
const MAX_MEMORY: u64 = 160 * 1024 * 1024;
/// The qualities of JPEG that are tried until the copy is small enough.
const QUALITIES: [u8; 3] = [80, 65, 45];
/// A copy of the best quality that is at most so large, in bytes, is taken; else the smallest.
const GOOD_SIZE: usize = 80 * 1024;

/// A portrait fits into a square of so many pixels; into the smaller ones only if the larger copy takes too many bytes.
const PORTRAIT_SIDES: [u32; 3] = [320, 240, 160];

/// Why there is no copy. One line for an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Not one of the formats.
    #[error("what lies there is not a picture; give the address of a JPEG, PNG, WebP or GIF file")]
    Format,
    /// Over a limit.
    #[error(
        "the picture has {width} by {height} pixels; use one of at most {MAX_SIDE} on each side and 26 million in all"
    )]
    TooLarge {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// It begins like one.
    #[error("the picture is damaged or cut off; upload it there again")]
    Damaged,
}

/// Reads a picture (JPEG, PNG, WebP, GIF: its first frame), turns it the way up that it says, and makes it small. What is
/// transparent becomes white. Blocks for up to a second or two.
pub fn thumbnail(bytes: &[u8]) -> Result<Thumbnail, PictureError> {
    let small = read_small(bytes, SIDE)?;
    let (width, height) = small.dimensions();
    let side = |pixels: u32| u16::try_from(pixels).map_err(|_| PictureError::Damaged);
    Ok(Thumbnail {
        width: side(width)?,
        height: side(height)?,
        jpeg: encode(&on_white(&small), GOOD_SIZE)?,
    })
}

/// The same for somebody's portrait: a JPEG of at most [`MAX_PHOTO`] bytes with nothing in it but the picture. Where and with what
/// it was taken goes with everything else that a file says besides.
pub fn portrait(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let [first, ..] = PORTRAIT_SIDES;
    let mut small = read_small(bytes, first)?;
    for side in PORTRAIT_SIDES {
        let (width, height) = small.dimensions();
        if width > side || height > side {
            small = small.thumbnail(side, side);
        }
        let jpeg = encode(&on_white(&small), MAX_PHOTO)?;
        if jpeg.len() <= MAX_PHOTO {
            return Ok(jpeg);
        }
    }
    Err(PictureError::Damaged)
}

/// Reads a picture and makes it fit a square, the right way up.
fn read_small(bytes: &[u8], max_side: u32) -> Result<DynamicImage, PictureError> {
    let format = image::guess_format(bytes).map_err(|_| PictureError::Format)?;
    if !matches!(
        format,
        ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif
    ) {
        return Err(PictureError::Format);
    }
    let damaged = |_| PictureError::Damaged;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.no_limits();
    let (width, height) = reader.into_dimensions().map_err(damaged)?;
    if width == 0 || height == 0 {
        return Err(PictureError::Damaged);
    }
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureError::TooLarge { width, height });
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let original = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    let mut small = if width <= max_side && height <= max_side {
        original
    } else {
        original.thumbnail(max_side, max_side)
    };
    small.apply_orientation(orientation);
    Ok(small)
}

fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let with_alpha = picture.to_rgba8();
    let mut flat = RgbImage::new(with_alpha.width(), with_alpha.height());
    for (to, from) in flat.pixels_mut().zip(with_alpha.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let mixed = [red, green, blue].map(|part| (part * alpha + 255 * (255 - alpha)) / 255);
        to.0 = mixed.map(|part| u8::try_from(part).unwrap_or(u8::MAX));
    }
    flat
}

fn encode(picture: &RgbImage, good_size: usize) -> Result<Vec<u8>, PictureError> {
    let mut smallest = Vec::new();
    for quality in QUALITIES {
        let mut jpeg = Vec::new();
        picture
            .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, quality))
            .map_err(|_| PictureError::Damaged)?;
        smallest = jpeg;
        if smallest.len() <= good_size {
            break;
        }
    }
    Ok(smallest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use image::codecs::png::PngEncoder;
    use image::{ImageEncoder as _, Rgb, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    /// Half red, half blue, in this format.
    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let colours = RgbImage::from_fn(width, height, |x, _| {
            if x < width / 2 {
                Rgb([220, 20, 20])
            } else {
                Rgb([20, 20, 220])
            }
        });
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(colours).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn read(thumbnail: &Thumbnail) -> RgbImage {
        let read = image::load_from_memory_with_format(&thumbnail.jpeg, ImageFormat::Jpeg).unwrap();
        assert_eq!(read.dimensions(), (thumbnail.width.into(), thumbnail.height.into()));
        read.to_rgb8()
    }

    fn is_red(pixel: Rgb<u8>) -> bool {
        pixel.0[0] > 180 && pixel.0[2] < 80
    }

    #[test]
    fn every_format_becomes_a_small_jpeg_of_the_same_shape() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
            let small = thumbnail(&picture(2_000, 1_000, format)).unwrap();
            assert_eq!((small.width, small.height), (640, 320), "{format:?}");
            let read = read(&small);
            assert!(
                is_red(*read.get_pixel(100, 100)) && !is_red(*read.get_pixel(500, 100)),
                "{format:?}"
            );
            let tiny = thumbnail(&picture(30, 40, format)).unwrap();
            assert_eq!((tiny.width, tiny.height), (30, 40), "it is not blown up");
        }
        let noise = RgbImage::from_fn(3_000, 3_000, |x, y| {
            let mixed = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_mul(x | 1);
            let [red, green, blue, _] = (mixed >> 3).to_le_bytes();
            Rgb([red, green, blue])
        });
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(noise)
            .write_to(&mut bytes, ImageFormat::Jpeg)
            .unwrap();
        assert!(thumbnail(&bytes.into_inner()).unwrap().jpeg.len() < 4 * GOOD_SIZE);
    }

    #[test]
    fn a_photograph_stands_upright_and_tells_nothing_of_where_it_was_taken() {
        // Exif with an orientation of 6 (turned by 90 degrees), a maker, and a place.
        let mut exif = b"II\x2a\0\x08\0\0\0\x02\0".to_vec();
        exif.extend(b"\x0f\x01\x02\0\x10\0\0\0\x26\0\0\0");
        exif.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0");
        exif.extend(b"\0\0\0\0");
        exif.extend(b"SECRETPLACE 48.2");
        let colours = RgbImage::from_fn(400, 200, |x, _| {
            if x < 200 {
                Rgb([220, 20, 20])
            } else {
                Rgb([20, 20, 220])
            }
        });
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif).unwrap();
        encoder
            .write_image(colours.as_raw(), 400, 200, image::ExtendedColorType::Rgb8)
            .unwrap();
        let has = |bytes: &[u8]| bytes.windows(11).any(|part| part == b"SECRETPLACE");
        assert!(has(&bytes));
        let small = thumbnail(&bytes).unwrap();
        assert!(!has(&small.jpeg) && !has(&portrait(&bytes).unwrap()));
        assert_eq!((small.width, small.height), (200, 400));
        let read = read(&small);
        assert!(is_red(*read.get_pixel(100, 50)) && !is_red(*read.get_pixel(100, 350)));
    }

    #[test]
    fn a_portrait_is_small_whatever_was_given() {
        let noise = RgbImage::from_fn(2_000, 1_500, |x, y| {
            let mixed = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_mul(x | 1);
            let [red, green, blue, _] = (mixed >> 3).to_le_bytes();
            Rgb([red, green, blue])
        });
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(noise)
            .write_to(&mut bytes, ImageFormat::Png)
            .unwrap();
        let small = portrait(&bytes.into_inner()).unwrap();
        assert!(small.len() <= MAX_PHOTO, "{} bytes", small.len());
        let plain = portrait(&picture(2_000, 1_000, ImageFormat::Jpeg)).unwrap();
        let read = image::load_from_memory_with_format(&plain, ImageFormat::Jpeg).unwrap();
        assert_eq!(read.dimensions(), (320, 160));
        assert_eq!(portrait(b"%PDF-1.7"), Err(PictureError::Format));
    }

    #[test]
    fn what_is_transparent_is_white() {
        let clear = RgbaImage::from_pixel(50, 50, Rgba([0, 0, 0, 0]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(clear)
            .write_to(&mut bytes, ImageFormat::Png)
            .unwrap();
        let read = read(&thumbnail(&bytes.into_inner()).unwrap());
        assert!(read.pixels().all(|pixel| pixel.0.iter().all(|part| *part > 250)));
    }

    #[test]
    fn what_is_no_picture_is_refused_in_words() {
        for wrong in [
            &b""[..],
            b"<html>not here</html>",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"%PDF-1.7",
            b"BM\0\0",
        ] {
            assert_eq!(thumbnail(wrong), Err(PictureError::Format), "{wrong:?}");
        }
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
            let whole = picture(300, 300, format);
            for length in [12, 20, 40, whole.len() / 2] {
                let cut = thumbnail(&whole[..length.min(whole.len() - 1)]);
                assert!(
                    cut.is_ok() || cut == Err(PictureError::Damaged),
                    "{format:?} {length} {cut:?}"
                );
            }
            assert!(thumbnail(&whole[..20]).is_err(), "{format:?}");
        }
    }

    /// A few bytes that say they are 60,000 by 60,000 pixels.
    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let mut header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        header.extend(60_000_u32.to_be_bytes());
        header.extend(60_000_u32.to_be_bytes());
        header.extend([8, 6, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&header[12..]);
        header.extend(crc.sum().to_be_bytes());
        header.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        let refused = thumbnail(&header);
        assert_eq!(
            refused,
            Err(PictureError::TooLarge {
                width: 60_000,
                height: 60_000
            })
        );
        let wide = picture(11_000, 2_400, ImageFormat::Png);
        assert!(matches!(thumbnail(&wide), Err(PictureError::TooLarge { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// Bytes that begin like a picture and go on as they like.
        #[test]
        fn no_bytes_make_it_panic(
            format in 0_usize..4,
            at in any::<proptest::sample::Index>(),
            bytes in proptest::collection::vec(any::<u8>(), 1..40),
        ) {
            let formats = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif];
            let mut mutant = picture(40, 30, formats[format]);
            let at = at.index(mutant.len());
            for (to, from) in mutant[at..].iter_mut().zip(bytes) {
                *to = from;
            }
            let _ = thumbnail(&mutant);
        }
    }
}
