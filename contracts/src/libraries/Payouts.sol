// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";

/// @notice What may be claimed: a Merkle-sum root over everyone's cumulative payout, and what was claimed already.
library Payouts {
    struct State {
        bytes32 root;
        mapping(address account => uint256) claimedBy;
    }

    error BadProof(address account, uint256 cumulativeWei, uint256 path);
    error NothingToClaim(address account, uint256 cumulativeWei, uint256 claimedWei);

    /**
     * @notice Notes a claim and tells what is owed for it, in wei. One root cannot promise more than its sum, and the ledger
     * lets no sum beyond what was collected; where a later root took from an account what an earlier one has paid it, the
     * last to claim find the balance too small.
     */
    function claim(
        State storage self,
        address account,
        uint256 cumulativeWei,
        uint256 path,
        bytes32[] calldata siblings
    ) internal returns (uint256 amountWei) {
        if (!MerkleTree.holdsSum(self.root, account, cumulativeWei, path, siblings)) {
            revert BadProof(account, cumulativeWei, path);
        }
        uint256 before = self.claimedBy[account];
        if (cumulativeWei <= before) revert NothingToClaim(account, cumulativeWei, before);
        amountWei = cumulativeWei - before;
        self.claimedBy[account] = cumulativeWei;
    }
}
