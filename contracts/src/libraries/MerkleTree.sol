// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/**
 * @notice Checks proofs of the two trees of `protocol/merkle.ts`. Leaves and nodes are hashed under different prefixes, and
 * an odd node moves up alone: it is never doubled. A path has one bit a sibling, lowest first, set where the way comes up
 * on the right: what a leaf says of itself decides, so only where places count is a count checked.
 */
library MerkleTree {
    bytes1 internal constant LEAF = 0x00;
    bytes1 internal constant NODE = 0x01;
    /// @dev A node of a Merkle-sum tree: 160 bits of hash over 96 bits of wei.
    uint256 internal constant SUM_MASK = type(uint96).max;

    function hashLeaf(bytes memory leaf) internal pure returns (bytes32) {
        return keccak256(bytes.concat(LEAF, leaf));
    }

    /// @notice True where `leaf` stands at `index` among `count` leaves under `root`.
    function verify(bytes32 root, uint256 count, bytes memory leaf, uint256 index, bytes32[] calldata siblings)
        internal
        pure
        returns (bool)
    {
        if (index >= count) return false;
        uint256 path = 0;
        uint256 used = 0;
        for (uint256 width = count; width > 1; width = (width + 1) >> 1) {
            if ((index ^ 1) < width) path |= (index & 1) << used++;
            index >>= 1;
        }
        return used == siblings.length && climb(hashLeaf(leaf), path, siblings) == root;
    }

    /// @notice True where `leaf` stands somewhere under `root`.
    function holds(bytes32 root, bytes memory leaf, uint256 path, bytes32[] calldata siblings)
        internal
        pure
        returns (bool)
    {
        return climb(hashLeaf(leaf), path, siblings) == root;
    }

    /// @notice The node above two.
    function hashNode(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(bytes.concat(NODE, left, right));
    }

    /// @notice The root above `node`.
    function climb(bytes32 node, uint256 path, bytes32[] calldata siblings) internal pure returns (bytes32) {
        uint256 from;
        assembly ("memory-safe") {
            from := siblings.offset
        }
        return _climb(node, path, from, siblings.length);
    }

    /// @notice The root above one of four leaves.
    function climb(bytes32 node, uint256 path, bytes32[2] calldata siblings) internal pure returns (bytes32) {
        uint256 from;
        assembly ("memory-safe") {
            from := siblings
        }
        return _climb(node, path, from, 2);
    }

    /// @dev `from` is where in the calldata the siblings begin.
    function _climb(bytes32 node, uint256 path, uint256 from, uint256 count) private pure returns (bytes32) {
        // Scratch space for one node: a byte that says so, then left and right.
        bytes memory scratch = bytes.concat(NODE, node, node);
        assembly ("memory-safe") {
            let left := add(scratch, 33)
            let end := add(from, shl(5, count))
            for { let at := from } lt(at, end) { at := add(at, 32) } {
                let side := shl(5, and(path, 1))
                mstore(add(left, side), node)
                mstore(add(left, xor(side, 32)), calldataload(at))
                node := keccak256(add(scratch, 32), 65)
                path := shr(1, path)
            }
        }
        return node;
    }

    /// @notice True where `account` has been promised `cumulativeWei` under the Merkle-sum root.
    function holdsSum(bytes32 root, address account, uint256 cumulativeWei, uint256 path, bytes32[] calldata siblings)
        internal
        pure
        returns (bool)
    {
        if (cumulativeWei > SUM_MASK) return false;
        bytes32 node = sumLeaf(account, uint96(cumulativeWei));
        bytes memory scratch = bytes.concat(NODE, node, node);
        assembly ("memory-safe") {
            let mask := sub(shl(96, 1), 1)
            let left := add(scratch, 33)
            let end := add(siblings.offset, shl(5, siblings.length))
            for { let at := siblings.offset } lt(at, end) { at := add(at, 32) } {
                let sibling := calldataload(at)
                let side := shl(5, and(path, 1))
                mstore(add(left, side), node)
                mstore(add(left, xor(side, 32)), sibling)
                let sum := add(and(node, mask), and(sibling, mask))
                // More than 96 bits is a lie: it becomes a node that no root is made of.
                if gt(sum, mask) {
                    path := 0
                    node := 0
                    break
                }
                node := or(and(keccak256(add(scratch, 32), 65), not(mask)), sum)
                path := shr(1, path)
            }
        }
        return node == root && node != 0;
    }

    function sumLeaf(address account, uint96 cumulativeWei) internal pure returns (bytes32) {
        bytes32 hash = keccak256(abi.encodePacked(LEAF, account, cumulativeWei));
        return bytes32((uint256(hash) & ~SUM_MASK) | cumulativeWei);
    }

    function sumOf(bytes32 node) internal pure returns (uint256) {
        return uint256(node) & SUM_MASK;
    }
}
