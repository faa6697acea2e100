//! Regions of memory objects, checked, and cut into parts.

use opencl_sys::{CL_INVALID_VALUE, cl_int};
use remora_protocol::opencl::Area;

/// What a memory object looks like to transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many bytes.
    Buffer(u64),
    /// Pixels of `element` bytes; an array's layers count as its last dimension.
    #[allow(missing_docs)]
    Image { element: u32, extent: [u64; 3] },
    /// Packets, which only kernels get at.
    Pipe,
}

const BYTES: u32 = 0;
const RECTANGLE: u32 = 1;
const PIXELS: u32 = 2;

/// A region that lies inside its object, every number of which fits the driver's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// What it is a region of.
    pub kind: Kind,
    /// Bytes (of a buffer) or pixels.
    pub origin: [usize; 3],
    /// Likewise. A plain range of a buffer has ones in the other dimensions.
    pub region: [usize; 3],
    /// Bytes of the smallest unit of the first dimension.
    element: usize,
    packed: usize,
}

/// How a region is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Bytes,
    Rectangle { row_pitch: usize, slice_pitch: usize },
    Pixels,
}

impl Region {
    /// Checks `area` against the object that it is to be of.
    ///
    /// # Errors
    /// CL_INVALID_VALUE if it is empty, does not fit the object, or overflows.
    pub fn new(area: &Area, shape: &Shape) -> Result<Self, cl_int> {
        Self::checked(area, shape).ok_or(CL_INVALID_VALUE)
    }

    fn checked(area: &Area, shape: &Shape) -> Option<Self> {
        let mut area = *area;
        let (kind, element) = match (area.kind, shape) {
            (BYTES, Shape::Buffer(size)) => {
                (area.origin[1], area.origin[2], area.region[1], area.region[2]) = (0, 0, 1, 1);
                (area.origin[0].checked_add(area.region[0])? <= *size).then_some(())?;
                (Kind::Bytes, 1)
            }
            (RECTANGLE, Shape::Buffer(size)) => (rectangle(&mut area, *size)?, 1),
            (PIXELS, Shape::Image { element, extent }) => {
                for (dimension, limit) in extent.iter().enumerate() {
                    let end = area.origin[dimension].checked_add(area.region[dimension])?;
                    (end <= *limit).then_some(())?;
                }
                (area.element == *element && *element > 0).then_some(())?;
                (Kind::Pixels, *element)
            }
            _ => return None,
        };
        let element = usize::try_from(element).ok()?;
        let region = narrow(area.region)?;
        let packed = region.iter().try_fold(element, |packed, length| packed.checked_mul(*length))?;
        (packed > 0).then_some(Self { kind, origin: narrow(area.origin)?, region, element, packed })
    }

    /// Bytes of its contents on the host, where they are packed.
    #[must_use]
    pub fn packed(&self) -> usize {
        self.packed
    }

    /// Bytes of a pixel; of a buffer 1.
    #[must_use]
    pub fn element(&self) -> usize {
        self.element
    }

    /// The distances of rows and slices in a rectangle's buffer.
    #[must_use]
    pub fn pitches(&self) -> (usize, usize) {
        match self.kind {
            Kind::Rectangle { row_pitch, slice_pitch } => (row_pitch, slice_pitch),
            Kind::Bytes | Kind::Pixels => (0, 0),
        }
    }

    /// The distances of rows and slices on the host.
    #[must_use]
    pub fn host_pitches(&self) -> (usize, usize) {
        // Neither overflows: both divide what `packed` was computed from.
        let row = self.region[0] * self.element;
        (row, row * self.region[1])
    }

    /// Cuts it into parts of at most `limit` bytes, in the order of the packed contents. Each is a region by itself, and
    /// they are whole slices, rows of one slice, or pieces of one row.
    pub fn parts(&self, limit: usize) -> impl Iterator<Item = Part> + use<> {
        self.cut(move |_| limit)
    }

    /// As [`Region::parts`], where the packed contents begin at `start` and no part is to reach over a multiple of `block`, which
    /// is one of the smallest unit's.
    pub fn parts_in_blocks(&self, start: u64, block: u64) -> impl Iterator<Item = Part> + use<> {
        self.cut(move |done| usize::try_from(block - (start + done as u64) % block).unwrap_or(usize::MAX))
    }

    /// Cuts it into parts of at most what `limit` says for what is in front of each.
    fn cut<F: Fn(usize) -> usize>(&self, limit: F) -> impl Iterator<Item = Part> + use<F> {
        let whole = *self;
        let mut done = 0;
        std::iter::from_fn(move || {
            let part = whole.part_at(done, limit(done))?;
            done += part.region.packed;
            Some(part)
        })
    }

    fn part_at(&self, offset: usize, limit: usize) -> Option<Part> {
        if offset >= self.packed {
            return None;
        }
        let (row, slice) = self.host_pitches();
        let (z, y, x) = (offset / slice, offset % slice / row, offset % row / self.element);
        let mut part = *self;
        for (dimension, start) in [x, y, z].into_iter().enumerate() {
            part.origin[dimension] += start;
        }
        part.region = if x == 0 && y == 0 && slice <= limit {
            [self.region[0], self.region[1], (limit / slice).min(self.region[2] - z)]
        } else if x == 0 && row <= limit {
            [self.region[0], (limit / row).min(self.region[1] - y), 1]
        } else {
            [(limit / self.element).max(1).min(self.region[0] - x), 1, 1]
        };
        part.packed = part.region.iter().product::<usize>() * self.element;
        Some(Part { offset, region: part })
    }
}

/// One part of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where its bytes are in the packed contents of the whole.
    pub offset: usize,
    /// What it is.
    pub region: Region,
}

/// Pitches of 0 stand for packed rows and slices, as in OpenCL.
fn rectangle(area: &mut Area, size: u64) -> Option<Kind> {
    if area.row_pitch == 0 {
        area.row_pitch = area.region[0];
    }
    if area.slice_pitch == 0 {
        area.slice_pitch = area.row_pitch.checked_mul(area.region[1])?;
    }
    (area.row_pitch >= area.region[0]).then_some(())?;
    (area.slice_pitch >= area.row_pitch.checked_mul(area.region[1])?).then_some(())?;
    // Of the last byte: the end of the last row of the last slice.
    let last = |dimension: usize| area.origin[dimension].checked_add(area.region[dimension].checked_sub(1)?);
    let end = last(2)?
        .checked_mul(area.slice_pitch)?
        .checked_add(last(1)?.checked_mul(area.row_pitch)?)?
        .checked_add(area.origin[0])?
        .checked_add(area.region[0])?;
    (end <= size).then_some(())?;
    Some(Kind::Rectangle {
        row_pitch: usize::try_from(area.row_pitch).ok()?,
        slice_pitch: usize::try_from(area.slice_pitch).ok()?,
    })
}

fn narrow(values: [u64; 3]) -> Option<[usize; 3]> {
    let [x, y, z] = values;
    Some([usize::try_from(x).ok()?, usize::try_from(y).ok()?, usize::try_from(z).ok()?])
}

/// Bytes of a pixel, or `None` for a format that OpenCL does not have.
#[must_use]
#[allow(non_upper_case_globals)]
pub fn pixel_size(order: u32, data_type: u32) -> Option<u32> {
    use opencl_sys::*;
    let packed = match data_type {
        CL_UNORM_SHORT_565 | CL_UNORM_SHORT_555 => Some(2),
        CL_UNORM_INT_101010 | CL_UNORM_INT_101010_2 => Some(4),
        _ => None,
    };
    if packed.is_some() {
        return packed;
    }
    let channel = match data_type {
        CL_SNORM_INT8 | CL_UNORM_INT8 | CL_SIGNED_INT8 | CL_UNSIGNED_INT8 => 1,
        CL_SNORM_INT16 | CL_UNORM_INT16 | CL_SIGNED_INT16 | CL_UNSIGNED_INT16 | CL_HALF_FLOAT => 2,
        CL_SIGNED_INT32 | CL_UNSIGNED_INT32 | CL_FLOAT => 4,
        _ => return None,
    };
    let channels = match order {
        CL_R | CL_A | CL_INTENSITY | CL_LUMINANCE | CL_DEPTH | CL_Rx => 1,
        CL_RG | CL_RA | CL_RGx => 2,
        CL_RGB | CL_RGBx | CL_sRGB => 3,
        CL_RGBA | CL_BGRA | CL_ARGB | CL_ABGR | CL_sRGBA | CL_sBGRA | CL_sRGBx => 4,
        _ => return None,
    };
    Some(channel * channels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(kind: u32, origin: [u64; 3], region: [u64; 3]) -> Area {
        Area { kind, element: 4, origin, region, row_pitch: 0, slice_pitch: 0 }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let buffer = Shape::Buffer(100);
        assert!(Region::new(&area(BYTES, [0, 9, 9], [100, 0, 0]), &buffer).is_ok());
        assert!(Region::new(&area(BYTES, [1, 0, 0], [100, 1, 1]), &buffer).is_err());
        assert!(Region::new(&area(BYTES, [u64::MAX, 0, 0], [2, 1, 1]), &buffer).is_err());
        assert!(Region::new(&area(BYTES, [0; 3], [0, 1, 1]), &buffer).is_err());
        assert!(Region::new(&area(RECTANGLE, [0; 3], [10, 10, 1]), &buffer).is_ok());
        assert!(Region::new(&area(RECTANGLE, [1, 0, 0], [10, 10, 1]), &buffer).is_err());
        assert!(Region::new(&area(RECTANGLE, [0; 3], [1 << 40, 1 << 40, 2]), &buffer).is_err());
        assert!(Region::new(&area(PIXELS, [0; 3], [1, 1, 1]), &buffer).is_err());
        assert!(Region::new(&area(7, [0; 3], [1, 1, 1]), &buffer).is_err());
        let image = Shape::Image { element: 4, extent: [8, 8, 1] };
        assert!(Region::new(&area(PIXELS, [0; 3], [8, 8, 1]), &image).is_ok());
        assert!(Region::new(&area(PIXELS, [0, 0, 1], [8, 8, 1]), &image).is_err());
        assert!(Region::new(&Area { element: 8, ..area(PIXELS, [0; 3], [8, 8, 1]) }, &image).is_err());
    }

    fn dimension() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..20, Just(u64::MAX), any::<u64>()]
    }

    proptest! {
        #[test]
        fn hostile_areas_never_panic_or_reach_outside(
            kind in 0_u32..4,
            element: u32,
            origin in prop::array::uniform3(dimension()),
            region in prop::array::uniform3(dimension()),
            row_pitch in dimension(),
            slice_pitch in dimension(),
            size in dimension(),
        ) {
            let area = Area { kind, element, origin, region, row_pitch, slice_pitch };
            if let Ok(region) = Region::new(&area, &Shape::Buffer(size)) {
                let last = (region.origin[2] + region.region[2] - 1) as u128 * region.pitches().1 as u128
                    + (region.origin[1] + region.region[1] - 1) as u128 * region.pitches().0 as u128
                    + (region.origin[0] + region.region[0]) as u128;
                prop_assert!(last <= u128::from(size));
            }
            let _ = Region::new(&area, &Shape::Image { element, extent: [size, 7, 3] });
        }

        #[test]
        fn parts_tile_the_whole(
            kind in 0_u32..3,
            element in 1_u32..17,
            origin in prop::array::uniform3(0_u64..5),
            region in prop::array::uniform3(1_u64..40),
            limit in 16_usize..4000,
        ) {
            let shape = match kind {
                PIXELS => Shape::Image { element, extent: [64; 3] },
                _ => Shape::Buffer(1 << 30),
            };
            let area = Area { kind, element, origin, region, row_pitch: 64, slice_pitch: 64 * 64 };
            let whole = Region::new(&area, &shape).unwrap();
            let mut offset = 0;
            for part in whole.parts(limit) {
                prop_assert_eq!(part.offset, offset);
                prop_assert!(part.region.packed() <= limit && part.region.packed() > 0);
                for dimension in 0..3 {
                    let (from, to) = (part.region.origin[dimension], whole.origin[dimension]);
                    prop_assert!(from >= to);
                    prop_assert!(from + part.region.region[dimension] <= to + whole.region[dimension]);
                }
                // The packed place of the part's first unit is where its bytes are said to be.
                let (row, slice) = whole.host_pitches();
                let start: Vec<_> = (0..3).map(|d| part.region.origin[d] - whole.origin[d]).collect();
                prop_assert_eq!(start[0] * row / whole.region[0] + start[1] * row + start[2] * slice, offset);
                // Packed bytes of a part are contiguous in the whole: only its last dimension that is cut is partial.
                let [x, y, z] = part.region.region;
                prop_assert!((x == whole.region[0] || y == 1) && (y == whole.region[1] || z == 1));
                offset += part.region.packed();
            }
            prop_assert_eq!(offset, whole.packed());

            let start = u64::from(element) * 3;
            let block = u64::from(element) * 128;
            let mut offset = 0;
            for part in whole.parts_in_blocks(start, block) {
                prop_assert_eq!(part.offset, offset);
                let (first, end) = (start + offset as u64, start + (offset + part.region.packed()) as u64);
                prop_assert_eq!(first / block, (end - 1) / block);
                offset += part.region.packed();
            }
            prop_assert_eq!(offset, whole.packed());
        }
    }
}
