//! Image formats: which there are, how large a pixel is, and how a colour becomes a pixel.

// As OpenCL's headers have them.
#![allow(non_upper_case_globals)]

use super::ffi::Outcome;
use opencl_sys::*;

const COLOUR: [cl_channel_order; 5] = [CL_R, CL_A, CL_RG, CL_RA, CL_RGBA];
const BYTE_COLOUR: [cl_channel_order; 3] = [CL_BGRA, CL_ARGB, CL_ABGR];
const GREY: [cl_channel_order; 2] = [CL_INTENSITY, CL_LUMINANCE];
const SRGB: [cl_channel_order; 2] = [CL_sRGBA, CL_sBGRA];

const NORMALIZED_OR_FLOAT: [cl_channel_type; 6] =
    [CL_UNORM_INT8, CL_UNORM_INT16, CL_SNORM_INT8, CL_SNORM_INT16, CL_HALF_FLOAT, CL_FLOAT];
const INTEGER: [cl_channel_type; 6] =
    [CL_SIGNED_INT8, CL_SIGNED_INT16, CL_SIGNED_INT32, CL_UNSIGNED_INT8, CL_UNSIGNED_INT16, CL_UNSIGNED_INT32];
const BYTES: [cl_channel_type; 4] = [CL_UNORM_INT8, CL_SNORM_INT8, CL_SIGNED_INT8, CL_UNSIGNED_INT8];
const PACKED: [cl_channel_type; 3] = [CL_UNORM_SHORT_565, CL_UNORM_SHORT_555, CL_UNORM_INT_101010];
const DEPTH: [cl_channel_type; 2] = [CL_UNORM_INT16, CL_FLOAT];

/// The formats of images of this type.
pub fn supported(image_type: cl_mem_object_type) -> Vec<cl_image_format> {
    let mut all = Vec::new();
    let mut add = |orders: &[cl_channel_order], types: &[cl_channel_type]| {
        for &image_channel_order in orders {
            for &image_channel_data_type in types {
                all.push(cl_image_format { image_channel_order, image_channel_data_type });
            }
        }
    };
    add(&COLOUR, &NORMALIZED_OR_FLOAT);
    add(&COLOUR, &INTEGER);
    add(&BYTE_COLOUR, &BYTES);
    add(&GREY, &NORMALIZED_OR_FLOAT);
    add(&[CL_RGB], &PACKED);
    add(&SRGB, &[CL_UNORM_INT8]);
    if matches!(image_type, CL_MEM_OBJECT_IMAGE2D | CL_MEM_OBJECT_IMAGE2D_ARRAY) {
        add(&[CL_DEPTH], &DEPTH);
    }
    all
}

/// Checks that OpenCL has this format and that images of this type come in it.
pub fn check(format: cl_image_format, image_type: cl_mem_object_type) -> Outcome<()> {
    let (order, data) = (format.image_channel_order, format.image_channel_data_type);
    let makes_sense = match order {
        CL_R | CL_A | CL_RG | CL_RA | CL_RGBA | CL_Rx | CL_RGx => {
            NORMALIZED_OR_FLOAT.contains(&data) || INTEGER.contains(&data) || data == CL_UNORM_INT_101010_2
        }
        CL_BGRA | CL_ARGB | CL_ABGR => BYTES.contains(&data),
        CL_INTENSITY | CL_LUMINANCE => NORMALIZED_OR_FLOAT.contains(&data),
        CL_RGB | CL_RGBx => PACKED.contains(&data),
        CL_DEPTH => DEPTH.contains(&data),
        CL_sRGB | CL_sRGBx | CL_sRGBA | CL_sBGRA => data == CL_UNORM_INT8,
        _ => false,
    };
    if !makes_sense {
        return Err(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR);
    }
    let same = |other: &cl_image_format| (other.image_channel_order, other.image_channel_data_type) == (order, data);
    if supported(image_type).iter().any(same) { Ok(()) } else { Err(CL_IMAGE_FORMAT_NOT_SUPPORTED) }
}

/// Bytes of a pixel, for a format that `check` accepts.
pub fn element_size(format: cl_image_format) -> usize {
    match format.image_channel_data_type {
        CL_UNORM_SHORT_565 | CL_UNORM_SHORT_555 => 2,
        CL_UNORM_INT_101010 => 4,
        data => positions(format.image_channel_order).len() * channel_size(data),
    }
}

fn channel_size(data: cl_channel_type) -> usize {
    match data {
        CL_SNORM_INT8 | CL_UNORM_INT8 | CL_SIGNED_INT8 | CL_UNSIGNED_INT8 => 1,
        CL_SIGNED_INT32 | CL_UNSIGNED_INT32 | CL_FLOAT => 4,
        _ => 2,
    }
}

/// Which of the components r, g, b, a (0 to 3) stand in a pixel, in order of memory.
fn positions(order: cl_channel_order) -> &'static [usize] {
    match order {
        CL_A => &[3],
        CL_RG => &[0, 1],
        CL_RA => &[0, 3],
        CL_RGBA | CL_sRGBA => &[0, 1, 2, 3],
        CL_BGRA | CL_sBGRA => &[2, 1, 0, 3],
        CL_ARGB => &[3, 0, 1, 2],
        CL_ABGR => &[3, 2, 1, 0],
        CL_RGB => &[0, 1, 2],
        _ => &[0],
    }
}

/// The pixel that a fill colour makes. `colour` is four floats, signed or unsigned integers by the format's type, as the
/// bits of a u32 each.
pub fn pixel(format: cl_image_format, colour: [u32; 4]) -> Vec<u8> {
    let floats = colour.map(f32::from_bits);
    let is_srgb = SRGB.contains(&format.image_channel_order);
    match format.image_channel_data_type {
        CL_UNORM_SHORT_565 => (packed(floats, [5, 6, 5]) as u16).to_le_bytes().to_vec(),
        CL_UNORM_SHORT_555 => (packed(floats, [5, 5, 5]) as u16).to_le_bytes().to_vec(),
        CL_UNORM_INT_101010 => packed(floats, [10, 10, 10]).to_le_bytes().to_vec(),
        data => positions(format.image_channel_order)
            .iter()
            .flat_map(|&component| {
                let gamma = is_srgb && component < 3;
                let float = if gamma { srgb(floats[component]) } else { floats[component] };
                channel(data, colour[component], float)
            })
            .collect(),
    }
}

/// One channel, as bytes.
fn channel(data: cl_channel_type, bits: u32, float: f32) -> Vec<u8> {
    let signed = bits as i32;
    match data {
        CL_UNORM_INT8 => vec![normalized(float, 255.0) as u8],
        CL_UNORM_INT16 => (normalized(float, 65535.0) as u16).to_le_bytes().to_vec(),
        CL_SNORM_INT8 => vec![(signed_normalized(float, 127.0) as i8) as u8],
        CL_SNORM_INT16 => (signed_normalized(float, 32767.0) as i16).to_le_bytes().to_vec(),
        CL_SIGNED_INT8 => vec![signed.clamp(-128, 127) as u8],
        CL_SIGNED_INT16 => (signed.clamp(-32768, 32767) as i16).to_le_bytes().to_vec(),
        CL_UNSIGNED_INT8 => vec![bits.min(255) as u8],
        CL_UNSIGNED_INT16 => (bits.min(65535) as u16).to_le_bytes().to_vec(),
        CL_HALF_FLOAT => half(float).to_le_bytes().to_vec(),
        // CL_SIGNED_INT32, CL_UNSIGNED_INT32, CL_FLOAT: the bits as they are.
        _ => bits.to_le_bytes().to_vec(),
    }
}

/// NaN gives 0, as a saturating conversion does.
fn normalized(value: f32, most: f32) -> u32 {
    (value * most).round_ties_even().clamp(0.0, most) as u32
}

fn signed_normalized(value: f32, most: f32) -> i32 {
    (value * most).round_ties_even().clamp(-most - 1.0, most) as i32
}

/// Red in the highest bits.
fn packed(floats: [f32; 4], widths: [u32; 3]) -> u32 {
    widths
        .iter()
        .zip(floats)
        .fold(0, |pixel, (&width, value)| pixel << width | normalized(value, ((1u32 << width) - 1) as f32))
}

/// Linear to sRGB.
fn srgb(linear: f32) -> f32 {
    if linear.is_nan() || linear <= 0.0 {
        0.0
    } else if linear < 0.003_130_8 {
        12.92 * linear
    } else if linear < 1.0 {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    } else {
        1.0
    }
}

/// The nearest half float, ties to even.
pub fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7FFF_FFFF;
    if magnitude > 0x7F80_0000 {
        return sign | 0x7E00;
    }
    // 65520 and more round to infinity.
    if magnitude >= 0x477F_F000 {
        return sign | 0x7C00;
    }
    let (mantissa, shift) = if magnitude >= 0x3880_0000 {
        // Normal: move the exponent's bias from 127 to 15 and drop 13 bits.
        (magnitude - (112 << 23), 13)
    } else {
        // Subnormal: the value in units of 2^-24.
        let exponent = magnitude >> 23;
        if exponent < 102 {
            return sign;
        }
        ((magnitude & 0x7F_FFFF) | 0x80_0000, 126 - exponent)
    };
    let kept = mantissa >> shift;
    let rest = mantissa & ((1 << shift) - 1);
    let middle = 1 << (shift - 1);
    let up = rest > middle || (rest == middle && kept & 1 == 1);
    sign | (kept + u32::from(up)) as u16
}
