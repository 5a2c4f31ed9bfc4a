// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice One payer's escrow; all amounts in wei.
struct Account {
    uint128 balanceWei;
    /// All that was ever taken for jobs.
    uint128 redeemedWei;
    /// The highest cumulative amount among the vouchers accepted so far: what may be taken in all.
    uint128 authorisedWei;
    /// The part of the balance that is to be withdrawn; until then it still pays for jobs.
    uint128 leavingWei;
    /// Seconds since 1970 from which that part may be withdrawn; 0 where nothing leaves.
    uint64 exitAt;
}

/// @notice Prepaid balances. A payer's money goes out for jobs it has promised to pay, or back to it after a delay.
library Escrows {
    using SafeCast for uint256;

    error BadVoucher(address payer, uint256 cumulativeWei);
    error OverVoucher(address payer, uint256 redeemedWei, uint256 authorisedWei);
    error OverBalance(address payer, uint256 amountWei, uint256 balanceWei);
    error NothingLeaves(address payer);
    error ExitTooEarly(address payer, uint64 exitAt);

    function add(Account storage self, uint256 amountWei) internal {
        self.balanceWei += amountWei.toUint128();
    }

    /// @notice Takes what a job costs, where the payer has promised that much and has it.
    function take(Account storage self, address payer, uint256 amountWei) internal {
        uint256 redeemedWei = self.redeemedWei + amountWei;
        if (redeemedWei > self.authorisedWei) revert OverVoucher(payer, redeemedWei, self.authorisedWei);
        if (amountWei > self.balanceWei) revert OverBalance(payer, amountWei, self.balanceWei);
        self.redeemedWei = redeemedWei.toUint128();
        self.balanceWei -= uint128(amountWei);
        if (self.leavingWei > self.balanceWei) self.leavingWei = self.balanceWei;
    }

    /// @notice Sets what shall leave, in place of an earlier request; 0 takes the request back.
    function requestExit(Account storage self, uint256 amountWei, uint64 exitAt) internal {
        if (amountWei > self.balanceWei) revert OverBalance(msg.sender, amountWei, self.balanceWei);
        self.leavingWei = uint128(amountWei);
        self.exitAt = amountWei == 0 ? 0 : exitAt;
    }

    /// @notice Lets go what was to leave, in wei.
    function release(Account storage self) internal returns (uint256 amountWei) {
        amountWei = self.leavingWei;
        if (amountWei == 0) revert NothingLeaves(msg.sender);
        if (block.timestamp < self.exitAt) revert ExitTooEarly(msg.sender, self.exitAt);
        self.balanceWei -= uint128(amountWei);
        self.leavingWei = 0;
        self.exitAt = 0;
    }
}
