//! Changes to recorded launches.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use opencl_sys::{
    CL_INVALID_MUTABLE_COMMAND_KHR, CL_INVALID_VALUE, CL_INVALID_WORK_DIMENSION, CL_KERNEL_EXEC_INFO_SVM_PTRS,
    CL_STRUCTURE_TYPE_MUTABLE_DISPATCH_CONFIG_KHR, cl_int, cl_mutable_dispatch_arg_khr, cl_mutable_dispatch_config_khr,
    cl_mutable_dispatch_exec_info_khr,
};
use remora_protocol::opencl::{DispatchChange, UpdateMutableCommands};

use super::command_buffer::{Named, Recorded, find};
use super::commands::sizes;
use super::driver::{call, check};
use super::kernel::ArgumentValue;
use super::shared::Shared;

/// Executes `UpdateMutableCommands`.
///
/// # Errors
/// The code for the program.
pub fn update(shared: &Shared, message: &UpdateMutableCommands<'_>) -> Result<(), cl_int> {
    let buffer = find(shared, message.command_buffer)?;
    let mut recorded = buffer.recorded();
    let changes = message.changes.iter().map(|change| Change::new(shared, &recorded, change));
    let changes = changes.collect::<Result<Vec<_>, cl_int>>()?;
    let arguments: Vec<_> = changes.iter().map(Change::arguments).collect();
    let configs: Vec<_> = changes.iter().zip(&arguments).map(|(change, arguments)| change.config(arguments)).collect();
    let types = vec![CL_STRUCTURE_TYPE_MUTABLE_DISPATCH_CONFIG_KHR; configs.len()];
    let mut pointers: Vec<*const c_void> = configs.iter().map(|config| ptr::from_ref(config).cast()).collect();
    let count = u32::try_from(configs.len()).map_err(|_| CL_INVALID_VALUE)?;
    let (types, list) =
        if count == 0 { (ptr::null(), ptr::null_mut()) } else { (types.as_ptr(), pointers.as_mut_ptr()) };
    // SAFETY: a live command buffer, whose commands nobody else changes or enqueues meanwhile; all that the configurations
    // point to outlives the call.
    let updated =
        check(unsafe { call!(buffer.extensions(), clUpdateMutableCommandsKHR(buffer.raw(), count, types, list)) });
    if let Err(code) = updated {
        // The driver may have taken some of them: what was there and what is new stay.
        for (place, objects) in changes.into_iter().flat_map(|change| change.named) {
            let there = recorded.named.entry(place).or_default();
            for object in objects {
                if !there.iter().any(|other| Arc::ptr_eq(other, &object)) {
                    there.push(object);
                }
            }
        }
        return Err(code);
    }
    let mut named = Named::new();
    for (place, objects) in changes.into_iter().flat_map(|change| change.named) {
        // A place may come twice: what the driver goes by then is one of the two.
        named.entry(place).or_default().extend(objects);
    }
    recorded.named.extend(named);
    Ok(())
}

/// One change, ready to be told.
struct Change<'a> {
    command: *mut c_void,
    dimensions: u32,
    offset: Option<[usize; 3]>,
    global: Option<[usize; 3]>,
    local: Option<[usize; 3]>,
    values: Vec<(u32, ArgumentValue<'a>)>,
    svm: Option<Vec<usize>>,
    /// What it names from now on, and where.
    named: Named,
}

/// What a configuration points to.
struct Arguments {
    usual: Vec<cl_mutable_dispatch_arg_khr>,
    svm: Vec<cl_mutable_dispatch_arg_khr>,
    infos: Vec<cl_mutable_dispatch_exec_info_khr>,
}

impl<'a> Change<'a> {
    fn new(shared: &Shared, recorded: &Recorded, change: &DispatchChange<'a>) -> Result<Self, cl_int> {
        let (command, kernel) = recorded.changeable.get(&change.changeable).ok_or(CL_INVALID_MUTABLE_COMMAND_KHR)?;
        if change.work_dim > 3 {
            return Err(CL_INVALID_WORK_DIMENSION);
        }
        let (mut values, mut named) = (Vec::new(), Named::new());
        for changed in &change.args {
            let index = usize::try_from(changed.index).map_err(|_| CL_INVALID_VALUE)?;
            let (value, object) = kernel.value(shared, index, &changed.arg)?;
            values.push((changed.index, value));
            named.entry((change.changeable, Some(index))).or_default().extend(object);
        }
        let svm = change.svm.as_ref().map(|list| {
            let (addresses, mems) = kernel.svm_list(shared, list)?;
            named.insert((change.changeable, None), mems);
            Ok::<_, cl_int>(addresses)
        });
        Ok(Self {
            command: command.0,
            dimensions: change.work_dim,
            offset: change.offset.map(sizes).transpose()?,
            global: change.global.map(sizes).transpose()?,
            local: change.local.map(sizes).transpose()?,
            values,
            svm: svm.transpose()?,
            named,
        })
    }

    fn arguments(&self) -> Arguments {
        let (mut usual, mut svm) = (Vec::new(), Vec::new());
        for (index, value) in &self.values {
            if let ArgumentValue::Svm(pointer) = value {
                svm.push(cl_mutable_dispatch_arg_khr { arg_index: *index, arg_size: 0, arg_value: *pointer });
            } else {
                let (size, pointer) = value.parts();
                usual.push(cl_mutable_dispatch_arg_khr { arg_index: *index, arg_size: size, arg_value: pointer });
            }
        }
        let infos = self.svm.iter().map(|list| cl_mutable_dispatch_exec_info_khr {
            param_name: CL_KERNEL_EXEC_INFO_SVM_PTRS,
            param_value_size: size_of_val(list.as_slice()),
            param_value: if list.is_empty() { ptr::null() } else { list.as_ptr().cast() },
        });
        Arguments { usual, svm, infos: infos.collect() }
    }

    fn config(&self, arguments: &Arguments) -> cl_mutable_dispatch_config_khr {
        let sizes = |sizes: &Option<[usize; 3]>| sizes.as_ref().map_or(ptr::null(), |sizes| sizes.as_ptr());
        let ((num_args, arg_list), (num_svm_args, arg_svm_list)) = (list(&arguments.usual), list(&arguments.svm));
        let (num_exec_infos, exec_info_list) = list(&arguments.infos);
        cl_mutable_dispatch_config_khr {
            command: self.command,
            num_args,
            num_svm_args,
            num_exec_infos,
            work_dim: self.dimensions,
            arg_list,
            arg_svm_list,
            exec_info_list,
            global_work_offset: sizes(&self.offset),
            global_work_size: sizes(&self.global),
            local_work_size: sizes(&self.local),
        }
    }
}

/// A decoded list holds no more than its frame: far less than a u32 counts.
fn list<T>(items: &[T]) -> (u32, *const T) {
    let pointer = if items.is_empty() { ptr::null() } else { items.as_ptr() };
    (u32::try_from(items.len()).unwrap_or(0), pointer)
}
