//! The map, drawn here: a part of the earth in Mercator's projection, its outlines as SVG paths, and marks that lie close
//! gathered into one.
//!
//! Modules in reading order: which part of the earth is shown (`view`), what land there is (`outlines`), and where the marks
//! and their labels go (`marks`).

mod marks;
mod outlines;
mod view;

pub(super) use marks::{Label, Mark, Spot, marks};
pub(super) use outlines::Outlines;
pub(super) use view::{HEIGHT, MAX_ZOOM, View, WIDTH};
