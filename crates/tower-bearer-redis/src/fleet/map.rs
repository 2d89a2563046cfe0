use std::{collections::HashMap, sync::Arc};

use redis::RedisResult;

use super::{
    node::{Node, Place},
    slot,
    source::{Source, Told},
};

/// Who serves which slot.
#[derive(Default)]
pub(super) struct Map {
    slots: Vec<Option<Arc<Node>>>,
    nodes: HashMap<Place, Arc<Node>>,
}

impl Map {
    /// Who serves a slot. Without a slot it is one of all, if possible one that is not in doubt.
    pub(super) fn serving(&self, slot: Option<u16>) -> Option<Arc<Node>> {
        match slot {
            Some(slot) => self.slots.get(usize::from(slot))?.clone(),
            None => {
                let primaries = self.primaries();
                let sure = primaries.iter().find(|node| !node.is_in_doubt());
                sure.or(primaries.first()).cloned()
            }
        }
    }

    /// Those that serve any slots, each once.
    pub(super) fn primaries(&self) -> Vec<Arc<Node>> {
        let mut primaries: Vec<Arc<Node>> = Vec::new();
        for node in self.slots.iter().flatten() {
            // Neighbours have most of the slots in a row.
            if !primaries.iter().rev().any(|it| Arc::ptr_eq(it, node)) {
                primaries.push(Arc::clone(node));
            }
        }
        primaries
    }

    /// A number that tells one assignment of the slots from another: FNV-1a of where each begins and who serves it.
    pub(super) fn number(&self) -> u32 {
        let mut hash = 0x811c_9dc5_u32;
        let mut before: Option<&Arc<Node>> = None;
        for (slot, node) in self.slots.iter().enumerate() {
            let Some(node) = node else { continue };
            if !before.is_some_and(|before| Arc::ptr_eq(before, node)) {
                let Place { host, port } = &node.place;
                let told = format!("{slot} {host} {port} ");
                hash = told.bytes().fold(hash, |hash, byte| {
                    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
                });
            }
            before = Some(node);
        }
        hash
    }

    /// The server at a place, if it is known.
    pub(super) fn at(&self, place: &Place) -> Option<&Arc<Node>> {
        self.nodes.get(place)
    }

    /// The server at a place.
    pub(super) fn node(&mut self, place: Place, source: &Source) -> RedisResult<Arc<Node>> {
        if let Some(node) = self.nodes.get(&place) {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new(source.node(place.clone())?);
        self.nodes.insert(place, Arc::clone(&node));
        Ok(node)
    }

    /// From now on these slots are served by that server.
    pub(super) fn assign(&mut self, first: u16, last: u16, node: &Arc<Node>) {
        self.slots.resize(usize::from(slot::COUNT), None);
        let slots = usize::from(first)..=usize::from(last);
        if let Some(slots) = self.slots.get_mut(slots) {
            slots.fill(Some(Arc::clone(node)));
        }
    }

    /// Takes over what was told of all slots, and forgets servers that nobody tells of any more.
    pub(super) fn replace(&mut self, told: Vec<Told>, source: &Source) -> RedisResult<()> {
        self.slots.clear();
        for Told { first, last, place } in told {
            let node = self.node(place, source)?;
            self.assign(first, last, &node);
        }
        let primaries = self.primaries();
        self.nodes
            .retain(|_, node| primaries.iter().any(|it| Arc::ptr_eq(it, node)));
        Ok(())
    }
}
