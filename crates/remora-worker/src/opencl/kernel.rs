//! Kernels, and the arguments that travel with each launch.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use opencl_sys::{
    CL_INVALID_ARG_INDEX, CL_INVALID_ARG_SIZE, CL_INVALID_ARG_VALUE, CL_INVALID_CONTEXT, CL_INVALID_DEVICE,
    CL_INVALID_KERNEL_ARGS, CL_INVALID_KERNEL_NAME, CL_INVALID_MEM_OBJECT, CL_INVALID_OPERATION, CL_INVALID_VALUE,
    CL_INVALID_WORK_DIMENSION, CL_KERNEL_ARG_ADDRESS_QUALIFIER, CL_KERNEL_ARG_TYPE_NAME, CL_KERNEL_ARG_TYPE_QUALIFIER,
    CL_KERNEL_EXEC_INFO_SVM_PTRS, CL_KERNEL_NUM_ARGS, CL_SUCCESS, cl_int,
};
use remora_protocol::argument::{MOST_OF_AN_ATTRIBUTE, Takes, kind};
use remora_protocol::opencl::{
    CreateKernel, GetKernelAttribute, GetKernelSubGroupInfo, GetSuggestedLocalWorkSize, KernelArg, KernelAttribute,
    SetKernelAttribute,
};
use remora_protocol::{Handle, Items, List};
use smallvec::SmallVec;

use super::area::Shape;
use super::build::Program;
use super::commands::sizes;
use super::context::{Context, Device};
use super::driver::{Driver, Object, call, check, create, query, query_number};
use super::facts::sub_group_function;
use super::kernel_facts::text;
use super::memory::Mem;
use super::objects::At;
use super::shared::Shared;
use super::svm;
use crate::lock;

/// A kernel of a program.
pub struct Kernel {
    object: Object,
    /// Its context.
    pub context: Arc<Context>,
    /// Its program.
    pub program: Arc<Program>,
    /// What each argument takes, as far as the driver says. A driver believes that the bytes for an object are a pointer to
    /// one: so bytes are only passed where no object belongs.
    takes: Arc<[Takes]>,
    arguments: Mutex<Arguments>,
}

/// What was last set. Whoever holds it may set arguments and enqueue: the driver's kernel is the same for all queues.
pub struct Arguments {
    /// `None` if nothing ever was.
    set: Vec<Option<Last>>,
    /// Shared virtual memory that it finds by itself.
    svm: Vec<usize>,
}

/// What an argument was last set to. The default is like no argument that can be set.
#[derive(Clone, Default)]
struct Last {
    kind: u8,
    bytes: Vec<u8>,
    /// Of an object: which. Its handle alone can name another one by now.
    object: Option<Weak<AnyObject>>,
}

/// Whatever a command uses.
pub type AnyObject = dyn std::any::Any + Send + Sync;

impl Last {
    fn is(&self, argument: &KernelArg<'_>, object: Option<&Arc<AnyObject>>) -> bool {
        let same_object = match (&self.object, object) {
            (None, None) => true,
            // The weak reference keeps the address from being used again.
            (Some(last), Some(object)) => ptr::addr_eq(last.as_ptr(), Arc::as_ptr(object)),
            _ => false,
        };
        same_object && self.kind == argument.kind && self.bytes == argument.value
    }
}

impl Kernel {
    /// Executes `CreateKernel`.
    ///
    /// # Errors
    /// The code for the program.
    pub fn create(shared: &Shared, message: &CreateKernel<'_>) -> Result<Arc<Self>, cl_int> {
        let program = shared.tables.programs.get(message.program)?;
        let name = CString::new(message.name).map_err(|_| CL_INVALID_KERNEL_NAME)?;
        let raw = program.raw(shared)?;
        let mut building = lock(&program.building);
        // SAFETY: a live program, and a string that ends with 0.
        let raw = unsafe { create!(shared.driver, clCreateKernel(raw, name.as_ptr())) }?;
        // SAFETY: the driver has just made it for us.
        let object = unsafe { Object::new(raw, shared.driver.clReleaseKernel) };
        let takes = building.entry(name).or_insert_with(|| takes(shared.driver, &object));
        let takes = Arc::clone(takes);
        drop(building);
        Ok(Arc::new(Self {
            object,
            context: Arc::clone(&program.context),
            program: Arc::clone(&program),
            arguments: Mutex::new(Arguments { set: vec![None; takes.len()], svm: Vec::new() }),
            takes,
        }))
    }

    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }

    /// Sets those of `arguments` and `svm` that differ from what was last set. The result keeps others from setting theirs
    /// until the launch has been enqueued, and the objects alive.
    ///
    /// # Errors
    /// The code of the first that does not fit.
    pub fn set(
        &self,
        shared: &Shared,
        arguments: &Items<'_, KernelArg<'_>>,
        svm: &List<'_, u64>,
    ) -> Result<Ready<'_>, cl_int> {
        let mut last = lock(&self.arguments);
        let mut objects = Used::new();
        if arguments.len() < last.set.len() {
            return Err(CL_INVALID_KERNEL_ARGS);
        }
        for (index, argument) in arguments.iter().enumerate() {
            if argument.kind == kind::NOT_SET {
                // Left to the driver, which says what it makes of that, unless it has something there: that may be gone.
                if last.set.get(index).is_some_and(Option::is_some) {
                    return Err(CL_INVALID_KERNEL_ARGS);
                }
                continue;
            }
            let (value, object) = self.value(shared, index, &argument)?;
            if last.set[index].as_ref().is_none_or(|last| !last.is(&argument, object.as_ref())) {
                // Whatever comes of it, the driver may have something there from now on.
                last.set[index] = Some(Last::default());
                self.set_one(shared.driver, index, &value)?;
                let (bytes, weak) = (argument.value.to_vec(), object.as_ref().map(Arc::downgrade));
                last.set[index] = Some(Last { kind: argument.kind, bytes, object: weak });
            }
            objects.extend(object.map(|object| (Some(index), object)));
        }
        if !svm.is_empty() || !last.svm.is_empty() {
            objects.extend(self.set_svm(shared, &mut last, svm)?.into_iter().map(|mem| (None, mem)));
        }
        Ok(Ready { _last: last, objects })
    }

    fn set_one(&self, driver: Driver, index: usize, value: &ArgumentValue<'_>) -> Result<(), cl_int> {
        let index = u32::try_from(index).map_err(|_| CL_INVALID_ARG_INDEX)?;
        if let ArgumentValue::Svm(pointer) = *value {
            // SAFETY: a live kernel, locked; the pointer is null or into memory of clSVMAlloc.
            return check(unsafe { call!(driver, clSetKernelArgSVMPointer(self.raw(), index, pointer)) });
        }
        let (size, pointer) = value.parts();
        // SAFETY: a live kernel, locked; the value has `size` bytes, and is a live object where one belongs.
        check(unsafe { call!(driver, clSetKernelArg(self.raw(), index, size, pointer)) })
    }

    /// Tells the driver of shared virtual memory that the kernel finds by itself, and gives what keeps it.
    fn set_svm(
        &self,
        shared: &Shared,
        last: &mut Arguments,
        svm: &List<'_, u64>,
    ) -> Result<Vec<Arc<AnyObject>>, cl_int> {
        let (list, mems) = self.svm_list(shared, svm)?;
        if last.svm != list {
            last.svm.clear();
            let (param, size) = (CL_KERNEL_EXEC_INFO_SVM_PTRS, size_of_val(list.as_slice()));
            let pointer = if list.is_empty() { ptr::null() } else { list.as_ptr() };
            // SAFETY: a live kernel, locked; the addresses are those of memory of clSVMAlloc.
            let set =
                check(unsafe { call!(shared.driver, clSetKernelExecInfo(self.raw(), param, size, pointer.cast())) });
            // Not every driver takes none (NVIDIA's doesn't). That it knows of more than there is does no harm.
            if !list.is_empty() {
                set?;
            }
            last.svm = list;
        }
        Ok(mems)
    }

    /// Addresses in shared virtual memory, and what keeps that.
    ///
    /// # Errors
    /// The code of what is not of the kernel's context.
    pub fn svm_list(&self, shared: &Shared, list: &List<'_, u64>) -> Result<(Vec<usize>, Vec<Arc<AnyObject>>), cl_int> {
        let find = |address| {
            let mem: Arc<AnyObject> = self.svm(shared, address)?;
            Ok((usize::try_from(address).map_err(|_| CL_INVALID_ARG_VALUE)?, mem))
        };
        list.iter().map(find).collect()
    }

    /// A device of its platform.
    fn device(&self, shared: &Shared, device: Handle) -> Result<Arc<Device>, cl_int> {
        let device = shared.tables.devices.get(device)?;
        if device.platform == self.context.platform { Ok(device) } else { Err(CL_INVALID_DEVICE) }
    }

    fn svm(&self, shared: &Shared, address: u64) -> Result<Arc<Mem>, cl_int> {
        let mem = shared.svm.find(address, 0)?;
        if Arc::ptr_eq(&mem.context, &self.context) { Ok(mem) } else { Err(CL_INVALID_CONTEXT) }
    }

    /// What to tell the driver, and the object if it is one.
    ///
    /// # Errors
    /// The code of what does not fit.
    pub fn value<'a>(
        &self,
        shared: &Shared,
        index: usize,
        argument: &KernelArg<'a>,
    ) -> Result<(ArgumentValue<'a>, Option<Arc<AnyObject>>), cl_int> {
        let takes = self.takes.get(index).copied().ok_or(CL_INVALID_ARG_INDEX)?;
        if !takes.accepts(argument.kind) {
            return Err(CL_INVALID_ARG_VALUE);
        }
        if argument.kind == kind::BYTES {
            // Where the type is the program's own, these may be for an object after all. What a driver makes of them then
            // is the tenant's own loss: it can't be told.
            return Ok((ArgumentValue::Bytes(argument.value), None));
        }
        let number = number(argument.value)?;
        let (handle, tables) = (Handle::from_bits(number), &shared.tables);
        match argument.kind {
            kind::LOCAL => Ok((ArgumentValue::Local(usize::try_from(number).map_err(|_| CL_INVALID_ARG_SIZE)?), None)),
            kind::SVM if number == 0 => Ok((ArgumentValue::Svm(ptr::null()), None)),
            kind::SVM => {
                let mem = self.svm(shared, number)?;
                Ok((ArgumentValue::Svm(svm::pointer(number)), Some(mem)))
            }
            kind::MEMORY if handle.is_none() => Ok((ArgumentValue::Object(ptr::null_mut()), None)),
            kind::MEMORY => {
                let mem = tables.mems.get(handle)?;
                match (takes, mem.shape) {
                    (Takes::Buffer, Shape::Buffer(_))
                    | (Takes::Image, Shape::Image { .. })
                    | (Takes::Pipe, Shape::Pipe)
                    | (Takes::Unknown | Takes::Own, _) => {}
                    _ => return Err(CL_INVALID_MEM_OBJECT),
                }
                Ok((self.object(&mem.context, mem.raw())?, Some(mem)))
            }
            kind::SAMPLER => {
                let sampler = tables.samplers.get(handle)?;
                Ok((self.object(&sampler.context, sampler.raw())?, Some(sampler)))
            }
            kind::QUEUE => {
                let queue = tables.device_queues.get(handle)?;
                Ok((self.object(&queue.context, queue.raw())?, Some(queue)))
            }
            _ => Err(CL_INVALID_ARG_VALUE),
        }
    }

    fn object(&self, context: &Arc<Context>, raw: *mut c_void) -> Result<ArgumentValue<'static>, cl_int> {
        if Arc::ptr_eq(context, &self.context) { Ok(ArgumentValue::Object(raw)) } else { Err(CL_INVALID_CONTEXT) }
    }
}

/// All arguments are set; nobody else's are until this is dropped.
pub struct Ready<'a> {
    _last: MutexGuard<'a, Arguments>,
    objects: Used,
}

/// The objects that a launch uses: of most launches they need no allocation.
type Used = SmallVec<[(Place, Arc<AnyObject>); 8]>;

/// Where a launch names an object: at which argument, or in the list of shared virtual memory.
pub type Place = Option<usize>;

impl Ready<'_> {
    /// The objects among the arguments, once they are in use.
    #[must_use]
    pub fn into_objects(self) -> Vec<(Place, Arc<AnyObject>)> {
        self.objects.into_vec()
    }
}

/// An argument as the driver takes it.
pub enum ArgumentValue<'a> {
    /// As they are.
    Bytes(&'a [u8]),
    /// So many of local memory.
    Local(usize),
    /// A driver's handle.
    Object(*mut c_void),
    /// An address in shared virtual memory.
    Svm(*const c_void),
}

impl ArgumentValue<'_> {
    /// Size and address, valid as long as `self`.
    pub fn parts(&self) -> (usize, *const c_void) {
        match self {
            Self::Bytes(bytes) => (bytes.len(), bytes.as_ptr().cast()),
            Self::Local(size) => (*size, ptr::null()),
            Self::Object(object) => (size_of::<*mut c_void>(), (&raw const *object).cast()),
            Self::Svm(pointer) => (size_of::<*const c_void>(), (&raw const *pointer).cast()),
        }
    }
}

fn number(bytes: &[u8]) -> Result<u64, cl_int> {
    Ok(u64::from_le_bytes(bytes.try_into().map_err(|_| CL_INVALID_ARG_SIZE)?))
}

/// How many arguments a kernel has.
#[must_use]
pub fn argument_count(driver: Driver, kernel: &Object) -> u32 {
    let count = query_number(|size, value, size_ret| {
        // SAFETY: a live kernel, and `value` has room for `size` bytes.
        unsafe { call!(driver, clGetKernelInfo(kernel.raw(), CL_KERNEL_NUM_ARGS, size, value, size_ret)) }
    });
    count.map_or(0, u32::from_ne_bytes)
}

fn takes(driver: Driver, kernel: &Object) -> Arc<[Takes]> {
    let takes = |index| {
        let address = query_number(|size, value, size_ret| {
            let param = CL_KERNEL_ARG_ADDRESS_QUALIFIER;
            // SAFETY: a live kernel, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetKernelArgInfo(kernel.raw(), index, param, size, value, size_ret)) }
        });
        let type_name = query(|size, value, size_ret| {
            // SAFETY: as above.
            unsafe {
                call!(driver, clGetKernelArgInfo(kernel.raw(), index, CL_KERNEL_ARG_TYPE_NAME, size, value, size_ret))
            }
        });
        let qualifier = query_number(|size, value, size_ret| {
            let param = CL_KERNEL_ARG_TYPE_QUALIFIER;
            // SAFETY: as above.
            unsafe { call!(driver, clGetKernelArgInfo(kernel.raw(), index, param, size, value, size_ret)) }
        });
        match (address, qualifier, type_name) {
            (Ok(address), Ok(qualifier), Ok(type_name)) => {
                Takes::of(u32::from_ne_bytes(address), u64::from_ne_bytes(qualifier), &text(type_name))
            }
            _ => Takes::Unknown,
        }
    };
    (0..argument_count(driver, kernel)).map(takes).collect()
}

/// Executes `SetKernelAttribute`.
///
/// # Errors
/// The code for the program.
pub fn set_attribute(shared: &Shared, message: &SetKernelAttribute<'_>) -> Result<(), cl_int> {
    let kernel = shared.tables.kernels.get(message.kernel)?;
    let device = kernel.device(shared, message.device)?;
    let (raw, id, attribute) = (kernel.raw(), device.id(), message.attribute);
    let (size, value) = (message.value.len(), message.value.as_ptr().cast());
    let _arguments = lock(&kernel.arguments);
    // SAFETY: live objects of the driver, and `value` has `size` bytes; nobody else sets anything of the kernel meanwhile.
    check(unsafe { call!(kernel.context.extensions, clSetKernelAttributeNV(raw, id, attribute, size, value)) })
}

/// Executes `GetKernelAttribute`. It is one call as the program's: NVIDIA's driver refuses to be asked for the size first.
pub fn attribute(at: &At<'_>, message: &GetKernelAttribute) {
    let mut value = [0; MOST_OF_AN_ATTRIBUTE];
    match read_attribute(at.shared, message, &mut value) {
        Ok((room, size)) => at.reply(&KernelAttribute { code: CL_SUCCESS, size, value: &value[..room] }),
        Err(code) => at.reply(&KernelAttribute { code, size: 0, value: &[] }),
    }
}

/// How much of `value` is the attribute, and what the driver says of its size.
fn read_attribute(shared: &Shared, message: &GetKernelAttribute, value: &mut [u8]) -> Result<(usize, u64), cl_int> {
    let kernel = shared.tables.kernels.get(message.kernel)?;
    let device = kernel.device(shared, message.device)?;
    let room = usize::try_from(message.size).ok().filter(|room| *room <= value.len()).ok_or(CL_INVALID_VALUE)?;
    let pointer = if room == 0 { ptr::null_mut() } else { value.as_mut_ptr().cast() };
    let (raw, id, attribute, mut size) = (kernel.raw(), device.id(), message.attribute, 0);
    // SAFETY: live objects of the driver; `pointer` is null or has room for `room` bytes.
    check(unsafe {
        call!(kernel.context.extensions, clGetKernelAttributeNV(raw, id, attribute, room, pointer, &raw mut size))
    })?;
    Ok((room, size as u64))
}

/// Executes `GetSuggestedLocalWorkSize`.
///
/// # Errors
/// The code for the program.
pub fn suggested_local_work_size(shared: &Shared, message: &GetSuggestedLocalWorkSize<'_>) -> Result<Vec<u8>, cl_int> {
    let queue = shared.tables.queues.get(message.queue)?;
    let kernel = shared.tables.kernels.get(message.kernel)?;
    if !Arc::ptr_eq(&kernel.context, &queue.context) {
        return Err(CL_INVALID_CONTEXT);
    }
    let extensions = queue.context.extensions;
    let core = shared.driver.clGetKernelSuggestedLocalWorkSize;
    let function = extensions.clGetKernelSuggestedLocalWorkSizeKHR.or(core).ok_or(CL_INVALID_OPERATION)?;
    let (offset, global) = (sizes(message.offset)?, sizes(message.global)?);
    let dimensions = Some(message.work_dim).filter(|dimensions| (1..=3).contains(dimensions));
    let dimensions = dimensions.ok_or(CL_INVALID_WORK_DIMENSION)?;
    let mut local = [1_usize; 3];
    let _ready = kernel.set(shared, &message.args, &message.svm)?;
    // SAFETY: live objects of the driver; the arrays have three sizes; nobody else sets the kernel's arguments meanwhile.
    check(unsafe {
        function(queue.raw(), kernel.raw(), dimensions, offset.as_ptr(), global.as_ptr(), local.as_mut_ptr())
    })?;
    Ok(local.iter().flat_map(|size| (*size as u64).to_le_bytes()).collect())
}

/// Executes `GetKernelSubGroupInfo`.
///
/// # Errors
/// The code for the program.
pub fn sub_group_info(shared: &Shared, message: &GetKernelSubGroupInfo<'_>) -> Result<Vec<u8>, cl_int> {
    let kernel = shared.tables.kernels.get(message.kernel)?;
    let device = if message.device.is_none() {
        Arc::clone(kernel.context.first_device())
    } else {
        kernel.device(shared, message.device)?
    };
    // Sizes on the wire are 64 bits; the driver's are as wide as its pointers.
    let input: Vec<usize> = {
        if message.input.len() % 8 != 0 {
            return Err(opencl_sys::CL_INVALID_VALUE);
        }
        message.input.chunks_exact(8).map(|word| number(word).map(|word| word as usize)).collect::<Result<_, _>>()?
    };
    let capacity = usize::try_from(message.capacity).unwrap_or(usize::MAX).min(MAX_SUB_GROUP_INFO);
    let mut value = vec![0_u8; capacity];
    let (mut written, input_size) = (0, size_of_val(input.as_slice()));
    let function = sub_group_function(shared.driver, &kernel.context).ok_or(CL_INVALID_OPERATION)?;
    // SAFETY: live objects; input and value have the sizes that are passed.
    check(unsafe {
        function(
            kernel.raw(),
            device.id(),
            message.param,
            input_size,
            if input.is_empty() { ptr::null() } else { input.as_ptr().cast() },
            capacity,
            if capacity == 0 { ptr::null_mut() } else { value.as_mut_ptr().cast() },
            &raw mut written,
        )
    })?;
    value.resize(written.min(MAX_SUB_GROUP_INFO), 0);
    Ok(value)
}

/// The longest answer has three sizes.
const MAX_SUB_GROUP_INFO: usize = 256;
