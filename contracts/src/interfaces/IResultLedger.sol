// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the ModelRegistry asks of the ResultLedger.
interface IResultLedger {
    /// @notice Root and number of the receipts in a final batch. Reverts `NotFinal` on any other.
    function finalReceipts(uint64 number) external view returns (bytes32 root, uint32 count);
}
