//! Images.

use super::*;
use crate::opencl::null::format;

const NONE: *mut cl_event = ptr::null_mut();

fn desc(image_type: cl_mem_object_type, size: [usize; 3], layers: usize) -> cl_image_desc {
    cl_image_desc {
        image_type,
        image_width: size[0],
        image_height: size[1],
        image_depth: size[2],
        image_array_size: layers,
        image_row_pitch: 0,
        image_slice_pitch: 0,
        num_mip_levels: 0,
        num_samples: 0,
        buffer: ptr::null_mut(),
    }
}

fn rgba8() -> cl_image_format {
    cl_image_format { image_channel_order: CL_RGBA, image_channel_data_type: CL_UNORM_INT8 }
}

fn formats(setup: &Setup, image_type: cl_mem_object_type) -> Vec<cl_image_format> {
    let mut count = 0;
    let null = ptr::null_mut();
    ok!(clGetSupportedImageFormats(setup.context, CL_MEM_READ_WRITE, image_type, 0, null, &mut count));
    let mut formats = vec![rgba8(); count as usize];
    let place = formats.as_mut_ptr();
    ok!(clGetSupportedImageFormats(setup.context, CL_MEM_READ_WRITE, image_type, count, place, ptr::null_mut()));
    formats
}

/// Image types with the extents that regions count.
fn shapes() -> [(cl_image_desc, [usize; 3]); 5] {
    [
        (desc(CL_MEM_OBJECT_IMAGE1D, [13, 0, 0], 0), [13, 1, 1]),
        (desc(CL_MEM_OBJECT_IMAGE1D_ARRAY, [13, 0, 0], 4), [13, 4, 1]),
        (desc(CL_MEM_OBJECT_IMAGE2D, [13, 5, 0], 0), [13, 5, 1]),
        (desc(CL_MEM_OBJECT_IMAGE2D_ARRAY, [13, 5, 0], 4), [13, 5, 4]),
        (desc(CL_MEM_OBJECT_IMAGE3D, [13, 5, 4], 0), [13, 5, 4]),
    ]
}

#[test]
fn every_format_and_type_keeps_its_pixels() {
    let setup = Setup::in_order();
    for (desc, extent) in shapes() {
        for format in formats(&setup, desc.image_type) {
            let image = make!(clCreateImage(setup.context, 0, &format, &desc, ptr::null_mut()));
            let element = info!(clGetImageInfo(image, CL_IMAGE_ELEMENT_SIZE) as usize);
            let size = element * extent.iter().product::<usize>();
            assert_eq!(info!(clGetMemObjectInfo(image, CL_MEM_SIZE) as usize), size);
            let bytes: Vec<u8> = (0..size).map(|index| (index * 31 + index / 17) as u8).collect();
            let (zero, place) = ([0; 3], bytes.as_ptr().cast());
            ok!(clEnqueueWriteImage(
                setup.queue,
                image,
                CL_TRUE,
                zero.as_ptr(),
                extent.as_ptr(),
                0,
                0,
                place,
                0,
                ptr::null(),
                NONE
            ));
            // One pixel inside, by fill; then all of it through a buffer.
            let (colour, at) = ([0x3F00_0000u32, 0x3F80_0000, 0, 5], extent.map(|size| size / 2));
            ok!(clEnqueueFillImage(
                setup.queue,
                image,
                colour.as_ptr().cast(),
                at.as_ptr(),
                [1; 3].as_ptr(),
                0,
                ptr::null(),
                NONE
            ));
            let buffer = setup.buffer(size + 8);
            ok!(clEnqueueCopyImageToBuffer(
                setup.queue,
                image,
                buffer,
                zero.as_ptr(),
                extent.as_ptr(),
                8,
                0,
                ptr::null(),
                NONE
            ));
            let mut expected = bytes;
            let start = ((at[2] * extent[1] + at[1]) * extent[0] + at[0]) * element;
            expected[start..start + element].copy_from_slice(&format::pixel(format, colour));
            assert_eq!(setup.read(buffer, size + 8)[8..], expected);
            for object in [image, buffer] {
                ok!(clReleaseMemObject(object));
            }
        }
    }
}

#[test]
fn regions_pitches_and_copies() {
    let setup = Setup::in_order();
    let (desc, extent) = (desc(CL_MEM_OBJECT_IMAGE3D, [8, 6, 4], 0), [8, 6, 4]);
    let format = cl_image_format { image_channel_order: CL_RG, image_channel_data_type: CL_UNSIGNED_INT8 };
    let bytes: Vec<u8> = (0..8 * 6 * 4 * 2).map(|index| index as u8).collect();
    let pointer = bytes.as_ptr().cast_mut().cast::<c_void>();
    let image = make!(clCreateImage(setup.context, CL_MEM_COPY_HOST_PTR, &format, &desc, pointer));
    let other = make!(clCreateImage(setup.context, 0, &format, &desc, ptr::null_mut()));
    let (origin, region, to) = ([2, 1, 1], [3, 2, 2], [5, 4, 2]);
    ok!(clEnqueueCopyImage(
        setup.queue,
        image,
        other,
        origin.as_ptr(),
        to.as_ptr(),
        region.as_ptr(),
        0,
        ptr::null(),
        NONE
    ));
    // Read it back with pitches of 10 and 40 bytes.
    let mut got = [0xEEu8; 80];
    ok!(clEnqueueReadImage(
        setup.queue,
        other,
        CL_TRUE,
        to.as_ptr(),
        region.as_ptr(),
        10,
        40,
        got.as_mut_ptr().cast(),
        0,
        ptr::null(),
        NONE
    ));
    for (index, &byte) in got.iter().enumerate() {
        let (x, y, z) = (index % 10, index / 10 % 4, index / 40);
        let inside = x < 6 && y < 2 && z < 2;
        assert_eq!(byte, if inside { bytes[((z + 1) * 6 + y + 1) * 16 + 4 + x] } else { 0xEE });
    }
    // A map shows the image's own memory.
    let (mut row, mut slice) = (0, 0);
    let mapped = make!(clEnqueueMapImage(
        setup.queue,
        image,
        CL_TRUE,
        CL_MAP_READ,
        origin.as_ptr(),
        region.as_ptr(),
        &mut row,
        &mut slice,
        0,
        ptr::null(),
        NONE
    ));
    assert_eq!((row, slice), (16, 96));
    // SAFETY: the map covers at least the region.
    assert_eq!(unsafe { mapped.cast::<u8>().add(96 + 16 + 2).read() }, bytes[(2 * 6 + 2) * 16 + 6]);
    ok!(clEnqueueUnmapMemObject(setup.queue, image, mapped, 0, ptr::null(), NONE));
    // Bad regions, overlap, formats.
    let copy = |from: cl_mem, to: cl_mem, at: [usize; 3]| {
        cl!(clEnqueueCopyImage(
            setup.queue,
            from,
            to,
            [0; 3].as_ptr(),
            at.as_ptr(),
            region.as_ptr(),
            0,
            ptr::null(),
            NONE
        ))
    };
    assert_eq!(copy(image, other, [6, 0, 0]), CL_INVALID_VALUE);
    assert_eq!(copy(image, other, [usize::MAX; 3]), CL_INVALID_VALUE);
    assert_eq!(copy(image, image, [2, 1, 1]), CL_MEM_COPY_OVERLAP);
    assert_eq!(copy(image, image, [3, 1, 1]), CL_SUCCESS);
    let plain = make!(clCreateImage(setup.context, 0, &rgba8(), &desc, ptr::null_mut()));
    assert_eq!(copy(image, plain, [0; 3]), CL_IMAGE_FORMAT_MISMATCH);
    let buffer = setup.buffer(16);
    let short = cl!(clEnqueueCopyBufferToImage(
        setup.queue,
        buffer,
        image,
        0,
        [0; 3].as_ptr(),
        extent.as_ptr(),
        0,
        ptr::null(),
        NONE
    ));
    assert_eq!(short, CL_INVALID_VALUE);
    for object in [image, other, plain, buffer] {
        ok!(clReleaseMemObject(object));
    }
}

#[test]
fn images_over_buffers_and_host_memory() {
    let setup = Setup::in_order();
    let bytes: Vec<u8> = (0..200).collect();
    let buffer = setup.filled(&bytes);
    let line = cl_image_desc { buffer, ..desc(CL_MEM_OBJECT_IMAGE1D_BUFFER, [50, 0, 0], 0) };
    let plane = cl_image_desc { buffer, image_row_pitch: 20, ..desc(CL_MEM_OBJECT_IMAGE2D, [4, 10, 0], 0) };
    for (desc, region, at) in [(line, [1, 1, 1], [7, 0, 0]), (plane, [1, 1, 1], [2, 3, 0])] {
        let image = make!(clCreateImage(setup.context, 0, &rgba8(), &desc, ptr::null_mut()));
        let mut pixel = [0u8; 4];
        ok!(clEnqueueReadImage(
            setup.queue,
            image,
            CL_TRUE,
            at.as_ptr(),
            region.as_ptr(),
            0,
            0,
            pixel.as_mut_ptr().cast(),
            0,
            ptr::null(),
            NONE
        ));
        let start = at[1] * 20 + at[0] * 4;
        assert_eq!(pixel, bytes[start..start + 4]);
        assert_eq!(info!(clGetImageInfo(image, CL_IMAGE_BUFFER) as usize), buffer.addr());
        ok!(clReleaseMemObject(image));
    }
    let large = cl_image_desc { buffer, ..desc(CL_MEM_OBJECT_IMAGE1D_BUFFER, [51, 0, 0], 0) };
    assert_eq!(fails!(clCreateImage(setup.context, 0, &rgba8(), &large, ptr::null_mut())), CL_INVALID_IMAGE_SIZE);
    // The program's memory, with gaps between rows.
    let mut host = bytes.clone();
    let pitched = cl_image_desc { image_row_pitch: 20, ..desc(CL_MEM_OBJECT_IMAGE2D, [4, 10, 0], 0) };
    let place = host.as_mut_ptr().cast::<c_void>();
    for flags in [CL_MEM_USE_HOST_PTR, CL_MEM_COPY_HOST_PTR] {
        let image = make!(clCreateImage(setup.context, flags, &rgba8(), &pitched, place));
        let mut row = [0u8; 16];
        let (at, region) = ([0, 9, 0], [4, 1, 1]);
        ok!(clEnqueueReadImage(
            setup.queue,
            image,
            CL_TRUE,
            at.as_ptr(),
            region.as_ptr(),
            0,
            0,
            row.as_mut_ptr().cast(),
            0,
            ptr::null(),
            NONE
        ));
        assert_eq!(row, bytes[180..196]);
        ok!(clReleaseMemObject(image));
    }
    ok!(clReleaseMemObject(buffer));
}

#[test]
fn descriptors_are_checked() {
    let setup = Setup::in_order();
    let make = |format: cl_image_format, desc: cl_image_desc| {
        fails!(clCreateImage(setup.context, 0, &format, &desc, ptr::null_mut()))
    };
    let plane = |width, height| desc(CL_MEM_OBJECT_IMAGE2D, [width, height, 0], 0);
    let of = |order, data| cl_image_format { image_channel_order: order, image_channel_data_type: data };
    assert_eq!(make(of(CL_RGB, CL_FLOAT), plane(4, 4)), CL_INVALID_IMAGE_FORMAT_DESCRIPTOR);
    assert_eq!(make(of(1, 2), plane(4, 4)), CL_INVALID_IMAGE_FORMAT_DESCRIPTOR);
    assert_eq!(make(of(CL_Rx, CL_FLOAT), plane(4, 4)), CL_IMAGE_FORMAT_NOT_SUPPORTED);
    assert_eq!(make(rgba8(), plane(0, 4)), CL_INVALID_IMAGE_SIZE);
    assert_eq!(make(rgba8(), plane(1 << 40, 4)), CL_INVALID_IMAGE_SIZE);
    assert_eq!(make(rgba8(), desc(0x1234, [4, 4, 4], 0)), CL_INVALID_IMAGE_DESCRIPTOR);
    assert_eq!(make(rgba8(), cl_image_desc { image_row_pitch: 16, ..plane(4, 4) }), CL_INVALID_IMAGE_DESCRIPTOR);
    assert_eq!(make(rgba8(), cl_image_desc { num_mip_levels: 2, ..plane(4, 4) }), CL_INVALID_IMAGE_DESCRIPTOR);
}

#[test]
fn colours_become_pixels() {
    let of = |order, data| cl_image_format { image_channel_order: order, image_channel_data_type: data };
    let floats = |values: [f32; 4]| values.map(f32::to_bits);
    let colour = floats([1.0, 0.5, 0.0, 0.25]);
    assert_eq!(format::pixel(of(CL_RGBA, CL_UNORM_INT8), colour), [255, 128, 0, 64]);
    assert_eq!(format::pixel(of(CL_BGRA, CL_UNORM_INT8), colour), [0, 128, 255, 64]);
    assert_eq!(format::pixel(of(CL_ARGB, CL_UNORM_INT8), colour), [64, 255, 128, 0]);
    assert_eq!(format::pixel(of(CL_ABGR, CL_UNORM_INT8), colour), [64, 0, 128, 255]);
    assert_eq!(format::pixel(of(CL_A, CL_UNORM_INT8), colour), [64]);
    assert_eq!(format::pixel(of(CL_RA, CL_SNORM_INT8), floats([-1.0, 9.0, 9.0, -5.0])), [129, 128]);
    assert_eq!(format::pixel(of(CL_R, CL_UNORM_INT16), floats([2.0, 0.0, 0.0, 0.0])), [255, 255]);
    assert_eq!(format::pixel(of(CL_R, CL_UNORM_INT8), floats([f32::NAN, 0.0, 0.0, 0.0])), [0]);
    assert_eq!(format::pixel(of(CL_RGB, CL_UNORM_SHORT_565), floats([1.0, 0.0, 1.0, 0.0])), 0xF81Fu16.to_le_bytes());
    assert_eq!(format::pixel(of(CL_RGB, CL_UNORM_SHORT_555), floats([1.0, 0.0, 1.0, 0.0])), 0x7C1Fu16.to_le_bytes());
    let wide = format::pixel(of(CL_RGB, CL_UNORM_INT_101010), floats([1.0, 0.0, 1.0, 0.0]));
    assert_eq!(wide, 0x3FF0_03FFu32.to_le_bytes());
    assert_eq!(format::pixel(of(CL_sRGBA, CL_UNORM_INT8), floats([0.5, 0.0, 1.0, 0.5])), [188, 0, 255, 128]);
    assert_eq!(format::pixel(of(CL_RG, CL_SIGNED_INT8), [-300i32 as u32, 100, 0, 0]), [128, 100]);
    assert_eq!(format::pixel(of(CL_RG, CL_UNSIGNED_INT16), [70000, 5, 0, 0]), [255, 255, 5, 0]);
    assert_eq!(format::pixel(of(CL_R, CL_SIGNED_INT32), [0x8765_4321, 0, 0, 0]), 0x8765_4321u32.to_le_bytes());
    assert_eq!(format::pixel(of(CL_LUMINANCE, CL_FLOAT), colour), 1f32.to_le_bytes());
}

#[test]
fn half_floats_round_to_even() {
    let cases = [
        (0.0, 0),
        (-0.0, 0x8000),
        (1.0, 0x3C00),
        (-2.0, 0xC000),
        (65504.0, 0x7BFF),
        (65519.996, 0x7BFF),
        (65520.0, 0x7C00),
        (f32::INFINITY, 0x7C00),
        (6.103_515_6e-5, 0x0400),
        (6.097_555e-5, 0x03FF),
        (5.960_464_5e-8, 0x0001),
        (2.980_232_2e-8, 0x0000),
        (2.980_232_6e-8, 0x0001),
        (1.000_488_3, 0x3C00),
        (1.000_976_6, 0x3C01),
        (1.001_464_8, 0x3C02),
        (1e-20, 0),
    ];
    for (float, bits) in cases {
        assert_eq!(format::half(float), bits, "{float}");
    }
    assert_eq!(format::half(f32::NAN) & 0x7C00, 0x7C00);
    assert_ne!(format::half(f32::NAN) & 0x03FF, 0);
}
