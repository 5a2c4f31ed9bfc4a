// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree, SumNode} from "../../src/libraries/MerkleTree.sol";

/// @notice Builds what `MerkleTree` checks, level by level, as `protocol/merkle.ts` does.
library Trees {
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = _leaves(leaves);
        if (level.length == 0) return 0;
        while (level.length > 1) level = _above(level);
        return level[0];
    }

    function proof(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory level = _leaves(leaves);
        bytes32[] memory found = new bytes32[](32);
        uint256 count = 0;
        for (; level.length > 1; index >>= 1) {
            if ((index ^ 1) < level.length) found[count++] = level[index ^ 1];
            level = _above(level);
        }
        siblings = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            siblings[i] = found[i];
        }
    }

    function sumRoot(address[] memory accounts, uint256[] memory amounts) internal pure returns (SumNode memory) {
        SumNode[] memory level = _sumLeaves(accounts, amounts);
        if (level.length == 0) return SumNode(0, 0);
        while (level.length > 1) level = _sumAbove(level);
        return level[0];
    }

    function sumProof(address[] memory accounts, uint256[] memory amounts, uint256 index)
        internal
        pure
        returns (SumNode[] memory siblings)
    {
        SumNode[] memory level = _sumLeaves(accounts, amounts);
        SumNode[] memory found = new SumNode[](32);
        uint256 count = 0;
        for (; level.length > 1; index >>= 1) {
            if ((index ^ 1) < level.length) found[count++] = level[index ^ 1];
            level = _sumAbove(level);
        }
        siblings = new SumNode[](count);
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

    function _sumLeaves(address[] memory accounts, uint256[] memory amounts)
        private
        pure
        returns (SumNode[] memory level)
    {
        level = new SumNode[](accounts.length);
        for (uint256 i = 0; i < level.length; i++) {
            bytes32 hash = keccak256(abi.encodePacked(MerkleTree.LEAF, accounts[i], amounts[i]));
            level[i] = SumNode(hash, amounts[i]);
        }
    }

    function _sumAbove(SumNode[] memory level) private pure returns (SumNode[] memory above) {
        above = new SumNode[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; i++) {
            SumNode memory left = level[2 * i];
            if (2 * i + 1 == level.length) {
                above[i] = left;
                continue;
            }
            SumNode memory right = level[2 * i + 1];
            bytes32 hash =
                keccak256(abi.encodePacked(MerkleTree.NODE, left.hash, left.sumWei, right.hash, right.sumWei));
            above[i] = SumNode(hash, left.sumWei + right.sumWei);
        }
    }
}
