// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree, SumNode} from "./MerkleTree.sol";

/// @notice What may be claimed: a Merkle-sum root over everyone's cumulative payout, and what was claimed already.
library Payouts {
    struct State {
        bytes32 root;
        uint256 count;
        /// The sum under the root, in wei.
        uint256 totalWei;
        uint256 fundedWei;
        uint256 claimedWei;
        mapping(address account => uint256) claimedBy;
    }

    error Underfunded(uint256 totalWei, uint256 fundedWei);
    error BadProof(address account, uint256 cumulativeWei, uint256 index);
    error NothingToClaim(address account, uint256 cumulativeWei, uint256 claimedWei);

    function fund(State storage self, bytes32 root, uint256 count, uint256 totalWei, uint256 amountWei) internal {
        self.fundedWei += amountWei;
        if (totalWei > self.fundedWei) revert Underfunded(totalWei, self.fundedWei);
        self.root = root;
        self.count = count;
        self.totalWei = totalWei;
    }

    /// @notice Notes a claim and tells what is owed for it, in wei.
    function claim(
        State storage self,
        address account,
        uint256 cumulativeWei,
        uint256 index,
        SumNode[] calldata siblings
    ) internal returns (uint256 amountWei) {
        SumNode memory root = SumNode(self.root, self.totalWei);
        if (!MerkleTree.verifySum(root, self.count, account, cumulativeWei, index, siblings)) {
            revert BadProof(account, cumulativeWei, index);
        }
        uint256 before = self.claimedBy[account];
        if (cumulativeWei <= before) revert NothingToClaim(account, cumulativeWei, before);
        amountWei = cumulativeWei - before;
        self.claimedBy[account] = cumulativeWei;
        self.claimedWei += amountWei;
        // One root cannot promise more than its sum; two together could, if a later one took from an account what an
        // earlier one had already paid out to it.
        if (self.claimedWei > self.fundedWei) revert Underfunded(self.claimedWei, self.fundedWei);
    }
}
