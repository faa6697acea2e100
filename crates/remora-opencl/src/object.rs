//! The objects that the program holds pointers to.
//!
//! What the program sees is a *shell*: the ICD's dispatch pointer, a kind, a reference count and the object itself. Shells
//! are never given back to the allocator, only used again, so that a stale pointer finds a dead shell and not somebody
//! else's memory.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crossbeam_queue::SegQueue;
use opencl_sys::cl_int;
use remora_client::{Needs, Session};
use remora_protocol::Handle;
use remora_protocol::opencl::Release;

use crate::error::{Error, Result};
use crate::generated::dispatch::DISPATCH;

/// A type that the program can hold pointers to.
pub(crate) trait Object: Send + Sync + 'static {
    /// Tells this type's shells from others; not 0.
    const KIND: u32;
    /// The code for a pointer that is not one of these.
    const INVALID: cl_int;
    /// Where the object keeps its own shell.
    fn shell(&self) -> &ShellRef;
}

/// The shell of an object, from the inside. Dropped with the object.
#[derive(Default)]
pub(crate) struct ShellRef(AtomicPtr<Shell>);

#[repr(C)]
struct Shell {
    /// First, as the ICD loader wants it.
    dispatch: *const c_void,
    kind: AtomicU32,
    /// References of the program. The object may live longer, because of others that use it.
    references: AtomicU32,
    /// From `Arc::into_raw` of the kind's type; not counted there by itself.
    object: AtomicPtr<c_void>,
}

/// Shells of dead objects, oldest first.
static DEAD: SegQueue<ShellPointer> = SegQueue::new();
/// The addresses of all shells, for telling whether some bytes are a pointer to one.
static SHELLS: RwLock<BTreeSet<usize>> = RwLock::new(BTreeSet::new());
/// As many stay dead for a while, so that a stale pointer is noticed.
const GRAVEYARD: usize = 1024;

struct ShellPointer(*mut Shell);
// SAFETY: a shell in the queue belongs to the queue alone; its fields are atomics or constant.
unsafe impl Send for ShellPointer {}

/// Gives `object` to the program: one reference.
pub(crate) fn publish<T: Object>(object: Arc<T>) -> *mut c_void {
    let reused = if DEAD.len() > GRAVEYARD { DEAD.pop() } else { None };
    let shell = reused.map_or_else(
        || {
            let shell = Box::into_raw(Box::new(Shell {
                dispatch: ptr::from_ref(&DISPATCH).cast(),
                kind: AtomicU32::new(0),
                references: AtomicU32::new(0),
                object: AtomicPtr::default(),
            }));
            SHELLS.write().unwrap_or_else(PoisonError::into_inner).insert(shell as usize);
            shell
        },
        |pointer| pointer.0,
    );
    object.shell().0.store(shell, Ordering::Release);
    // SAFETY: shells are never freed; this one is in nobody else's hands.
    let fields = unsafe { &*shell };
    fields.references.store(1, Ordering::Relaxed);
    fields.object.store(Arc::into_raw(object).cast_mut().cast(), Ordering::Relaxed);
    fields.kind.store(T::KIND, Ordering::Release);
    shell.cast()
}

/// The object behind a pointer of the program.
///
/// # Safety
/// `pointer` is null or came from [`publish`], and the program does not release the object during this call: OpenCL's own
/// rule. A pointer to an object that was released before is noticed.
pub(crate) unsafe fn get<'a, T: Object>(pointer: *mut c_void) -> Result<&'a T> {
    // SAFETY: the caller's promise; shells are never freed.
    let object = unsafe { shell_of::<T>(pointer) }?.object.load(Ordering::Acquire);
    // SAFETY: the kind says that it is a `T`, alive while the program keeps its reference.
    unsafe { object.cast::<T>().as_ref() }.ok_or(Error(T::INVALID))
}

/// As [`get`], for keeping.
///
/// # Safety
/// As for [`get`].
pub(crate) unsafe fn share<T: Object>(pointer: *mut c_void) -> Result<Arc<T>> {
    // SAFETY: passed on to the caller.
    let object: &T = unsafe { get(pointer) }?;
    // SAFETY: `object` lies in an Arc (see `publish`) whose count is above zero.
    unsafe {
        Arc::increment_strong_count(object);
        Ok(Arc::from_raw(object))
    }
}

/// One more reference of the program.
///
/// # Safety
/// As for [`get`].
pub(crate) unsafe fn retain<T: Object>(pointer: *mut c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    let shell = unsafe { shell_of::<T>(pointer) }?;
    if shell.references.fetch_add(1, Ordering::AcqRel) == 0 {
        // The program had let go, others keep the object alive: take hold of it again.
        // SAFETY: as in `share`.
        unsafe { Arc::increment_strong_count(shell.object.load(Ordering::Acquire).cast::<T>()) };
    }
    Ok(())
}

/// One reference less; the object goes with the last one, unless others use it.
///
/// # Safety
/// As for [`get`].
pub(crate) unsafe fn release<T: Object>(pointer: *mut c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    let shell = unsafe { shell_of::<T>(pointer) }?;
    let before =
        shell.references.fetch_update(Ordering::AcqRel, Ordering::Acquire, |references| references.checked_sub(1));
    match before {
        Err(_) => Err(Error(T::INVALID)),
        Ok(1) => {
            // SAFETY: this is the count that `publish` (or `retain` from zero) took.
            drop(unsafe { Arc::from_raw(shell.object.load(Ordering::Acquire).cast::<T>()) });
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Whether `pointer` is a shell, alive or dead, without looking at what it points to.
pub(crate) fn is_shell(pointer: *mut c_void) -> bool {
    SHELLS.read().unwrap_or_else(PoisonError::into_inner).contains(&(pointer as usize))
}

/// The pointer that the program knows `object` by.
pub(crate) fn pointer_of<T: Object>(object: &T) -> *mut c_void {
    object.shell().0.load(Ordering::Acquire).cast()
}

/// For CL_*_REFERENCE_COUNT.
pub(crate) fn references<T: Object>(object: &T) -> u32 {
    // SAFETY: the object is alive, so its shell is too.
    let shell = unsafe { object.shell().0.load(Ordering::Acquire).as_ref() };
    shell.map_or(1, |shell| shell.references.load(Ordering::Relaxed).max(1))
}

unsafe fn shell_of<'a, T: Object>(pointer: *mut c_void) -> Result<&'a Shell> {
    let shell: *mut Shell = pointer.cast();
    if shell.is_null() || !shell.is_aligned() {
        return Err(Error(T::INVALID));
    }
    // SAFETY: the caller says that it came from `publish`, whose shells are never freed.
    let shell = unsafe { &*shell };
    if shell.kind.load(Ordering::Acquire) == T::KIND { Ok(shell) } else { Err(Error(T::INVALID)) }
}

impl Drop for ShellRef {
    fn drop(&mut self) {
        let shell = *self.0.get_mut();
        // SAFETY: shells are never freed.
        if let Some(fields) = unsafe { shell.as_ref() } {
            fields.kind.store(0, Ordering::Release);
            fields.object.store(ptr::null_mut(), Ordering::Release);
            DEAD.push(ShellPointer(shell));
        }
    }
}

/// An object's counterpart in the worker. Dropping it releases that, after everything sent so far.
pub(crate) struct Remote {
    pub(crate) session: Arc<Session>,
    pub(crate) handle: Handle,
    /// The position in the object stream of the command that creates it.
    pub(crate) created: u64,
}

impl Remote {
    /// Takes note of what this object must be preceded by when a command names it.
    #[inline]
    pub(crate) fn needed_by(&self, needs: &mut Needs) {
        needs.add(0, self.created);
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let (session, object) = (Arc::clone(&self.session), self.handle);
        self.session.aside(move || {
            let needs = session.everything_sent();
            // If the session is lost, so is what was to be released.
            if session.send(session.objects(), &Release { object }, &needs, None).is_ok() {
                session.retire(object);
            }
        });
    }
}
