//! Order in queues, and queues of many threads.

use super::*;
use std::thread;

const FILL: &str = "kernel void fill_index(global uint *out) {} kernel void copy(global uint *a, global uint *b) {}
    kernel void spin(int ms) {} kernel void empty(void) {}";

fn launch(setup: &Setup, kernel: cl_kernel, items: usize, wait: &[cl_event]) -> cl_event {
    let mut event = ptr::null_mut();
    ok!(clEnqueueNDRangeKernel(
        setup.queue,
        kernel,
        1,
        ptr::null(),
        &items,
        ptr::null(),
        wait.len() as u32,
        list(wait),
        &mut event
    ));
    event
}

#[test]
fn out_of_order_runs_what_is_ready() {
    let setup = Setup::out_of_order();
    let user = setup.user_event();
    let blocked = setup.marker(&[user]);
    let kernel = setup.kernel(FILL, "empty");
    let free = launch(&setup, kernel, 1, &[]);
    let after = launch(&setup, kernel, 1, &[blocked, free]);
    assert_eq!((status(blocked), status(free), status(after)), (CL_QUEUED, CL_COMPLETE, CL_QUEUED));
    // A marker without wait list waits for all before; the ones after it don't wait for the marker.
    let marker = setup.marker(&[]);
    let later = launch(&setup, kernel, 1, &[]);
    assert_eq!((status(marker), status(later)), (CL_QUEUED, CL_COMPLETE));
    // After a barrier nothing runs.
    let mut barrier = ptr::null_mut();
    ok!(clEnqueueBarrierWithWaitList(setup.queue, 0, ptr::null(), &mut barrier));
    let behind = launch(&setup, kernel, 1, &[]);
    assert_eq!((status(barrier), status(behind)), (CL_QUEUED, CL_QUEUED));
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    for event in [user, blocked, free, after, marker, later, barrier, behind] {
        assert_eq!(status(event), CL_COMPLETE);
        ok!(clReleaseEvent(event));
    }
    setup.finish();
    ok!(clReleaseKernel(kernel));
}

#[test]
fn a_barrier_with_a_wait_list_waits_for_that_alone() {
    let setup = Setup::out_of_order();
    let (first, second) = (setup.user_event(), setup.user_event());
    let blocked = setup.marker(&[first]);
    let mut barrier = ptr::null_mut();
    ok!(clEnqueueBarrierWithWaitList(setup.queue, 1, &second, &mut barrier));
    let behind = setup.marker(&[second]);
    ok!(clSetUserEventStatus(second, CL_COMPLETE));
    assert_eq!((status(blocked), status(barrier), status(behind)), (CL_QUEUED, CL_COMPLETE, CL_COMPLETE));
    ok!(clSetUserEventStatus(first, CL_COMPLETE));
    setup.finish();
    for event in [first, second, blocked, barrier, behind] {
        ok!(clReleaseEvent(event));
    }
}

#[test]
fn a_running_command_holds_up_other_threads_commands_of_an_in_order_queue() {
    let setup = Setup::in_order();
    let spin = setup.kernel(FILL, "spin");
    let time = 100i32;
    ok!(clSetKernelArg(spin, 0, 4, (&raw const time).cast()));
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            let event = launch(&setup, spin_of(&setup), 1, &[]);
            ok!(clReleaseEvent(event));
        });
        thread::sleep(std::time::Duration::from_millis(40));
        let marker = setup.marker(&[]);
        assert_ne!(status(marker), CL_COMPLETE);
        setup.finish();
        assert_eq!(status(marker), CL_COMPLETE);
        ok!(clReleaseEvent(marker));
        running.join().unwrap();
    });
    ok!(clReleaseKernel(spin));

    fn spin_of(setup: &Setup) -> cl_kernel {
        let (kernel, time) = (setup.kernel(FILL, "spin"), 100i32);
        ok!(clSetKernelArg(kernel, 0, 4, (&raw const time).cast()));
        kernel
    }
}

#[test]
fn eight_threads_on_eight_queues() {
    let shared = Setup::in_order();
    let context = shared.context.expose_provenance();
    thread::scope(|scope| {
        for number in 0..8u32 {
            scope.spawn(move || work(ptr::with_exposed_provenance_mut(context), number));
        }
    });

    fn work(context: cl_context, number: u32) {
        let bits = if number % 2 == 0 { 0 } else { CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE };
        ok!(clRetainContext(context));
        let setup = Setup { context, queue: make!(clCreateCommandQueue(context, device(), bits)) };
        let fill = setup.kernel(FILL, "fill_index");
        let copy = setup.kernel(FILL, "copy");
        let (from, to) = (setup.buffer(4096), setup.buffer(4096));
        for (kernel, index, mem) in [(fill, 0, &from), (copy, 0, &from), (copy, 1, &to)] {
            ok!(clSetKernelArg(kernel, index, size_of::<cl_mem>(), ptr::from_ref(mem).cast()));
        }
        for round in 0..200u32 {
            let pattern = number * 1000 + round;
            let mut events = vec![setup.user_event()];
            let mut cleared = ptr::null_mut();
            ok!(clEnqueueFillBuffer(
                setup.queue,
                from,
                (&raw const pattern).cast(),
                4,
                0,
                4096,
                1,
                events.as_ptr(),
                &mut cleared
            ));
            events.push(cleared);
            events.push(launch(&setup, fill, 512, &[cleared]));
            events.push(launch(&setup, copy, 1, &events[2..3]));
            ok!(clSetUserEventStatus(events[0], CL_COMPLETE));
            let last = events[3];
            let mut bytes = vec![0u8; 4096];
            let place = bytes.as_mut_ptr().cast();
            ok!(clEnqueueReadBuffer(setup.queue, to, CL_TRUE, 0, 4096, place, 1, &last, ptr::null_mut()));
            for (index, word) in bytes.chunks(4).enumerate() {
                let expected = if index < 512 { index as u32 } else { pattern };
                assert_eq!(word, expected.to_le_bytes());
            }
            for event in events {
                ok!(clReleaseEvent(event));
            }
        }
        setup.finish();
        for mem in [from, to] {
            ok!(clReleaseMemObject(mem));
        }
        for kernel in [fill, copy] {
            ok!(clReleaseKernel(kernel));
        }
    }
}

/// Threads that enqueue on one queue, wait for each other's events and resolve each other's user events.
#[test]
fn eight_threads_on_one_queue() {
    for setup in [Setup::in_order(), Setup::out_of_order()] {
        let users: Vec<usize> = (0..8).map(|_| setup.user_event().expose_provenance()).collect();
        thread::scope(|scope| {
            for number in 0..8usize {
                let (setup, users) = (&setup, &users);
                scope.spawn(move || {
                    let user = |index: usize| ptr::with_exposed_provenance_mut(users[index % 8]);
                    let mut events: Vec<cl_event> = Vec::new();
                    for round in 0..200 {
                        if round == 20 * (number + 1) {
                            ok!(clSetUserEventStatus(user(number), CL_COMPLETE));
                        }
                        events.push(setup.marker(&[user(number + round)]));
                        ok!(clFlush(setup.queue));
                    }
                    for event in events {
                        ok!(clWaitForEvents(1, &event));
                        ok!(clReleaseEvent(event));
                    }
                });
            }
        });
        setup.finish();
        for user in users {
            ok!(clReleaseEvent(ptr::with_exposed_provenance_mut(user)));
        }
    }
}

#[test]
fn queue_properties() {
    let setup = Setup::out_of_order();
    let bits = CL_QUEUE_PROFILING_ENABLE;
    let list = [u64::from(CL_QUEUE_PROPERTIES), bits, 0];
    let queue = make!(clCreateCommandQueueWithProperties(setup.context, device(), list.as_ptr()));
    assert_eq!(info!(clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES) as u64), bits);
    assert_eq!(info!(clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES_ARRAY) as [u64; 3]), list);
    ok!(clReleaseCommandQueue(queue));
    let on_device = [u64::from(CL_QUEUE_PROPERTIES), CL_QUEUE_ON_DEVICE | 1, 0];
    let code = fails!(clCreateCommandQueueWithProperties(setup.context, device(), on_device.as_ptr()));
    assert_eq!(code, CL_INVALID_QUEUE_PROPERTIES);
    assert_eq!(fails!(clCreateCommandQueue(setup.context, device(), 1 << 40)), CL_INVALID_VALUE);
}

#[test]
fn a_released_queue_still_runs_what_waits() {
    let setup = Setup::in_order();
    let queue = make!(clCreateCommandQueue(setup.context, device(), 0));
    let user = setup.user_event();
    let mut marker = ptr::null_mut();
    ok!(clEnqueueMarkerWithWaitList(queue, 1, &user, &mut marker));
    ok!(clReleaseCommandQueue(queue));
    assert_eq!(cl!(clFinish(queue)), CL_INVALID_COMMAND_QUEUE);
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    assert_eq!(status(marker), CL_COMPLETE);
    for event in [user, marker] {
        ok!(clReleaseEvent(event));
    }
}
