// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {TypedData} from "./TypedData.sol";

/// @notice A receipt that somebody could not get, and asks for on the chain.
struct Demand {
    address asker;
    uint96 bondWei;
    /// Seconds since 1970 until which it may be shown.
    uint64 until;
}

/// @notice Demands by batch and place. Who asks in vain wins nothing; who asks idly pays for the answer.
library Demands {
    error NoSuchReceipt(uint64 batch, uint256 index, uint256 count);
    error AlreadyDemanded(uint64 batch, uint256 index);
    error NotDemanded(uint64 batch, uint256 index);
    error StillTime(uint64 until);

    struct State {
        mapping(bytes32 key => Demand) demands;
    }

    function add(State storage self, BatchHeader calldata header, uint256 index, uint256 bondWei, uint64 until)
        internal
    {
        if (index >= header.receiptCount) revert NoSuchReceipt(header.number, index, header.receiptCount);
        Demand storage known = self.demands[keyOf(header, index)];
        if (known.asker != address(0)) revert AlreadyDemanded(header.number, index);
        (known.asker, known.bondWei, known.until) = (msg.sender, uint96(bondWei), until);
    }

    /// @notice Ends a demand and tells what it was.
    function end(State storage self, BatchHeader calldata header, uint256 index)
        internal
        returns (Demand memory demand)
    {
        bytes32 key = keyOf(header, index);
        demand = self.demands[key];
        if (demand.asker == address(0)) revert NotDemanded(header.number, index);
        delete self.demands[key];
    }

    function keyOf(BatchHeader calldata header, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode(TypedData.hashHeader(header), index));
    }
}
