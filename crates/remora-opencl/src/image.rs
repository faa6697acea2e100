//! What an image is: format, shape and the layout of its pixels on the host.

// The constants have the names that OpenCL gave them.
#![allow(non_upper_case_globals)]

use opencl_sys::*;
use remora_client::HostArea;
use remora_protocol::opencl::Area;

use crate::error::{Error, Result, ensure};

/// The image part of a memory object.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) format: cl_image_format,
    /// Bytes of a pixel.
    pub(crate) element: usize,
    pub(crate) image_type: cl_mem_object_type,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) depth: usize,
    pub(crate) array_size: usize,
    /// Of the program's host pointer, or tight.
    pub(crate) row_pitch: usize,
    pub(crate) slice_pitch: usize,
}

/// Bytes of a pixel, if order and type go together.
pub(crate) fn element_size(format: &cl_image_format) -> Option<usize> {
    let channels = match format.image_channel_order {
        CL_R | CL_A | CL_INTENSITY | CL_LUMINANCE | CL_DEPTH | CL_Rx => 1,
        CL_RG | CL_RA | CL_RGx => 2,
        CL_RGB | CL_RGBx | CL_sRGB | CL_sRGBx => 3,
        CL_RGBA | CL_BGRA | CL_ARGB | CL_ABGR | CL_sRGBA | CL_sBGRA => 4,
        _ => return None,
    };
    Some(match format.image_channel_data_type {
        CL_SNORM_INT8 | CL_UNORM_INT8 | CL_SIGNED_INT8 | CL_UNSIGNED_INT8 => channels,
        CL_SNORM_INT16 | CL_UNORM_INT16 | CL_SIGNED_INT16 | CL_UNSIGNED_INT16 | CL_HALF_FLOAT => 2 * channels,
        CL_SIGNED_INT32 | CL_UNSIGNED_INT32 | CL_FLOAT => 4 * channels,
        CL_UNORM_SHORT_565 | CL_UNORM_SHORT_555 => 2,
        CL_UNORM_INT_101010 | CL_UNORM_INT_101010_2 | CL_UNORM_INT_2_101010_EXT => 4,
        CL_UNSIGNED_INT10X6_EXT | CL_UNSIGNED_INT12X4_EXT | CL_UNSIGNED_INT14X2_EXT => 2 * channels,
        CL_UNORM_INT10X6_EXT | CL_UNORM_INT12X4_EXT | CL_UNORM_INT14X2_EXT => 2 * channels,
        _ => return None,
    })
}

impl Image {
    /// Rows and slices of the whole, as origin and region count them (an array's layers are slices).
    pub(crate) fn extent(&self) -> [usize; 3] {
        match self.image_type {
            CL_MEM_OBJECT_IMAGE1D | CL_MEM_OBJECT_IMAGE1D_BUFFER => [self.width, 1, 1],
            CL_MEM_OBJECT_IMAGE1D_ARRAY => [self.width, self.array_size, 1],
            CL_MEM_OBJECT_IMAGE2D => [self.width, self.height, 1],
            CL_MEM_OBJECT_IMAGE2D_ARRAY => [self.width, self.height, self.array_size],
            _ => [self.width, self.height, self.depth],
        }
    }

    /// Whether slices have a pitch of their own.
    pub(crate) fn has_slices(&self) -> bool {
        matches!(self.image_type, CL_MEM_OBJECT_IMAGE3D | CL_MEM_OBJECT_IMAGE2D_ARRAY | CL_MEM_OBJECT_IMAGE1D_ARRAY)
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self.image_type, CL_MEM_OBJECT_IMAGE1D_ARRAY | CL_MEM_OBJECT_IMAGE2D_ARRAY)
    }

    /// The same without gaps, as stores have it.
    pub(crate) fn packed(&self) -> Self {
        let row_pitch = self.width * self.element;
        let slice_pitch = if self.has_slices() { row_pitch * self.height.max(1) } else { 0 };
        Self { row_pitch, slice_pitch, ..self.clone() }
    }

    /// Bytes of it all, with the gaps that the pitches make.
    pub(crate) fn size(&self) -> Option<usize> {
        let [_, height, depth] = self.extent();
        match self.image_type {
            CL_MEM_OBJECT_IMAGE1D_ARRAY => self.slice_pitch.checked_mul(height),
            _ if self.has_slices() => self.slice_pitch.checked_mul(depth),
            _ => self.row_pitch.checked_mul(height),
        }
    }

    /// Checks that a region lies in the image.
    pub(crate) fn check_region(&self, origin: [usize; 3], region: [usize; 3]) -> Result<()> {
        let extent = self.extent();
        for axis in 0..3 {
            ensure(region[axis] > 0, CL_INVALID_VALUE)?;
            let end = origin[axis].checked_add(region[axis]).ok_or(Error(CL_INVALID_VALUE))?;
            ensure(end <= extent[axis], CL_INVALID_VALUE)?;
        }
        Ok(())
    }

    /// A region on the wire.
    pub(crate) fn area(&self, origin: [usize; 3], region: [usize; 3]) -> Area {
        Area {
            kind: 2,
            element: u32::try_from(self.element).unwrap_or(u32::MAX),
            origin: origin.map(|value| value as u64),
            region: region.map(|value| value as u64),
            row_pitch: 0,
            slice_pitch: 0,
        }
    }

    /// A region's pixels in the program's memory; pitches of 0 are tight.
    pub(crate) fn host_area(
        &self,
        base: *mut u8,
        region: [usize; 3],
        row_pitch: usize,
        slice_pitch: usize,
    ) -> Result<HostArea> {
        let invalid = Error(CL_INVALID_VALUE);
        let row = region[0].checked_mul(self.element).ok_or(invalid)?;
        let row_pitch = if row_pitch == 0 { row } else { row_pitch };
        ensure(row_pitch >= row, CL_INVALID_VALUE)?;
        // The slice pitch of a 1D array is the distance of its rows.
        let array_of_rows = self.image_type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
        let rows = if array_of_rows { 1 } else { region[1] };
        let tight = row_pitch.checked_mul(rows).ok_or(invalid)?;
        let slice_pitch = if slice_pitch == 0 || !self.has_slices() { tight } else { slice_pitch };
        ensure(slice_pitch >= tight, CL_INVALID_VALUE)?;
        if array_of_rows {
            return HostArea::pitched(base, row, region[1], 1, slice_pitch, slice_pitch).ok_or(invalid);
        }
        HostArea::pitched(base, row, region[1], region[2], row_pitch, slice_pitch).ok_or(invalid)
    }

    /// Where a pixel of the program's own memory (CL_MEM_USE_HOST_PTR) lies.
    pub(crate) fn offset_of(&self, origin: [usize; 3]) -> usize {
        let (row, slice) =
            if self.image_type == CL_MEM_OBJECT_IMAGE1D_ARRAY { (0, origin[1]) } else { (origin[1], origin[2]) };
        origin[0] * self.element + row * self.row_pitch + slice * self.slice_pitch
    }
}
