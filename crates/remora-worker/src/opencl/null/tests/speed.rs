//! What a command costs. The bounds are loose: they catch a lost fast path, not a slow machine.

use super::*;
use std::time::Instant;

/// Nanoseconds a call, the best of ten rounds.
fn cost(mut call: impl FnMut()) -> f64 {
    let rounds = (0..10).map(|_| {
        let start = Instant::now();
        (0..2_000).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / 2_000.0
    });
    rounds.fold(f64::MAX, f64::min)
}

#[test]
fn commands_on_an_idle_queue_cost_little() {
    let setup = Setup::in_order();
    let kernel = setup.kernel("kernel void empty(global int *a, int b) {}", "empty");
    let (buffer, word, items) = (setup.buffer(64), 1u32, 64usize);
    ok!(clSetKernelArg(kernel, 0, 8, (&raw const buffer).cast()));
    ok!(clSetKernelArg(kernel, 1, 4, (&raw const word).cast()));
    let launch = |event: *mut cl_event| {
        ok!(clEnqueueNDRangeKernel(setup.queue, kernel, 1, ptr::null(), &items, ptr::null(), 0, ptr::null(), event));
    };
    let plain = cost(|| launch(ptr::null_mut()));
    let with_event = cost(|| {
        let mut event = ptr::null_mut();
        launch(&mut event);
        ok!(clReleaseEvent(event));
    });
    let finish = cost(|| setup.finish());
    let write = cost(|| {
        let place = (&raw const word).cast();
        ok!(clEnqueueWriteBuffer(setup.queue, buffer, CL_FALSE, 0, 4, place, 0, ptr::null(), ptr::null_mut()));
    });
    println!("launch {plain:.0} ns, with event {with_event:.0}, finish {finish:.0}, write of 4 bytes {write:.0}");
    assert!(plain < 2000.0 && with_event < 4000.0 && finish < 1000.0 && write < 2000.0);
    ok!(clReleaseKernel(kernel));
    ok!(clReleaseMemObject(buffer));
}
