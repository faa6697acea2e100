//! Recorded launches that can be changed.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use opencl_sys::*;
use remora_protocol::List;
use remora_protocol::opencl::{ChangedArg, DispatchChange, Status, UpdateMutableCommands};

use crate::api::command_buffer::CommandBuffer;
use crate::api::launch::Range;
use crate::arguments::Arg;
use crate::error::{Error, Result, check, ensure};
use crate::info::Answer;
use crate::kernel::Kernel;
use crate::object::{Object, ShellRef, get, pointer_of, share};

/// A recorded launch of the program that can be changed.
pub(crate) struct MutableCommand {
    /// Its number in the command buffer.
    number: u32,
    buffer: Weak<CommandBuffer>,
    kernel: Arc<Kernel>,
    /// As given, with the final 0; empty if none were.
    properties: Vec<cl_command_properties_khr>,
    range: Mutex<Range>,
    shell: ShellRef,
}

impl Object for MutableCommand {
    const KIND: u32 = 0x4d55_5443;
    const INVALID: cl_int = CL_INVALID_MUTABLE_COMMAND_KHR;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl MutableCommand {
    pub(crate) fn new(
        number: u32,
        buffer: &Arc<CommandBuffer>,
        kernel: &Arc<Kernel>,
        properties: Vec<cl_command_properties_khr>,
        range: Range,
    ) -> Arc<Self> {
        Arc::new(Self {
            number,
            buffer: Arc::downgrade(buffer),
            kernel: Arc::clone(kernel),
            properties,
            range: Mutex::new(range),
            shell: ShellRef::default(),
        })
    }

    fn range(&self) -> MutexGuard<'_, Range> {
        self.range.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn buffer(&self) -> Result<Arc<CommandBuffer>> {
        self.buffer.upgrade().ok_or(Error(Self::INVALID))
    }
}

/// What the program wants to become of a command.
struct Change<'a> {
    command: Arc<MutableCommand>,
    dimensions: u32,
    offset: Option<[u64; 3]>,
    global: Option<[u64; 3]>,
    local: Option<[u64; 3]>,
    args: Vec<(u32, Arg<'a>)>,
    svm: Option<Vec<u64>>,
}

/// # Safety
/// As clUpdateMutableCommandsKHR.
pub unsafe fn update_mutable_commands_khr(
    buffer: cl_command_buffer_khr,
    count: cl_uint,
    types: *const cl_command_buffer_update_type_khr,
    configs: *mut *const c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let buffer: Arc<CommandBuffer> = unsafe { share(buffer) }?;
    ensure(buffer.state().finalized, CL_INVALID_OPERATION)?;
    let given = (types.is_null(), configs.is_null());
    ensure(given == (count == 0, count == 0), CL_INVALID_VALUE)?;
    let mut changes = Vec::new();
    for place in 0..count as usize {
        // SAFETY: the program gives `count` types and as many configurations of them.
        unsafe {
            ensure(*types.add(place) == CL_STRUCTURE_TYPE_MUTABLE_DISPATCH_CONFIG_KHR, CL_INVALID_VALUE)?;
            let config: *const cl_mutable_dispatch_config_khr = (*configs.add(place)).cast();
            changes.push(Change::new(&buffer, config.as_ref().ok_or(Error(CL_INVALID_VALUE))?)?);
        }
    }
    let command = UpdateMutableCommands {
        command_buffer: buffer.remote.handle,
        changes: changes.iter().map(Change::wire).collect(),
    };
    let session = &buffer.remote.session;
    let mut state = buffer.state();
    let (position, answer) = session.call(session.objects(), &command, &state.after_enqueued(), None)?;
    check(answer.decode::<Status>()?.code)?;
    state.changed(position);
    drop(state);
    for change in &changes {
        buffer.uses(change.args.iter().filter_map(|(_, arg)| arg.host_part()));
        change.apply();
    }
    Ok(())
}

impl Change<'_> {
    unsafe fn new(buffer: &Arc<CommandBuffer>, config: &cl_mutable_dispatch_config_khr) -> Result<Self> {
        // SAFETY: the program gives a command, and lists of as many items as it says.
        unsafe {
            let command: Arc<MutableCommand> = share(config.command)?;
            ensure(std::ptr::eq(command.buffer.as_ptr(), Arc::as_ptr(buffer)), CL_INVALID_MUTABLE_COMMAND_KHR)?;
            let kernel = &command.kernel;
            let mut args = Vec::new();
            for arg in items(config.num_args, config.arg_list)? {
                args.push((arg.arg_index, kernel.arg(arg.arg_index, arg.arg_size, arg.arg_value)?));
            }
            for arg in items(config.num_svm_args, config.arg_svm_list)? {
                args.push((arg.arg_index, kernel.svm_arg(arg.arg_index, arg.arg_value)?));
            }
            let mut svm = None;
            for info in items(config.num_exec_infos, config.exec_info_list)? {
                ensure(info.param_name == CL_KERNEL_EXEC_INFO_SVM_PTRS, CL_INVALID_VALUE)?;
                ensure(info.param_value_size % size_of::<*const u8>() == 0, CL_INVALID_VALUE)?;
                let count = (info.param_value_size / size_of::<*const u8>()) as u32;
                let pointers: &[*const u8] = items(count, info.param_value.cast())?;
                svm = Some(kernel.svm_list(pointers.iter().copied())?);
            }
            let dimensions = config.work_dim;
            let most = if dimensions == 0 { command.range().dimensions } else { dimensions };
            ensure(most <= 3, CL_INVALID_WORK_DIMENSION)?;
            let sizes = |from: *const usize, default: u64| {
                (!from.is_null()).then(|| {
                    let mut sizes = [default; 3];
                    for (place, size) in sizes.iter_mut().enumerate().take(most as usize) {
                        *size = *from.add(place) as u64;
                    }
                    sizes
                })
            };
            Ok(Self {
                dimensions,
                offset: sizes(config.global_work_offset, 0),
                global: sizes(config.global_work_size, 1),
                local: sizes(config.local_work_size, 1),
                args,
                svm,
                command,
            })
        }
    }

    fn wire(&self) -> DispatchChange<'_> {
        DispatchChange {
            changeable: self.command.number,
            work_dim: self.dimensions,
            offset: self.offset,
            global: self.global,
            local: self.local,
            // All objects that these name were created in this very stream.
            args: self.args.iter().map(|(index, arg)| ChangedArg { index: *index, arg: arg.wire().0 }).collect(),
            svm: self.svm.as_deref().map(List::new),
        }
    }

    /// The driver has accepted it.
    fn apply(&self) {
        let mut range = self.command.range();
        range.offset = self.offset.unwrap_or(range.offset);
        range.global = self.global.unwrap_or(range.global);
        range.local = self.local.unwrap_or(range.local);
    }
}

/// A list of the program.
///
/// # Safety
/// `list` is null or has `count` items, which live while the call does.
unsafe fn items<'a, T>(count: cl_uint, list: *const T) -> Result<&'a [T]> {
    ensure((count == 0) == list.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: by the promise of the caller.
    Ok(if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(list, count as usize) } })
}

/// # Safety
/// As clGetMutableCommandInfoKHR.
pub unsafe fn get_mutable_command_info_khr(
    command: cl_mutable_command_khr,
    param_name: cl_mutable_command_info_khr,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let command: &MutableCommand = get(command)?;
        let range = command.range();
        let sizes = |sizes: &[u64; 3]| {
            let sizes = sizes.map(|size| size as usize);
            answer.values(&sizes[..range.dimensions as usize])
        };
        match param_name {
            CL_MUTABLE_COMMAND_COMMAND_QUEUE_KHR => answer.value(pointer_of(&*command.buffer()?.queue)),
            CL_MUTABLE_COMMAND_COMMAND_BUFFER_KHR => answer.value(pointer_of(&*command.buffer()?)),
            CL_MUTABLE_COMMAND_COMMAND_TYPE_KHR => answer.value(CL_COMMAND_NDRANGE_KERNEL),
            CL_MUTABLE_COMMAND_PROPERTIES_ARRAY_KHR => answer.values(&command.properties),
            CL_MUTABLE_DISPATCH_KERNEL_KHR => answer.value(pointer_of(&*command.kernel)),
            CL_MUTABLE_DISPATCH_DIMENSIONS_KHR => answer.value(range.dimensions),
            CL_MUTABLE_DISPATCH_GLOBAL_WORK_OFFSET_KHR => sizes(&range.offset),
            CL_MUTABLE_DISPATCH_GLOBAL_WORK_SIZE_KHR => sizes(&range.global),
            CL_MUTABLE_DISPATCH_LOCAL_WORK_SIZE_KHR => sizes(&range.local),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}
