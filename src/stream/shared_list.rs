//! A long list that changes at its ends without being copied.
//!
//! A persistent vector: a tree of nodes with up to [`FANOUT`] children each, whose leaves hold the
//! items (Bagwell, Rompf, "RRB-Trees: Efficient Immutable Vectors", 2011, without the relaxed
//! nodes). A clone shares all nodes. A push copies those nodes on the way to the end that a clone
//! still shares, and none if there is no clone; dropping from the front copies those on the way to
//! the new front. A copy of a node is at most `FANOUT` items or pointers, so a change costs
//! O(log n) however many items there are, and what was cloned before never changes.
//!
//! Places are counted from the first item ever pushed: what was dropped leaves the places of the
//! others as they are, and a path to the left edge that has no nodes besides.

use std::ops::Range;
use std::sync::Arc;

/// The most children of a node, and the most items of a leaf.
const FANOUT: u64 = 16;
const FANOUT_BITS: u32 = FANOUT.trailing_zeros();

/// A list that is cheap to clone, and cheap to change at its ends while clones are read.
#[derive(Clone, Debug)]
pub struct SharedList<T> {
    root: Option<Arc<Node<T>>>,
    /// How many levels of nodes lie between the root and the leaves.
    height: u32,
    // Invariant: every place in this range has its leaf.
    places: Range<u64>,
}

#[derive(Clone, Debug)]
enum Node<T> {
    /// `None`: everything below was dropped.
    Inner(Vec<Option<Arc<Node<T>>>>),
    /// Items that were dropped stay until all of the leaf are.
    Leaf(Vec<T>),
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        SharedList {
            root: None,
            height: 0,
            places: 0..0,
        }
    }
}

/// The child of a node at this height that leads to a place.
fn child_of(place: u64, height: u32) -> usize {
    ((place >> (FANOUT_BITS * height)) % FANOUT) as usize
}

impl<T> SharedList<T> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        (self.places.end - self.places.start) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The item at this index.
    pub fn get(&self, index: usize) -> Option<&T> {
        let place = self.places.start.checked_add(index as u64)?;
        self.at(place)
    }

    fn at(&self, place: u64) -> Option<&T> {
        if !self.places.contains(&place) {
            return None;
        }
        let mut node = self.root.as_deref()?;
        let mut height = self.height;
        loop {
            match node {
                Node::Leaf(items) => return items.get(child_of(place, 0)),
                Node::Inner(children) => {
                    node = children.get(child_of(place, height))?.as_deref()?;
                    height -= 1;
                }
            }
        }
    }

    /// The first item.
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }

    /// The last item.
    pub fn last(&self) -> Option<&T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.clone().filter_map(|place| self.at(place))
    }

    /// How many items from the first on satisfy `is_before`, which holds for some first ones and
    /// for none behind them.
    pub fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> usize {
        let Some(mut node) = self.root.as_deref() else {
            return 0;
        };
        let (mut height, mut place) = (self.height, 0);
        loop {
            let children = match node {
                Node::Leaf(items) => {
                    place += items.partition_point(&is_before) as u64;
                    break;
                }
                Node::Inner(children) => children,
            };
            // What was dropped lies before all that is there.
            let begins_before = |child: &Option<Arc<Node<T>>>| {
                let first = child.as_deref().map(Node::first_item);
                first.is_none_or(|first| first.is_some_and(&is_before))
            };
            let behind = children.partition_point(begins_before);
            let Some(child) = behind.checked_sub(1) else {
                break;
            };
            let Some(below) = children[child].as_deref() else {
                break;
            };
            place += (child as u64) << (FANOUT_BITS * height);
            (node, height) = (below, height - 1);
        }
        place.saturating_sub(self.places.start) as usize
    }
}

impl<T: Clone> SharedList<T> {
    /// Adds an item at the end.
    pub fn push(&mut self, item: T) {
        let place = self.places.end;
        if self.root.is_none() {
            (self.root, self.height) = (Some(Node::empty(0)), 0);
        }
        // Room for one more level: the whole tree becomes its first child.
        while place >> (FANOUT_BITS * (self.height + 1)) > 0 {
            let below = self.root.take();
            self.root = Some(Arc::new(Node::Inner(vec![below])));
            self.height += 1;
        }
        if let Some(root) = &mut self.root {
            push_below(root, self.height, place, item);
            self.places.end += 1;
        }
    }

    /// Drops the first `count` items, or all.
    pub fn drop_front(&mut self, count: usize) {
        let start = self.places.start.saturating_add(count as u64);
        if start >= self.places.end {
            *self = SharedList::default();
            return;
        }
        self.places.start = start;
        if let Some(root) = &mut self.root {
            drop_before(root, self.height, start);
        }
    }
}

impl<T> Node<T> {
    fn empty(height: u32) -> Arc<Self> {
        Arc::new(match height {
            0 => Node::Leaf(Vec::with_capacity(FANOUT as usize)),
            _ => Node::Inner(Vec::with_capacity(FANOUT as usize)),
        })
    }

    /// The first item below.
    fn first_item(&self) -> Option<&T> {
        match self {
            Node::Leaf(items) => items.first(),
            Node::Inner(children) => children.iter().flatten().next()?.first_item(),
        }
    }
}

fn push_below<T: Clone>(node: &mut Arc<Node<T>>, height: u32, place: u64, item: T) {
    match Arc::make_mut(node) {
        Node::Leaf(items) => items.push(item),
        Node::Inner(children) => {
            let child = child_of(place, height);
            if children.len() <= child {
                children.push(Some(Node::empty(height - 1)));
            }
            if let Some(Some(node)) = children.last_mut() {
                push_below(node, height - 1, place, item);
            }
        }
    }
}

/// Drops the nodes that lie wholly before `start`.
fn drop_before<T: Clone>(node: &mut Arc<Node<T>>, height: u32, start: u64) {
    if height == 0 {
        return;
    }
    if let Node::Inner(children) = Arc::make_mut(node) {
        let first = child_of(start, height);
        children
            .iter_mut()
            .take(first)
            .for_each(|child| *child = None);
        if let Some(Some(child)) = children.get_mut(first) {
            drop_before(child, height - 1, start);
        }
    }
}

impl<T: Clone> FromIterator<T> for SharedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut list = SharedList::default();
        items.into_iter().for_each(|item| list.push(item));
        list
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// An item that counts its copies.
    #[derive(Debug)]
    struct Counted(u64);

    thread_local! {
        static COPIES: Cell<usize> = const { Cell::new(0) };
    }

    impl Clone for Counted {
        fn clone(&self) -> Self {
            COPIES.set(COPIES.get() + 1);
            Counted(self.0)
        }
    }

    fn nodes(list: &SharedList<Counted>) -> HashSet<*const Node<Counted>> {
        fn collect(node: &Arc<Node<Counted>>, found: &mut HashSet<*const Node<Counted>>) {
            found.insert(Arc::as_ptr(node));
            if let Node::Inner(children) = &**node {
                let there = children.iter().flatten();
                there.for_each(|child| collect(child, found));
            }
        }
        let mut found = HashSet::new();
        list.root.iter().for_each(|root| collect(root, &mut found));
        found
    }

    #[test]
    fn a_change_copies_one_path_however_long_the_list_is() {
        // The list of segments was copied as a whole with each rotation: 162 µs with 16,000.
        let mut list = SharedList::default();
        for pushed in 0..40_000u64 {
            let before = list.clone();
            COPIES.set(0);
            list.push(Counted(pushed));
            assert!(COPIES.get() < FANOUT as usize, "at {pushed}");
            assert_eq!(
                (before.len() as u64, list.len() as u64),
                (pushed, pushed + 1)
            );
            if pushed % 4_999 == 0 {
                let new = nodes(&list).difference(&nodes(&before)).count();
                assert!(new <= list.height as usize + 1, "{new} nodes at {pushed}");
            }
        }
        assert!(list.height <= 3, "16^4 items fit below four nodes");
        while !list.is_empty() {
            let before = list.clone();
            COPIES.set(0);
            list.drop_front(7);
            assert!(COPIES.get() < FANOUT as usize);
            if before.len() % 4_999 < 7 {
                let new = nodes(&list).difference(&nodes(&before)).count();
                assert!(new <= list.height as usize + 1, "{new} nodes");
            }
        }
        assert!(nodes(&list).is_empty());
    }

    #[test]
    fn without_a_clone_nothing_is_copied() {
        COPIES.set(0);
        let mut list: SharedList<Counted> = (0..10_000).map(Counted).collect();
        list.drop_front(5_000);
        assert_eq!(COPIES.get(), 0);
        // What was dropped is gone from memory, but for the rest of one leaf.
        assert!(
            nodes(&list).len() <= 5_000 / 15 + 5,
            "{}",
            nodes(&list).len()
        );
    }

    #[derive(Clone, Debug)]
    enum Change {
        Push(u64),
        DropFront(usize),
        Clone,
    }

    proptest! {
        #[test]
        fn it_holds_what_a_vector_holds_and_clones_stay_as_they_were(
            changes in prop::collection::vec(
                prop_oneof![
                    8 => (1..400u64).prop_map(Change::Push),
                    4 => (0..700usize).prop_map(Change::DropFront),
                    2 => Just(Change::Clone),
                ],
                1..60,
            )
        ) {
            let mut list = SharedList::default();
            let (mut model, mut next) = (Vec::new(), 0);
            let mut kept = Vec::new();
            for change in changes {
                match change {
                    Change::Push(count) => {
                        for item in next..next + count {
                            list.push(item);
                            model.push(item);
                        }
                        next += count;
                    }
                    Change::DropFront(count) => {
                        list.drop_front(count);
                        model.drain(..count.min(model.len()));
                    }
                    Change::Clone => kept.push((list.clone(), model.clone())),
                }
                kept.push((list.clone(), model.clone()));
                kept.drain(..kept.len().saturating_sub(5));
            }
            for (list, model) in &kept {
                prop_assert!(list.iter().eq(model.iter()));
                prop_assert_eq!(list.len(), model.len());
                prop_assert_eq!(list.first(), model.first());
                prop_assert_eq!(list.last(), model.last());
                prop_assert_eq!(list.get(model.len()), None);
                for sought in [0, 3, next / 2, next, next + 1] {
                    let point = model.partition_point(|item| *item < sought);
                    prop_assert_eq!(list.partition_point(|item| *item < sought), point);
                }
            }
        }
    }
}
