// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A receipt that somebody could not get, and asks for on the chain.
struct Demand {
    address asker;
    uint96 bondWei;
    uint64 batch;
    /// Seconds since 1970 until which it may be shown.
    uint64 until;
}

/// @notice Demands by batch and place. Who asks in vain wins nothing; who asks idly pays for the answer.
library Demands {
    error AlreadyDemanded(bytes32 headerHash, uint256 index);
    error NotDemanded(bytes32 headerHash, uint256 index);
    error StillTime(uint64 until);

    struct State {
        mapping(bytes32 key => Demand) demands;
    }

    function add(State storage self, bytes32 headerHash, uint256 index, Demand memory demand) internal {
        bytes32 key = _keyOf(headerHash, index);
        if (self.demands[key].asker != address(0)) revert AlreadyDemanded(headerHash, index);
        self.demands[key] = demand;
    }

    /// @notice Ends a demand and tells what it was.
    function end(State storage self, bytes32 headerHash, uint256 index) internal returns (Demand memory demand) {
        bytes32 key = _keyOf(headerHash, index);
        demand = self.demands[key];
        if (demand.asker == address(0)) revert NotDemanded(headerHash, index);
        delete self.demands[key];
    }

    function _keyOf(bytes32 headerHash, uint256 index) private pure returns (bytes32) {
        return keccak256(abi.encode(headerHash, index));
    }
}
