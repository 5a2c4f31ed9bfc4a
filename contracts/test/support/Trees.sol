// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Way} from "../../src/libraries/Evidence.sol";
import {MerkleTree} from "../../src/libraries/MerkleTree.sol";

/// @notice Builds what `MerkleTree` checks, level by level, as `protocol/merkle.ts` does.
library Trees {
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = _leaves(leaves);
        if (level.length == 0) return 0;
        while (level.length > 1) level = _above(level);
        return level[0];
    }

    function proof(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory) {
        return _siblings(_leaves(leaves), index, _above);
    }

    /// @notice Root over leaves of any length.
    function rootOf(bytes[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = _hashes(leaves);
        while (level.length > 1) level = _above(level);
        return level[0];
    }

    /// @notice The way up from one of them.
    function wayOf(bytes[] memory leaves, uint256 index) internal pure returns (Way memory) {
        return Way(pathOf(leaves.length, index), _siblings(_hashes(leaves), index, _above));
    }

    function sumRoot(address[] memory accounts, uint256[] memory amounts) internal pure returns (bytes32) {
        bytes32[] memory level = _sumLeaves(accounts, amounts);
        if (level.length == 0) return 0;
        while (level.length > 1) level = _sumAbove(level);
        return level[0];
    }

    function sumWay(address[] memory accounts, uint256[] memory amounts, uint256 index)
        internal
        pure
        returns (Way memory)
    {
        return Way(pathOf(accounts.length, index), _siblings(_sumLeaves(accounts, amounts), index, _sumAbove));
    }

    /// @notice A bit for each level on which the leaf at `index` has a sibling.
    function pathOf(uint256 count, uint256 index) internal pure returns (uint256 path) {
        uint256 used = 0;
        for (uint256 width = count; width > 1; width = (width + 1) >> 1) {
            if ((index ^ 1) < width) path |= (index & 1) << used++;
            index >>= 1;
        }
    }

    function _siblings(
        bytes32[] memory level,
        uint256 index,
        function(bytes32[] memory) pure returns (bytes32[] memory) above
    ) private pure returns (bytes32[] memory siblings) {
        bytes32[] memory found = new bytes32[](32);
        uint256 count = 0;
        for (; level.length > 1; index >>= 1) {
            if ((index ^ 1) < level.length) found[count++] = level[index ^ 1];
            level = above(level);
        }
        siblings = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            siblings[i] = found[i];
        }
    }

    function _leaves(bytes32[] memory leaves) private pure returns (bytes32[] memory level) {
        level = new bytes32[](leaves.length);
        for (uint256 i = 0; i < level.length; i++) {
            level[i] = keccak256(bytes.concat(MerkleTree.LEAF, leaves[i]));
        }
    }

    function _above(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; i++) {
            above[i] = 2 * i + 1 == level.length
                ? level[2 * i]
                : keccak256(bytes.concat(MerkleTree.NODE, level[2 * i], level[2 * i + 1]));
        }
    }

    function _hashes(bytes[] memory leaves) private pure returns (bytes32[] memory level) {
        level = new bytes32[](leaves.length);
        for (uint256 i = 0; i < level.length; i++) {
            level[i] = MerkleTree.hashLeaf(leaves[i]);
        }
    }

    function _sumLeaves(address[] memory accounts, uint256[] memory amounts)
        private
        pure
        returns (bytes32[] memory level)
    {
        level = new bytes32[](accounts.length);
        for (uint256 i = 0; i < level.length; i++) {
            bytes32 hash = keccak256(abi.encodePacked(MerkleTree.LEAF, accounts[i], uint96(amounts[i])));
            level[i] = _node(hash, amounts[i]);
        }
    }

    function _sumAbove(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; i++) {
            bytes32 left = level[2 * i];
            if (2 * i + 1 == level.length) {
                above[i] = left;
                continue;
            }
            bytes32 right = level[2 * i + 1];
            bytes32 hash = keccak256(bytes.concat(MerkleTree.NODE, left, right));
            above[i] = _node(hash, MerkleTree.sumOf(left) + MerkleTree.sumOf(right));
        }
    }

    /// @dev 160 bits of hash over 96 bits of wei.
    function _node(bytes32 hash, uint256 sumWei) private pure returns (bytes32) {
        return bytes32((uint256(hash) >> 96 << 96) | sumWei);
    }
}
