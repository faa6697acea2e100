//! Programs and kernels.

use super::*;

const SOURCE: &str = r#"
// kernel void not_this(int x) {}
/* kernel void nor_this(int x) {} */
#define N 4
float helper(float x) { return x; }
__kernel __attribute__((reqd_work_group_size(8, 2, 1)))
void first(__global const float4 * restrict in, __constant uint *table, local char *scratch,
           read_only image2d_t picture, sampler_t how, const unsigned int n, float3 v, struct thing t) {
    if (n) { printf("kernel void inside(int x) {}"); }
}
kernel void declared(int x);
kernel void second(void) {}
kernel void third(write_only image3d_t out, size_t weird, volatile global int (*p)[4]) {}
"#;

fn build(program: cl_program, options: &str) -> cl_int {
    let options = CString::new(options).unwrap();
    cl!(clBuildProgram(program, 0, ptr::null(), options.as_ptr(), None, ptr::null_mut()))
}

fn build_status(program: cl_program) -> cl_int {
    info!(clGetProgramBuildInfo(program, device(), CL_PROGRAM_BUILD_STATUS) as cl_int)
}

#[test]
fn signatures_are_found() {
    let setup = Setup::in_order();
    let program = setup.program(SOURCE);
    assert_eq!(build_status(program), CL_BUILD_NONE);
    let mut size = 0;
    let null = ptr::null_mut();
    let early = cl!(clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, 0, null, &mut size));
    assert_eq!(early, CL_INVALID_PROGRAM_EXECUTABLE);
    assert_eq!(build(program, "-cl-std=CL3.0 -D X=1 -cl-kernel-arg-info"), CL_SUCCESS);
    assert_eq!(text!(clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES)), "first;second;third");
    assert_eq!(text!(clGetProgramInfo(program, CL_PROGRAM_SOURCE)), SOURCE);
    assert_eq!(info!(clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS) as usize), 3);
    let mut kernels = [ptr::null_mut(); 3];
    ok!(clCreateKernelsInProgram(program, 3, kernels.as_mut_ptr(), ptr::null_mut()));
    let [first, second, third] = kernels;
    assert_eq!(text!(clGetKernelInfo(first, CL_KERNEL_ATTRIBUTES)), "reqd_work_group_size(8,2,1)");
    let required = info!(clGetKernelWorkGroupInfo(first, device(), CL_KERNEL_COMPILE_WORK_GROUP_SIZE) as [usize; 3]);
    assert_eq!(required, [8, 2, 1]);
    let counts = kernels.map(|kernel| info!(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS) as u32));
    assert_eq!(counts, [8, 0, 3]);
    let name = |index| text!(clGetKernelArgInfo(first, index, CL_KERNEL_ARG_NAME));
    let type_name = |index| text!(clGetKernelArgInfo(first, index, CL_KERNEL_ARG_TYPE_NAME));
    let all: Vec<_> = (0..8).map(|index| format!("{} {}", type_name(index), name(index))).collect();
    let expected = [
        "float4* in",
        "uint* table",
        "char* scratch",
        "image2d_t picture",
        "sampler_t how",
        "uint n",
        "float3 v",
        "struct thing t",
    ];
    assert_eq!(all, expected);
    let address = |index| info!(clGetKernelArgInfo(first, index, CL_KERNEL_ARG_ADDRESS_QUALIFIER) as u32);
    assert_eq!([0, 1, 2, 3, 5].map(address), [0x119B, 0x119D, 0x119C, 0x119B, 0x119E]);
    let qualifier = |index| info!(clGetKernelArgInfo(first, index, CL_KERNEL_ARG_TYPE_QUALIFIER) as u64);
    assert_eq!([0, 1, 2, 5].map(qualifier), [3, 1, 0, 0]);
    let access = info!(clGetKernelArgInfo(third, 0, CL_KERNEL_ARG_ACCESS_QUALIFIER) as u32);
    assert_eq!(access, CL_KERNEL_ARG_ACCESS_WRITE_ONLY);
    assert_eq!(text!(clGetKernelInfo(second, CL_KERNEL_FUNCTION_NAME)), "second");
    assert_eq!(fails!(clCreateKernel(program, c"declared".as_ptr())), CL_INVALID_KERNEL_NAME);
    // A program with kernels can't be built again.
    assert_eq!(build(program, ""), CL_INVALID_OPERATION);
    for kernel in kernels {
        ok!(clReleaseKernel(kernel));
    }
    assert_eq!(build(program, ""), CL_SUCCESS);
    ok!(clReleaseProgram(program));
}

#[test]
fn failed_builds_have_a_log() {
    let setup = Setup::in_order();
    let cases = [
        ("\n#error no luck\nkernel void a() {}", "<source>:2:2: error: no luck"),
        ("kernel void a() {", "never closed"),
        ("kernel void a() ]", "extraneous ']'"),
        ("kernel int a() {}", "void return type"),
        ("kernel void a() {} kernel void a() {}", "redefinition of 'a'"),
        ("#include \"nowhere.h\"", "'nowhere.h' file not found"),
        ("kernel", "expected a function"),
    ];
    for (source, message) in cases {
        let program = setup.program(source);
        assert_eq!(build(program, ""), CL_BUILD_PROGRAM_FAILURE, "{source}");
        assert_eq!(build_status(program), CL_BUILD_ERROR);
        let log = text!(clGetProgramBuildInfo(program, device(), CL_PROGRAM_BUILD_LOG));
        assert!(log.contains(message), "{log}");
        assert_eq!(fails!(clCreateKernel(program, c"a".as_ptr())), CL_INVALID_PROGRAM_EXECUTABLE);
        ok!(clReleaseProgram(program));
    }
    let program = setup.program("kernel void a() {}");
    assert_eq!(build(program, "-no-such-option"), CL_INVALID_BUILD_OPTIONS);
    assert_eq!(build(program, "-DMESSAGE=\"-no such\" -I /tmp"), CL_SUCCESS);
    ok!(clReleaseProgram(program));
}

#[test]
fn no_source_makes_the_parser_stumble() {
    let setup = Setup::in_order();
    let pieces = [
        "kernel",
        "void",
        "a",
        "(",
        ")",
        "{",
        "}",
        "__attribute__",
        "((",
        "))",
        ",",
        "*",
        "#",
        "\"",
        "/*",
        "//",
        "\n",
        "[",
        "]",
        ";",
        "'",
        "\\",
        "é",
        "global",
        "int",
    ];
    let mut state = 1u64;
    for _ in 0..3000 {
        let mut source = String::new();
        for _ in 0..20 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            source += pieces[(state >> 33) as usize % pieces.len()];
            source += if state >> 63 == 0 { " " } else { "" };
        }
        let program = setup.program(&source);
        build(program, "");
        ok!(clReleaseProgram(program));
    }
}

#[test]
fn binaries_round_trip() {
    let setup = Setup::in_order();
    let program = setup.program(SOURCE);
    assert_eq!(info!(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES) as usize), 0);
    assert_eq!(build(program, ""), CL_SUCCESS);
    let size = info!(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES) as usize);
    let mut binary = vec![0u8; size];
    let mut place = binary.as_mut_ptr();
    ok!(clGetProgramInfo(program, CL_PROGRAM_BINARIES, 8, (&raw mut place).cast(), ptr::null_mut()));
    let create = |bytes: &[u8], status: &mut cl_int, code: &mut cl_int| {
        let (device, length, mut first) = (device(), bytes.len(), bytes.as_ptr());
        cl!(clCreateProgramWithBinary(setup.context, 1, &device, &length, &mut first, status, code))
    };
    let (mut status, mut code) = (1, 1);
    let copy = create(&binary, &mut status, &mut code);
    assert_eq!((status, code, build_status(copy)), (CL_SUCCESS, CL_SUCCESS, CL_BUILD_NONE));
    assert_eq!(fails!(clCreateKernel(copy, c"first".as_ptr())), CL_INVALID_PROGRAM_EXECUTABLE);
    assert_eq!(build(copy, ""), CL_SUCCESS);
    assert_eq!(text!(clGetProgramInfo(copy, CL_PROGRAM_KERNEL_NAMES)), "first;second;third");
    let again = info!(clGetProgramInfo(copy, CL_PROGRAM_BINARY_SIZES) as usize);
    assert_eq!(again, size);
    for index in [0, 10, size - 1] {
        let mut broken = binary.clone();
        broken[index] ^= 1;
        assert!(create(&broken, &mut status, &mut code).is_null());
        assert_eq!((status, code), (CL_INVALID_BINARY, CL_INVALID_BINARY));
    }
    for program in [program, copy] {
        ok!(clReleaseProgram(program));
    }
}

#[test]
fn compile_and_link() {
    let setup = Setup::in_order();
    let main = setup.program("#include \"part.h\"\nkernel void a(float x) { f(x); }");
    let header = setup.program("void f(float x);");
    let other = setup.program("kernel void b() {} void f(float x) {}");
    let compile = |program, count, headers: *const cl_program, names| {
        cl!(clCompileProgram(program, 0, ptr::null(), ptr::null(), count, headers, names, None, ptr::null_mut()))
    };
    let mut name = c"part.h".as_ptr();
    assert_eq!(compile(main, 0, ptr::null(), ptr::null_mut()), CL_COMPILE_PROGRAM_FAILURE);
    assert_eq!(compile(main, 1, &header, &mut name), CL_SUCCESS);
    assert_eq!(compile(other, 0, ptr::null(), ptr::null_mut()), CL_SUCCESS);
    let binary_type = |program| info!(clGetProgramBuildInfo(program, device(), CL_PROGRAM_BINARY_TYPE) as u32);
    assert_eq!(binary_type(main), CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT);
    assert_eq!(fails!(clCreateKernel(main, c"a".as_ptr())), CL_INVALID_PROGRAM_EXECUTABLE);
    let link = |inputs: &[cl_program], options: &str, code: &mut cl_int| {
        let options = CString::new(options).unwrap();
        let (count, first, null) = (inputs.len() as u32, inputs.as_ptr(), ptr::null_mut());
        cl!(clLinkProgram(setup.context, 0, ptr::null(), options.as_ptr(), count, first, None, null, code))
    };
    let mut code = 1;
    let library = link(&[other], "-create-library", &mut code);
    assert_eq!((code, binary_type(library)), (CL_SUCCESS, CL_PROGRAM_BINARY_TYPE_LIBRARY));
    let linked = link(&[main, library], "", &mut code);
    assert_eq!((code, binary_type(linked)), (CL_SUCCESS, CL_PROGRAM_BINARY_TYPE_EXECUTABLE));
    assert_eq!(text!(clGetProgramInfo(linked, CL_PROGRAM_KERNEL_NAMES)), "a;b");
    let twice = link(&[other, library], "", &mut code);
    assert_eq!(code, CL_LINK_PROGRAM_FAILURE);
    assert!(text!(clGetProgramBuildInfo(twice, device(), CL_PROGRAM_BUILD_LOG)).contains("redefinition"));
    assert!(link(&[header], "", &mut code).is_null());
    assert_eq!(code, CL_INVALID_OPERATION);
    for program in [main, header, other, library, linked, twice] {
        ok!(clReleaseProgram(program));
    }
}

#[test]
fn arguments_are_checked() {
    let setup = Setup::in_order();
    let kernel = setup.kernel(SOURCE, "first");
    let buffer = setup.buffer(64);
    let sampler = make!(clCreateSampler(setup.context, CL_FALSE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST));
    let set = |index, size, value: *const c_void| cl!(clSetKernelArg(kernel, index, size, value));
    let (mem, other) = ((&raw const buffer).cast(), (&raw const sampler).cast());
    let word = 5u64;
    let value = (&raw const word).cast();
    assert_eq!(set(0, 8, mem), CL_SUCCESS);
    assert_eq!(set(0, 8, other), CL_INVALID_MEM_OBJECT);
    assert_eq!(set(0, 4, mem), CL_INVALID_ARG_SIZE);
    assert_eq!(set(1, 8, ptr::null()), CL_SUCCESS);
    assert_eq!(set(2, 64, ptr::null()), CL_SUCCESS);
    assert_eq!(set(2, 0, ptr::null()), CL_INVALID_ARG_SIZE);
    assert_eq!(set(2, 8, value), CL_INVALID_ARG_VALUE);
    assert_eq!(set(3, 8, mem), CL_INVALID_MEM_OBJECT);
    assert_eq!(set(4, 8, other), CL_SUCCESS);
    assert_eq!(set(4, 8, mem), CL_INVALID_SAMPLER);
    assert_eq!(set(5, 8, value), CL_INVALID_ARG_SIZE);
    assert_eq!(set(5, 4, value), CL_SUCCESS);
    assert_eq!(set(5, 4, ptr::null()), CL_INVALID_ARG_VALUE);
    assert_eq!(set(8, 4, value), CL_INVALID_ARG_INDEX);
    let local = info!(clGetKernelWorkGroupInfo(kernel, device(), CL_KERNEL_LOCAL_MEM_SIZE) as u64);
    assert_eq!(local, 64);
    let size = [8usize, 2, 1];
    let launch = |kernel, dimensions, global: *const usize, local: *const usize| {
        cl!(clEnqueueNDRangeKernel(
            setup.queue,
            kernel,
            dimensions,
            ptr::null(),
            global,
            local,
            0,
            ptr::null(),
            ptr::null_mut()
        ))
    };
    assert_eq!(launch(kernel, 3, size.as_ptr(), size.as_ptr()), CL_INVALID_KERNEL_ARGS);
    let empty = setup.kernel(SOURCE, "second");
    let sizes = |sizes: [usize; 3]| sizes;
    assert_eq!(launch(empty, 4, size.as_ptr(), ptr::null()), CL_INVALID_WORK_DIMENSION);
    assert_eq!(launch(empty, 0, size.as_ptr(), ptr::null()), CL_INVALID_WORK_DIMENSION);
    assert_eq!(launch(empty, 3, size.as_ptr(), sizes([3, 1, 1]).as_ptr()), CL_INVALID_WORK_GROUP_SIZE);
    assert_eq!(launch(empty, 3, size.as_ptr(), sizes([0, 1, 1]).as_ptr()), CL_INVALID_WORK_GROUP_SIZE);
    assert_eq!(launch(empty, 3, size.as_ptr(), sizes([2048, 1, 1]).as_ptr()), CL_INVALID_WORK_ITEM_SIZE);
    assert_eq!(launch(empty, 3, ptr::null(), ptr::null()), CL_SUCCESS);
    assert_eq!(launch(empty, 3, size.as_ptr(), ptr::null()), CL_SUCCESS);
    ok!(clEnqueueTask(setup.queue, empty, 0, ptr::null(), ptr::null_mut()));
    for kernel in [kernel, empty] {
        ok!(clReleaseKernel(kernel));
    }
    ok!(clReleaseSampler(sampler));
    ok!(clReleaseMemObject(buffer));
}

#[test]
fn tricks() {
    let setup = Setup::in_order();
    let source =
        "kernel void fill_index(int skipped, global uint *out) {} kernel void copy(global int *a, global int *b) {}";
    let fill = setup.kernel(source, "fill_index");
    let (buffer, target) = (setup.buffer(40), setup.buffer(24));
    let word = 0u32;
    ok!(clSetKernelArg(fill, 0, 4, (&raw const word).cast()));
    ok!(clSetKernelArg(fill, 1, 8, (&raw const buffer).cast()));
    let (offset, items) = ([2usize], [1000usize]);
    let none = ptr::null_mut();
    ok!(clEnqueueNDRangeKernel(
        setup.queue,
        fill,
        1,
        offset.as_ptr(),
        items.as_ptr(),
        ptr::null(),
        0,
        ptr::null(),
        none
    ));
    let copy = make!(clCloneKernel(setup.kernel(source, "copy")));
    ok!(clSetKernelArg(copy, 0, 8, (&raw const buffer).cast()));
    ok!(clSetKernelArg(copy, 1, 8, (&raw const target).cast()));
    ok!(clEnqueueTask(setup.queue, copy, 0, ptr::null(), none));
    let words: Vec<u32> =
        setup.read(target, 24).chunks(4).map(|four| u32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(words, [0, 0, 2, 3, 4, 5]);
    // A released argument is noticed at the launch.
    ok!(clReleaseMemObject(target));
    assert_eq!(cl!(clEnqueueTask(setup.queue, copy, 0, ptr::null(), none)), CL_INVALID_KERNEL_ARGS);
    ok!(clReleaseMemObject(buffer));
    for kernel in [fill, copy] {
        ok!(clReleaseKernel(kernel));
    }
}

/// Runs one of this module's tests in a process of its own, with `REMORA_NULL_TRICK` set.
fn in_a_process(test: &str) -> std::process::Output {
    let module = module_path!().split_once("::").map_or("", |(_, path)| path);
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--nocapture", "--test-threads=1"]);
    command.env("REMORA_NULL_TRICK", "1").output().unwrap()
}

fn is_in_a_process() -> bool {
    std::env::var_os("REMORA_NULL_TRICK").is_some()
}

fn run_trick(source: &str, name: &str, items: usize) {
    let setup = Setup::in_order();
    let kernel = setup.kernel(source, name);
    let none = ptr::null_mut();
    ok!(clEnqueueNDRangeKernel(setup.queue, kernel, 1, ptr::null(), &items, ptr::null(), 0, ptr::null(), none));
    ok!(clReleaseKernel(kernel));
}

#[test]
fn print_writes_a_line_for_each_work_item() {
    if is_in_a_process() {
        return run_trick("kernel void print() {}", "print", 3);
    }
    let output = in_a_process("print_writes_a_line_for_each_work_item");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    assert_eq!(text.matches("hello from work-item\n").count(), 3, "{text}");
}

#[test]
fn crash_aborts_the_process() {
    use std::os::unix::process::ExitStatusExt;
    if is_in_a_process() {
        return run_trick("kernel void crash() {}", "crash", 1);
    }
    assert_eq!(in_a_process("crash_aborts_the_process").status.signal(), Some(libc::SIGABRT));
}
