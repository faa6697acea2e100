//! The null driver through its table, as the worker calls it.

mod events;
mod handles;
mod images;
mod memory;
mod programs;
mod queues;
mod speed;

use crate::opencl::generated::driver::Functions;
use opencl_sys::*;
use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::LazyLock;

/// The table.
static CL: LazyLock<Functions> = LazyLock::new(super::functions);

/// Calls a function of the table.
macro_rules! cl {
    ($name:ident($($arg:expr),* $(,)?)) => {{
        let function = $crate::opencl::null::tests::CL.$name.expect(stringify!($name));
        // SAFETY: the test's arguments are what the specification asks for, or NULL, or handles of any kind.
        #[allow(unused_unsafe)]
        unsafe { function($($arg),*) }
    }};
}

/// Calls a function that must give CL_SUCCESS.
macro_rules! ok {
    ($name:ident($($arg:expr),* $(,)?)) => {
        assert_eq!(cl!($name($($arg),*)), opencl_sys::CL_SUCCESS, stringify!($name))
    };
}

/// Calls a function that takes `errcode_ret` last and must succeed.
macro_rules! make {
    ($name:ident($($arg:expr),* $(,)?)) => {{
        let mut code = 1;
        let made = cl!($name($($arg,)* &mut code));
        assert_eq!(code, opencl_sys::CL_SUCCESS, stringify!($name));
        assert!(!made.is_null());
        made
    }};
}

/// Calls a function that takes `errcode_ret` last and must fail; gives the code.
macro_rules! fails {
    ($name:ident($($arg:expr),* $(,)?)) => {{
        let mut code = 1;
        let made = cl!($name($($arg,)* &mut code));
        assert!(made.is_null());
        code
    }};
}

/// A clGet*Info function's answer as one value.
macro_rules! info {
    ($name:ident($($arg:expr),*) as $type:ty) => {{
        let mut value = <$type>::default();
        let mut size = 0;
        ok!($name($($arg,)* size_of::<$type>(), (&raw mut value).cast(), &mut size));
        assert_eq!(size, size_of::<$type>());
        value
    }};
}

/// A clGet*Info function's answer as text without its end.
macro_rules! text {
    ($name:ident($($arg:expr),*)) => {{
        let mut size = 0;
        ok!($name($($arg,)* 0, std::ptr::null_mut(), &mut size));
        let mut bytes = vec![0u8; size];
        ok!($name($($arg,)* size, bytes.as_mut_ptr().cast(), std::ptr::null_mut()));
        assert_eq!(bytes.pop(), Some(0));
        String::from_utf8(bytes).unwrap()
    }};
}

pub(super) use {cl, fails, info, make, ok, text};

fn platform() -> cl_platform_id {
    let mut platform = ptr::null_mut();
    ok!(clGetPlatformIDs(1, &mut platform, ptr::null_mut()));
    platform
}

fn device() -> cl_device_id {
    let mut device = ptr::null_mut();
    ok!(clGetDeviceIDs(platform(), CL_DEVICE_TYPE_ALL, 1, &mut device, ptr::null_mut()));
    device
}

/// A context with a queue.
struct Setup {
    context: cl_context,
    queue: cl_command_queue,
}

// SAFETY: only handles, which may be used on any thread.
unsafe impl Send for Setup {}
// SAFETY: as for Send.
unsafe impl Sync for Setup {}

impl Setup {
    fn new(properties: cl_command_queue_properties) -> Setup {
        let device = device();
        let context = make!(clCreateContext(ptr::null(), 1, &device, None, ptr::null_mut()));
        Setup { context, queue: make!(clCreateCommandQueue(context, device, properties)) }
    }

    fn in_order() -> Setup {
        Setup::new(0)
    }

    fn out_of_order() -> Setup {
        Setup::new(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
    }

    fn buffer(&self, size: usize) -> cl_mem {
        make!(clCreateBuffer(self.context, CL_MEM_READ_WRITE, size, ptr::null_mut()))
    }

    /// A buffer with these contents.
    fn filled(&self, bytes: &[u8]) -> cl_mem {
        let pointer = bytes.as_ptr().cast_mut().cast::<c_void>();
        make!(clCreateBuffer(self.context, CL_MEM_COPY_HOST_PTR, bytes.len(), pointer))
    }

    /// What a buffer holds now.
    fn read(&self, buffer: cl_mem, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        let place = bytes.as_mut_ptr().cast();
        ok!(clEnqueueReadBuffer(self.queue, buffer, CL_TRUE, 0, size, place, 0, ptr::null(), ptr::null_mut()));
        bytes
    }

    fn user_event(&self) -> cl_event {
        make!(clCreateUserEvent(self.context))
    }

    fn program(&self, source: &str) -> cl_program {
        let source = CString::new(source).unwrap();
        let mut string = source.as_ptr();
        make!(clCreateProgramWithSource(self.context, 1, &mut string, ptr::null()))
    }

    /// A kernel of a program of its own.
    fn kernel(&self, source: &str, name: &str) -> cl_kernel {
        let program = self.program(source);
        ok!(clBuildProgram(program, 0, ptr::null(), ptr::null(), None, ptr::null_mut()));
        let name = CString::new(name).unwrap();
        let kernel = make!(clCreateKernel(program, name.as_ptr()));
        ok!(clReleaseProgram(program));
        kernel
    }

    fn finish(&self) {
        ok!(clFinish(self.queue));
    }

    /// Enqueues a marker that waits for these events.
    fn marker(&self, wait: &[cl_event]) -> cl_event {
        let mut event = ptr::null_mut();
        ok!(clEnqueueMarkerWithWaitList(self.queue, wait.len() as u32, list(wait), &mut event));
        event
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        ok!(clReleaseCommandQueue(self.queue));
        ok!(clReleaseContext(self.context));
    }
}

/// A wait list's pointer.
fn list(events: &[cl_event]) -> *const cl_event {
    if events.is_empty() { ptr::null() } else { events.as_ptr() }
}

fn status(event: cl_event) -> cl_int {
    info!(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS) as cl_int)
}
