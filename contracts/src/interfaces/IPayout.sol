// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the ResultLedger asks of the Payout.
interface IPayout {
    /// @notice The only account that may set the root.
    function ledger() external view returns (address);

    /// @notice Funds the payouts with the value sent and replaces their root. Only the ledger may call, which sees to it that
    /// a root never promises more than was collected.
    function setRoot(bytes32 root) external payable;
}
