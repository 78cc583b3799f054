//! The wanted paths of a scan as a trie over object keys.
//!
//! A path such as `client.userAgent.os` walks objects at its dots; a key that itself contains dots matches too, so
//! `{"client.userAgent":{"os":1}}` resolves as well. Arrays do not appear in paths: their elements stand for them.

use hashbrown::HashMap;

/// Index of a wanted path.
pub type Slot = u16;
/// Index of a trie node.
pub type Node = u16;

/// The root node: the record's outermost object.
pub const ROOT: Node = 0;

/// Paths of more segments are matched only at every dot, not as keys that contain dots.
const MAX_DOTTED_SEGMENTS: usize = 8;

#[derive(Debug, Default, Clone)]
struct Branch {
    /// Bit n set: some wanted key here has a length of n modulo 64. Most keys fail this test.
    lengths: u64,
    children: Vec<(Box<[u8]>, Node)>,
    slot: Option<Slot>,
}

/// A set of wanted paths.
#[derive(Debug, Clone)]
pub struct Paths {
    branches: Vec<Branch>,
    names: Vec<String>,
    by_name: HashMap<String, Slot>,
}

impl Default for Paths {
    fn default() -> Self {
        Self { branches: vec![Branch::default()], names: Vec::new(), by_name: HashMap::new() }
    }
}

impl Paths {
    /// Adds a path and returns its slot; the same path gives the same slot. `None` when the trie is full
    /// (65,535 nodes or paths).
    pub fn add(&mut self, path: &str) -> Option<Slot> {
        if let Some(&slot) = self.by_name.get(path) {
            return Some(slot);
        }
        let slot = Slot::try_from(self.names.len()).ok()?;
        self.insert(ROOT, path, slot, path.split('.').count() <= MAX_DOTTED_SEGMENTS)?;
        self.names.push(path.to_owned());
        self.by_name.insert(path.to_owned(), slot);
        Some(slot)
    }

    fn insert(&mut self, node: Node, rest: &str, slot: Slot, dotted: bool) -> Option<()> {
        let leaf = self.child_or_new(node, rest.as_bytes())?;
        if let Some(branch) = self.branches.get_mut(usize::from(leaf)) {
            branch.slot.get_or_insert(slot);
        }
        for (dot, _) in rest.match_indices('.') {
            let (head, tail) = (rest.get(..dot)?, rest.get(dot + 1..)?);
            let next = self.child_or_new(node, head.as_bytes())?;
            self.insert(next, tail, slot, dotted)?;
            if !dotted {
                break;
            }
        }
        Some(())
    }

    fn child_or_new(&mut self, node: Node, key: &[u8]) -> Option<Node> {
        if let Some(child) = self.child(node, key) {
            return Some(child);
        }
        let new = Node::try_from(self.branches.len()).ok()?;
        let branch = self.branches.get_mut(usize::from(node))?;
        branch.lengths |= 1 << (key.len() & 63);
        branch.children.push((key.into(), new));
        self.branches.push(Branch::default());
        Some(new)
    }

    /// The node that `key` leads to from `node`.
    #[inline]
    pub fn child(&self, node: Node, key: &[u8]) -> Option<Node> {
        let branch = self.branches.get(usize::from(node))?;
        if branch.lengths >> (key.len() & 63) & 1 == 0 {
            return None;
        }
        branch.children.iter().find(|(name, _)| **name == *key).map(|&(_, child)| child)
    }

    /// The slot of the path that ends at `node`.
    #[inline]
    pub fn slot(&self, node: Node) -> Option<Slot> {
        self.branches.get(usize::from(node)).and_then(|branch| branch.slot)
    }

    /// Number of wanted paths.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The path of a slot.
    pub fn name(&self, slot: Slot) -> &str {
        self.names.get(usize::from(slot)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(paths: &Paths, keys: &[&str]) -> Option<Slot> {
        let node = keys.iter().try_fold(ROOT, |node, key| paths.child(node, key.as_bytes()))?;
        paths.slot(node)
    }

    #[test]
    fn dots_walk_objects_and_keys_with_dots_match_too() {
        let mut paths = Paths::default();
        let os = paths.add("client.userAgent.os");
        let client = paths.add("client");
        assert_eq!(paths.add("client.userAgent.os"), os);
        assert_eq!(resolve(&paths, &["client", "userAgent", "os"]), os);
        assert_eq!(resolve(&paths, &["client.userAgent", "os"]), os);
        assert_eq!(resolve(&paths, &["client", "userAgent.os"]), os);
        assert_eq!(resolve(&paths, &["client.userAgent.os"]), os);
        assert_eq!(resolve(&paths, &["client"]), client);
        assert_eq!(resolve(&paths, &["client", "userAgent"]), None);
        assert_eq!(resolve(&paths, &["Client"]), None);
    }
}
