//! Merkle trees as RFC 6962 hashes them: a leaf's hash begins with 0x00 and a node's with 0x01, so that neither can be
//! taken for the other.

use sha2::{Digest as _, Sha256};

/// SHA-256 of a leaf or a node.
pub type Hash = [u8; 32];

/// The most leaves of a tree: their hashes are in memory, 128 MiB of them.
pub const MAX_LEAVES: usize = 1 << 22;

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// A tree over leaves in their order.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    leaves: Vec<Hash>,
}

/// There are more than [`MAX_LEAVES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has more than {MAX_LEAVES} lines")]
pub struct TooMany;

impl Tree {
    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) -> Result<(), TooMany> {
        if self.leaves.len() == MAX_LEAVES {
            return Err(TooMany);
        }
        self.leaves.push(leaf);
        Ok(())
    }

    /// How many leaves it has.
    pub fn size(&self) -> usize {
        self.leaves.len()
    }

    /// Its root; that of no leaves is the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut level = self.leaves.clone();
        while level.len() > 1 {
            level = above(&level);
        }
        level.first().copied().unwrap_or_else(|| Sha256::digest([]).into())
    }

    /// What has to be hashed with the leaf at `index` to get the root, from the leaf up; `None` where there is none.
    pub fn proof(&self, index: usize) -> Option<Vec<Hash>> {
        self.leaves.get(index)?;
        let (mut level, mut at, mut path) = (self.leaves.clone(), index, Vec::new());
        while level.len() > 1 {
            path.extend(level.get(at ^ 1));
            level = above(&level);
            at /= 2;
        }
        Some(path)
    }
}

/// Makes a tree of a text that comes in pieces: a leaf for each line, without its line end. An empty line is a leaf too, and so
/// is what follows the last line end, where it is not empty. Lines may be of any length.
#[derive(Default)]
pub struct Lines {
    tree: Tree,
    line: Option<Sha256>,
}

impl Lines {
    /// Takes more of the text.
    pub fn update(&mut self, text: &[u8]) -> Result<(), TooMany> {
        for piece in text.split_inclusive(|byte| *byte == b'\n') {
            let line = piece.strip_suffix(b"\n");
            let mut hash = self.line.take().unwrap_or_else(|| Sha256::new().chain_update([LEAF]));
            hash.update(line.unwrap_or(piece));
            match line {
                Some(_) => self.tree.push(hash.finalize().into())?,
                None => self.line = Some(hash),
            }
        }
        Ok(())
    }

    /// The end of the text.
    pub fn finish(mut self) -> Result<Tree, TooMany> {
        if let Some(last) = self.line.take() {
            self.tree.push(last.finalize().into())?;
        }
        Ok(self.tree)
    }
}

/// The hash of a leaf.
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([LEAF]).chain_update(bytes).finalize().into()
}

/// The root that a leaf's hash and a proof lead to; `None` where the proof is not one for that place (RFC 9162, 2.1.3.2).
pub fn root_by(leaf: Hash, index: usize, size: usize, proof: &[Hash]) -> Option<Hash> {
    let (mut at, mut last, mut hash) = (index, size.checked_sub(1)?, leaf);
    if at > last {
        return None;
    }
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if at % 2 == 1 || at == last {
            hash = node(sibling, &hash);
            while at.is_multiple_of(2) && at != 0 {
                (at, last) = (at / 2, last / 2);
            }
        } else {
            hash = node(&hash, sibling);
        }
        (at, last) = (at / 2, last / 2);
    }
    (last == 0).then_some(hash)
}

/// The next level: pairs are hashed, and one that is left over goes up as it is.
fn above(level: &[Hash]) -> Vec<Hash> {
    let pair = |pair: &[Hash]| match pair {
        [left, right] => node(left, right),
        rest => rest.first().copied().unwrap_or_default(),
    };
    level.chunks(2).map(pair).collect()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([NODE]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sys::hash::hex;

    /// The definition of RFC 6962, 2.1, word by word.
    fn by_definition(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => leaf(one),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node(&by_definition(&leaves[..split]), &by_definition(&leaves[split..]))
            }
        }
    }

    fn tree(leaves: &[Vec<u8>]) -> Tree {
        Tree { leaves: leaves.iter().map(|bytes| leaf(bytes)).collect() }
    }

    #[test]
    fn roots_are_those_of_the_published_test_vectors() {
        // The leaves and roots that Certificate Transparency's reference implementations share.
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<Vec<u8>> = leaves.iter().map(|leaf| leaf.to_vec()).collect();
        for (count, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(&tree(&leaves[..count]).root()), root, "{count}");
        }
    }

    #[test]
    fn lines_end_with_their_line_end_however_they_come() {
        for (text, expected) in [
            (&b""[..], &[][..]),
            (b"a\n\nb", &[&b"a"[..], b"", b"b"]),
            (b"a\r\nb\n", &[b"a\r", b"b"]),
            (b"\n", &[b""]),
        ] {
            for step in 1..6 {
                let mut lines = Lines::default();
                text.chunks(step).for_each(|piece| lines.update(piece).unwrap());
                let leaves: Vec<Hash> = expected.iter().map(|line| leaf(line)).collect();
                assert_eq!(lines.finish().unwrap().leaves, leaves, "{text:?} by {step}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_proof_leads_to_the_root_from_its_own_place_alone(
            leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3), 1..40),
            pick in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let (tree, index) = (tree(&leaves), pick.index(leaves.len()));
            prop_assert_eq!(tree.root(), by_definition(&leaves));
            let proof = tree.proof(index).unwrap();
            let hash = leaf(&leaves[index]);
            prop_assert_eq!(root_by(hash, index, leaves.len(), &proof), Some(tree.root()));
            let place = other.index(leaves.len());
            if leaves[place] != leaves[index] {
                prop_assert_ne!(root_by(leaf(&leaves[place]), index, leaves.len(), &proof), Some(tree.root()));
                prop_assert_ne!(root_by(hash, place, leaves.len(), &proof), Some(tree.root()));
            }
            prop_assert_eq!(root_by(hash, leaves.len(), leaves.len(), &proof), None);
            prop_assert_eq!(root_by(hash, 0, 0, &proof), None);
            prop_assert_eq!(tree.proof(leaves.len()), None);
        }
    }
}
