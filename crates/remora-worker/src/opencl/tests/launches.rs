use opencl_sys::{
    CL_INVALID_ARG_INDEX, CL_INVALID_ARG_SIZE, CL_INVALID_ARG_VALUE, CL_INVALID_KERNEL_ARGS, CL_INVALID_KERNEL_NAME,
    CL_SUCCESS,
};
use remora_protocol::opencl::{
    BuildProgram, Contents, CreateBuffer, CreateContext, CreateKernel, CreateProgramWithSource, EnqueueNDRangeKernel,
    EnqueueRead, EventDone, GetProgramBinaries, KernelArg, MemDestroyed, ProgramBinaries, ProgramBuilt, Release,
    WatchMem,
};
use remora_protocol::{Handle, Items, Kind, List};

use super::client::{Client, DEVICE, bytes, is_null};

const SOURCE: &[u8] = b"\
kernel void fill_index(global uint *out) { out[get_global_id(0)] = get_global_id(0); }
kernel void other(global float *out, int number, local float *scratch) { out[0] = number; }";

fn program(client: &mut Client, context: Handle, source: &[u8]) -> Handle {
    let program = client.minter.mint(Kind::Program);
    let source = Contents { bytes: source, offer: None };
    client.send(0, &CreateProgramWithSource { program, context, source });
    program
}

fn build(client: &mut Client, program: Handle) -> i32 {
    let devices = [DEVICE];
    client.send(0, &BuildProgram { program, serial: 77, devices: List::new(&devices), options: b"", place: None });
    let notice = client.notice();
    let built: ProgramBuilt<'_> = notice.notice().unwrap();
    assert_eq!((built.program, built.serial), (program, 77));
    if built.code == CL_SUCCESS {
        let names: Vec<_> = built.kernels.iter().map(|kernel| kernel.name).collect();
        assert!(names.contains(&b"fill_index".as_slice()) && names.contains(&b"other".as_slice()));
        let other = built.kernels.iter().find(|kernel| kernel.name == b"other").unwrap();
        assert_eq!(other.args.len(), 3);
        // Some drivers keep this only with -cl-kernel-arg-info.
        if is_null() || other.args[1].known {
            let number = &other.args[1];
            assert_eq!((number.known, number.type_name, number.name), (true, &b"int"[..], &b"number"[..]));
        }
        assert_eq!(other.work_group[0].device, DEVICE);
        assert!(!other.work_group[0].infos.is_empty());
    } else {
        assert!(!built.devices[0].log.is_empty());
    }
    built.code
}

fn kernel(client: &mut Client, program: Handle, name: &[u8]) -> Handle {
    let kernel = client.minter.mint(Kind::Kernel);
    assert_eq!(client.ask(0, &CreateKernel { kernel, program, name }, &[], None), 0);
    kernel
}

#[test]
fn a_kernel_is_built_and_launched() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let program = program(&mut client, context, SOURCE);
    assert_eq!(build(&mut client, program), CL_SUCCESS);
    let kernel = kernel(&mut client, program, b"fill_index");
    for round in 0..3_u32 {
        let mem = client.buffer(context, 4000);
        let value = mem.bits().to_le_bytes();
        let args = [KernelArg { kind: 3, value: &value }];
        let launch = EnqueueNDRangeKernel {
            kernel,
            work_dim: 1,
            global: [1000, 1, 1],
            args: Items::new(&args),
            ..EnqueueNDRangeKernel::default()
        };
        let needs = [client.all_of(0)];
        if round == 0 {
            assert_eq!(client.ask(2, &launch, &needs, None), 0);
        } else {
            client.send_with(2, &launch, &needs, None, false);
        }
        let staging = client.room(4000);
        let read = EnqueueRead { mem, area: bytes(0, 4000), staging: staging.offset, ..EnqueueRead::default() };
        client.send_with(2, &read, &[], None, true);
        assert_eq!(client.reply(2).decode::<EventDone>(), EventDone { code: 0, state: 0 });
        let numbers: Vec<u32> =
            client.bytes(staging).chunks(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
        client.send(0, &Release { object: mem });
    }
    client.send_with(0, &GetProgramBinaries { program }, &[], None, true);
    let reply = client.reply(0);
    let binaries: ProgramBinaries<'_> = reply.decode();
    assert_eq!(binaries.code, 0);
    assert!(!binaries.binaries[0].is_empty());
}

#[test]
fn a_handle_that_names_another_object_is_another_argument() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let program = program(&mut client, context, SOURCE);
    assert_eq!(build(&mut client, program), CL_SUCCESS);
    let kernel = kernel(&mut client, program, b"fill_index");
    let mem = client.minter.mint(Kind::Mem);
    let value = mem.bits().to_le_bytes();
    for round in 0..20 {
        let size = 4096 << (round % 3);
        let create = CreateBuffer { mem, context, flags: 1, size, store: u64::MAX, svm: 0, vendor_flags: 0 };
        assert_eq!(client.ask(0, &create, &[], None), 0);
        let args = [KernelArg { kind: 3, value: &value }];
        let launch = EnqueueNDRangeKernel {
            kernel,
            work_dim: 1,
            global: [size / 4, 1, 1],
            args: Items::new(&args),
            ..EnqueueNDRangeKernel::default()
        };
        assert_eq!(client.ask(2, &launch, &[], None), 0);
        assert_eq!(client.finish(2), 0);
        client.send(0, &WatchMem { mem });
        client.send(0, &Release { object: mem });
        assert_eq!(client.notice().notice(), Some(MemDestroyed { mem }));
    }
}

#[test]
fn wrong_launches_are_refused() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let program = program(&mut client, context, SOURCE);
    assert_eq!(build(&mut client, program), CL_SUCCESS);
    let wrong = client.minter.mint(Kind::Kernel);
    let named = CreateKernel { kernel: wrong, program, name: b"nobody" };
    assert_eq!(client.ask(0, &named, &[], None), CL_INVALID_KERNEL_NAME);
    let kernel = kernel(&mut client, program, b"fill_index");
    let mut launch =
        EnqueueNDRangeKernel { kernel, work_dim: 1, global: [64, 1, 1], ..EnqueueNDRangeKernel::default() };
    let nothing = [KernelArg { kind: 0, value: &[] }];
    launch.args = Items::new(&nothing);
    assert_eq!(client.ask(2, &launch, &[], None), CL_INVALID_KERNEL_ARGS);
    if !is_null() {
        return;
    }
    // Bytes where a memory object belongs would be taken for a pointer.
    let bytes = [KernelArg { kind: 1, value: &[0x41; 8] }];
    launch.args = Items::new(&bytes);
    assert_eq!(client.ask(2, &launch, &[], None), CL_INVALID_ARG_VALUE);
    // Without an answer the next finish has it.
    client.send(2, &launch);
    assert_eq!(client.finish(2), CL_INVALID_ARG_VALUE);
    assert_eq!(client.finish(2), 0);
}

/// The driver's kernel keeps its arguments, but not the objects in them.
#[test]
fn arguments_that_are_left_out_are_not_those_of_before() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let program = program(&mut client, context, SOURCE);
    assert_eq!(build(&mut client, program), CL_SUCCESS);
    let kernel = kernel(&mut client, program, b"other");
    let mem = client.buffer(context, 4096).bits().to_le_bytes();
    let (mem, number) = (KernelArg { kind: 3, value: &mem }, KernelArg { kind: 1, value: &[4, 0, 0, 0] });
    let scratch = KernelArg { kind: 2, value: &64_u64.to_le_bytes() };
    let (none, too_long) = (KernelArg { kind: 0, value: &[] }, KernelArg { kind: 1, value: &[4; 8] });
    let needs = [client.all_of(0)];
    let mut launch = |args: &[KernelArg<'_>]| {
        let args = Items::new(args);
        let launch = EnqueueNDRangeKernel { kernel, work_dim: 1, global: [1, 1, 1], args, ..Default::default() };
        client.ask(2, &launch, &needs, None)
    };
    assert_eq!(launch(&[mem, none, none]), CL_INVALID_KERNEL_ARGS);
    assert_eq!(launch(&[mem, number, scratch]), CL_SUCCESS);
    for args in [&[][..], &[mem], &[mem, number], &[none, number, scratch], &[mem, number, none]] {
        assert_eq!(launch(args), CL_INVALID_KERNEL_ARGS);
    }
    assert_eq!(launch(&[mem, too_long, scratch]), CL_INVALID_ARG_SIZE);
    assert_eq!(launch(&[mem, none, scratch]), CL_INVALID_KERNEL_ARGS);
    assert_eq!(launch(&[mem, number, scratch, number]), CL_INVALID_ARG_INDEX);
    assert_eq!(launch(&[mem, number, scratch]), CL_SUCCESS);
}

#[test]
fn a_device_that_is_named_twice_is_there_once() {
    let mut client = Client::new();
    let context = client.minter.mint(Kind::Context);
    let devices = [DEVICE; 600];
    let (properties, devices) = (List::default(), List::new(&devices));
    let create = CreateContext { context, platform: 0, properties, devices, notify: false };
    assert_eq!(client.ask(0, &create, &[], None), CL_SUCCESS);
    let program = program(&mut client, context, SOURCE);
    // For 600 devices these would be more than a link carries.
    let options = [b"-DX=".to_vec(), vec![b'y'; 2 << 20]].concat();
    client.send(0, &BuildProgram { program, options: &options, ..Default::default() });
    let notice = client.notice();
    let built: ProgramBuilt<'_> = notice.notice().unwrap();
    assert_eq!((built.code, built.devices.len()), (CL_SUCCESS, 1));
}

#[test]
fn a_source_that_does_not_build_has_a_log() {
    let mut client = Client::new();
    let context = client.context();
    let program = program(&mut client, context, b"#error this is not for you\n");
    assert_eq!(build(&mut client, program), opencl_sys::CL_BUILD_PROGRAM_FAILURE);
}
