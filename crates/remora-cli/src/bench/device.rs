//! OpenCL for the measurements, through whatever `libOpenCL.so.1` leads to.

use std::ffi::CString;
use std::ptr;

use anyhow::{Result, ensure};
use libloading::Library;
use opencl_sys::cl_function_types::*;
use opencl_sys::*;

/// The functions that are measured.
macro_rules! functions {
    ($($name:ident: $type:ident,)*) => {
        #[allow(non_snake_case)]
        pub struct Functions {
            $(pub $name: $type,)*
            _library: Library,
        }

        impl Functions {
            fn load() -> Result<Self> {
                // SAFETY: loading an OpenCL library runs its initialisers, which is what programs expect of it.
                let library = unsafe { Library::new("libOpenCL.so.1") }?;
                Ok(Self {
                    // SAFETY: the symbols have these types in every OpenCL library, which is kept loaded beside them.
                    $($name: unsafe { *library.get::<$type>(concat!(stringify!($name), "\0").as_bytes())? },)*
                    _library: library,
                })
            }
        }
    };
}

functions! {
    clGetPlatformIDs: clGetPlatformIDs_t,
    clGetDeviceIDs: clGetDeviceIDs_t,
    clCreateContext: clCreateContext_t,
    clCreateCommandQueue: clCreateCommandQueue_t,
    clCreateProgramWithSource: clCreateProgramWithSource_t,
    clBuildProgram: clBuildProgram_t,
    clCreateKernel: clCreateKernel_t,
    clReleaseKernel: clReleaseKernel_t,
    clSetKernelArg: clSetKernelArg_t,
    clCreateBuffer: clCreateBuffer_t,
    clReleaseMemObject: clReleaseMemObject_t,
    clEnqueueNDRangeKernel: clEnqueueNDRangeKernel_t,
    clEnqueueReadBuffer: clEnqueueReadBuffer_t,
    clEnqueueWriteBuffer: clEnqueueWriteBuffer_t,
    clEnqueueMapBuffer: clEnqueueMapBuffer_t,
    clEnqueueUnmapMemObject: clEnqueueUnmapMemObject_t,
    clFinish: clFinish_t,
    clReleaseEvent: clReleaseEvent_t,
}

/// A context, an in-order queue and two kernels on the first device.
pub struct Device {
    pub cl: Functions,
    pub context: cl_context,
    pub queue: cl_command_queue,
    pub program: cl_program,
    pub empty: cl_kernel,
    pub step: cl_kernel,
}

const SOURCE: &str = "__kernel void remora_empty(__global uint *out, uint n) { if (n == 0xffffffffu) out[0] = n; }
__kernel void remora_step(__global uint *out, uint n) { uint i = get_global_id(0); out[i] = out[i] * 3u + n; }";

/// Calls a function of [`Functions`] that was loaded.
macro_rules! call {
    ($cl:expr, $name:ident($($arg:expr),* $(,)?)) => {{
        let function = $cl.$name.ok_or_else(|| anyhow::anyhow!(concat!("no ", stringify!($name))))?;
        // SAFETY: the arguments are valid for this function: live objects, and memory of the sizes given.
        unsafe { function($($arg),*) }
    }};
}
pub(super) use call;

/// Fails unless a call succeeded.
pub fn check(code: cl_int) -> Result<()> {
    ensure!(code == CL_SUCCESS, "OpenCL error {code}");
    Ok(())
}

impl Device {
    pub fn open() -> Result<Self> {
        let cl = Functions::load()?;
        let (mut platform, mut device, mut code) = (ptr::null_mut(), ptr::null_mut(), 0);
        check(call!(cl, clGetPlatformIDs(1, &mut platform, ptr::null_mut())))?;
        check(call!(cl, clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &mut device, ptr::null_mut())))?;
        let context = call!(cl, clCreateContext(ptr::null(), 1, &device, None, ptr::null_mut(), &mut code));
        check(code)?;
        let queue = call!(cl, clCreateCommandQueue(context, device, 0, &mut code));
        check(code)?;
        let source = CString::new(SOURCE)?;
        let mut strings = [source.as_ptr()];
        let program =
            call!(cl, clCreateProgramWithSource(context, 1, strings.as_mut_ptr().cast(), ptr::null(), &mut code));
        check(code)?;
        check(call!(cl, clBuildProgram(program, 1, &device, c"".as_ptr(), None, ptr::null_mut())))?;
        let empty = call!(cl, clCreateKernel(program, c"remora_empty".as_ptr(), &mut code));
        check(code)?;
        let step = call!(cl, clCreateKernel(program, c"remora_step".as_ptr(), &mut code));
        check(code)?;
        Ok(Self { cl, context, queue, program, empty, step })
    }

    pub fn buffer(&self, size: usize) -> Result<cl_mem> {
        let mut code = 0;
        let mem = call!(self.cl, clCreateBuffer(self.context, CL_MEM_READ_WRITE, size, ptr::null_mut(), &mut code));
        check(code)?;
        Ok(mem)
    }

    pub fn release(&self, mem: cl_mem) -> Result<()> {
        check(call!(self.cl, clReleaseMemObject(mem)))
    }

    pub fn set_args(&self, kernel: cl_kernel, mem: cl_mem, n: u32) -> Result<()> {
        check(call!(self.cl, clSetKernelArg(kernel, 0, size_of::<cl_mem>(), (&raw const mem).cast())))?;
        check(call!(self.cl, clSetKernelArg(kernel, 1, 4, (&raw const n).cast())))
    }

    pub fn launch(&self, kernel: cl_kernel, global: usize) -> Result<()> {
        self.enqueue(kernel, global, ptr::null_mut())
    }

    pub fn launch_with_event(&self, kernel: cl_kernel) -> Result<()> {
        let mut event = ptr::null_mut();
        self.enqueue(kernel, 1, &mut event)?;
        check(call!(self.cl, clReleaseEvent(event)))
    }

    fn enqueue(&self, kernel: cl_kernel, global: usize, event: *mut cl_event) -> Result<()> {
        let none = ptr::null();
        check(call!(self.cl, clEnqueueNDRangeKernel(self.queue, kernel, 1, none, &global, none, 0, ptr::null(), event)))
    }

    pub fn finish(&self) -> Result<()> {
        check(call!(self.cl, clFinish(self.queue)))
    }

    pub fn write(&self, mem: cl_mem, bytes: &[u8]) -> Result<()> {
        let (length, from) = (bytes.len(), bytes.as_ptr().cast());
        check(call!(
            self.cl,
            clEnqueueWriteBuffer(self.queue, mem, CL_TRUE, 0, length, from, 0, ptr::null(), ptr::null_mut())
        ))
    }

    /// Maps a buffer, adds 1 to each of its words, and unmaps it.
    pub fn change_mapped(&self, mem: cl_mem, length: usize) -> Result<()> {
        let (mut code, flags) = (0, CL_MAP_READ | CL_MAP_WRITE);
        let mapped = call!(
            self.cl,
            clEnqueueMapBuffer(self.queue, mem, CL_TRUE, flags, 0, length, 0, ptr::null(), ptr::null_mut(), &mut code)
        );
        check(code)?;
        // SAFETY: the map is `length` bytes, which are this thread's until they are unmapped; it begins at a page.
        let words = unsafe { std::slice::from_raw_parts_mut(mapped.cast::<u32>(), length / 4) };
        words.iter_mut().for_each(|word| *word = word.wrapping_add(1));
        check(call!(self.cl, clEnqueueUnmapMemObject(self.queue, mem, mapped, 0, ptr::null(), ptr::null_mut())))?;
        self.finish()
    }

    pub fn read(&self, mem: cl_mem, bytes: &mut [u8]) -> Result<()> {
        let (length, to) = (bytes.len(), bytes.as_mut_ptr().cast());
        check(call!(
            self.cl,
            clEnqueueReadBuffer(self.queue, mem, CL_TRUE, 0, length, to, 0, ptr::null(), ptr::null_mut())
        ))
    }
}
