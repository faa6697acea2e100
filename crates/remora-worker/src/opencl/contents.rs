//! Contents that commands bring: with them, from what the tenant has sent before, or on their way because they were asked
//! for.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, Weak};

use opencl_sys::{CL_OUT_OF_RESOURCES, cl_int};
use remora_protocol::contents::hash;
use remora_protocol::opencl::{self as wire, ContentsSent, Offer, SendContents};

use super::shared::Shared;
use super::violation::Violation;
use crate::lock;
use crate::store::Store;

/// Contents that the client has been asked for, and the store of its tenant.
#[derive(Default)]
pub struct Asked {
    store: Option<Store>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    coming: HashMap<u64, Weak<Coming>>,
}

/// Contents on their way.
pub struct Coming {
    offer: Offer,
    /// `None` inside if the client has them no more.
    arrived: Mutex<Option<Option<Vec<u8>>>>,
}

/// Contents of a command.
pub enum Contents {
    /// These.
    Here(Vec<u8>),
    /// They can be waited for.
    Coming(Arc<Coming>),
}

impl Asked {
    /// With what the tenant has sent before, if that is kept.
    #[must_use]
    pub fn new(store: Option<Store>) -> Self {
        Self { store, ..Self::default() }
    }

    /// What a message brings. What the tenant hasn't sent before is asked for.
    ///
    /// # Errors
    /// If an offer has the number of another that has been asked for: no client does that.
    pub fn take(&self, shared: &Shared, contents: &wire::Contents<'_>) -> Result<Contents, Violation> {
        let Some(offer) = contents.offer else {
            shared.stats.contents_sent.add(contents.bytes.len() as u64);
            return Ok(Contents::Here(contents.bytes.to_vec()));
        };
        if let Some(found) = self.store.as_ref().and_then(|store| store.find(&offer.hash, offer.length)) {
            shared.stats.contents_saved.add(offer.length);
            return Ok(Contents::Here(found));
        }
        let coming = Arc::new(Coming { offer, arrived: Mutex::new(None) });
        let before = lock(&self.state).coming.insert(offer.number, Arc::downgrade(&coming));
        if before.is_some() {
            return Err(Violation::new("an offer under a number that is in use"));
        }
        shared.notices.send(&SendContents { number: offer.number }, None);
        Ok(Contents::Coming(coming))
    }

    /// The client's answer.
    ///
    /// # Errors
    /// If nobody asked for that.
    pub fn arrived(&self, shared: &Shared, message: &ContentsSent<'_>) -> Result<(), Violation> {
        let mut state = lock(&self.state);
        let Some(coming) = state.coming.remove(&message.number) else {
            return Err(Violation::new("contents that nobody asked for"));
        };
        shared.stats.contents_sent.add(message.bytes.map_or(0, <[u8]>::len) as u64);
        // Otherwise the program has let go of the object before.
        if let Some(coming) = coming.upgrade() {
            *lock(&coming.arrived) = Some(message.bytes.map(<[u8]>::to_vec));
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Nothing arrives any more.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn wait_for(&self, coming: &Coming) -> Option<Vec<u8>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(arrived) = lock(&coming.arrived).take() {
                return arrived;
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Contents {
    /// Waits until they are here.
    ///
    /// # Errors
    /// If the client has them no more. If they are others than it offered the session ends.
    pub fn wait(self, shared: &Shared) -> Result<Vec<u8>, cl_int> {
        let coming = match self {
            Self::Here(bytes) => return Ok(bytes),
            Self::Coming(coming) => coming,
        };
        let asked = &shared.asked;
        let bytes = asked.wait_for(&coming).ok_or(CL_OUT_OF_RESOURCES)?;
        let Offer { length, hash: name, .. } = coming.offer;
        if bytes.len() as u64 != length || hash(&bytes) != name {
            shared.end(&Violation::new("other contents than were offered"));
            return Err(CL_OUT_OF_RESOURCES);
        }
        if let Some(store) = &asked.store {
            store.keep(&name, &bytes);
        }
        Ok(bytes)
    }
}
