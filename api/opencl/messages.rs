// The messages of OpenCL that no function signature yields by itself.
//
// This file is data: remora-codegen parses it as Rust syntax and generates wire structs and codecs from it; nothing
// compiles it. Field types are the wire types of remora-protocol:
//
//   u8 u16 u32 u64 i32 i64 bool Handle [T; N]   fixed size
//   Bytes                                       a length and that many bytes, borrowed from the frame when decoded
//   List<T>                                     a count and that many fixed-size T, borrowed likewise
//   Items<T>                                    a count and that many T of any size, borrowed likewise
//   Vec<T>                                      the same, where T owns memory or is wanted at once
//   Option<T>
//   another struct of this file
//
// `#[command]` goes from the program to the worker, `#[notice]` comes back unasked, `#[reply]` answers a command that
// waits. `#[command(asynchronous)]` never answers; `#[command(waits = Reply)]` answers with that reply.
// Opcodes are in opcodes.toml, appended and never reused.

// ---------------------------------------------------------------------------------------------------------------------
// Shapes shared by several messages

/// One answer of a clGet*Info query: what the driver wrote, or the error code that it gave.
struct Info {
    param: u32,
    code: i32,
    value: Bytes,
}

/// Everything that a program can ask of the back-end's platforms without touching a device.
struct Facts {
    platforms: Vec<PlatformFacts>,
}

/// `functions` are those of extensions that the driver has.
struct PlatformFacts {
    infos: Vec<Info>,
    functions: Vec<Bytes>,
    devices: Vec<DeviceFacts>,
}

/// `handle` names the device in messages. CL_DEVICE_PLATFORM and CL_DEVICE_PARENT_DEVICE are not among `infos`.
struct DeviceFacts {
    handle: Handle,
    infos: Vec<Info>,
}

/// A region of a memory object, and at the same time the shape of its bytes on the host, which always travel packed
/// (no pitches). `kind` is 0 for bytes of a buffer (origin[0] = offset, region[0] = length), 1 for a rectangle of a
/// buffer (pitches are the buffer's), 2 for pixels of an image (`element` = bytes of a pixel).
struct Area {
    kind: u32,
    element: u32,
    origin: [u64; 3],
    region: [u64; 3],
    row_pitch: u64,
    slice_pitch: u64,
}

struct KernelFacts {
    name: Bytes,
    attributes: Bytes,
    /// CL_KERNEL_REFERENCE_COUNT, CONTEXT and PROGRAM are the client's own.
    args: Vec<ArgFacts>,
    /// One per device of the program, in the order of the message that asked.
    work_group: Vec<WorkGroupFacts>,
}

/// `known` is false where the driver keeps no argument information; the rest is then zero and empty.
/// `size` is CL_KERNEL_ARG's size in bytes where it could be learnt, else 0.
struct ArgFacts {
    known: bool,
    address: u32,
    access: u32,
    type_qualifier: u64,
    type_name: Bytes,
    name: Bytes,
}

/// `sub_groups` is of clGetKernelSubGroupInfo: what needs no input.
struct WorkGroupFacts {
    device: Handle,
    infos: Vec<Info>,
    sub_groups: Vec<Info>,
}

/// What one device made of a build. `binary_type` and `global_variable_size` as in clGetProgramBuildInfo.
struct DeviceBuild {
    device: Handle,
    status: i32,
    binary_type: u32,
    global_variable_size: u64,
    options: Bytes,
    log: Bytes,
}

struct NamedProgram {
    name: Bytes,
    program: Handle,
}

/// A source, binary or IL: its `bytes`, or what names them where they are many. The worker asks for those by SendContents
/// unless its tenant has sent them before.
struct Contents {
    bytes: Bytes,
    offer: Option<Offer>,
}

/// `hash` is BLAKE3's. `number` is the client's own.
struct Offer {
    number: u64,
    length: u64,
    hash: [u8; 32],
}

/// Where a source's `#include` looks for files: the program's current directory, and all files that may be meant.
struct Place {
    directory: Bytes,
    files: Vec<SourceFile>,
}

/// `path` is absolute, on the program's machine.
struct SourceFile {
    path: Bytes,
    contents: Contents,
}

/// One kernel argument at a launch: `kind` 0 not set, 1 bytes, 2 local memory of `value` bytes (a u64), 3 a memory object,
/// 4 a sampler, 5 a queue on the device (`value` is a Handle's u64; 0 for a NULL memory object), 6 an address in shared
/// virtual memory, or NULL (a u64).
struct KernelArg {
    kind: u8,
    value: Bytes,
}

/// What becomes of a recorded launch; what is not there stays as it is.
struct DispatchChange {
    changeable: u32,
    work_dim: u32,
    offset: Option<[u64; 3]>,
    global: Option<[u64; 3]>,
    local: Option<[u64; 3]>,
    args: Vec<ChangedArg>,
    svm: Option<List<u64>>,
}

struct ChangedArg {
    index: u32,
    arg: KernelArg,
}

// ---------------------------------------------------------------------------------------------------------------------
// Replies

/// The answer of most commands that wait: an OpenCL code, and the late error of the stream if there was one.
#[reply]
struct Status {
    code: i32,
}

/// Answer to a query whose value is opaque to Remora.
#[reply]
struct Value {
    code: i32,
    value: Bytes,
}

/// `no_default`: what the driver answers to CL_QUEUE_DEVICE_DEFAULT while the device has no such queue. `size` is the
/// CL_QUEUE_SIZE of a queue on the device.
#[reply]
struct QueueCreated {
    code: i32,
    no_default: i32,
    size: u32,
}

/// What the driver answers to CL_MEM_FLAGS and CL_MEM_SIZE.
#[reply]
struct PipeCreated {
    code: i32,
    flags: u64,
    size: u64,
}

#[reply]
struct SvmCreated {
    code: i32,
    address: u64,
}

#[reply]
struct SubDevices {
    code: i32,
    devices: Vec<DeviceFacts>,
}

#[reply]
struct ProgramCreated {
    code: i32,
    binary_status: Vec<i32>,
    devices: Vec<DeviceBuild>,
}

#[reply]
struct ProgramBinaries {
    code: i32,
    binaries: Vec<Bytes>,
}

#[reply]
struct ImageFormats {
    code: i32,
    formats: Vec<[u32; 2]>,
}

/// Nanoseconds. `values` in the order QUEUED, SUBMIT, START, END, COMPLETE.
#[reply]
struct Profile {
    code: i32,
    values: [u64; 5],
}

/// `state`: CL_COMPLETE or the negative status of the event.
#[reply]
struct EventDone {
    code: i32,
    state: i32,
}

// ---------------------------------------------------------------------------------------------------------------------
// Commands of the object stream (stream 0)

#[command(waits = Status)]
struct CreateContext {
    context: Handle,
    platform: u32,
    /// CL_CONTEXT_* names and values without CL_CONTEXT_PLATFORM and the final 0.
    properties: List<u64>,
    devices: List<Handle>,
    notify: bool,
}

/// `stream` is opened for the queue. `properties` as for clCreateCommandQueueWithProperties, without the final 0.
#[command(waits = QueueCreated)]
struct CreateCommandQueue {
    queue: Handle,
    context: Handle,
    device: Handle,
    stream: u32,
    properties: List<u64>,
    with_properties: bool,
}

/// A queue on the device, which only kernels enqueue to: it has no stream. `properties` as for CreateCommandQueue.
#[command(waits = QueueCreated)]
struct CreateDeviceQueue {
    queue: Handle,
    context: Handle,
    device: Handle,
    properties: List<u64>,
}

/// `queue` is one on the device.
#[command(waits = Status)]
struct SetDefaultDeviceQueue {
    context: Handle,
    device: Handle,
    queue: Handle,
}

/// `store` is the arena offset of the buffer's own memory (zero copy), or u64::MAX. Initial contents come as the frame's
/// bulk bytes, or in InitMem commands. `flags` are those of the driver call without host-pointer flags.
/// With `svm`, an address in shared virtual memory, the buffer is that memory. `vendor_flags` are those of clCreateBufferNV.
/// Whether it waits is the caller's choice: beyond the session's memory credit it does.
#[command(waits = Status)]
struct CreateBuffer {
    mem: Handle,
    context: Handle,
    flags: u64,
    size: u64,
    store: u64,
    svm: u64,
    vendor_flags: u64,
}

/// Shared virtual memory. To other commands `mem` is a buffer of `size` bytes, whole pages that begin at a page. With a
/// `store`, an arena offset and not u64::MAX, its pages are the arena's. Nothing of it lies in `avoid`, which are first
/// addresses and lengths of what the program has mapped already.
#[command(waits = SvmCreated)]
struct CreateSvm {
    mem: Handle,
    context: Handle,
    flags: u64,
    size: u64,
    alignment: u32,
    store: u64,
    avoid: List<[u64; 2]>,
}

#[command(waits = Status)]
struct CreateSubBuffer {
    mem: Handle,
    parent: Handle,
    flags: u64,
    origin: u64,
    size: u64,
}

/// Pitches are those of `parent` (an image over a buffer) or 0. Initial pixels are packed, and so is `store`; both as for
/// CreateBuffer.
#[command(waits = Status)]
struct CreateImage {
    mem: Handle,
    context: Handle,
    flags: u64,
    order: u32,
    data_type: u32,
    image_type: u32,
    width: u64,
    height: u64,
    depth: u64,
    array_size: u64,
    row_pitch: u64,
    slice_pitch: u64,
    mip_levels: u32,
    samples: u32,
    parent: Handle,
    store: u64,
}

#[command(waits = PipeCreated)]
struct CreatePipe {
    mem: Handle,
    context: Handle,
    flags: u64,
    packet_size: u32,
    max_packets: u32,
}

/// The next part of a memory object's initial contents: the frame's bulk bytes, or `bytes` where the arena has no room.
/// Runs before anything else uses `mem`.
#[command(asynchronous)]
struct InitMem {
    mem: Handle,
    area: Area,
    bytes: Bytes,
}

/// clSetContentSizeBufferPoCL: how many bytes of `mem` count is in `content`.
#[command(waits = Status)]
struct SetContentSize {
    mem: Handle,
    content: Handle,
}

/// `properties` as for clCreateSamplerWithProperties, without the final 0.
#[command(waits = Status)]
struct CreateSampler {
    sampler: Handle,
    context: Handle,
    normalized: u32,
    addressing: u32,
    filter: u32,
    properties: List<u64>,
}

#[command(asynchronous)]
struct CreateUserEvent {
    event: Handle,
    context: Handle,
}

#[command(asynchronous)]
struct SetUserEventStatus {
    event: Handle,
    status: i32,
}

#[command(asynchronous)]
struct CreateProgramWithSource {
    program: Handle,
    context: Handle,
    source: Contents,
}

#[command(waits = ProgramCreated)]
struct CreateProgramWithBinary {
    program: Handle,
    context: Handle,
    devices: List<Handle>,
    binaries: Vec<Contents>,
}

#[command(waits = Status)]
struct CreateProgramWithIL {
    program: Handle,
    context: Handle,
    il: Contents,
}

#[command(waits = Status)]
struct CreateProgramWithBuiltInKernels {
    program: Handle,
    context: Handle,
    devices: List<Handle>,
    names: Bytes,
}

/// Runs on a thread of its own; answered by the notice ProgramBuilt with the same `serial`. `place` is missing where no
/// source includes anything.
#[command(asynchronous)]
struct BuildProgram {
    program: Handle,
    serial: u64,
    devices: List<Handle>,
    options: Bytes,
    place: Option<Place>,
}

#[command(asynchronous)]
struct CompileProgram {
    program: Handle,
    serial: u64,
    devices: List<Handle>,
    options: Bytes,
    headers: Vec<NamedProgram>,
    place: Option<Place>,
}

/// Creates `program`.
#[command(asynchronous)]
struct LinkProgram {
    program: Handle,
    serial: u64,
    context: Handle,
    devices: List<Handle>,
    options: Bytes,
    inputs: List<Handle>,
}

#[command(waits = Status)]
struct SetSpecConstant {
    program: Handle,
    id: u32,
    value: Bytes,
}

/// In the order of CL_PROGRAM_DEVICES; empty for a device without one.
#[command(waits = ProgramBinaries)]
struct GetProgramBinaries {
    program: Handle,
}

/// clGetProgramInfo for what only the driver knows (CL_PROGRAM_IL ...).
#[command(waits = Value)]
struct GetProgramInfo {
    program: Handle,
    param: u32,
}

#[command(asynchronous)]
struct UnloadCompiler {
    platform: u32,
}

#[command(waits = Status)]
struct CreateKernel {
    kernel: Handle,
    program: Handle,
    name: Bytes,
}

#[command(waits = Value)]
struct GetKernelSubGroupInfo {
    kernel: Handle,
    device: Handle,
    param: u32,
    input: Bytes,
    /// How many bytes the caller has room for.
    capacity: u64,
}

/// `queue` says for which device. The value is three u64; those beyond `work_dim` are 1.
#[command(waits = Value)]
struct GetSuggestedLocalWorkSize {
    queue: Handle,
    kernel: Handle,
    work_dim: u32,
    offset: [u64; 3],
    global: [u64; 3],
    args: Items<KernelArg>,
    svm: List<u64>,
}

#[command(waits = ImageFormats)]
struct GetSupportedImageFormats {
    context: Handle,
    flags: u64,
    image_type: u32,
}

/// `handles` are minted for as many sub-devices as there can be; the reply says how many there are.
#[command(waits = SubDevices)]
struct CreateSubDevices {
    device: Handle,
    properties: List<u64>,
    handles: List<Handle>,
}

/// value: device nanoseconds and host nanoseconds, two u64.
#[command(waits = Value)]
struct GetDeviceAndHostTimer {
    device: Handle,
}

/// The state of an event now: CL_QUEUED if its stream has not come to it yet.
#[command(waits = EventDone)]
struct GetEventStatus {
    event: Handle,
}

#[command(waits = Profile)]
struct GetEventProfiling {
    event: Handle,
}

/// The program has dropped its last reference. Runs after the positions in the frame's needs, without holding up the
/// stream. A queue's stream is closed: StreamClosed follows once everything in it is done.
#[command(asynchronous)]
struct Release {
    object: Handle,
}

/// Asks for the notice MemDestroyed when the driver has let go of `mem`.
#[command(asynchronous)]
struct WatchMem {
    mem: Handle,
}

/// Asks for the notice ProgramReleased when the driver has let go of `program`, and answers what it says to that.
#[command(waits = Status)]
struct WatchProgram {
    program: Handle,
}

/// Asks for the notice EventStatus when `event` reaches `state` (CL_SUBMITTED, CL_RUNNING or CL_COMPLETE).
#[command(asynchronous)]
struct WatchEvent {
    event: Handle,
    state: i32,
}

/// `properties` as for clCreateSemaphoreWithPropertiesKHR, without the final 0; devices of lists are Handles.
#[command(waits = Status)]
struct CreateSemaphore {
    semaphore: Handle,
    context: Handle,
    properties: List<u64>,
}

#[command(waits = Value)]
struct GetSemaphorePayload {
    semaphore: Handle,
}

/// Asks what the driver says to clGetKernelArgInfo where a program was built without -cl-kernel-arg-info: drivers differ.
#[command(waits = Status)]
struct AskArgInfo {
    context: Handle,
}

/// clSetKernelAttributeNV.
#[command(waits = Status)]
struct SetKernelAttribute {
    kernel: Handle,
    device: Handle,
    attribute: u32,
    value: Bytes,
}

/// clGetKernelAttributeNV with room for `size` bytes, or none.
#[command(waits = KernelAttribute)]
struct GetKernelAttribute {
    kernel: Handle,
    device: Handle,
    attribute: u32,
    size: u64,
}

/// `value` has the asked-for number of bytes. `size` is what the driver says it takes: NVIDIA's says nothing, which is 0.
#[reply]
struct KernelAttribute {
    code: i32,
    size: u64,
    value: Bytes,
}

/// `properties` as for clCreateCommandBufferKHR, without the final 0.
#[command(waits = Status)]
struct CreateCommandBuffer {
    command_buffer: Handle,
    queue: Handle,
    properties: List<u64>,
}

/// Records `command`: a command of a queue's stream, by opcode and body, whose own event and wait list are empty. Sync points
/// have the client's numbers, from 1. `changeable` is the number of what can be changed later, or 0. A refusal that nobody
/// waits for fails FinalizeCommandBuffer.
#[command(waits = Status)]
struct RecordCommand {
    command_buffer: Handle,
    sync_point: u32,
    wait: List<u32>,
    changeable: u32,
    properties: List<u64>,
    opcode: u16,
    command: Bytes,
}

#[command(waits = Status)]
struct FinalizeCommandBuffer {
    command_buffer: Handle,
}

#[command(waits = Status)]
struct UpdateMutableCommands {
    command_buffer: Handle,
    changes: Vec<DispatchChange>,
}

/// clGetCommandBufferInfoKHR for what only the driver knows: the state, and the properties as it tells them.
#[command(waits = Value)]
struct GetCommandBufferInfo {
    command_buffer: Handle,
    param: u32,
}

// ---------------------------------------------------------------------------------------------------------------------
// Commands of a queue's stream. `event` is 0 where the program asked for none. `wait` lists events.

#[command(waits = Status)]
struct EnqueueNDRangeKernel {
    event: Handle,
    wait: List<Handle>,
    kernel: Handle,
    work_dim: u32,
    offset: [u64; 3],
    global: [u64; 3],
    /// All zero: the driver's choice.
    local: [u64; 3],
    args: Items<KernelArg>,
    /// Shared virtual memory that the kernel finds by pointers in memory: CL_KERNEL_EXEC_INFO_SVM_PTRS.
    svm: List<u64>,
}

/// Device to program. The bytes of `area` land packed in the arena at `staging`, announced by TransferDone{transfer};
/// with `staging` == u64::MAX they come in Deliver notices first. If an answer is asked for (and only then `transfer` is 0
/// where there is staging), EventDone comes once the bytes are there, with the staging as its frame's bulk, in place of
/// TransferDone: that is how a blocking read waits.
#[command(waits = EventDone)]
struct EnqueueRead {
    event: Handle,
    wait: List<Handle>,
    mem: Handle,
    area: Area,
    staging: u64,
    transfer: u64,
}

/// Program to device. The frame's bulk bytes, packed, are the contents; without bulk they are asked for with Fetch
/// notices when the command is ready. TransferDone{transfer} follows completion, unless `transfer` is 0.
#[command(asynchronous)]
struct EnqueueWrite {
    event: Handle,
    wait: List<Handle>,
    mem: Handle,
    area: Area,
    transfer: u64,
}

/// Map (or unmap) of a memory object whose store is in the arena: ordering and coherence only, no bytes move. `area` is of
/// kind 0 or 2.
#[command(asynchronous)]
struct EnqueueMapStore {
    event: Handle,
    wait: List<Handle>,
    mem: Handle,
    flags: u64,
    area: Area,
}

#[command(asynchronous)]
struct EnqueueUnmapStore {
    event: Handle,
    wait: List<Handle>,
    mem: Handle,
    area: Area,
}

#[command(waits = Status)]
struct EnqueueCommandBuffer {
    event: Handle,
    wait: List<Handle>,
    command_buffer: Handle,
}

/// clEnqueueWaitSemaphoresKHR or clEnqueueSignalSemaphoresKHR. `payloads` is empty if there are none.
#[command(asynchronous)]
struct EnqueueSemaphores {
    event: Handle,
    wait: List<Handle>,
    semaphores: List<Handle>,
    payloads: List<u64>,
    signal: bool,
}

#[command(asynchronous)]
struct EnqueueFillBuffer {
    event: Handle,
    wait: List<Handle>,
    mem: Handle,
    pattern: Bytes,
    offset: u64,
    size: u64,
}

#[command(asynchronous)]
struct EnqueueFillImage {
    event: Handle,
    wait: List<Handle>,
    mem: Handle,
    color: [u32; 4],
    origin: [u64; 3],
    region: [u64; 3],
}

#[command(asynchronous)]
struct EnqueueMigrateMemObjects {
    event: Handle,
    wait: List<Handle>,
    mems: List<Handle>,
    flags: u64,
}

/// A read or write of no bytes of a buffer: only the driver knows whether it takes that.
#[command(waits = Status)]
struct EnqueueNoBytes {
    event: Handle,
    wait: List<Handle>,
    mem: Handle,
    offset: u64,
    write: bool,
}

/// Only waits for `wait`, as every command does, and for barriers before it: a map or unmap that moves no bytes.
#[command(asynchronous)]
struct EnqueueNothing {
    event: Handle,
    wait: List<Handle>,
}

/// Something that the program does by itself when it is the command's turn, told by HostCall: a native kernel, the freeing
/// of memory. TransferDone{transfer} follows completion.
#[command(asynchronous)]
struct EnqueueHostCall {
    event: Handle,
    wait: List<Handle>,
    transfer: u64,
}

/// clEnqueueMarker, clEnqueueWaitForEvents, clEnqueueBarrier and their *WithWaitList forms.
#[command(asynchronous)]
struct EnqueueMarkerOrBarrier {
    event: Handle,
    wait: List<Handle>,
    barrier: bool,
}

#[command(asynchronous)]
struct Flush {}

/// The reply carries the late error of the stream, once.
#[command(waits = Status)]
struct Finish {}

/// Waits for an event of this stream (for a user event: of any stream).
#[command(waits = EventDone)]
struct WaitForEvent {
    event: Handle,
}

// ---------------------------------------------------------------------------------------------------------------------
// Commands of the transfer stream (stream 1): answers of the client to Fetch, Deliver, HostCall and SendContents

/// The bytes asked for are the frame's bulk.
#[command(asynchronous)]
struct Fetched {
    transfer: u64,
}

#[command(asynchronous)]
struct Delivered {
    transfer: u64,
}

/// What HostCall asked for has been done.
#[command(asynchronous)]
struct HostCalled {
    transfer: u64,
}

/// The program's memory can't be had any more (its object is gone): the transfer fails.
#[command(asynchronous)]
struct TransferRefused {
    transfer: u64,
}

/// `bytes` is missing if they are of an object that is gone.
#[command(asynchronous)]
struct ContentsSent {
    number: u64,
    bytes: Option<Bytes>,
}

// ---------------------------------------------------------------------------------------------------------------------
// Notices

/// `state` as in CL_EVENT_COMMAND_EXECUTION_STATUS.
#[notice]
struct EventStatus {
    event: Handle,
    state: i32,
}

/// The driver is done with transfer `transfer`; `state` is CL_COMPLETE or a negative status. For a read with staging the
/// frame's bulk is what was read.
#[notice]
struct TransferDone {
    transfer: u64,
    state: i32,
}

/// Copy bytes [offset, offset + length) of the packed contents of `transfer` to the arena at `arena`; answer Fetched.
#[notice]
struct Fetch {
    transfer: u64,
    offset: u64,
    length: u64,
    arena: u64,
}

/// The frame's bulk bytes are bytes [offset, ...) of the packed contents of `transfer`; answer Delivered.
#[notice]
struct Deliver {
    transfer: u64,
    offset: u64,
}

/// It is the turn of what the program does by itself; answer HostCalled.
#[notice]
struct HostCall {
    transfer: u64,
}

/// The worker has not got the contents of offer `number`; answer ContentsSent.
#[notice]
struct SendContents {
    number: u64,
}

#[notice]
struct ProgramBuilt {
    program: Handle,
    serial: u64,
    code: i32,
    devices: Vec<DeviceBuild>,
    kernels: Vec<KernelFacts>,
}

/// What a kernel printed: by itself, or through the C library's `stdout`.
#[notice]
struct Output {
    buffered: bool,
    text: Bytes,
}

#[notice]
struct ContextNotify {
    context: Handle,
    text: Bytes,
    private_info: Bytes,
}

#[notice]
struct MemDestroyed {
    mem: Handle,
}

#[notice]
struct ProgramReleased {
    program: Handle,
}

/// The stream's number may be used again.
#[notice]
struct StreamClosed {
    stream: u32,
}
