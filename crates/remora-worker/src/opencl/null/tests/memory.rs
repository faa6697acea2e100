//! Buffers.

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

const NONE: *mut cl_event = ptr::null_mut();

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index * 7 + index / 251) as u8).collect()
}

#[test]
fn write_and_read_back() {
    let setup = Setup::in_order();
    for size in [1, 100, 65536, 1 << 20] {
        let bytes = pattern(size);
        let buffer = setup.buffer(size);
        let place = bytes.as_ptr().cast();
        ok!(clEnqueueWriteBuffer(setup.queue, buffer, CL_FALSE, 0, size, place, 0, ptr::null(), NONE));
        assert_eq!(setup.read(buffer, size), bytes);
        ok!(clReleaseMemObject(buffer));
    }
}

#[test]
fn ranges_are_checked() {
    let setup = Setup::in_order();
    let buffer = setup.buffer(64);
    let mut byte = [0u8; 64];
    let place = byte.as_mut_ptr().cast();
    for (offset, size) in [(0, 65), (64, 1), (usize::MAX, 2), (0, 0), (1, usize::MAX)] {
        let code = cl!(clEnqueueReadBuffer(setup.queue, buffer, CL_TRUE, offset, size, place, 0, ptr::null(), NONE));
        assert_eq!(code, CL_INVALID_VALUE);
    }
    ok!(clReleaseMemObject(buffer));
}

#[test]
fn copy_and_overlap() {
    let setup = Setup::in_order();
    let from = setup.filled(&pattern(256));
    let to = setup.buffer(256);
    ok!(clEnqueueCopyBuffer(setup.queue, from, to, 16, 32, 100, 0, ptr::null(), NONE));
    assert_eq!(setup.read(to, 256)[32..132], pattern(256)[16..116]);
    let overlapping = cl!(clEnqueueCopyBuffer(setup.queue, from, from, 0, 99, 100, 0, ptr::null(), NONE));
    assert_eq!(overlapping, CL_MEM_COPY_OVERLAP);
    ok!(clEnqueueCopyBuffer(setup.queue, from, from, 0, 100, 100, 0, ptr::null(), NONE));
    for buffer in [from, to] {
        ok!(clReleaseMemObject(buffer));
    }
}

#[test]
fn rectangles() {
    let setup = Setup::in_order();
    // 4 slices of 4 rows of 8 bytes.
    let bytes = pattern(128);
    let buffer = setup.filled(&bytes);
    let mut got = [0u8; 12];
    let (origin, host, region) = ([2, 1, 1], [0; 3], [3, 2, 2]);
    ok!(clEnqueueReadBufferRect(
        setup.queue,
        buffer,
        CL_TRUE,
        origin.as_ptr(),
        host.as_ptr(),
        region.as_ptr(),
        8,
        32,
        0,
        0,
        got.as_mut_ptr().cast(),
        0,
        ptr::null(),
        NONE
    ));
    let at = |x: usize, y: usize, z: usize| bytes[z * 32 + y * 8 + x];
    for (index, &byte) in got.iter().enumerate() {
        assert_eq!(byte, at(2 + index % 3, 1 + index / 3 % 2, 1 + index / 6));
    }
    // Back to another place, with host pitches.
    let target = setup.buffer(128);
    let (host, to) = ([1, 0, 0], [0, 2, 3]);
    let (host_region, wide) = ([2, 2, 1], [9u8, 1, 2, 9, 3, 4]);
    ok!(clEnqueueWriteBufferRect(
        setup.queue,
        target,
        CL_TRUE,
        to.as_ptr(),
        host.as_ptr(),
        host_region.as_ptr(),
        8,
        32,
        3,
        0,
        wide.as_ptr().cast(),
        0,
        ptr::null(),
        NONE
    ));
    let now = setup.read(target, 128);
    assert_eq!((now[112], now[113], now[120], now[121]), (1, 2, 3, 4));
    assert_eq!(now.iter().filter(|&&byte| byte != 0).count(), 4);
    // Between buffers, and overlapping inside one.
    let (zero, there) = ([0; 3], [4, 0, 0]);
    ok!(clEnqueueCopyBufferRect(
        setup.queue,
        buffer,
        target,
        zero.as_ptr(),
        there.as_ptr(),
        [4, 4, 4].as_ptr(),
        8,
        32,
        8,
        32,
        0,
        ptr::null(),
        NONE
    ));
    let now = setup.read(target, 128);
    assert!((0..64).all(|index| {
        let (x, y, z) = (index % 4, index / 4 % 4, index / 16);
        now[z * 32 + y * 8 + x + 4] == at(x, y, z)
    }));
    // Side by side is no overlap, by one column it is.
    for (x, code) in [(4, CL_SUCCESS), (3, CL_MEM_COPY_OVERLAP)] {
        let there = [x, 0, 0];
        let got = cl!(clEnqueueCopyBufferRect(
            setup.queue,
            buffer,
            buffer,
            zero.as_ptr(),
            there.as_ptr(),
            [4, 4, 4].as_ptr(),
            8,
            32,
            8,
            32,
            0,
            ptr::null(),
            NONE
        ));
        assert_eq!(got, code);
    }
    let outside = cl!(clEnqueueReadBufferRect(
        setup.queue,
        buffer,
        CL_TRUE,
        [0, 0, 3].as_ptr(),
        zero.as_ptr(),
        [8, 4, 2].as_ptr(),
        8,
        32,
        0,
        0,
        got.as_mut_ptr().cast(),
        0,
        ptr::null(),
        NONE
    ));
    assert_eq!(outside, CL_INVALID_VALUE);
    let huge = [usize::MAX, usize::MAX, usize::MAX];
    let overflow = cl!(clEnqueueReadBufferRect(
        setup.queue,
        buffer,
        CL_TRUE,
        huge.as_ptr(),
        zero.as_ptr(),
        huge.as_ptr(),
        0,
        0,
        0,
        0,
        got.as_mut_ptr().cast(),
        0,
        ptr::null(),
        NONE
    ));
    assert_eq!(overflow, CL_INVALID_VALUE);
    for buffer in [buffer, target] {
        ok!(clReleaseMemObject(buffer));
    }
}

#[test]
fn fill() {
    let setup = Setup::in_order();
    let buffer = setup.buffer(100);
    let pattern = 0x1122_3344u32.to_le_bytes();
    ok!(clEnqueueFillBuffer(setup.queue, buffer, pattern.as_ptr().cast(), 4, 8, 28, 0, ptr::null(), NONE));
    let bytes = setup.read(buffer, 100);
    assert!(bytes[8..36].chunks(4).all(|four| four == pattern));
    assert!(bytes[..8].iter().chain(&bytes[36..]).all(|&byte| byte == 0));
    for (size, offset, length) in [(3, 0, 3), (4, 2, 4), (4, 0, 6), (256, 0, 256), (4, 98, 4)] {
        let code = cl!(clEnqueueFillBuffer(
            setup.queue,
            buffer,
            bytes.as_ptr().cast(),
            size,
            offset,
            length,
            0,
            ptr::null(),
            NONE
        ));
        assert_eq!(code, CL_INVALID_VALUE);
    }
    ok!(clReleaseMemObject(buffer));
}

#[test]
fn host_pointers_and_maps() {
    let setup = Setup::in_order();
    let mut host = pattern(256);
    let pointer = host.as_mut_ptr().cast::<c_void>();
    let buffer = make!(clCreateBuffer(setup.context, CL_MEM_USE_HOST_PTR, 256, pointer));
    assert_eq!(info!(clGetMemObjectInfo(buffer, CL_MEM_HOST_PTR) as usize), pointer.addr());
    let flags = CL_MAP_READ | CL_MAP_WRITE;
    let mapped = make!(clEnqueueMapBuffer(setup.queue, buffer, CL_TRUE, flags, 16, 32, 0, ptr::null(), NONE));
    assert_eq!(mapped.addr(), pointer.addr() + 16);
    assert_eq!(info!(clGetMemObjectInfo(buffer, CL_MEM_MAP_COUNT) as u32), 1);
    ok!(clEnqueueUnmapMemObject(setup.queue, buffer, mapped, 0, ptr::null(), NONE));
    assert_eq!(info!(clGetMemObjectInfo(buffer, CL_MEM_MAP_COUNT) as u32), 0);
    let again = cl!(clEnqueueUnmapMemObject(setup.queue, buffer, mapped, 0, ptr::null(), NONE));
    assert_eq!(again, CL_INVALID_VALUE);
    ok!(clReleaseMemObject(buffer));
    let null = ptr::null_mut();
    assert_eq!(fails!(clCreateBuffer(setup.context, CL_MEM_USE_HOST_PTR, 256, null)), CL_INVALID_HOST_PTR);
    assert_eq!(fails!(clCreateBuffer(setup.context, CL_MEM_READ_WRITE, 256, pointer)), CL_INVALID_HOST_PTR);
    assert_eq!(fails!(clCreateBuffer(setup.context, CL_MEM_READ_WRITE, 0, null)), CL_INVALID_BUFFER_SIZE);
    assert_eq!(fails!(clCreateBuffer(setup.context, 3, 256, null)), CL_INVALID_VALUE);
    let hidden = make!(clCreateBuffer(setup.context, CL_MEM_HOST_NO_ACCESS | CL_MEM_ALLOC_HOST_PTR, 256, null));
    let code = cl!(clEnqueueReadBuffer(setup.queue, hidden, CL_TRUE, 0, 4, pointer, 0, ptr::null(), NONE));
    assert_eq!(code, CL_INVALID_OPERATION);
    ok!(clReleaseMemObject(hidden));
}

#[test]
fn sub_buffers() {
    let setup = Setup::in_order();
    let bytes = pattern(1024);
    let buffer = setup.filled(&bytes);
    let region = |origin, size| cl_buffer_region { origin, size };
    let inside = region(256, 512);
    let kind = CL_BUFFER_CREATE_TYPE_REGION;
    let sub = make!(clCreateSubBuffer(buffer, 0, kind, (&raw const inside).cast()));
    assert_eq!(setup.read(sub, 512), bytes[256..768]);
    assert_eq!(info!(clGetMemObjectInfo(sub, CL_MEM_OFFSET) as usize), 256);
    assert_eq!(info!(clGetMemObjectInfo(sub, CL_MEM_ASSOCIATED_MEMOBJECT) as usize), buffer.addr());
    let (misaligned, outside) = (region(8, 8), region(512, 513));
    let code = fails!(clCreateSubBuffer(buffer, 0, kind, (&raw const misaligned).cast()));
    assert_eq!(code, CL_MISALIGNED_SUB_BUFFER_OFFSET);
    assert_eq!(fails!(clCreateSubBuffer(buffer, 0, kind, (&raw const outside).cast())), CL_INVALID_VALUE);
    assert_eq!(fails!(clCreateSubBuffer(sub, 0, kind, (&raw const inside).cast())), CL_INVALID_MEM_OBJECT);
    let overlapping = cl!(clEnqueueCopyBuffer(setup.queue, buffer, sub, 200, 0, 64, 0, ptr::null(), NONE));
    assert_eq!(overlapping, CL_MEM_COPY_OVERLAP);
    // The parent lives as long as the part.
    ok!(clReleaseMemObject(buffer));
    assert_eq!(setup.read(sub, 512), bytes[256..768]);
    ok!(clReleaseMemObject(sub));
}

#[test]
fn destructors_run_after_the_last_command_and_in_reverse() {
    static ORDER: AtomicU32 = AtomicU32::new(0);
    unsafe extern "C" fn note(_mem: cl_mem, data: *mut c_void) {
        let digit = data.addr() as u32;
        ORDER.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |all| Some(all * 10 + digit)).unwrap();
    }
    let setup = Setup::in_order();
    let buffer = setup.buffer(16);
    ok!(clSetMemObjectDestructorCallback(buffer, Some(note), ptr::without_provenance_mut(1)));
    ok!(clSetMemObjectDestructorCallback(buffer, Some(note), ptr::without_provenance_mut(2)));
    let user = setup.user_event();
    let zero = 0u8;
    ok!(clEnqueueFillBuffer(setup.queue, buffer, (&raw const zero).cast(), 1, 0, 16, 1, &user, NONE));
    ok!(clReleaseMemObject(buffer));
    assert_eq!(ORDER.load(Ordering::SeqCst), 0);
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    setup.finish();
    assert_eq!(ORDER.load(Ordering::SeqCst), 21);
    ok!(clReleaseEvent(user));
}

#[test]
fn device_memory_runs_out_and_comes_back() {
    let setup = Setup::in_order();
    let most = info!(clGetDeviceInfo(device(), CL_DEVICE_MAX_MEM_ALLOC_SIZE) as u64) as usize;
    let null = ptr::null_mut();
    assert_eq!(fails!(clCreateBuffer(setup.context, CL_MEM_READ_WRITE, most + 1, null)), CL_INVALID_BUFFER_SIZE);
    let mut buffers = Vec::new();
    let mut code = CL_SUCCESS;
    while code == CL_SUCCESS && buffers.len() < 100 {
        let buffer = cl!(clCreateBuffer(setup.context, CL_MEM_READ_WRITE, most, null, &mut code));
        if code == CL_SUCCESS {
            buffers.push(buffer);
        }
    }
    assert_eq!(code, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    assert!((1..=4).contains(&buffers.len()));
    for buffer in buffers {
        ok!(clReleaseMemObject(buffer));
    }
    ok!(clReleaseMemObject(setup.buffer(most)));
}
