// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A node of a Merkle-sum tree: its hash and the wei below it.
struct SumNode {
    bytes32 hash;
    uint256 sumWei;
}

/**
 * @notice Checks proofs of the two trees of `protocol/merkle.ts`. Leaves and nodes are hashed under different prefixes,
 * a position is checked against the count, and an odd node moves up alone: it is never doubled.
 */
library MerkleTree {
    bytes1 internal constant LEAF = 0x00;
    bytes1 internal constant NODE = 0x01;

    /// @notice True where `leaf` stands at `index` among `count` leaves under `root`.
    function verify(bytes32 root, uint256 count, bytes memory leaf, uint256 index, bytes32[] calldata siblings)
        internal
        pure
        returns (bool)
    {
        if (index >= count) return false;
        bytes32 node = keccak256(bytes.concat(LEAF, leaf));
        uint256 used = 0;
        for (uint256 width = count; width > 1; width = (width + 1) >> 1) {
            if ((index ^ 1) < width) {
                if (used == siblings.length) return false;
                bytes32 sibling = siblings[used++];
                node = index & 1 == 1
                    ? keccak256(bytes.concat(NODE, sibling, node))
                    : keccak256(bytes.concat(NODE, node, sibling));
            }
            index >>= 1;
        }
        return used == siblings.length && node == root;
    }

    /// @notice True where `account` may claim `cumulativeWei` at `index` among `count` payouts under `root`.
    function verifySum(
        SumNode memory root,
        uint256 count,
        address account,
        uint256 cumulativeWei,
        uint256 index,
        SumNode[] calldata siblings
    ) internal pure returns (bool) {
        if (index >= count || cumulativeWei > root.sumWei) return false;
        bytes32 hash = keccak256(abi.encodePacked(LEAF, account, cumulativeWei));
        uint256 sumWei = cumulativeWei;
        uint256 used = 0;
        for (uint256 width = count; width > 1; width = (width + 1) >> 1) {
            if ((index ^ 1) < width) {
                if (used == siblings.length) return false;
                SumNode calldata sibling = siblings[used++];
                // Sums only grow on the way up, so more than the root's is a lie; and nothing can overflow.
                if (sibling.sumWei > root.sumWei - sumWei) return false;
                hash = index & 1 == 1
                    ? _sumHash(sibling.hash, sibling.sumWei, hash, sumWei)
                    : _sumHash(hash, sumWei, sibling.hash, sibling.sumWei);
                sumWei += sibling.sumWei;
            }
            index >>= 1;
        }
        return used == siblings.length && hash == root.hash && sumWei == root.sumWei;
    }

    function _sumHash(bytes32 left, uint256 leftWei, bytes32 right, uint256 rightWei) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(NODE, left, leftWei, right, rightWei));
    }
}
