// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Charge} from "../types/Batch.sol";

/// @notice What the ResultLedger asks of the FeeEscrow.
interface IFeeEscrow {
    /// @notice The only account that may redeem.
    function ledger() external view returns (address);

    /// @notice Takes each charge from its payer's balance and sends the sum to the ledger, which alone may call.
    function redeem(Charge[] calldata charges) external returns (uint256 totalWei);

    /// @notice Gives the charges of a void batch back; the value sent is their sum. Only the ledger may call.
    function giveBack(Charge[] calldata charges) external payable;
}
