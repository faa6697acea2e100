//! What a build, compilation or link made.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use opencl_sys::{CL_DEVICE_NOT_AVAILABLE, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, CL_KERNEL_WORK_GROUP_SIZE, cl_int};
use remora_protocol::Handle;
use remora_protocol::argument::Takes;
use remora_protocol::opencl::{self as wire, KernelFacts};

use crate::error::{Error, Result};
use crate::facts::Infos;

/// The outcome, as the worker told it.
pub(crate) struct BuildResult {
    pub(crate) code: cl_int,
    pub(crate) devices: HashMap<Handle, DeviceBuild>,
    pub(crate) kernels: Vec<Arc<KernelDescription>>,
}

/// What one device made of it.
#[derive(Clone, Default)]
pub(crate) struct DeviceBuild {
    pub(crate) status: cl_int,
    pub(crate) binary_type: u32,
    pub(crate) global_variable_size: u64,
    pub(crate) log: Vec<u8>,
    pub(crate) options: Vec<u8>,
}

/// Everything that a kernel can be asked.
pub(crate) struct KernelDescription {
    pub(crate) name: Vec<u8>,
    pub(crate) attributes: Vec<u8>,
    pub(crate) args: Vec<ArgDescription>,
    /// For each device that it was built for.
    pub(crate) work_group: Vec<(Handle, WorkGroup)>,
    pub(crate) sub_groups: SubGroups,
}

impl KernelDescription {
    /// What a device says of it, if it was built for that.
    pub(crate) fn group(&self, device: Handle) -> Option<&WorkGroup> {
        // There are one or two devices.
        self.work_group.iter().find(|(known, _)| *known == device).map(|(_, group)| group)
    }
}

/// The answers of clGetKernelSubGroupInfo: those that need no input, and others once they were asked for.
pub(crate) struct SubGroups {
    known: HashMap<Handle, Infos>,
    asked: Mutex<HashMap<SubGroupQuestion, std::result::Result<Vec<u8>, cl_int>>>,
}

/// What the answer depends on; drivers also look at how much room there is for it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SubGroupQuestion {
    pub(crate) device: Handle,
    pub(crate) param: u32,
    pub(crate) input: Vec<u8>,
    pub(crate) capacity: u64,
}

/// So many answers are kept.
const MOST_ANSWERS: usize = 1024;

impl SubGroups {
    /// What is known, or what `ask` says. Its own error, that of a lost session, is not kept.
    pub(crate) fn answer(
        &self,
        question: SubGroupQuestion,
        ask: impl FnOnce(&SubGroupQuestion) -> Result<std::result::Result<Vec<u8>, cl_int>>,
    ) -> Result<Vec<u8>> {
        if let Some(known) = self.known.get(&question.device).and_then(|infos| infos.get(question.param)) {
            return known.map(<[u8]>::to_vec);
        }
        let asked = || self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = asked().get(&question).cloned();
        let answer = match known {
            Some(known) => known,
            None => {
                let answer = ask(&question)?;
                let mut asked = asked();
                if asked.len() >= MOST_ANSWERS {
                    asked.clear();
                }
                asked.insert(question, answer.clone());
                answer
            }
        };
        answer.map_err(Error)
    }
}

/// The answers of clGetKernelWorkGroupInfo for a device.
pub(crate) struct WorkGroup {
    pub(crate) infos: Infos,
    /// CL_KERNEL_WORK_GROUP_SIZE, or 0 if the driver has none.
    pub(crate) most: u64,
    /// The local size that the kernel was written for (CL_KERNEL_COMPILE_WORK_GROUP_SIZE); 0 if any will do.
    pub(crate) required: [u64; 3],
}

/// What is known of a kernel's argument.
pub(crate) struct ArgDescription {
    pub(crate) known: bool,
    /// What can be set.
    pub(crate) takes: Takes,
    pub(crate) address: u32,
    pub(crate) access: u32,
    pub(crate) type_qualifier: u64,
    pub(crate) type_name: Vec<u8>,
    pub(crate) name: Vec<u8>,
}

impl BuildResult {
    pub(crate) fn new(code: cl_int, devices: &[wire::DeviceBuild<'_>], kernels: &[KernelFacts<'_>]) -> Self {
        let devices = devices.iter().map(|device| {
            let build = DeviceBuild {
                status: device.status,
                binary_type: device.binary_type,
                global_variable_size: device.global_variable_size,
                log: device.log.to_vec(),
                options: device.options.to_vec(),
            };
            (device.device, build)
        });
        let kernels = kernels.iter().map(|facts| Arc::new(KernelDescription::new(facts)));
        Self { code, devices: devices.collect(), kernels: kernels.collect() }
    }

    /// Nobody will ever tell.
    pub(crate) fn lost() -> Self {
        Self { code: CL_DEVICE_NOT_AVAILABLE, devices: HashMap::new(), kernels: Vec::new() }
    }
}

impl KernelDescription {
    fn new(facts: &KernelFacts<'_>) -> Self {
        let args = facts.args.iter().map(|arg| ArgDescription {
            known: arg.known,
            takes: match arg.known {
                true => Takes::of(arg.address, arg.type_qualifier, arg.type_name),
                false => Takes::Unknown,
            },
            address: arg.address,
            access: arg.access,
            type_qualifier: arg.type_qualifier,
            type_name: arg.type_name.to_vec(),
            name: arg.name.to_vec(),
        });
        let work_group = facts.work_group.iter().map(|group| {
            let infos = Infos::new(&group.infos);
            let (most, sizes) =
                (infos.number(CL_KERNEL_WORK_GROUP_SIZE), infos.sizes(CL_KERNEL_COMPILE_WORK_GROUP_SIZE));
            let required = [0, 1, 2].map(|axis| sizes.get(axis).copied().unwrap_or(0));
            (group.device, WorkGroup { infos, most, required })
        });
        let sub_groups = facts.work_group.iter().map(|group| (group.device, Infos::new(&group.sub_groups)));
        Self {
            name: facts.name.to_vec(),
            attributes: facts.attributes.to_vec(),
            args: args.collect(),
            work_group: work_group.collect(),
            sub_groups: SubGroups { known: sub_groups.collect(), asked: Mutex::default() },
        }
    }
}

type Complete = Box<dyn FnOnce(BuildResult) + Send>;

/// Someone who waits for a build.
pub(crate) struct BuildWait {
    complete: Mutex<Option<Complete>>,
    code: Mutex<Option<cl_int>>,
    ended: Condvar,
}

impl BuildWait {
    /// `complete` takes the result before anyone who waits goes on.
    pub(crate) fn new(complete: impl FnOnce(BuildResult) + Send + 'static) -> Arc<Self> {
        Arc::new(Self { complete: Mutex::new(Some(Box::new(complete))), code: Mutex::new(None), ended: Condvar::new() })
    }

    pub(crate) fn finish(&self, result: BuildResult) {
        let code = result.code;
        let complete = self.complete.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(complete) = complete {
            complete(result);
            *self.code.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
            self.ended.notify_all();
        }
    }

    /// Waits for the end and gives its code.
    pub(crate) fn wait(&self) -> cl_int {
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *code {
                Some(code) => return code,
                None => code = self.ended.wait(code).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
