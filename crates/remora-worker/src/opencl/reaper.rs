//! Releases and watches. They wait for other streams (a release for what still uses the object, a watch for the event's
//! command), and some drivers wait in a release for the device: neither may hold up the stream that they come in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opencl_sys::{CL_COMPLETE, cl_int};
use remora_protocol::opencl::StreamClosed;
use remora_protocol::{Handle, Kind, Need};

use super::build::Leaving;
use super::completions::{Watched, Work};
use super::events;
use super::queue::Queue;
use super::shared::Shared;
use super::waits::end_of;
use crate::lock;

/// Releases on their way to the thread that carries them out.
#[derive(Default)]
pub struct Reaper {
    inbox: Mutex<Vec<Entry>>,
    /// Queues on devices that the program has released and the driver still has.
    device_queues: AtomicUsize,
}

struct Entry {
    needs: Vec<Need>,
    due: Due,
}

enum Due {
    Release(Handle),
    /// Its program can't be built before.
    ReleaseKernel(Handle, Leaving),
    Watch(Handle, cl_int),
}

impl Reaper {
    /// Releases `object` once `needs` are met.
    pub fn release(&self, shared: &Shared, needs: Vec<Need>, object: Handle) {
        // Small things of which there are many, and which no driver waits for.
        let light = matches!(object.kind(), Some(Kind::Event | Kind::Sampler));
        if light && shared.progress.met(&needs) {
            return reap_object(shared, object);
        }
        if object.kind() == Some(Kind::DeviceQueue) {
            self.device_queues.fetch_add(1, Ordering::SeqCst);
        }
        let kernel = if object.kind() == Some(Kind::Kernel) { shared.tables.kernels.get(object).ok() } else { None };
        let due = match kernel {
            Some(kernel) => Due::ReleaseKernel(object, Leaving::new(&kernel.program)),
            None => Due::Release(object),
        };
        lock(&self.inbox).push(Entry { needs, due });
        shared.progress.nudge();
    }

    /// Waits until the driver has been told of every release of a queue on a device that came before: else it takes the next
    /// default queue for the last one. Releases wait only for executors, which wait for nothing that takes another call.
    pub fn wait_for_device_queues(&self, shared: &Shared) {
        let gone = || self.device_queues.load(Ordering::SeqCst) == 0;
        while !gone() && !shared.progress.is_closed() {
            shared.progress.sleep_for([], gone);
        }
    }

    /// Tells when `event` has reached `state`, once `needs` are met and it exists.
    pub fn watch(&self, shared: &Arc<Shared>, needs: Vec<Need>, event: Handle, state: cl_int) {
        if shared.progress.met(&needs) {
            return events::watch(shared, event, state);
        }
        lock(&self.inbox).push(Entry { needs, due: Due::Watch(event, state) });
        shared.progress.nudge();
    }
}

/// Carries out releases until the session ends. The body of a thread.
pub fn run(shared: &Arc<Shared>) {
    let mut waiting: Vec<Entry> = Vec::new();
    while !shared.progress.is_closed() {
        waiting.append(&mut lock(&shared.reaper.inbox));
        let (due, later): (Vec<Entry>, Vec<Entry>) =
            waiting.into_iter().partition(|entry| shared.progress.met(&entry.needs));
        waiting = later;
        let idle = due.is_empty();
        for entry in due {
            match entry.due {
                Due::Release(object) if object.kind() == Some(Kind::DeviceQueue) => {
                    reap_object(shared, object);
                    shared.reaper.device_queues.fetch_sub(1, Ordering::SeqCst);
                    shared.progress.nudge();
                }
                Due::Release(object) => reap(shared, object),
                Due::ReleaseKernel(object, leaving) => {
                    reap_object(shared, object);
                    drop(leaving);
                    shared.progress.nudge();
                }
                Due::Watch(event, state) => events::watch(shared, event, state),
            }
        }
        if idle {
            let lists = waiting.iter().map(|entry| entry.needs.as_slice());
            shared.progress.sleep_for(lists, || !lock(&shared.reaper.inbox).is_empty());
        }
    }
}

fn reap(shared: &Arc<Shared>, object: Handle) {
    if object.kind() != Some(Kind::Queue) {
        return reap_object(shared, object);
    }
    let Some(queue) = shared.tables.queues.remove(object) else { return };
    match end_of(shared, &queue) {
        Ok(done) => {
            queue.flush(shared);
            let work = Work::Run(Box::new(move |shared: &Arc<Shared>, status| {
                if status == CL_COMPLETE {
                    // Intel's runtime is not done with a command when it has called back for its end. If the queue went
                    // now, that command would be its last user, take it down and wait for itself.
                    let _ = queue.finish(shared);
                }
                close(shared, queue);
            }));
            shared.completions.when(shared.driver, Watched::Own(done), CL_COMPLETE, work);
        }
        Err(_) => {
            // A queue that takes no marker.
            let _ = queue.finish(shared);
            close(shared, queue);
        }
    }
}

/// Everything in the queue is done.
fn close(shared: &Shared, queue: Arc<Queue>) {
    if let Some(code) = queue.take_late() {
        tracing::warn!(code, stream = queue.stream, "a queue was released with an error that nobody asked for");
    }
    let stream = queue.stream;
    shared.executors.close(&queue);
    drop(queue);
    shared.notices.send(&StreamClosed { stream }, None);
}

fn reap_object(shared: &Shared, object: Handle) {
    let tables = &shared.tables;
    match object.kind() {
        Some(Kind::Device) => drop(tables.devices.remove(object)),
        Some(Kind::Context) => drop(tables.contexts.remove(object)),
        Some(Kind::DeviceQueue) => drop(tables.device_queues.remove(object)),
        Some(Kind::Mem) => drop(tables.mems.remove(object)),
        Some(Kind::Sampler) => drop(tables.samplers.remove(object)),
        Some(Kind::Program) => drop(tables.programs.remove(object)),
        Some(Kind::Kernel) => drop(tables.kernels.remove(object)),
        Some(Kind::Event) => {
            if let Some(event) = tables.events.remove(object) {
                events::released(shared, &event);
            }
        }
        Some(Kind::Semaphore) => drop(tables.semaphores.remove(object)),
        Some(Kind::CommandBuffer) => drop(tables.command_buffers.remove(object)),
        Some(Kind::Queue) | None => {}
    }
}
