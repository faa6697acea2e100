//! Sources, binaries and other contents that may be long and that a worker's tenant may have sent before. Long ones are
//! offered by their hash, and sent only if the worker asks for them.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use remora_protocol::contents::{WORTH_ASKING, hash};
use remora_protocol::opencl as wire;

/// Bytes that can be asked for as long as this lives.
#[derive(Default)]
pub struct Contents {
    bytes: Arc<Vec<u8>>,
    offer: Option<(wire::Offer, Arc<Offers>)>,
}

impl Contents {
    pub(crate) fn new(bytes: Vec<u8>, offers: &Arc<Offers>) -> Self {
        let bytes = Arc::new(bytes);
        let offer = (bytes.len() >= WORTH_ASKING).then(|| (offers.add(&bytes), Arc::clone(offers)));
        Self { bytes, offer }
    }

    /// As they travel in a command.
    #[must_use]
    pub fn wire(&self) -> wire::Contents<'_> {
        match &self.offer {
            Some((offer, _)) => wire::Contents { bytes: &[], offer: Some(*offer) },
            None => wire::Contents { bytes: &self.bytes, offer: None },
        }
    }
}

impl Deref for Contents {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        if let Some((offer, offers)) = &self.offer {
            offers.lock().all.remove(&offer.number);
        }
    }
}

/// What the worker of a session may ask for.
#[derive(Default)]
pub(crate) struct Offers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    all: HashMap<u64, Arc<Vec<u8>>>,
}

impl Offers {
    fn add(&self, bytes: &Arc<Vec<u8>>) -> wire::Offer {
        let hash = hash(bytes);
        let mut state = self.lock();
        state.last += 1;
        let number = state.last;
        state.all.insert(number, Arc::clone(bytes));
        wire::Offer { number, length: bytes.len() as u64, hash }
    }

    /// Those of an offer, unless it is gone.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Vec<u8>>> {
        self.lock().all.get(&number).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_contents_are_offered_while_they_live() {
        let offers = Arc::new(Offers::default());
        let short = Contents::new(vec![1; WORTH_ASKING - 1], &offers);
        assert!(short.wire().offer.is_none() && short.wire().bytes.len() == WORTH_ASKING - 1);
        let long = Contents::new(vec![2; WORTH_ASKING], &offers);
        let offer = long.wire().offer.unwrap();
        assert!(long.wire().bytes.is_empty() && offer.hash == hash(&[2; WORTH_ASKING]));
        assert_eq!(offers.get(offer.number).unwrap().as_slice(), &*long);
        drop(long);
        assert!(offers.get(offer.number).is_none());
    }
}
