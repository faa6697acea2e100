//! What the back-ends say of their platforms and devices: one snapshot, answered from memory ever after.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::CStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use opencl_sys::*;
use remora_client::{Session, backends};
use remora_protocol::Handle;
use remora_protocol::extensions::Offered;
use remora_protocol::extensions::retain_versions;
use remora_protocol::opencl::{DeviceFacts, Facts, Info};
use remora_protocol::wire::decode_all;

use crate::error::{Error, Result};
use crate::extensions::{self, STRINGS};
use crate::generated::dispatch::Offers;
use crate::object::{Object, Remote, ShellRef, publish};
use crate::session::Sink;

/// Answers by parameter: the bytes, or the code that the driver gave.
pub(crate) struct Infos(HashMap<u32, std::result::Result<Vec<u8>, i32>>);

impl Infos {
    pub(crate) fn new(infos: &[Info<'_>]) -> Self {
        let answer = |info: &Info<'_>| if info.code == CL_SUCCESS { Ok(info.value.to_vec()) } else { Err(info.code) };
        Self(infos.iter().map(|info| (info.param, answer(info))).collect())
    }

    pub(crate) fn bytes(&self, param: u32) -> Result<&[u8]> {
        self.get(param).unwrap_or(Err(Error(CL_INVALID_VALUE)))
    }

    /// The answer, if the driver was asked and knew what.
    pub(crate) fn get(&self, param: u32) -> Option<Result<&[u8]>> {
        self.0.get(&param).map(|answer| answer.as_deref().map_err(|code| Error(*code)))
    }

    /// A number of whatever size the driver gave; 0 where it has none.
    pub(crate) fn number(&self, param: u32) -> u64 {
        self.numbers(param, 1).first().copied().unwrap_or(0)
    }

    /// The size_t values of an array parameter.
    pub(crate) fn sizes(&self, param: u32) -> Vec<u64> {
        self.numbers(param, usize::MAX)
    }

    fn numbers(&self, param: u32, most: usize) -> Vec<u64> {
        let Ok(bytes) = self.bytes(param) else { return Vec::new() };
        let width = if bytes.len() == 4 { 4 } else { 8 };
        let widen = |item: &[u8]| item.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        bytes.chunks_exact(width).take(most).map(widen).collect()
    }

    /// A string without its final zero.
    pub(crate) fn text(&self, param: u32) -> String {
        String::from_utf8_lossy(self.bytes(param).unwrap_or_default()).trim_end_matches('\0').to_owned()
    }

    fn set(&mut self, param: u32, bytes: Vec<u8>) {
        if let Some(answer) = self.0.get_mut(&param) {
            *answer = Ok(bytes);
        }
    }
}

/// A platform of some back-end.
pub(crate) struct Platform {
    shell: ShellRef,
    backend: usize,
    /// Its place in the back-end's facts.
    pub(crate) index: u32,
    pub(crate) infos: Infos,
    /// Functions of extensions that the driver has.
    functions: HashSet<Vec<u8>>,
    devices: Mutex<Vec<Arc<Device>>>,
}

/// A device of a platform, or a part of one.
pub(crate) struct Device {
    shell: ShellRef,
    pub(crate) platform: Weak<Platform>,
    pub(crate) handle: Handle,
    pub(crate) infos: Infos,
    /// What is looked at in each launch.
    pub(crate) limits: Limits,
    /// Its extensions, as far as they are carried.
    offered: Offered,
    pub(crate) parent: Option<Arc<Device>>,
    /// A sub-device's counterpart, released with it.
    _remote: Option<Remote>,
}

/// What launches are checked against.
pub(crate) struct Limits {
    /// The version of OpenCL that the device speaks; (1, 0) if it doesn't say.
    pub(crate) version: (u32, u32),
    /// The largest work size, and the end of the last work item's place.
    pub(crate) global: u64,
    /// CL_DEVICE_MAX_WORK_ITEM_SIZES of the first three dimensions.
    pub(crate) local: [u64; 3],
    /// CL_DEVICE_LOCAL_MEM_SIZE, or `u64::MAX` if the device has none.
    pub(crate) local_memory: u64,
}

impl Limits {
    fn new(infos: &Infos) -> Self {
        let text = infos.text(CL_DEVICE_VERSION);
        let number = text.strip_prefix("OpenCL ").and_then(|rest| rest.split(' ').next()?.split_once('.'));
        let version = number.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let sizes = infos.sizes(CL_DEVICE_MAX_WORK_ITEM_SIZES);
        let memory = infos.number(CL_DEVICE_LOCAL_MEM_SIZE);
        Self {
            version: version.unwrap_or((1, 0)),
            global: if infos.number(CL_DEVICE_ADDRESS_BITS) == 32 { u64::from(u32::MAX) } else { u64::MAX },
            local: [0, 1, 2].map(|axis| sizes.get(axis).copied().unwrap_or(u64::MAX)),
            local_memory: if memory == 0 { u64::MAX } else { memory },
        }
    }
}

impl Object for Platform {
    const KIND: u32 = 0x504c_4154;
    const INVALID: cl_int = CL_INVALID_PLATFORM;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Object for Device {
    const KIND: u32 = 0x4445_5649;
    const INVALID: cl_int = CL_INVALID_DEVICE;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

/// All platforms of all back-ends. Asked again as long as there are none: a broker may have been started meanwhile.
pub(crate) fn platforms() -> Vec<Arc<Platform>> {
    static PLATFORMS: Mutex<Vec<Arc<Platform>>> = Mutex::new(Vec::new());
    let mut platforms = PLATFORMS.lock().unwrap_or_else(PoisonError::into_inner);
    if platforms.is_empty() {
        for (index, backend) in backends().list().iter().enumerate() {
            match backend.facts() {
                Ok(facts) => platforms.extend(platforms_of(index, &facts)),
                Err(reason) => tracing::warn!(url = backend.url(), reason, "no OpenCL from this back-end"),
            }
        }
    }
    platforms.clone()
}

fn platforms_of(backend: usize, facts: &[u8]) -> Vec<Arc<Platform>> {
    let Ok(facts) = decode_all::<Facts<'_>>(facts) else {
        tracing::error!("the back-end's facts are garbled");
        return Vec::new();
    };
    let platforms = facts.platforms.iter().enumerate().map(|(index, facts)| {
        let mut infos = Infos::new(&facts.infos);
        restrict_platform(&mut infos);
        let platform = Arc::new(Platform {
            shell: ShellRef::default(),
            backend,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            infos,
            functions: facts.functions.iter().map(|name| name.to_vec()).collect(),
            devices: Mutex::default(),
        });
        let devices = facts.devices.iter().map(|facts| {
            let device = Arc::new(Device::new(&platform, facts, None, None));
            publish(Arc::clone(&device));
            device
        });
        *platform.lock_devices() = devices.collect();
        publish(Arc::clone(&platform));
        platform
    });
    platforms.collect()
}

impl Platform {
    pub(crate) fn devices(&self) -> Vec<Arc<Device>> {
        self.lock_devices().clone()
    }

    /// The session with the back-end, opened when first needed.
    pub(crate) fn session(&self) -> Result<Arc<Session>> {
        let backend = backends().list().get(self.backend).ok_or(Error(CL_DEVICE_NOT_AVAILABLE))?;
        backend.session(Sink::create).map_err(|reason| {
            tracing::error!(url = backend.url(), reason, "no session");
            Error(CL_DEVICE_NOT_AVAILABLE)
        })
    }

    fn lock_devices(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Device>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offers for Platform {
    fn function(&self, name: &str) -> bool {
        self.functions.contains(name.as_bytes())
    }

    fn version(&self, extension: &str) -> u32 {
        let own = offered(&self.infos, CL_PLATFORM_EXTENSIONS, CL_PLATFORM_EXTENSIONS_WITH_VERSION).version(extension);
        let of_devices = self.lock_devices().iter().filter_map(|device| device.offered.version(extension)).max();
        own.max(of_devices).unwrap_or(0)
    }
}

impl Device {
    pub(crate) fn new(
        platform: &Arc<Platform>,
        facts: &DeviceFacts<'_>,
        parent: Option<Arc<Device>>,
        remote: Option<Remote>,
    ) -> Self {
        let mut infos = Infos::new(&facts.infos);
        restrict_device(&mut infos, remora_client::shares_memory());
        Self {
            shell: ShellRef::default(),
            platform: Arc::downgrade(platform),
            handle: facts.handle,
            limits: Limits::new(&infos),
            offered: offered(&infos, CL_DEVICE_EXTENSIONS, CL_DEVICE_EXTENSIONS_WITH_VERSION),
            infos,
            parent,
            _remote: remote,
        }
    }

    pub(crate) fn platform(&self) -> Result<Arc<Platform>> {
        self.platform.upgrade().ok_or(Error(CL_INVALID_DEVICE))
    }

    /// The version of an extension that is carried, as CL_MAKE_VERSION makes it; 0 if it has none.
    pub(crate) fn extension(&self, extension: &str) -> u32 {
        self.offered.version(extension).unwrap_or(0)
    }

    /// Whether it has an extension that is carried.
    pub(crate) fn offers(&self, extension: &str) -> bool {
        self.offered.version(extension).is_some()
    }

    /// The version of OpenCL that it speaks; (1, 0) if it doesn't say.
    pub(crate) fn version(&self) -> (u32, u32) {
        self.limits.version
    }
}

/// What the host's platform has but Remora does not carry is not reported.
fn restrict_platform(infos: &mut Infos) {
    // To the ICD loader this is an ICD, whatever the host's driver is.
    let names = infos.text(CL_PLATFORM_EXTENSIONS);
    if !names.split(' ').any(|name| name == "cl_khr_icd") {
        infos.0.insert(CL_PLATFORM_EXTENSIONS, Ok(format!("cl_khr_icd {names}\0").into_bytes()));
    }
    if infos.bytes(CL_PLATFORM_ICD_SUFFIX_KHR).is_err() {
        infos.0.insert(CL_PLATFORM_ICD_SUFFIX_KHR, Ok(b"REMORA\0".to_vec()));
    }
    restrict_extensions(infos, CL_PLATFORM_EXTENSIONS, CL_PLATFORM_EXTENSIONS_WITH_VERSION);
}

fn restrict_device(infos: &mut Infos, same_memory: bool) {
    for param in STRINGS {
        let pointers = infos.bytes(*param).map(pointers);
        if let Ok(pointers) = pointers {
            infos.set(*param, pointers);
        }
    }
    restrict_extensions(infos, CL_DEVICE_EXTENSIONS, CL_DEVICE_EXTENSIONS_WITH_VERSION);
    restrict_svm(infos, same_memory);
}

/// Memory that both sides may use at any time must be the same pages, which those of other devices than CPUs can't be. The
/// system's own memory is never shared. Addresses must fit the program's pointers.
fn restrict_svm(infos: &mut Infos, same_memory: bool) {
    let coarse = CL_DEVICE_SVM_COARSE_GRAIN_BUFFER;
    let fine = CL_DEVICE_SVM_FINE_GRAIN_BUFFER | CL_DEVICE_SVM_ATOMICS;
    let is_cpu = infos.number(CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU != 0;
    let carried = match (size_of::<usize>(), same_memory && is_cpu) {
        (8, true) => coarse | fine,
        (8, false) => coarse,
        _ => 0,
    };
    let capabilities = infos.number(CL_DEVICE_SVM_CAPABILITIES) & carried;
    infos.set(CL_DEVICE_SVM_CAPABILITIES, capabilities.to_ne_bytes().to_vec());
    if carried & fine == 0 {
        withhold(infos, "cl_intel_unified_shared_memory");
    } else {
        infos.set(CL_DEVICE_SHARED_SYSTEM_MEM_CAPABILITIES_INTEL, 0_u64.to_ne_bytes().to_vec());
    }
}

/// The device lacks what an extension needs here.
fn withhold(infos: &mut Infos, extension: &str) {
    let names = infos.text(CL_DEVICE_EXTENSIONS);
    let kept: Vec<&str> = names.split(' ').filter(|name| *name != extension).collect();
    infos.set(CL_DEVICE_EXTENSIONS, format!("{}\0", kept.join(" ")).into_bytes());
    let versions = infos.bytes(CL_DEVICE_EXTENSIONS_WITH_VERSION).unwrap_or_default();
    let kept = retain_versions(versions, |name| name != extension);
    infos.set(CL_DEVICE_EXTENSIONS_WITH_VERSION, kept);
}

/// An array of pointers to strings that stay, from the strings themselves, each with its final 0.
fn pointers(strings: &[u8]) -> Vec<u8> {
    static STAYING: Mutex<BTreeSet<&'static CStr>> = Mutex::new(BTreeSet::new());
    let mut staying = STAYING.lock().unwrap_or_else(PoisonError::into_inner);
    let strings =
        strings.split_inclusive(|byte| *byte == 0).filter_map(|string| CStr::from_bytes_with_nul(string).ok());
    let pointers = strings.map(|string| {
        let kept = staying.get(string).copied().unwrap_or_else(|| Box::leak(string.into()));
        staying.insert(kept);
        kept.as_ptr() as usize
    });
    pointers.flat_map(usize::to_ne_bytes).collect()
}

fn restrict_extensions(infos: &mut Infos, names: u32, with_version: u32) {
    let versions = infos.bytes(with_version).unwrap_or_default();
    let (kept, kept_versions) = extensions::restrict(&infos.text(names), versions);
    let mut bytes = kept.into_bytes();
    bytes.push(0);
    infos.set(names, bytes);
    if infos.bytes(with_version).is_ok() {
        infos.set(with_version, kept_versions);
    }
}

fn offered(infos: &Infos, names: u32, with_version: u32) -> Offered {
    Offered::new(&infos.text(names), infos.bytes(with_version).unwrap_or_default())
}
