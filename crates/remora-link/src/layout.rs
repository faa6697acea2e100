//! Which lanes a link has, and where in the memory of the rings each of them lies.

use remora_protocol::hello::Layout;

/// Which end of a link this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The program.
    Client,
    /// The process with the driver.
    Worker,
}

/// One direction of one stream: a ring of frames with one sender and one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Commands of a stream, from client to worker.
    Commands(u32),
    /// Replies to commands of a stream, from worker to client.
    Replies(u32),
    /// What the worker says unasked.
    Notices,
}

impl Lane {
    /// Which side sends on this lane.
    pub(crate) fn sending_side(self) -> Side {
        match self {
            Self::Commands(_) => Side::Client,
            Self::Replies(_) | Self::Notices => Side::Worker,
        }
    }
}

/// A layout that has been checked: every number that can be derived from it fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    layout: Layout,
    /// Bytes of all rings.
    rings: usize,
    arena: usize,
}

/// Where a lane's ring is: a header of [`HEADER`] bytes, then `capacity` bytes of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub offset: usize,
    pub capacity: usize,
}

/// Bytes of a ring's header. A page, so that every ring can be given memory by itself.
pub(crate) const HEADER: usize = 4096;
/// A frame's header must fit into a quarter of the smallest ring.
const SMALLEST_RING: u32 = 4096;
const LARGEST_RING: u32 = 1 << 28;
const MOST_STREAMS: u32 = 4096;
const LARGEST_ARENA: u64 = 1 << 46;

impl Geometry {
    /// Checks a layout, which may come from the other side.
    pub fn new(layout: Layout) -> Result<Self, &'static str> {
        if layout.streams == 0 || layout.streams > MOST_STREAMS {
            return Err("there must be 1 to 4096 streams");
        }
        for ring in [layout.command_ring, layout.reply_ring, layout.notice_ring] {
            if !ring.is_power_of_two() || !(SMALLEST_RING..=LARGEST_RING).contains(&ring) {
                return Err("a ring's size must be a power of two from 4 KiB to 256 MiB");
            }
        }
        if layout.arena == 0 || layout.arena % 4096 != 0 || layout.arena > LARGEST_ARENA {
            return Err("the arena's size must be a multiple of 4096 bytes from 4 KiB to 64 TiB");
        }
        let rings = (|| {
            let stream = region(layout.command_ring)?.checked_add(region(layout.reply_ring)?)?;
            let streams = stream.checked_mul(usize::try_from(layout.streams).ok()?)?;
            let all = streams.checked_add(region(layout.notice_ring)?)?;
            isize::try_from(all).is_ok().then_some(all)
        })();
        let arena = usize::try_from(layout.arena).ok().filter(|size| isize::try_from(*size).is_ok());
        match (rings, arena) {
            (Some(rings), Some(arena)) => Ok(Self { layout, rings, arena }),
            _ => Err("it is larger than this machine's address space"),
        }
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    pub fn rings_size(&self) -> usize {
        self.rings
    }

    pub fn arena_size(&self) -> usize {
        self.arena
    }

    /// How many lanes there are; their numbers are smaller.
    pub fn lanes(&self) -> u32 {
        self.layout.streams * 2 + 1
    }

    /// The lane's number, as it stands on the wire of a stream link.
    pub fn number(&self, lane: Lane) -> Option<u32> {
        match lane {
            Lane::Commands(stream) if stream < self.layout.streams => Some(stream * 2),
            Lane::Replies(stream) if stream < self.layout.streams => Some(stream * 2 + 1),
            Lane::Notices => Some(self.layout.streams * 2),
            Lane::Commands(_) | Lane::Replies(_) => None,
        }
    }

    /// The inverse of [`Geometry::number`].
    pub fn lane(&self, number: u32) -> Option<Lane> {
        let stream = number / 2;
        match number {
            _ if number > self.layout.streams * 2 => None,
            _ if stream == self.layout.streams => Some(Lane::Notices),
            _ if number % 2 == 0 => Some(Lane::Commands(stream)),
            _ => Some(Lane::Replies(stream)),
        }
    }

    /// Where the lane's ring is.
    pub fn place(&self, lane: Lane) -> Option<Place> {
        // No overflow: the end of the last ring was computed with checks in `new`.
        let commands = HEADER + self.layout.command_ring as usize;
        let replies = HEADER + self.layout.reply_ring as usize;
        let stream = (self.number(lane)? / 2) as usize * (commands + replies);
        Some(match lane {
            Lane::Commands(_) => Place { offset: stream, capacity: self.layout.command_ring as usize },
            Lane::Replies(_) => Place { offset: stream + commands, capacity: self.layout.reply_ring as usize },
            Lane::Notices => Place { offset: stream, capacity: self.layout.notice_ring as usize },
        })
    }
}

fn region(ring: u32) -> Option<usize> {
    usize::try_from(ring).ok()?.checked_add(HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Layout {
        Layout { streams: 3, command_ring: 8192, reply_ring: 4096, notice_ring: 16384, arena: 65536 }
    }

    #[test]
    fn lanes_fill_the_memory_without_gap_or_overlap() {
        let geometry = Geometry::new(small()).unwrap();
        let mut end = 0;
        for number in 0..geometry.lanes() {
            let lane = geometry.lane(number).unwrap();
            assert_eq!(geometry.number(lane), Some(number));
            let place = geometry.place(lane).unwrap();
            assert_eq!(place.offset, end);
            assert_eq!(place.offset % 4096, 0);
            end += HEADER + place.capacity;
        }
        assert_eq!(end, geometry.rings_size());
        assert_eq!(geometry.lane(geometry.lanes()), None);
        assert_eq!(geometry.lane(u32::MAX), None);
        assert_eq!(geometry.place(Lane::Commands(3)), None);
        assert_eq!(geometry.place(Lane::Replies(u32::MAX)), None);
    }

    #[test]
    fn bad_layouts_are_refused() {
        assert!(Geometry::new(Layout::default()).is_ok());
        let bad = [
            Layout { streams: 0, ..small() },
            Layout { streams: 4097, ..small() },
            Layout { command_ring: 2048, ..small() },
            Layout { reply_ring: 5000, ..small() },
            Layout { notice_ring: 0, ..small() },
            Layout { notice_ring: 1 << 31, ..small() },
            Layout { arena: 0, ..small() },
            Layout { arena: 4097, ..small() },
            Layout { arena: u64::MAX - 4095, ..small() },
        ];
        for layout in bad {
            assert!(Geometry::new(layout).is_err(), "{layout:?}");
        }
    }
}
